"""`slicer.dicomDatabase`, as far as our module asks for it: which file holds an image, and which files are its series'.

`Libs/DICOM/Core/ctkDICOMDatabase.h:46` of CTK. A test puts it in the place of the application's own, which is the
user's; outside of the application there is none. Lists are tuples, as PythonQt gives them; what is not known is an
empty text.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import slicer
from ctk_database import Database


class DicomDatabase:
    """Files that were inserted, kept in memory."""

    def __init__(self) -> None:
        self.isOpen = True
        self._images: dict[str, tuple[str, str]] = {}
        """SOP instance UID -> file and series UID."""

    def insert(self, file: str) -> None:
        """A later file takes the place of an earlier one with its SOP instance UID."""
        import pydicom

        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["SOPInstanceUID", "SeriesInstanceUID"])
        self._images[str(header.SOPInstanceUID)] = (str(Path(file).absolute()), str(header.SeriesInstanceUID))

    def closeDatabase(self) -> None:
        self.isOpen = False
        self._images.clear()

    def fileForInstance(self, sopInstanceUID: str) -> str:
        return self._images.get(sopInstanceUID, ("", ""))[0]

    def seriesForFile(self, fileName: str) -> str:
        return next((series for file, series in self._images.values() if file == fileName), "")

    def filesForSeries(self, seriesUID: str) -> tuple[str, ...]:
        return tuple(file for file, series in self._images.values() if series == seriesUID)


def databaseOf(files: Iterable[Path]) -> DicomDatabase:
    """An open database with these files."""
    database = DicomDatabase()
    for file in files:
        database.insert(str(file))
    return database


def importFiles(database: Database, files: Iterable[Path]) -> None:
    """What the user's import does: rows are written, and the application tells that the database has changed."""
    database.add_files(files)
    slicer.dicomDatabase.databaseChanged.emit()
