"""A map as a file, and back: NRRD with all its facts in the header, or NIfTI with them in a JSON file beside it.

The header's key is `fmcib_saliency`, its value one line of JSON (`MapFacts`). NIfTI has no room for that: `map.nii.gz`
goes with `map.json`, as BIDS does it. Neither holds anything that names a patient, nor the scan's name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DependencyError, ImageError, OutputError
from ..geometry import VoxelGrid
from ..results.image import write_image
from ..results.picture import write_atomically
from ..texts import decimal_points
from ..volume import Source, Volume
from .map import MapFacts, SaliencyMap

KEY = "fmcib_saliency"
ENDINGS = (".nrrd", ".nii", ".nii.gz")


def require_map_name(path: Path) -> None:
    """Refuse a name that no map can be written to.

    Raises:
        OutputError: with what stands in the way.
    """
    if not path.name.endswith(ENDINGS):
        msg = f"A saliency map ends in {', '.join(ENDINGS)}, got {path.name}. Choose another name (--output)."
        raise OutputError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"The folder {path.absolute().parent.name} for {path.name} is not there. Make it first."
        raise OutputError(msg)


def files_of(path: Path) -> tuple[Path, ...]:
    """All that `write_map` writes."""
    return (path,) if path.name.endswith(".nrrd") else (path, _beside(path))


def write_map(saliency: SaliencyMap, path: Path) -> None:
    """Write raw values, geometry (LPS) and facts; what is there is replaced, an interrupted write leaves it.

    Raises:
        OutputError: a name that is none of a map, or a file that cannot be written.
        DependencyError: SimpleITK is not installed.
    """
    require_map_name(path)
    told = saliency.facts.to_json()
    volume = Volume(saliency.array, saliency.grid, Source("saliency", "array"))
    if path.name.endswith(".nrrd"):
        write_image(volume, path, {KEY: told})
        return
    write_image(volume, path)
    write_atomically(_beside(path), f"{told}\n".encode())


def read_map(path: Path) -> SaliencyMap:
    """The map that `write_map` wrote.

    Raises:
        ImageError: the file is no map, or is damaged.
        DependencyError: SimpleITK is not installed.
    """
    image = _read(path)
    if path.name.endswith(".nrrd"):
        told = image.GetMetaData(KEY) if image.HasMetaDataKey(KEY) else ""
    else:
        told = _read_beside(path)
    if not told:
        msg = f"{path.name} is an image, but no saliency map of this program: it does not say what it is of."
        raise ImageError(msg)
    grid = VoxelGrid.from_parts(
        image.GetSize(), origin=image.GetOrigin(), spacing=image.GetSpacing(), direction=image.GetDirection()
    )
    return SaliencyMap(_voxels(image), grid, MapFacts.from_json(told))


def _read(path: Path) -> Any:
    """SimpleITK's image."""
    try:
        import SimpleITK as sitk  # noqa: N813  its users' name for it
    except ImportError as error:
        msg = "Reading maps needs SimpleITK. Install the engine with its extra [read]."
        raise DependencyError(msg) from error
    if not path.is_file():
        msg = f"There is no file {path.name}. Give the saliency map's own file."
        raise ImageError(msg)
    try:
        with decimal_points():
            image: Any = sitk.ReadImage(str(path))
    except RuntimeError as error:
        msg = f"{path.name} cannot be read as an image. It may be damaged, or of another kind: make the map again."
        raise ImageError(msg) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        msg = f"A saliency map has three dimensions and one number a voxel; {path.name} is another kind of image."
        raise ImageError(msg)
    return image


def _voxels(image: Any) -> Any:
    import SimpleITK as sitk  # noqa: N813

    return np.array(sitk.GetArrayViewFromImage(image))


def _beside(path: Path) -> Path:
    """The JSON file of a NIfTI map."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def _read_beside(path: Path) -> str:
    try:
        return _beside(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
