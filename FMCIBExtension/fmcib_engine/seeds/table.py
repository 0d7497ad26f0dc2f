"""A CSV of seeds, with upstream's columns `image_path, coordX, coordY, coordZ`, as LesionSeeds."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from .lesion import LesionSeed

COORDINATES = ("coordX", "coordY", "coordZ")
OPTIONAL = ("lesion_id", "lesion_diameter_mm", "series_uid")
_NOWHERE = (math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class SeedTable:
    """The rows of a table and the columns that only its author understands."""

    seeds: tuple[LesionSeed, ...]
    extra_columns: tuple[str, ...]


def read_seed_table(path: Path, *, image_column: str = "image_path", frame: Frame = "lps") -> SeedTable:
    """Read the whole table. A row that cannot be understood becomes a seed with a `problem`, and stops no other.

    Args:
        path: the CSV, UTF-8, with a header.
        image_column: the column with each scan's path, relative to the table's folder.
        frame: the frame of the coordinates of every row.

    Raises:
        TableError: no such file, not a CSV, no rows, or a column missing or there twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            _require_columns(columns, image_column, path)
            rows = [(number, row) for number, row in enumerate(reader, 1) if _is_filled(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"The seed table {path.name} cannot be read ({_reason(error)}). Save it as a CSV in UTF-8."
        raise TableError(msg) from error
    if not rows:
        msg = f"The seed table {path.name} has a header and no rows. Add one row for each lesion."
        raise TableError(msg)
    extras = tuple(name for name in columns if name and name not in {image_column, *COORDINATES, *OPTIONAL})
    seeds = tuple(_parse_row(row, number, path.parent, image_column, frame, extras) for number, row in rows)
    return SeedTable(seeds, extras)


def _is_filled(row: Mapping[str | None, object]) -> bool:
    """Whether a row has any cell: spreadsheets leave empty rows behind."""
    return any(
        str(cell).strip() for value in row.values() for cell in (value if isinstance(value, list) else [value or ""])
    )


def _require_columns(columns: list[str], image_column: str, path: Path) -> None:
    wanted = (image_column, *COORDINATES)
    missing = [name for name in wanted if name not in columns]
    if missing:
        signs = [
            name for sign, name in ((";", "semicolons"), ("\t", "tabs")) if len(columns) == 1 and sign in columns[0]
        ]
        advice = (
            f"It seems to be separated by {signs[0]}: save it with commas and decimal points."
            if signs
            else "Rename them, or name the column of the scans (--image-column)."
        )
        msg = (
            f"The seed table {path.name} needs the columns {', '.join(wanted)}, separated by commas; it lacks "
            f"{', '.join(missing)} and has {', '.join(columns) or 'none'}. {advice}"
        )
        raise TableError(msg)
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        msg = f"The seed table {path.name} has the column {', '.join(twice)} more than once. Remove all but one."
        raise TableError(msg)


def _parse_row(
    row: Mapping[str | None, str | None],
    number: int,
    folder: Path,
    image_column: str,
    frame: Frame,
    extras: tuple[str, ...],
) -> LesionSeed:
    cells = {name: (row.get(name) or "").strip() for name in (image_column, *COORDINATES, *OPTIONAL)}
    problems = []
    if any(cell.strip() for cell in row.get(None) or ()):
        problems.append("it has more cells than the header")
    if not cells[image_column]:
        problems.append(f"{image_column} is empty")
    if "\0" in cells[image_column]:
        problems.append(f"{image_column} holds a character that no path has")
        cells[image_column] = ""
    coordinates = _NOWHERE
    try:
        x, y, z = (_number(cells[name], name) for name in COORDINATES)
        coordinates = (x, y, z)
    except ValueError as error:
        problems.append(str(error))
    diameter = None
    try:
        diameter = _diameter(cells["lesion_diameter_mm"])
    except ValueError as error:
        problems.append(str(error))
    return LesionSeed(
        row=number,
        lesion_id=cells["lesion_id"] or str(number),
        image=folder / cells[image_column] if cells[image_column] else Path(),
        coordinates=coordinates,
        frame=frame,
        diameter_mm=diameter,
        series_uid=cells["series_uid"],
        extras={name: row.get(name) or "" for name in extras},
        problem=f"Row {number} of the seed table: {'; '.join(problems)}. Correct the row." if problems else "",
    )


def _diameter(text: str) -> float | None:
    value = _number(text, "lesion_diameter_mm") if text else None
    if value is not None and value <= 0:
        msg = f"lesion_diameter_mm should be more than 0, got {text!r}"
        raise ValueError(msg)
    return value


def _number(text: str, column: str) -> float:
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"{column} should be a number in millimetres (or an index) with a decimal point, got {text!r}"
        raise ValueError(msg)
    return value


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
