"""NIfTI, NRRD and MetaImage files -> Volume, by SimpleITK, which gives all three in LPS millimetres."""

from __future__ import annotations

import math
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..errors import ImageError
from ..geometry import VoxelGrid
from ..volume import Source, Volume
from . import metaimage, nrrd
from .integrity import require_size, unreadable, verify_voxels
from .itk import import_package, itk_errors, itk_name, reader_name, voxels_of
from .nifti import read_header, with_nan

KINDS = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
}
_ITK_READERS = {"nifti": "NiftiImageIO", "nrrd": "NrrdImageIO", "metaimage": "MetaImageIO"}


def image_kind(path: Path) -> str | None:
    """The kind of image that a file's name promises, or nothing."""
    return next((kind for suffix, kind in KINDS.items() if path.name.lower().endswith(suffix)), None)


def read_image(path: Path, *, time_point: int | None = None) -> Volume:
    """The scan in one file, in the type in which it is stored; its voxels are not copied.

    Of a file with several time points, which are its fourth axis or the list of a Slicer sequence, the one of that
    number, from 0.

    Raises:
        ImageError: not three-dimensional, not one value per voxel, axes that are no grid, no place in the patient, a
            damaged file, several time points and no choice, or a choice where there is one only.
        MemoryError: it does not fit into memory.
        DependencyError: SimpleITK is not installed.
    """
    sitk = import_package("SimpleITK")
    kind = image_kind(path) or ""
    header = read_header(path) if kind == "nifti" else None
    stored = header.stored if header else (nrrd if kind == "nrrd" else metaimage).stored_voxels(path)
    if header:
        require_size(stored, header.values, header.value_bytes)
    try:
        reader = _open(sitk, path, kind)
    except ImageError:
        if header:  # ITK reads a small archive whole when asked for its header, and its damage would be the header's
            verify_voxels(stored, header.values, header.value_bytes)
        raise
    _require_choice(path, _count_time_points(path, reader), time_point)
    grid = _grid(path, reader)
    notes = header.require_agreement(grid) if header else ()
    values, value_bytes = math.prod(reader.GetSize()) * reader.GetNumberOfComponents(), _bytes(sitk, reader)
    if header:
        values, value_bytes = header.values, header.value_bytes
    require_size(stored, values, value_bytes)
    with ThreadPoolExecutor(max_workers=1) as background:  # both unpack the file; neither needs the other
        verified = background.submit(verify_voxels, stored, values, value_bytes, header.decimals if header else None)
        try:
            with itk_errors(sitk, [path]):
                array = voxels_of(sitk, _read_voxels(sitk, reader, time_point))
        except ImageError:
            verified.result()  # says better what is wrong
            raise
        not_finite = verified.result()
    if not_finite.size:
        array = with_nan(array, not_finite, time_point or 0)
    source = Source(name=path.name, kind=kind, reader=reader_name(sitk), time_point=time_point, notes=notes)
    return Volume(array, grid, source)


def _open(sitk: Any, path: Path, kind: str) -> Any:  # noqa: ANN401 - SimpleITK has no types
    """ITK's reader of this kind, with the header read."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(_ITK_READERS[kind])
    reader.SetFileName(itk_name(path))
    with itk_errors(sitk, [path]):
        reader.ReadImageInformation()
    return reader


def _count_time_points(path: Path, reader: Any) -> int:  # noqa: ANN401 - SimpleITK has no types
    """How many volumes the file holds; refused by its header, before any voxel is read, if these are not scans."""
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    if (
        len(size) == 3
        and reader.HasMetaDataKey("NRRD_kinds[pixel]")
        and reader.GetMetaData("NRRD_kinds[pixel]") == "list"
    ):
        return int(components)
    if components != 1:
        msg = (
            f"A CT has one value per voxel, {path.name!r} ({_shown(size)}) has {components}. "
            "Give the CT itself, not a colour picture, a vector field or complex numbers."
        )
        raise ImageError(msg)
    if len(size) not in {3, 4}:
        msg = (
            f"A scan has three dimensions, or four with time, {path.name!r} has {len(size)} ({_shown(size)}). "
            "Give a file with one volume: all slices, one time point."
        )
        raise ImageError(msg)
    return int(math.prod(size[3:]))


def _shown(size: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in size)


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


def _grid(path: Path, reader: Any) -> VoxelGrid:  # noqa: ANN401 - SimpleITK has no types
    """The grid in the patient: of the first three axes, where time is the fourth."""
    size, spacing, directions = reader.GetSize(), reader.GetSpacing()[:3], reader.GetDirection()
    if 0 in size:
        raise unreadable(path, f"it has no voxels ({_shown(size)})")
    if 0 in spacing:
        raise unreadable(path, "its voxel spacing is not a positive number")
    rows = [directions[len(size) * row : len(size) * row + 3] for row in range(3)]
    try:
        return VoxelGrid.from_parts(size[:3], origin=reader.GetOrigin()[:3], spacing=spacing, direction=rows)
    except ImageError as error:
        raise unreadable(path, "its axes do not span space") from error


def _bytes(sitk: Any, reader: Any) -> int:  # noqa: ANN401 - SimpleITK has no types
    """Bytes of one value as it is stored: ITK names types like "vector of 16-bit signed integer"."""
    (bits,) = re.findall(r"(\d+)-bit", sitk.GetPixelIDValueAsString(reader.GetPixelID()))
    return int(bits) // 8


def _read_voxels(sitk: Any, reader: Any, time_point: int | None) -> Any:  # noqa: ANN401 - SimpleITK has no types
    """The ITK image of one time point. ITK's readers of NIfTI and plain MetaImage read no more than that."""
    size = reader.GetSize()
    if len(size) == 4:
        reader.SetExtractSize([*size[:3], 0])
        reader.SetExtractIndex([0, 0, 0, time_point or 0])
    image = reader.Execute()
    return image if len(size) == 4 or time_point is None else sitk.VectorIndexSelectionCast(image, time_point)
