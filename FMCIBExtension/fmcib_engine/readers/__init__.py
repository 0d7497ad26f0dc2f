"""Files and DICOM series -> Volume. Importing this package loads neither SimpleITK nor pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import ImageError
from ..volume import Volume
from .dicom import files_of, read_series
from .dicom_files import is_dicom
from .dicom_loaded import look_at_loaded
from .images import KINDS, image_kind, read_image

__all__ = ["look_at_loaded", "read_volume"]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def read_volume(
    source: Path | Sequence[Path], *, series_uid: str | None = None, time_point: int | None = None
) -> Volume:
    """The CT in a folder, a list of files or a file.

    A folder (with its subfolders) or a list is read as a DICOM series; a file is DICOM if it begins as DICOM does, else
    its suffix decides. `series_uid` chooses among several DICOM series; the empty text chooses one without a UID.
    `time_point`, from 0, chooses among the time points of a 4D scan, and is refused where there is one only.

    Raises:
        SeriesError: DICOM without a CT, with several and no choice, or whose slices are not a regular grid.
        ImageError: nothing there, a kind of file that is not read, or a damaged one.
        DependencyError: SimpleITK or pydicom is not installed.
    """
    if not isinstance(source, Path):
        return read_series(list(source), series_uid=series_uid, time_point=time_point)
    if not _exists(source):
        msg = f"A scan is read from a file or a folder, but there is no {source.name!r}. Check the path."
        raise ImageError(msg)
    if source.is_dir():
        return read_series(files_of(source), folder=source, series_uid=series_uid, time_point=time_point)
    if not source.is_file():
        msg = f"A scan is read from a file or a folder; {source.name!r} is a pipe or a device. Save the scan as a file."
        raise ImageError(msg)
    if is_dicom(source):
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
    return read_image(source, time_point=time_point)
