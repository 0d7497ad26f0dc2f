"""A table of scans -> series: files, and folders with or without the series that is meant in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import FmcibError, SourceError
from ..readers.dicom import is_dicom
from ..readers.dicom.choice.series import NO_UID
from ..readers.images import KINDS, image_kind
from ..seeds.scans import ScansByPath
from ..texts import decoded
from .folders import Progress, read_files, read_folder
from .gather import series_of
from .series import Found, Patient, Source

_UIDS = ("series_uid", "SeriesInstanceUID", "seriesuid")
_SEPARATORS = ",;\t"


def read_list(path: Path, image_column: str = "image_path", progress: Progress = lambda _done, _all: None) -> Source:
    """The scans of a table, each once; a row that names nothing usable is a series with a problem.

    Args:
        path: a CSV with a header, in UTF-8.
        image_column: of paths, relative to the table's folder; a column series_uid may say which series of a folder.
        progress: told of each folder.

    Raises:
        SourceError: no such table, no such column, or no rows.
    """
    rows = _rows(path, image_column)
    scans = ScansByPath([image for image, _ in rows], path.parent)
    folders: dict[Path, Source] = {}
    found: list[Found] = []
    for image, uid in rows:
        try:
            if not image:
                msg = "is empty"
                raise ValueError(msg)  # noqa: TRY301  as of a path that cannot be
            found += _scan(scans.find(image), uid, folders, progress)
        except (FmcibError, ValueError) as error:
            text = str(error) if isinstance(error, FmcibError) else f"its path {error}."
            found.append(Found(uid, "", Patient(), is_listed=True, problem=text))
    notes = [*scans.warnings, *(note for source in folders.values() for note in source.notes)]
    return Source(tuple(found), tuple(dict.fromkeys(notes)))


def _rows(path: Path, image_column: str) -> list[tuple[str, str]]:
    """Path and series UID of each row, each pair once."""
    try:
        text = decoded(path.read_bytes()).removeprefix("\ufeff")
        header = text.partition("\n")[0]
        separator = max(_SEPARATORS, key=header.count)
        read = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (OSError, csv.Error) as error:
        msg = f"A table of scans is wanted, {path.name} cannot be read as one. Save it as a CSV in UTF-8."
        raise SourceError(msg) from error
    if not read or image_column not in read[0]:
        there = ", ".join(map(str, read[0]))[:200] if read else "no rows"
        msg = (
            f"A table of scans needs the column {image_column}; {path.name} has {there}. Add it, or name the column of "
            "paths (--image-column)."
        )
        raise SourceError(msg)
    return list(dict.fromkeys((str(row[image_column] or "").strip(), _uid(row)) for row in read))


def _uid(row: Mapping[str, str | None]) -> str:
    return next((str(row[name] or "").strip() for name in _UIDS if name in row), "")


def _scan(path: Path, uid: str, folders: dict[Path, Source], progress: Progress) -> Iterable[Found]:
    """The series of one row.

    Raises:
        SourceError: nothing there, or nothing that is read.
    """
    if path.is_dir():
        if path not in folders:
            folders[path] = read_folder(path, progress)
        series = folders[path].series
        if not uid:
            return series
        wanted = [each for each in series if (each.uid or NO_UID) == uid]
        if not wanted:
            msg = f"the folder {path.name} holds no series of the UID that the table says."
            raise SourceError(msg)
        return [replace(each, is_listed=True) for each in wanted]
    if not path.is_file():
        msg = f"there is no file or folder {path.name!r}. Correct the path."
        raise SourceError(msg)
    if is_dicom(path):
        images, _ = read_files([str(path)])
        return [replace(each, is_listed=True) for each in series_of(images)]
    if image_kind(path) is None:
        msg = f"{path.name!r} is no scan: wanted is DICOM, or a file that ends in {', '.join(KINDS)}."
        raise SourceError(msg)
    return [Found(uid, "", Patient(), files=(str(path),), is_listed=True)]
