"""The list of work as a CSV, without what identifies patients unless that is asked for; all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import OutputError
from ..results.privacy import without_uids
from ..results.rows import csv_line, relative_path
from ..results.table import write_lines
from .lesions import PLACE, table_of
from .numbers import Numbers
from .plan import Entry, WorkList, place_of
from .series import Found, Patient, without_patient

COLUMNS: Mapping[str, str] = {
    "do": "yes or no: whether it would be done",
    "why": "how a seed was matched to its series; or why it would not be done",
    "patient": "a number in this list; of a patient without a number or name, one for each study",
    "study": "a number in this list",
    "series": "a number in this list",
    "lesion_id": "of the seed",
    "coordX": "of the seed, in the frame that it is in",
    "coordY": "of the seed",
    "coordZ": "of the seed",
    "frame": "of these coordinates: lps or ras (mm), or ijk (voxels)",
    "lesion_diameter_mm": "of the seed",
    "image_path": "file, or folder of all files of the series, as seen from this table",
    "modality": "CT, MR, …",
    "body_part": "BodyPartExamined",
    "slices": "images that may be slices",
    "thickness_mm": "SliceThickness",
    "spacing_mm": "between neighbouring slices; of a database only where all headers were read",
    "kernel": "ConvolutionKernel",
    "image_type": "ImageType",
    "localizers": "images that are scouts",
    "pages": "images that are pages of text or pictures",
    "files": "how many",
    "notes": "what else is to be said of the series",
}
"""In this order, with what each holds."""
IDENTIFYING: Mapping[str, str] = {
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "study_date": "StudyDate, YYYYMMDD",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "frame_of_reference_uid": "FrameOfReferenceUID",
    "series_number": "SeriesNumber",
    "description": "SeriesDescription",
}
"""Only where identifiers are asked for."""
LESIONS = PLACE
"""How the table that `extract` reads begins."""


def write_list(path: Path, work: WorkList, *, identifiers: bool, overwrite: bool) -> None:
    """The whole list.

    Raises:
        OutputError: it exists, or is something else, or cannot be written.
    """
    prepared(path.absolute().parent, work, identifiers=identifiers)(path, overwrite=overwrite)


class _Write(Protocol):
    def __call__(self, path: Path, *, overwrite: bool = True) -> None:
        """Write it.

        Raises:
            OutputError: as of `write_list`.
        """


def prepared(folder: Path, work: WorkList, *, identifiers: bool) -> _Write:
    """What writes the list into a folder later, and does not hold the work itself, with all of its files."""
    names = [*COLUMNS, *(IDENTIFYING if identifiers else ())]
    numbers = Numbers()
    cells = (_cells(entry, folder.absolute(), numbers, identifiers=identifiers) for entry in work.entries)
    lines = [[each.get(name, "") for name in names] for each in cells]

    def write(path: Path, *, overwrite: bool = True) -> None:
        _write(path, names, lines, overwrite=overwrite)

    return write


def write_lesions(path: Path, work: WorkList, *, overwrite: bool) -> int:
    """What would be done, as a table of seeds that names each scan by folder and series UID. How many they are.

    Raises:
        OutputError: as of `write_list`.
    """
    table = table_of(work, identifiers=True)
    folder = path.absolute().parent
    rows = []
    for seed in table.seeds:
        place = relative_path(seed.image, folder, identifiers=True)
        numbers = [repr(value) for value in seed.coordinates]
        rows.append(
            [place, seed.series_uid, seed.lesion_id, *numbers, seed.frame, _number(seed.diameter_mm)]
            + [seed.extras.get(name, "") for name in table.extra_columns]
        )
    _write(path, [*LESIONS, *table.extra_columns], rows, overwrite=overwrite)
    return len(rows)


def require_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, what could not be written or would replace something else.

    Raises:
        OutputError: with what stands in the way.
    """
    folder = path.absolute().parent
    obstacles = (
        (path.is_dir(), f"{path.name or path} is a folder. Give the name of a file, such as worklist.csv."),
        (not folder.is_dir(), f"The folder {folder.name} for the list {path.name} is not there. Make it first."),
        (not os.access(folder, os.W_OK), f"The folder {folder.name} may not be written to. Choose another."),
        (
            path.exists() and not _is_ours(path),
            f"{path.name} is no list of work, and is not overwritten. Choose another name, or delete it yourself.",
        ),
        (
            path.exists() and not overwrite,
            f"{path.name} exists already. Choose another name, or allow it to be overwritten (--overwrite).",
        ),
    )
    if problem := next((sentence for stands, sentence in obstacles if stands), ""):
        raise OutputError(problem)


def _cells(entry: Entry, folder: Path, numbers: Numbers, *, identifiers: bool) -> dict[str, str]:
    cells = {"do": "yes" if entry.do else "no", "why": entry.why}
    if entry.found:
        cells |= _of_series(entry.found, folder, numbers, identifiers=identifiers)
    if entry.given:
        seed = entry.given.seed
        coordinates = ["" if value != value else repr(value) for value in seed.coordinates]  # noqa: PLR0124  NaN
        cells |= dict(zip(("coordX", "coordY", "coordZ"), coordinates, strict=True))
        cells |= {"lesion_id": seed.lesion_id, "frame": seed.frame, "lesion_diameter_mm": _number(seed.diameter_mm)}
        if identifiers and not entry.found:
            cells |= {"series_uid": entry.given.series_uid, "frame_of_reference_uid": entry.given.frame_uid}
    if not identifiers:
        patient = entry.found.patient if entry.found else Patient()
        for name in ("why", "notes", "image_path"):
            cells[name] = without_patient(without_uids(cells.get(name, "")), patient)
    return cells


def _of_series(found: Found, folder: Path, numbers: Numbers, *, identifiers: bool) -> dict[str, str]:
    place = relative_path(place_of(found), folder, identifiers=identifiers) if found.files else ""
    facts: dict[str, object] = dict(zip(("patient", "study", "series"), numbers.of(found), strict=True))
    facts |= {
        "image_path": place,
        "modality": found.modality,
        "body_part": found.body_part,
        "slices": found.slices if found.plane else "",
        "thickness_mm": _number(found.thickness_mm),
        "spacing_mm": _number(found.spacing_mm),
        "kernel": found.kernel,
        "image_type": "\\".join(found.image_type),
        "localizers": found.localizers or "",
        "pages": found.pages or "",
        "files": len(found.files) or "",
        "notes": "; ".join(found.notes),
    }
    if identifiers:
        facts |= {
            "patient_id": found.patient.id,
            "patient_name": found.patient.name,
            "study_date": found.study_date,
            "study_uid": found.study_uid,
            "series_uid": found.uid,
            "frame_of_reference_uid": found.frame_uid,
            "series_number": found.series_number,
            "description": found.description,
        }
    return {name: str(fact) for name, fact in facts.items()}


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _is_ours(path: Path) -> bool:
    starts = tuple(csv_line(list(names)[:3]).rstrip().encode() for names in (COLUMNS, LESIONS))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(100).startswith(starts)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], *, overwrite: bool) -> None:
    require_writable(path, overwrite=overwrite)
    write_lines(path, list(header), (csv_line(list(row)) for row in rows))
