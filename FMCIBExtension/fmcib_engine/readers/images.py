"""NIfTI, NRRD and MetaImage files -> Volume, by SimpleITK, which gives all three in LPS millimetres."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

from ..errors import ImageError
from ..geometry import VoxelGrid
from ..volume import Source, Volume
from .itk import import_package, itk_errors, reader_name, voxels_of

KINDS = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
}
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


def image_kind(path: Path) -> str | None:
    """The kind of image that a file's name promises, or nothing."""
    return next((kind for suffix, kind in KINDS.items() if path.name.lower().endswith(suffix)), None)


def read_image(path: Path) -> Volume:
    """The scan in one file, in the type in which it is stored; its voxels are not copied.

    Raises:
        ImageError: not three-dimensional, not one value per voxel, axes that are no grid, or a damaged file.
        DependencyError: SimpleITK is not installed.
    """
    sitk = import_package("SimpleITK")
    kind = image_kind(path) or ""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with itk_errors(sitk, [path]):
        reader.ReadImageInformation()
    _require_scan(path, reader)
    if kind == "nifti":
        _require_complete_nifti(path, reader)
    with itk_errors(sitk, [path]):
        image = reader.Execute()
    grid = VoxelGrid.from_parts(
        image.GetSize(), origin=image.GetOrigin(), spacing=image.GetSpacing(), direction=image.GetDirection()
    )
    return Volume(voxels_of(sitk, image), grid, Source(name=path.name, kind=kind, reader=reader_name(sitk)))


def _require_scan(path: Path, reader: Any) -> None:  # noqa: ANN401 - SimpleITK has no types
    """Refuse by its header, before any voxel is read, a file that is not one scalar volume."""
    size = " x ".join(str(n) for n in reader.GetSize())
    if reader.GetDimension() != 3:
        msg = (
            f"A scan has three dimensions, {path.name!r} has {reader.GetDimension()} ({size}). "
            "Give a file with one volume: all slices, one time point."
        )
        raise ImageError(msg)
    if reader.GetNumberOfComponents() != 1:
        msg = (
            f"A CT has one value per voxel, {path.name!r} ({size}) has {reader.GetNumberOfComponents()}. "
            "Give the CT itself, not a colour picture, a vector field or a sequence."
        )
        raise ImageError(msg)


def _require_complete_nifti(path: Path, reader: Any) -> None:  # noqa: ANN401 - SimpleITK has no types
    """Refuse a NIfTI file that ends early or fails its checksum.

    The library inside ITK reads such a file without an error and sets what is missing to 0, which is the HU of water.
    """
    wanted = math.prod(reader.GetSize()) * int(reader.GetMetaData("bitpix")) // 8
    wanted += int(float(reader.GetMetaData("vox_offset")))
    try:
        came = _unpacked_bytes(path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        msg = f"{path.name!r} is damaged: its compressed data end early or fail their checksum. Copy it again."
        raise ImageError(msg) from error
    if came < wanted:
        msg = f"{path.name!r} is incomplete: its header announces {wanted} bytes, it has {came}. Copy it again."
        raise ImageError(msg)


def _unpacked_bytes(path: Path) -> int:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    if not packed:
        return path.stat().st_size
    with gzip.open(path) as stream:
        return sum(len(chunk) for chunk in iter(lambda: stream.read(_CHUNK), b""))
