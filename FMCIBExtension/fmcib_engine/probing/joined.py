"""Columns of another table, such as labels from a spreadsheet, beside the rows of a feature table."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import TableError
from .table import FeatureTable, rows_named

LESION_COLUMNS = ("lesion_key", "lesion_id")
"""That name one lesion each; any other column by which tables are joined may name several, such as a patient's."""
_FEATURE = re.compile(r"pred_\d+")
_SEPARATORS = (",", ";", "\t")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # Excel's "Unicode text"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .xls


def joined(table: FeatureTable, path: Path, by: str = "") -> tuple[FeatureTable, tuple[str, ...]]:
    """The table with the columns of a CSV beside its own, and the names by which the two can be joined.

    A row that the CSV does not have gets empty cells. Where both have a column, the table's own stays.

    Args:
        table: of features.
        path: a CSV in UTF-8 or UTF-16, with commas, semicolons or tabs.
        by: the column of both that names the lesion or the patient; else the first that both have, a lesion's before
            others.

    Raises:
        TableError: no such file, no such column, or rows that cannot be told apart by it.
    """
    header, rows = _read(path)
    shared = tuple(name for name in header if name in table.cells)
    shared = tuple(sorted(shared, key=lambda name: [*LESION_COLUMNS, name].index(name)))
    if not shared or (by and by not in shared):
        what = f"no column {by}" if by else "no column"
        msg = (
            f"{path.name} has {what} by which its rows are found in {table.name}. Give it a column lesion_id, or that "
            "of the patients, spelled as in the table of features."
        )
        raise TableError(msg)
    by = by or shared[0]
    places = _places(path, [row[header.index(by)] for row in rows], by)
    _require_one_lesion(table, by)
    found = [places.get(cell) for cell in table.cells[by]]
    new = [(name, column) for column, name in enumerate(header) if name and name not in table.cells]
    cells = {
        name: tuple("" if place is None else rows[place][column] for place in found)
        for name, column in new
        if not _FEATURE.fullmatch(name)
    }
    warnings = _missing(table, path, by, found)
    return replace(table, cells={**table.cells, **cells}, warnings=(*table.warnings, *warnings)), (by, *shared)


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        content = path.read_bytes()
        if content.startswith(_WORKBOOKS):
            msg = f"{path.name} is an Excel workbook. Open it there and save it as a CSV in UTF-8."
            raise TableError(msg)
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
        first = text.partition("\n")[0]
        separator = max(_SEPARATORS, key=first.count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = getattr(error, "strerror", None) or str(error)
        msg = f"The table {path.name} cannot be read ({said}). Save it as a CSV in UTF-8."
        raise TableError(msg) from error
    rows = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)]
    if len(rows) < 2:
        msg = f"The table {path.name} has no rows. Give a CSV with a header and a row for each lesion or patient."
        raise TableError(msg)
    header, *rows = rows
    if twice := [name for name, count in Counter(filter(None, header)).items() if count > 1]:
        msg = f"{path.name} has the column {twice[0]} twice, wanted each once. Rename or delete one."
        raise TableError(msg)
    if odd := [number for number, row in enumerate(rows, 1) if len(row) != len(header)]:
        msg = f"Row {odd[0]} of {path.name} has {len(rows[odd[0] - 1])} cells, the header {len(header)}. Correct it."
        raise TableError(msg)
    return header, rows


def _places(path: Path, cells: Sequence[str], by: str) -> dict[str, int]:
    places = {cell: place for place, cell in enumerate(cells) if cell}
    if again := [place + 1 for place, cell in enumerate(cells) if cell and places[cell] != place]:
        msg = (
            f"{by} comes again in {path.name} (row {rows_named(again)}), wanted each once. Delete the other rows, or "
            "join by another column."
        )
        raise TableError(msg)
    return places


def _require_one_lesion(table: FeatureTable, by: str) -> None:
    if by not in LESION_COLUMNS:
        return
    seen: dict[str, int] = {}
    again = [row for row, cell in zip(table.rows, table.cells[by], strict=True) if seen.setdefault(cell, row) != row]
    if again:
        msg = (
            f"{by} names several lesions of {table.name} (row {rows_named(again)}): nobody could tell which label is "
            "whose. Join by another column that both have, or give the lesions different names."
        )
        raise TableError(msg)


def _missing(table: FeatureTable, path: Path, by: str, found: Sequence[int | None]) -> tuple[str, ...]:
    missing = [row for row, place in zip(table.rows, found, strict=True) if place is None]
    if len(missing) == len(found):
        msg = (
            f"No row of {table.name} is in {path.name} by {by}. Spell {by} there as in the table of features, or join "
            "by another column."
        )
        raise TableError(msg)
    if not missing:
        return ()
    return (f"{len(missing)} rows of {table.name} are not in {path.name} by {by} (row {rows_named(missing)}).",)
