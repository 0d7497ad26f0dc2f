"""The files that a database names -> those that are there: each folder is listed once, no file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..paths import moved_file, shared_folders
from .series import Found

NO_FILES = "it has no files. Import it into Slicer's DICOM module again, or remove it there"


class Files:
    """What lies in folders, each of which is listed once.

    Args:
        folder: of the database. Files that are not where it says are looked for below it, as they lie after the whole
            folder was moved or copied.
        named: the files that are named and may have moved; what all share tells how far they moved together.
    """

    def __init__(self, folder: Path, named: Iterable[str] = ()) -> None:
        self._folder = folder
        self._listed: dict[str, frozenset[str]] = {}
        self._moved: dict[str, str | None] = {}
        self._named = list(named)
        self._common: int | None = None

    def located(self, found: Found) -> Found:
        """The series with the paths at which its files are, and what is wrong where some are not."""
        if found.problem:
            return found
        if not found.files:
            return replace(found, problem=NO_FILES + ".")
        there = [name if self._is_there(name) else self._where_now(name) for name in found.files]
        missing = there.count(None)
        moved = sum(now is not None and now != name for now, name in zip(there, found.files, strict=True))
        if missing:
            which = "none of its files is" if missing == len(there) else f"{missing} of its {len(there)} files are not"
            problem = (
                f"{which} where the database says. They moved, or a disk is not there: put them back, or import them "
                "into Slicer's DICOM module again."
            )
            return replace(found, problem=problem)
        notes = (f"{moved} of its files were found below the database's folder",) if moved else ()
        return replace(found, files=tuple(name for name in there if name), notes=(*found.notes, *notes))

    def _is_there(self, path: str) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))  # noqa: PTH208  names are wanted
            except (OSError, ValueError):
                self._listed[folder] = frozenset()
        return name in self._listed[folder]

    def _where_now(self, path: str) -> str | None:
        """Where a file lies that is not where it was said to be: in the same place below the database's folder."""
        if self._common is None:
            outside = [name for name in self._named if not Path(name).is_relative_to(self._folder)]
            self._common = shared_folders([name for name in outside if not self._is_there(name)])
        folder, name = os.path.split(path.replace("\\", "/"))
        if folder not in self._moved:
            found = moved_file(folder, self._folder, self._common)
            self._moved[folder] = None if found is None else str(found)
        here = self._moved[folder]
        return os.path.join(here, name) if here and self._is_there(os.path.join(here, name)) else None  # noqa: PTH118
