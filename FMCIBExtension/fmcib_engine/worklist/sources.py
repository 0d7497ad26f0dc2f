"""What a path names -> its series: a database of Slicer, a folder, a table of scans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import SourceError
from .ctk import read_database
from .database import file_of_database
from .folders import THREADS, Progress, read_folder
from .listed import read_list
from .series import Found, Source

_TABLES = frozenset({".csv", ".tsv", ".txt"})

Stage = Callable[[str], Progress]
"""What is told the progress of a named stage."""


def read_source(
    path: Path,
    is_wanted: Callable[[Found], bool] = lambda _: True,
    *,
    image_column: str = "image_path",
    threads: int = THREADS,
    stage: Stage = lambda _name: lambda _done, _all: None,
) -> Source:
    """The series of a database, folder or table.

    Args:
        path: of it.
        is_wanted: whether the files of a series are, by what a database says of it.
        image_column: of a table: its paths.
        threads: that read headers of a folder.
        stage: told what is being done, and how far it is.

    Raises:
        SourceError: it is none of these, or cannot be read.
        DependencyError: pydicom is not installed.
    """
    if file_of_database(path):
        stage("Reading the database")
        return read_database(path, is_wanted)
    if path.is_dir():
        return read_folder(path, stage("Headers"), threads)
    if path.is_file() and path.suffix.lower() in _TABLES:
        return read_list(path, image_column, stage("Headers"))
    what = "is neither" if path.exists() else "is not there"
    msg = (
        "A source of scans is Slicer's DICOM database (its folder, or ctkDICOM.sql), a folder of DICOM files, or a "
        f"table of scans (.csv); {path.name!r} {what}. Correct it."
    )
    raise SourceError(msg)


def folder_of(path: Path) -> Path | None:
    """The folder of a database, below which files lie that moved with it; None of another source."""
    file = file_of_database(path)
    return file.parent if file else None
