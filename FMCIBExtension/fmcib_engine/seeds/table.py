"""A CSV of seeds, with upstream's columns `image_path, coordX, coordY, coordZ`, as LesionSeeds."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from .lesion import LesionSeed
from .row import COORDINATES, DIAMETER, OPTIONAL, Commas, Row, RowFormat

_SEPARATORS = (",", ";", "\t")
_EMPTY_LINES = r"(?:[ ,;\t]*[\r\n])*"
_START = re.compile(rf'{_EMPTY_LINES}(?:"?sep=([,;\t])"?[ ,;\t]*[\r\n]{_EMPTY_LINES})?', re.IGNORECASE)
"""What may come before the header: empty lines, and the line by which Excel is told the separator."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # Excel's "Unicode text"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .xls
_ROWS_TOLD = 5


@dataclass(frozen=True)
class SeedTable:
    """The rows of a table and the columns that only its author understands."""

    seeds: tuple[LesionSeed, ...]
    extra_columns: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """Sentences about rows that can be analysed and may not be what their author meant."""


def read_seed_table(path: Path, *, image_column: str = "image_path", frame: Frame = "lps") -> SeedTable:
    """Read the whole table. A row that cannot be understood becomes a seed with a `problem`, and stops no other.

    Cells are separated by commas, semicolons or tabs, as the header shows or a line `sep=;` before it says. With
    semicolons or tabs, decimals may have commas, in all rows.

    Args:
        path: the CSV in UTF-8, or UTF-16 with its mark, with a header.
        image_column: the column with each scan's path, relative to the table's folder.
        frame: the frame of the coordinates of every row.

    Raises:
        TableError: no such file, not a CSV, no rows, or a column missing or there twice.
    """
    try:
        text, separators = _from_header(_text(path))
        separator, columns = _header(text, image_column, separators)
        _require_columns(columns, image_column, path)
        reader = csv.DictReader(io.StringIO(text, newline=""), fieldnames=columns, delimiter=separator, strict=True)
        next(reader)  # the header
        rows = [(number, row) for number, row in enumerate(reader, 1) if _is_filled(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"The seed table {path.name} cannot be read ({_reason(error)}). Save it as a CSV in UTF-8."
        raise TableError(msg) from error
    if not rows:
        msg = f"The seed table {path.name} has a header and no rows. Add one row for each lesion."
        raise TableError(msg)
    extras = tuple(name for name in columns if name and name not in {image_column, *COORDINATES, *OPTIONAL})
    commas = _meaning_of_commas(separator, [row for _, row in rows])
    row_format = RowFormat(path.parent, image_column, frame, extras, commas)
    seeds = tuple(row_format.parse(row, number) for number, row in rows)
    return SeedTable(seeds, extras, _repeated_lesions(seeds))


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(_WORKBOOKS):
        msg = f"The seed table {path.name} is an Excel workbook. Open it there and save it as a CSV in UTF-8."
        raise TableError(msg)
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")


def _from_header(text: str) -> tuple[str, Sequence[str]]:
    """The text from its header on, and the separators that it may have."""
    start = _START.match(text)
    if not start:
        return text, _SEPARATORS
    return text[start.end() :], (start[1],) if start[1] else _SEPARATORS


def _header(text: str, image_column: str, separators: Sequence[str]) -> tuple[str, list[str]]:
    """The separator under which the header has the columns that are needed, else the most columns; and the columns."""
    wanted = {image_column, *COORDINATES}
    found = {}
    for separator in separators:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        found[separator] = [name.strip() for name in names]
    best = max(separators, key=lambda separator: (wanted <= set(found[separator]), len(found[separator])))
    return best, found[best]


def _require_columns(columns: list[str], image_column: str, path: Path) -> None:
    wanted = (image_column, *COORDINATES)
    missing = [name for name in wanted if name not in columns]
    if missing:
        msg = (
            f"The seed table {path.name} needs the columns {', '.join(wanted)}, separated by commas, semicolons or "
            f"tabs; it lacks {', '.join(missing)} and has {', '.join(columns)[:200] or 'none'}. "
            "Rename them, or name the column of the scans (--image-column)."
        )
        raise TableError(msg)
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        msg = f"The seed table {path.name} has the column {', '.join(twice)} more than once. Remove all but one."
        raise TableError(msg)


def _is_filled(row: Row) -> bool:
    """Whether a row has any cell: spreadsheets leave empty rows behind."""
    return any(cell.strip() for value in row.values() for cell in (value if isinstance(value, list) else [value or ""]))


def _meaning_of_commas(separator: str, rows: Sequence[Row]) -> Commas:
    """What commas in numbers mean, the same for the whole table."""
    if separator == ",":
        return "separate"
    has_points = any("." in str(row.get(name) or "") for row in rows for name in (*COORDINATES, DIAMETER))
    return "mixed" if has_points else "decimal"


def _repeated_lesions(seeds: Sequence[LesionSeed]) -> tuple[str, ...]:
    seen = set()
    repeated = []
    for seed in seeds:
        lesion = (seed.image, seed.series_uid, seed.time_point, seed.lesion_id)
        if lesion in seen:
            repeated.append(str(seed.row))
        seen.add(lesion)
    if not repeated:
        return ()
    more = f" and {len(repeated) - _ROWS_TOLD} more" if len(repeated) > _ROWS_TOLD else ""
    warning = (
        "The lesion_id and scan of an earlier row come again in these rows, which are computed all the same: "
        f"{', '.join(repeated[:_ROWS_TOLD])}{more}. Give different lesions different names."
    )
    return (warning,)


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
