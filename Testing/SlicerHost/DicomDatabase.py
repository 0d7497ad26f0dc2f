"""`slicer.dicomDatabase`: the database of Slicer's DICOM module, over the sqlite file that a test has made.

`Libs/DICOM/Core/ctkDICOMDatabase.h:46` of CTK, whose tables are in `shared/data/ctk/TABLES.md`. It only opens what is
there. Lists are tuples, as PythonQt gives them; what is not known, or asked while it is closed, is an empty text.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import qt
import slicer
from PySide6 import QtCore

from . import DicomTags

SCHEMA = "0.8.1"
PATIENCE = 5.0
"""Seconds for which CTK waits while another process writes."""


class ctkDICOMDatabase(qt.QObject):  # noqa: N801 - CTK's name
    """Names as measured in the application. Of the signals those alone whose arguments are known."""

    opened, closed, databaseChanged = QtCore.Signal(), QtCore.Signal(), QtCore.Signal()
    displayedFieldsUpdated = QtCore.Signal()
    studyAdded, seriesAdded, instanceAdded = QtCore.Signal(str), QtCore.Signal(str), QtCore.Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._file = ""
        self._connection: sqlite3.Connection | None = None

    isOpen = QtCore.Property(bool, lambda self: self._connection is not None)
    databaseFilename = QtCore.Property(str, lambda self: self._file)
    databaseDirectory = QtCore.Property(str, lambda self: str(Path(self._file).parent) if self._file else "")

    def openDatabase(self, databaseFile: str) -> None:
        """A database of another schema than Slicer's stays closed, without a word.

        Raises:
            NotImplementedError: there is no such file, of which the application would make an empty database.
        """
        self.closeDatabase()
        if not Path(databaseFile).is_file():
            msg = f"The host makes no database, and there is none: {databaseFile}"
            raise NotImplementedError(msg)
        self._file = str(Path(databaseFile).absolute())
        self._connection = sqlite3.connect(f"{Path(self._file).as_uri()}?mode=rw", uri=True, timeout=PATIENCE)
        if self.schemaVersionLoaded() != SCHEMA:
            self._disconnect()
            return
        self.opened.emit()

    def closeDatabase(self) -> None:
        if self._connection is not None:
            self._disconnect()
            self.closed.emit()

    def _disconnect(self) -> None:
        self._connection.close()
        self._connection = None

    def schemaVersion(self) -> str:
        return SCHEMA

    def schemaVersionLoaded(self) -> str:
        return self._first("SELECT Version FROM SchemaInfo")

    def patients(self) -> tuple[str, ...]:
        return self._column("SELECT UID FROM Patients")

    def studiesForPatient(self, patientUID: str) -> tuple[str, ...]:
        return self._column("SELECT StudyInstanceUID FROM Studies WHERE PatientsUID = ?", patientUID)

    def seriesForStudy(self, studyUID: str) -> tuple[str, ...]:
        return self._column("SELECT SeriesInstanceUID FROM Series WHERE StudyInstanceUID = ?", studyUID)

    def instancesForSeries(self, seriesUID: str, hits: int = -1) -> tuple[str, ...]:
        sql = "SELECT SOPInstanceUID FROM Images WHERE SeriesInstanceUID = ? LIMIT ?"
        return self._column(sql, seriesUID, hits)

    def filesForSeries(self, seriesUID: str, hits: int = -1) -> tuple[str, ...]:
        """Absolute paths; of an image on a server, which was not downloaded, an empty text."""
        names = self._column("SELECT Filename FROM Images WHERE SeriesInstanceUID = ? LIMIT ?", seriesUID, hits)
        return tuple(map(self._absolute, names))

    def fileForInstance(self, sopInstanceUID: str) -> str:
        return self._absolute(self._first("SELECT Filename FROM Images WHERE SOPInstanceUID = ?", sopInstanceUID))

    def instanceForFile(self, filename: str) -> str:
        return self._ofFile("SOPInstanceUID", filename)

    def seriesForFile(self, filename: str) -> str:
        return self._ofFile("SeriesInstanceUID", filename)

    def studyForSeries(self, seriesUID: str) -> str:
        return self._first("SELECT StudyInstanceUID FROM Series WHERE SeriesInstanceUID = ?", seriesUID)

    def patientForStudy(self, studyUID: str) -> str:
        return self._first("SELECT PatientsUID FROM Studies WHERE StudyInstanceUID = ?", studyUID)

    def fieldForPatient(self, field: str, patientUID: str) -> str:
        return self._field("Patients", "UID", field, patientUID)

    def fieldForStudy(self, field: str, studyUID: str) -> str:
        return self._field("Studies", "StudyInstanceUID", field, studyUID)

    def fieldForSeries(self, field: str, seriesUID: str) -> str:
        return self._field("Series", "SeriesInstanceUID", field, seriesUID)

    def nameForPatient(self, patientUID: str) -> str:
        return self.fieldForPatient("PatientsName", patientUID)

    def descriptionForStudy(self, studyUID: str) -> str:
        return self.fieldForStudy("StudyDescription", studyUID)

    def descriptionForSeries(self, seriesUID: str) -> str:
        return self.fieldForSeries("SeriesDescription", seriesUID)

    def instanceValue(self, sopInstanceUID: str, tag: str) -> str:
        """Of a tag such as `0008,0060`; kept in the tag cache, so that it is known without the file from then on."""
        cache = DicomTags.Cache(Path(self._file).parent)
        known = cache.value(sopInstanceUID, tag)
        if known is None:
            file = self.fileForInstance(sopInstanceUID)
            if not file or not Path(file).is_file():
                return ""
            known = DicomTags.ofFile(file, tag)
            cache.keep(sopInstanceUID, tag, known)
        return known

    def fileValue(self, fileName: str, tag: str) -> str:
        uid = self.instanceForFile(fileName)
        return self.instanceValue(uid, tag) if uid else DicomTags.ofFile(fileName, tag)

    def instanceValues(self, *_arguments: object) -> None:
        msg = "PythonQt does not know the result of instanceValues"
        raise ValueError(msg)

    def removeSeries(self, seriesUID: str) -> None:
        """With its rows, those of a study and a patient that have nothing else, and its files in the folder."""
        inside = self._column("SELECT Filename FROM Images WHERE SeriesInstanceUID = ?", seriesUID)
        for name in inside:
            if name and not Path(name).is_absolute():
                Path(self._absolute(name)).unlink(missing_ok=True)
        with self._connection:
            for table in ("Images", "Series"):
                self._connection.execute(f"DELETE FROM {table} WHERE SeriesInstanceUID = ?", (seriesUID,))  # noqa: S608
            self._connection.execute(_WITHOUT.format("Studies", "StudyInstanceUID", "StudyInstanceUID", "Series"))
            self._connection.execute(_WITHOUT.format("Patients", "UID", "PatientsUID", "Studies"))
        self.databaseChanged.emit()

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All at once: an unfinished cursor would keep others from writing."""
        return self._connection.execute(sql, values).fetchall() if self._connection is not None else []

    def _columnsOf(self, table: str) -> list[str]:
        return [row[1] for row in self._rows(f"PRAGMA table_info({table})")]

    def _column(self, sql: str, *values: object) -> tuple[str, ...]:
        return tuple(_text(row[0]) for row in self._rows(sql, *values))

    def _first(self, sql: str, *values: object) -> str:
        return next(iter(self._column(sql, *values)), "")

    def _field(self, table: str, key: str, field: str, uid: str) -> str:
        if self.isOpen and field not in self._columnsOf(table):
            msg = f"The table {table} of the database has no column {field!r}"
            raise ValueError(msg)
        return self._first(f"SELECT {field} FROM {table} WHERE {key} = ?", uid)  # noqa: S608 - names of columns

    def _ofFile(self, field: str, fileName: str) -> str:
        folder = Path(self._file).parent
        path = Path(fileName)
        inside = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else fileName
        sql = f"SELECT {field} FROM Images WHERE Filename IN (?, ?)"  # noqa: S608 - names of columns
        return self._first(sql, inside, fileName)

    def _absolute(self, name: str) -> str:
        """A file inside the database's folder is noted relative to it."""
        return str(Path(self._file).parent / name) if name else ""


_WITHOUT = "DELETE FROM {0} WHERE {1} NOT IN (SELECT {2} FROM {3})"


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def openFolder(folder: Path | str) -> ctkDICOMDatabase:
    """Open the database of this folder as `slicer.dicomDatabase`, which stays the same object until `leave`."""
    if not hasattr(slicer, "dicomDatabase"):
        slicer.dicomDatabase = ctkDICOMDatabase()
    slicer.dicomDatabase.openDatabase(str(Path(folder) / "ctkDICOM.sql"))
    return slicer.dicomDatabase


def leave() -> None:
    """Close it. `slicer.dicomDatabase` is not there any more, as before the application has started."""
    if hasattr(slicer, "dicomDatabase"):
        slicer.dicomDatabase.closeDatabase()
        del slicer.dicomDatabase
