"""A table of seeds -> what each row names: a series UID, a frame of reference, a patient. Never a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from ..seeds import GivenScan, LesionSeed
from ..seeds.table import read_seed_table

_SERIES = {"seriesuid", "seriesinstanceuid"}
_FRAMES = {"frameofreferenceuid", "frameofreference"}
_PATIENTS = {"patientid"}
_NO_COLUMN = ""
_NONE = GivenScan(Path(), "none")
"""Where scans are is for the list to say: files that the table names count for nothing."""
_REPEATED = "The lesion_id and scan"  # of the one scan that all rows are given here


@dataclass(frozen=True)
class GivenSeed:
    """One row. What it does not name is empty."""

    seed: LesionSeed
    series_uid: str = ""
    frame_uid: str = ""
    patient_id: str = ""


@dataclass(frozen=True)
class GivenSeeds:
    """All rows, and sentences about them."""

    seeds: tuple[GivenSeed, ...]
    warnings: tuple[str, ...] = ()


def read_given(path: Path, frame: Frame | None = None) -> GivenSeeds:
    """The seeds of a table with a column of series UIDs or of frames of reference, perhaps with one of PatientIDs.

    Args:
        path: a CSV as `seeds` reads it.
        frame: of coordinates whose columns do not name it; LPS where nothing does.

    Raises:
        TableError: no such table, or it names neither series nor frames of reference.
    """
    if path.suffix.lower() in {".json", ".fcsv"}:
        msg = (
            f"{path.name} holds points of Slicer, which name no series. Give a table with the column series_uid or "
            "frame_of_reference_uid."
        )
        raise TableError(msg)
    if path.is_dir() or path.suffix.lower() == ".dcm":
        msg = f"{path.name} is no table of seeds. Make one of it (`fmcib-engine seeds --identifiers`), and give that."
        raise TableError(msg)
    table = read_seed_table(path, image_column=_NO_COLUMN, frame=frame, scan=_NONE)
    columns = {
        meaning: _named(table.extra_columns, spellings)
        for meaning, spellings in (("series", _SERIES), ("frame", _FRAMES), ("patient", _PATIENTS))
    }
    if not (columns["series"] or columns["frame"]):
        there = ", ".join(table.extra_columns)[:200] or "no other"
        msg = (
            f"Seeds are matched to scans by the column series_uid or frame_of_reference_uid, never by file names; "
            f"{path.name} has {there}. Add such a column (`fmcib-engine seeds --identifiers` writes it)."
        )
        raise TableError(msg)
    warnings = tuple(warning for warning in table.warnings if not warning.startswith(_REPEATED))
    return GivenSeeds(tuple(_given(seed, columns) for seed in table.seeds), warnings)


def given_of(seeds: Iterable[LesionSeed]) -> GivenSeeds:
    """Seeds that tell their series or frame of reference themselves, as those of DICOM objects do."""
    frame = "frame_of_reference"
    return GivenSeeds(tuple(GivenSeed(seed, seed.series_uid, str(getattr(seed, frame, ""))) for seed in seeds))


def _given(seed: LesionSeed, columns: Mapping[str, str]) -> GivenSeed:
    told = {meaning: seed.extras.get(name, "").strip() for meaning, name in columns.items()}
    extras = {name: cell for name, cell in seed.extras.items() if name not in columns.values()}
    named = replace(seed, series_uid=told["series"], extras=extras)
    return GivenSeed(named, told["series"], told["frame"], told["patient"])


def _named(names: tuple[str, ...], spellings: set[str]) -> str:
    """The column of such a name; of several the first."""
    return next((name for name in names if re.sub(r"[^a-z0-9]", "", name.lower()) in spellings), "")
