"""Databases as Slicer's DICOM module writes them, in schemas 0.7.0 and 0.8.1, and processes that have them open."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

SCHEMA = """
CREATE TABLE SchemaInfo (Version VARCHAR(1024) NOT NULL);
CREATE TABLE Images (SOPInstanceUID VARCHAR(64) NOT NULL, Filename VARCHAR(1024){url},
  SeriesInstanceUID VARCHAR(64) NOT NULL, InsertTimestamp VARCHAR(20) NOT NULL,
  DisplayedFieldsUpdatedTimestamp DATETIME NULL, PRIMARY KEY (SOPInstanceUID));
CREATE TABLE Patients (UID INTEGER PRIMARY KEY AUTOINCREMENT, PatientsName VARCHAR(255) NULL,
  PatientID VARCHAR(255) NULL, PatientsBirthDate DATE NULL, PatientsBirthTime TIME NULL, PatientsSex VARCHAR(1) NULL,
  PatientsAge VARCHAR(10) NULL, PatientsComments VARCHAR(255) NULL, InsertTimestamp VARCHAR(20) NOT NULL,
  DisplayedPatientsName VARCHAR(255) NULL, DisplayedNumberOfStudies INT NULL, DisplayedLastStudyDate DATE NULL,
  DisplayedFieldsUpdatedTimestamp DATETIME NULL{connections});
CREATE TABLE Studies (StudyInstanceUID VARCHAR(64) NOT NULL, PatientsUID INT NOT NULL, StudyID VARCHAR(255) NULL,
  StudyDate DATE NULL, StudyTime VARCHAR(20) NULL, StudyDescription VARCHAR(255) NULL,
  AccessionNumber VARCHAR(255) NULL, ModalitiesInStudy VARCHAR(255) NULL, InstitutionName VARCHAR(255) NULL,
  ReferringPhysician VARCHAR(255) NULL, PerformingPhysiciansName VARCHAR(255) NULL,
  InsertTimestamp VARCHAR(20) NOT NULL, DisplayedNumberOfSeries INT NULL,
  DisplayedFieldsUpdatedTimestamp DATETIME NULL, PRIMARY KEY (StudyInstanceUID));
CREATE TABLE Series (SeriesInstanceUID VARCHAR(64) NOT NULL, StudyInstanceUID VARCHAR(64) NOT NULL,
  SeriesNumber INT NULL, SeriesDate DATE NULL, SeriesTime VARCHAR(20) NULL, SeriesDescription VARCHAR(255) NULL,
  Modality VARCHAR(20) NULL, BodyPartExamined VARCHAR(255) NULL, FrameOfReferenceUID VARCHAR(64) NULL,
  AcquisitionNumber INT NULL, ContrastAgent VARCHAR(255) NULL, ScanningSequence VARCHAR(45) NULL, EchoNumber INT NULL,
  TemporalPosition INT NULL, InsertTimestamp VARCHAR(20) NOT NULL, DisplayedCount INT NULL, DisplayedSize VARCHAR(20),
  DisplayedNumberOfFrames INT NULL, DisplayedFieldsUpdatedTimestamp DATETIME NULL, PRIMARY KEY (SeriesInstanceUID));
CREATE TABLE Directories (Dirname VARCHAR(1024), PRIMARY KEY (Dirname));
CREATE INDEX ImagesFilenameIndex ON Images (Filename);
CREATE INDEX ImagesSeriesIndex ON Images (SeriesInstanceUID);
CREATE INDEX SeriesStudyIndex ON Series (StudyInstanceUID);
CREATE INDEX StudiesPatientIndex ON Studies (PatientsUID);
"""
"""Of shared/data/ctk/TABLES.md."""
NOW = "20260101000000"


class Database:
    """One that tests fill; `path` is its file."""

    def __init__(self, folder: Path, version: str = "0.8.1") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "ctkDICOM.sql"
        self.is_new = version == "0.8.1"
        extra = {"url": ", URL VARCHAR(2048) NULL", "connections": ", Connections VARCHAR(255) NULL"}
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(SCHEMA.format(**(extra if self.is_new else dict.fromkeys(extra, ""))))
            connection.execute("INSERT INTO SchemaInfo VALUES (?)", (version,))
            connection.commit()

    def add(self, table: str, **values: object) -> None:
        self.add_many(table, [values])

    def add_many(self, table: str, rows: list[dict[str, object]]) -> None:
        names = list(rows[0])
        stamped = ", InsertTimestamp" if table != "SchemaInfo" else ""
        marks = ", ".join("?" * (len(names) + bool(stamped)))
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(names)}{stamped}) VALUES ({marks})",  # noqa: S608  names of ours
                [(*row.values(), *([NOW] if stamped else [])) for row in rows],
            )
            connection.commit()

    def add_series(self, uid: str, files: list[str], *, study: str = "1.2", patient: int = 1, **values: object) -> None:
        """A series of CT with its images; patient and study are there or not."""
        with closing(sqlite3.connect(self.path)) as connection:
            has_patient = connection.execute("SELECT 1 FROM Patients WHERE UID = ?", (patient,)).fetchall()
            has_study = connection.execute("SELECT 1 FROM Studies WHERE StudyInstanceUID = ?", (study,)).fetchall()
        name, number = values.pop("name", f"Doe^{patient}"), values.pop("patient_id", f"ID-{patient}")
        if not has_patient:
            self.add("Patients", UID=patient, PatientsName=name, PatientID=number)
        if not has_study:
            self.add("Studies", StudyInstanceUID=study, PatientsUID=patient, StudyDate=values.pop("date", "20200102"))
        told = {"SeriesNumber": 1, "Modality": "CT", "FrameOfReferenceUID": f"{study}.9"} | values
        self.add("Series", SeriesInstanceUID=uid, StudyInstanceUID=study, **told)
        rows = [{"SOPInstanceUID": f"{uid}.{n}", "Filename": f, "SeriesInstanceUID": uid} for n, f in enumerate(files)]
        if rows:
            self.add_many("Images", rows)

    def add_files(self, files: Iterable[Path]) -> None:
        """What an import of these DICOM files writes; a file in the database's folder is noted relative to it."""
        headers = [(_header(file), self._name_of(file)) for file in files]
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for header, name in headers:
                _insert(connection, header, name)

    def _name_of(self, file: Path) -> str:
        path, folder = file.absolute(), self.path.parent.absolute()
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


