"""The tables of Slicer's DICOM database -> series, of schemas 0.7.0 (Slicer 5.0 to 5.6) and 0.8.1 (5.8 to 5.13).

What its tables do not hold (thickness, kernel, localizers) is told by headers: `sampled`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import SourceError
from .database import Row, Tables, file_of_database, read
from .series import Found, Patient, Source

KNOWN = ("0.7.0", "0.8.1")

_WANTED = {
    "Patients": ("UID", "PatientID", "PatientsName"),
    "Studies": ("StudyInstanceUID", "PatientsUID", "StudyDate"),
    "Series": (
        *("SeriesInstanceUID", "StudyInstanceUID", "SeriesNumber", "SeriesDescription", "Modality"),
        *("BodyPartExamined", "FrameOfReferenceUID"),
    ),
    "Images": ("Filename", "SeriesInstanceUID"),
}

Wanted = Callable[[Found], bool]
"""Whether the files of a series are wanted, by what the tables say of it."""


@dataclass
class _Read:
    """What one pass over the tables gave."""

    schema: str = ""
    patients: dict[str, Patient] = field(default_factory=dict)
    studies: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Patient and date."""
    series: dict[str, Found] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How many images of a series are on a server only."""
    strays: int = 0
    """Images of series that the table of series does not have."""


def read_database(path: Path, wanted: Wanted = lambda _: True) -> Source:
    """All series of the database at `path`, its file or folder; files of those that are `wanted`.

    The file is only read, and never held (`database`).

    Raises:
        SourceError: no such database, one that cannot be read, or of an unknown kind.
    """
    file = file_of_database(path)
    if file is None:
        msg = f"A DICOM database of Slicer is its folder, or ctkDICOM.sql in it; {path.name!r} is neither. Correct it."
        raise SourceError(msg)
    found = _Read()

    def take(tables: Tables) -> None:
        nonlocal found
        found = _take(file, tables, wanted)

    notes = read(file, take)
    if found.schema not in KNOWN:
        said = found.schema or "none"
        notes.append(f"The DICOM database says the schema {said}; {' and '.join(KNOWN)} are known. It was read alike.")
    if found.strays:
        notes.append(f"{found.strays} images of the DICOM database belong to no series of it, and are left out.")
    series = (_with_files(each, found, file.parent) for each in found.series.values())
    return Source(tuple(series), tuple(notes))


def _take(file: Path, tables: Tables, wanted: Wanted) -> _Read:
    has = {table: tables.columns(table) for table in (*_WANTED, "SchemaInfo")}
    lacking = [f"{table}.{name}" for table, names in _WANTED.items() for name in names if name not in has[table]]
    if lacking:
        msg = (
            f"A DICOM database of Slicer is wanted, of schema {' or '.join(KNOWN)}; {file.name} lacks "
            f"{', '.join(lacking[:4])}. Open Slicer, and let its DICOM module update the database."
        )
        raise SourceError(msg)
    found = _Read()
    if "Version" in has["SchemaInfo"]:
        found.schema = next((_text(row[0]) for row in tables.rows("SchemaInfo", ["Version"])), "")
    for row in tables.rows("Patients", _WANTED["Patients"]):
        found.patients[_text(row[0])] = Patient(_text(row[1]), _text(row[2]))
    for row in tables.rows("Studies", _WANTED["Studies"]):
        found.studies[_text(row[0])] = _text(row[1]), _text(row[2])
    for row in tables.rows("Series", _WANTED["Series"]):
        found.series[_text(row[0])] = _series(row, found)
    are_wanted = {uid for uid, each in found.series.items() if wanted(each)}
    has_url = "URL" in has["Images"]
    for row in tables.rows("Images", [*_WANTED["Images"], *(["URL"] if has_url else [])]):
        _count(row, found, are_wanted)
    return found


def _series(row: Row, found: _Read) -> Found:
    uid, study, number, description, modality, body_part, frame = map(_text, row)
    patient, date = found.studies.get(study, ("", ""))
    return Found(
        uid=uid,
        study_uid=study,
        patient=found.patients.get(patient, Patient()),
        modality=modality.upper(),
        frame_uid=frame,
        study_date="".join(filter(str.isdigit, date))[:8],
        series_number=number,
        description=description,
        body_part=body_part.upper(),
    )


def _count(row: Row, found: _Read, are_wanted: set[str]) -> None:
    """One image."""
    name, uid = _text(row[0]), _text(row[1])
    if uid not in found.series:
        found.strays += 1
    elif not name:
        found.elsewhere[uid] += 1
    elif uid in are_wanted:
        found.files[uid].append(name)


def _with_files(found: Found, tables: _Read, folder: Path) -> Found:
    """With its files, whether they are there or not, and what the database says against it."""
    names, elsewhere = tables.files.get(found.uid, []), tables.elsewhere.get(found.uid, 0)
    problem = ""
    if elsewhere:
        problem = (
            f"{elsewhere} of its {elsewhere + len(names)} images are on a server and were not downloaded. Load the "
            "series in Slicer's DICOM module once."
        )
    files = tuple(sorted({str(folder / name) for name in names}))
    return replace(found, files=files, slices=len(files), problem=problem)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip(" \0")
