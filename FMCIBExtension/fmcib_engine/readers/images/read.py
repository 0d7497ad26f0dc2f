"""NIfTI, NRRD and MetaImage files -> Volume. What a header says is read here, and not left to a library's defaults."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ImageError
from ...volume import Source, Volume
from . import metaimage, nifti, nrrd
from .header import ImageHeader
from .integrity import read_values, require_size
from .place import NO_ORIGIN, require_origin

KINDS = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".hdr": "nifti",
    ".hdr.gz": "nifti",
    ".img": "nifti",
    ".img.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
}
_READ_HEADER: Mapping[str, Callable[[Path], ImageHeader]] = {
    "nifti": nifti.read_header,
    "nrrd": nrrd.read_header,
    "metaimage": metaimage.read_header,
}


def image_kind(path: Path) -> str | None:
    """The kind of image that a file's name promises, or nothing."""
    return next((kind for suffix, kind in KINDS.items() if path.name.lower().endswith(suffix)), None)


def read_image(path: Path, *, time_point: int | None = None, needs_origin: bool = True) -> Volume:
    """The scan in one file, in the type in which it is stored, or float32 where the header scales it.

    Of a file with several time points, which are its fourth axis or the list of a Slicer sequence, the one of that
    number, from 0. `needs_origin`: whether a scan that does not say where it lies is refused.

    Raises:
        ImageError: not three-dimensional, not one value per voxel, axes that are no grid, no place in the patient, a
            damaged file, several time points and no choice, or a choice where there is one only.
        MemoryError: it does not fit into memory.
    """
    kind = image_kind(path) or ""
    header = image_header(path, time_point=time_point, needs_origin=needs_origin)
    require_size(header.stored)
    array = stored_values(header, time_point or 0)
    array.flags.writeable = False
    notes = header.notes if header.has_origin else (NO_ORIGIN, *header.notes)
    reader = f"numpy {np.__version__}"
    return Volume(array, header.grid, Source(path.name, kind, reader=reader, time_point=time_point, notes=notes))


def image_header(path: Path, *, time_point: int | None = None, needs_origin: bool = True) -> ImageHeader:
    """What a file tells of its scan before its voxels are read.

    Raises:
        ImageError: as `read_image`.
    """
    header = _READ_HEADER[image_kind(path) or ""](path)
    _require_choice(path, header.time_points, time_point)
    if needs_origin:
        require_origin(path, is_told=header.has_origin)
    return header


def stored_values(header: ImageHeader, time_point: int) -> NDArray[Any]:
    """The voxels [k, j, i] of one time point, scaled as the header says.

    Raises:
        ImageError: they are damaged or incomplete.
    """
    return _hu(_voxels(header, time_point), header.scaling)


def _require_choice(path: Path, count: int, time_point: int | None) -> None:
    """Refuse several time points without a choice, or one that is not there."""
    if time_point is None and count != 1:
        msg = (
            f"A scan is one volume, {path.name!r} has {count} time points. "
            f"Choose one, from 0 to {count - 1} (--time-point, or the column time_point)."
        )
        raise ImageError(msg)
    if time_point is not None and count == 1:
        msg = (
            f"A time point chooses among several, but {path.name!r} has one volume only. "
            "Leave the time point out (--time-point, or the column time_point)."
        )
        raise ImageError(msg)
    if time_point is not None and not 0 <= time_point < count:
        msg = f"{path.name!r} has {count} time points, from 0 to {count - 1}; got the number {time_point}. Correct it."
        raise ImageError(msg)


def _voxels(header: ImageHeader, time_point: int) -> NDArray[Any]:
    """The stored values [k, j, i] of one time point."""
    shape = header.grid.size[::-1]
    count = math.prod(shape)
    if not header.time_is_fastest:
        return read_values(header.stored, time_point * count, count).reshape(shape)
    every = read_values(header.stored, 0, header.stored.count)
    return np.ascontiguousarray(every.reshape(*shape, header.time_points)[..., time_point])


def _hu(stored: NDArray[Any], scaling: tuple[float, float] | None) -> NDArray[Any]:
    """Stored values as HU: computed in float64, kept in float32, slice by slice, as ITK does."""
    if scaling is None:
        return stored
    hu = np.empty(stored.shape, np.float64 if stored.dtype == np.float64 else np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite voxels are refused where a patch meets them
        for k, plane in enumerate(stored):
            hu[k] = plane.astype(np.float64) * scaling[0] + scaling[1]
    return hu