PATIENT = {"PatientsName": "PatientName", "PatientID": "PatientID", "PatientsBirthDate": "PatientBirthDate"}
PATIENT |= {"PatientsSex": "PatientSex", "PatientsAge": "PatientAge", "PatientsComments": "PatientComments"}
STUDY = ("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber")
STUDY += ("ModalitiesInStudy", "InstitutionName")
SERIES = ("SeriesInstanceUID", "StudyInstanceUID", "SeriesNumber", "SeriesDate", "SeriesTime", "SeriesDescription")
SERIES += ("Modality", "BodyPartExamined", "FrameOfReferenceUID", "AcquisitionNumber")


def _header(file: Path) -> Dataset:
    wanted = ["SpecificCharacterSet", "SOPInstanceUID", *PATIENT.values(), *STUDY, *SERIES]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of these files are wrong on purpose
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=wanted)


def _insert(connection: sqlite3.Connection, header: Dataset, name: str) -> None:
    """A patient is the pair of number and name; what is there already stays as it is, but for the file."""
    patient = {column: _text(header, keyword) for column, keyword in PATIENT.items()}
    sql = "SELECT UID FROM Patients WHERE PatientsName = ? AND PatientID = ?"
    found = connection.execute(sql, (patient["PatientsName"], patient["PatientID"])).fetchall()
    uid = found[0][0] if found else _row(connection, "Patients", patient)
    _row(connection, "Studies", {name: _text(header, name) for name in STUDY} | {"PatientsUID": uid})
    _row(connection, "Series", {name: _text(header, name) for name in SERIES})
    image = {"SOPInstanceUID": _text(header, "SOPInstanceUID"), "Filename": name}
    _row(connection, "Images", image | {"SeriesInstanceUID": _text(header, "SeriesInstanceUID")}, or_else="REPLACE")


def _row(connection: sqlite3.Connection, table: str, values: dict[str, object], or_else: str = "IGNORE") -> int:
    names = ", ".join([*values, "InsertTimestamp"])
    marks = ", ".join("?" * (len(values) + 1))
    sql = f"INSERT OR {or_else} INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  names of ours
    return connection.execute(sql, (*values.values(), NOW)).lastrowid


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    return "" if value is None else "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)


WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=float(sys.argv[4]))
connection.execute("PRAGMA synchronous = OFF")
connection.execute(f"PRAGMA cache_size = {sys.argv[3]}")
connection.execute("BEGIN IMMEDIATE")
for n in range(int(sys.argv[2])):
    connection.execute("INSERT INTO Images (SOPInstanceUID, Filename, SeriesInstanceUID, InsertTimestamp) "
                       "VALUES (?, ?, '9.9', '0')", (f"9.9.{n}", "x" * 500))
print("open", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
print("committed", flush=True)
"""


RESTLESS = """
import sqlite3, sys, time
failed = 0
for n in range(int(sys.argv[2])):
    try:
        connection = sqlite3.connect(sys.argv[1], timeout=1.0)
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany("INSERT INTO Images (SOPInstanceUID, Filename, SeriesInstanceUID, InsertTimestamp) "
                               "VALUES (?, 'x', '9.9', '0')", [(f"9.9.{n}.{k}",) for k in range(100)])
        connection.commit()
    except sqlite3.OperationalError:
        failed += 1
    connection.close()
    time.sleep(0.01)
print(failed, flush=True)
"""
"""An import of many small commits, each of which waits for readers for a second only."""


def restless(path: Path, commits: int) -> subprocess.Popen:
    """Another process that imports; it says at its end how many commits failed."""
    return subprocess.Popen(
        [sys.executable, "-c", RESTLESS, str(path), str(commits)], stdout=subprocess.PIPE, encoding="utf-8"
    )


class Writer:
    """Another process in the middle of an import, as Slicer is: `commit` ends it.

    Args:
        rows: so many are written and not committed yet.
        cache_pages: with few, they are written into the database itself, which is locked then.
        patience: seconds for which its commit waits for readers.
    """

    def __init__(self, path: Path, *, rows: int = 10, cache_pages: int = 2000, patience: float = 5.0) -> None:
        command = [sys.executable, "-c", WRITER, str(path), str(rows), str(cache_pages), str(patience)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )
        assert self.process.stdout.readline().strip() == "open"

    def commit(self) -> str:
        """What it says of its commit: "committed", or the error."""
        out, error = self.process.communicate("\n", timeout=60)
        return out.strip() or error.strip().splitlines()[-1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
