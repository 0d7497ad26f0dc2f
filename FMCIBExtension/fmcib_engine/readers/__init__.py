"""Files and DICOM series -> Volume. Importing this package loads neither SimpleITK nor pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import ImageError
from ..geometry import VoxelGrid
from ..paths import file_of, is_there
from ..volume import Volume
from .dicom import HeaderMemory, ct_grid, is_dicom, is_index, look_at_loaded, read_folder, read_series
from .images import KINDS, image_header, image_kind, read_image

__all__ = ["HeaderMemory", "image_kind", "is_dicom", "look_at_loaded", "read_grid", "read_volume"]


def read_volume(
    source: Path | Sequence[Path],
    *,
    series_uid: str | None = None,
    time_point: int | None = None,
    needs_origin: bool = True,
    memory: HeaderMemory | None = None,
) -> Volume:
    """The CT in a folder, a list of files or a file.

    A folder (with its subfolders) or a list is read as a DICOM series; a file is DICOM if it begins as DICOM does, else
    its suffix decides. A DICOMDIR stands for the files that it lists. `series_uid` chooses among several DICOM series;
    the empty text chooses one without a UID. `time_point`, from 0, chooses among the volumes of one series or file, and
    is refused where there is one only. `needs_origin`: whether a scan that does not say where it lies in the patient is
    refused; without, it can be used by voxel indices alone. With `memory`, the headers of a folder are read once for
    all of its scans.

    Raises:
        SeriesError: DICOM without a CT, with several and no choice, or whose slices are not a regular grid.
        ImageError: nothing there, a kind of file that is not read, or a damaged one.
        DependencyError: SimpleITK or pydicom is not installed.
    """
    if not isinstance(source, Path):
        return read_series(list(source), series_uid=series_uid, time_point=time_point)
    source = file_of(str(source), Path())
    if not is_there(source):
        msg = f"A scan is read from a file or a folder, but there is no {source.name!r}. Check the path."
        raise ImageError(msg)
    if source.is_dir():
        return read_folder(source, series_uid=series_uid, time_point=time_point, memory=memory)
    if not source.is_file():
        msg = f"A scan is read from a file or a folder; {source.name!r} is a pipe or a device. Save the scan as a file."
        raise ImageError(msg)
    if is_dicom(source):
        if is_index(source):
            return read_folder(source.parent, series_uid=series_uid, time_point=time_point, index=source, memory=memory)
        return read_series([source], series_uid=series_uid, time_point=time_point)
    if image_kind(source) is None:
        msg = (
            f"A scan is a DICOM folder, list of files or file, or a file that ends in {', '.join(KINDS)}; "
            f"{source.name!r} is none of these. Convert it, or correct its name."
        )
        raise ImageError(msg)
    if series_uid is not None:
        msg = f"A series UID chooses among DICOM series, but {source.name!r} is not DICOM. Leave the series UID out."
        raise ImageError(msg)
    return read_image(source, time_point=time_point, needs_origin=needs_origin)


def read_grid(
    source: Path,
    *,
    series_uid: str | None = None,
    time_point: int | None = None,
    needs_origin: bool = True,
    memory: HeaderMemory | None = None,
) -> VoxelGrid:
    """Where the voxels of a CT lie, LPS mm, by its headers alone; its arguments are those of `read_volume`.

    Raises:
        SeriesError, ImageError, DependencyError: as for `read_volume`, as far as headers tell.
    """
    source = file_of(str(source), Path())
    if source.is_file() and not is_dicom(source) and image_kind(source) is not None and series_uid is None:
        return image_header(source, time_point=time_point, needs_origin=needs_origin).grid
    if source.is_dir() or (source.is_file() and is_dicom(source) and not is_index(source)):
        return ct_grid(source, series_uid, time_point, memory)
    return read_volume(
        source, series_uid=series_uid, time_point=time_point, needs_origin=needs_origin, memory=memory
    ).grid
