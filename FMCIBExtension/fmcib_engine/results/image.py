"""Write a volume to a file: phantoms, and patches for whoever wants to look at them elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DependencyError, OutputError
from ..texts import decimal_points
from ..volume import Volume


def write_image(volume: Volume, path: Path, header: Mapping[str, str] | None = None) -> None:
    """Write voxels and geometry (LPS) in the format that the name's ending asks for, all of it or nothing.

    Args:
        volume: what to write.
        path: an older file of that name is replaced.
        header: keys and values for the header of an NRRD file; other formats drop them.

    Raises:
        DependencyError: SimpleITK is not installed.
        OutputError: the file cannot be written.
    """
    try:
        import SimpleITK as sitk  # noqa: N813  its users' name for it
    except ImportError as error:
        msg = "Writing images needs SimpleITK. Install the engine with its extra [read]."
        raise DependencyError(msg) from error
    grid = volume.grid
    image: Any = sitk.GetImageFromArray(volume.read_box(np.zeros(3, dtype=np.int64), np.array(grid.size)))
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    for key, value in (header or {}).items():
        image.SetMetaData(key, value)
    temporary = path.with_name(f"unfinished-{path.name}")
    try:
        with decimal_points():
            sitk.WriteImage(image, str(temporary), useCompression=False)
        temporary.replace(path)
    except (RuntimeError, OSError) as error:
        msg = f"{path.name} cannot be written. Choose another folder or ending (.nrrd, .nii.gz, .mha), or make room."
        raise OutputError(msg) from error
    finally:  # also after Ctrl-C
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
