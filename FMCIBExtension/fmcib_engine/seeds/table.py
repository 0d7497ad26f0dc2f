"""A CSV of seeds as LesionSeeds: upstream's columns `image_path, coordX, coordY, coordZ`, or those of `columns`."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import TableError
from ..geometry import FRAMES, Frame
from .columns import COORDINATES, Columns, understand
from .lesion import GivenScan, LesionSeed, SeedTable
from .points import few, no_points
from .row import Commas, Row, RowFormat, cell_of
from .scans import ScansByPath, ScansBySeries, require_folder

MASK = "mask_path"
"""The column of masks."""
_SEPARATORS = (",", ";", "\t")
_EMPTY_LINES = r"(?:[ ,;\t]*[\r\n])*"
_START = re.compile(rf'{_EMPTY_LINES}(?:"?sep=([,;\t])"?[ ,;\t]*[\r\n]{_EMPTY_LINES})?', re.IGNORECASE)
"""What may come before the header: empty lines, and the line by which Excel is told the separator."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # Excel's "Unicode text"
_NO = {"0", "0.0", "0,0", "false", "no"}
_LIST_OF_WORK = ["do", "why"]  # how its columns begin; seeds that were refused stand in it, too
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .xls


def read_seed_table(
    path: Path, *, image_column: str = "image_path", frame: Frame | None = None, scan: GivenScan | None = None
) -> SeedTable:
    """Read the whole table. A row that cannot be understood becomes a seed with a `problem`, and stops no other.

    Cells are separated by commas, semicolons or tabs, as the header shows or a line `sep=;` before it says. With
    semicolons or tabs, decimals may have commas, in all rows.

    Args:
        path: the CSV in UTF-8, or UTF-16 with its mark, with a header.
        image_column: the column with each scan's path, relative to the table's folder.
        frame: the frame of the coordinates of every row, where the columns do not name it; LPS if nothing does.
        scan: the scan of every row, or the folder of the scans, where the table has no such column.

    Raises:
        TableError: no such file, not a CSV, no rows, or a column missing or there twice.
    """
    raw = open_table(path, image_column)
    if raw.names[:2] == _LIST_OF_WORK:
        msg = (
            f"{path.name} is a list of work, also of what is not to be done. Give the table of its lesions "
            "(`fmcib-engine worklist --lesions`)."
        )
        raise TableError(msg)
    columns = understand(path, raw.names, image_column=image_column, frame=frame, has_scan=scan is not None)
    rows = raw.rows
    if not rows:
        msg = f"The seed table {path.name} has a header and no rows. Add one row for each lesion."
        raise TableError(msg)
    kept, warnings = _placed_and_selected(path, columns, rows)
    columns = _in_told_frame(path, columns, [row for _, row in kept])
    scan_of, more = _scans(path, columns, [row for _, row in kept], scan)
    commas = _meaning_of_commas(raw.separator, columns, [row for _, row in kept])
    row_format = RowFormat(columns, scan_of, commas, scan.time_point if scan else None)
    seeds = tuple(row_format.parse(row, number) for number, row in kept)
    return SeedTable(seeds, columns.extras, (*warnings, *more, *_repeated_lesions(seeds)))


@dataclass(frozen=True)
class RawTable:
    """The cells of a table as text."""

    names: list[str]
    rows: list[tuple[int, Row]]
    """Those that are not empty, each with its number from 1."""
    separator: str

    @property
    def is_of_masks(self) -> bool:
        """Whether it names masks and no coordinates (`mask_table`)."""
        return MASK in self.names and not set(COORDINATES) & set(self.names)


def open_table(path: Path, image_column: str) -> RawTable:
    """The header and the rows of a CSV in UTF-8 or UTF-16.

    Raises:
        TableError: no such file, or not a CSV.
    """
    try:
        text, separators = _from_header(_text(path))
        separator, names = _header(text, image_column, separators)
        if any("\0" in name for name in names):
            msg = f"The seed table {path.name} is no text in UTF-8. Save it as a CSV in UTF-8."
            raise TableError(msg)
        reader = csv.DictReader(io.StringIO(text, newline=""), fieldnames=names, delimiter=separator, strict=True)
        next(reader, None)  # the header
        rows: list[tuple[int, Row]] = [(number, row) for number, row in enumerate(reader, 1) if _is_filled(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"The seed table {path.name} cannot be read ({_reason(error)}). Save it as a CSV in UTF-8."
        raise TableError(msg) from error
    return RawTable(names, rows, separator)


def _placed_and_selected(
    path: Path, columns: Columns, rows: Sequence[tuple[int, Row]]
) -> tuple[list[tuple[int, Row]], tuple[str, ...]]:
    """The rows of points that are to be analysed, and sentences about the others."""
    warnings, kept = [], list(rows)
    for meaning, words in (("is_placed", "have no place"), ("is_selected", "are not selected")):
        name = columns.options.get(meaning, "")
        out = {number for number, row in kept if cell_of(row, name).lower() in _NO}
        if out:
            warnings.append(f"Points that {words} ({name} is 0) are left out: row {few(sorted(out))}.")
            kept = [(number, row) for number, row in kept if number not in out]
    if not kept:
        raise no_points(path)
    return kept, tuple(warnings)


def _in_told_frame(path: Path, columns: Columns, rows: Sequence[Row]) -> Columns:
    """The columns, in the frame that a column of the table says, which is then none of the user's own.

    Raises:
        TableError: it says several, or another than the names of the columns or the user.
    """
    cells = {cell_of(row, columns.frame_column).lower() for row in rows}
    told = [frame for frame in FRAMES if frame in cells]
    if not told:
        return columns
    if len(cells) > 1 or (columns.is_frame_told and told != [columns.frame]):
        said = ", ".join(sorted(cell[:20] or "nothing" for cell in cells)[:5])
        wanted = f"{columns.frame} in every row" if columns.is_frame_told else "one frame in every row"
        msg = f"The column {columns.frame_column} of {path.name} should say {wanted}, it says {said}. Correct it."
        raise TableError(msg)
    own = tuple(name for name in columns.extras if name != columns.frame_column)
    return replace(columns, frame=told[0], is_frame_told=True, extras=own)


def _scans(
    path: Path, columns: Columns, rows: Sequence[Row], given: GivenScan | None
) -> tuple[Callable[[Row], tuple[Path, str]], tuple[str, ...]]:
    """What finds the scan of a row and the series in it, and sentences about how they were found."""

    def filled(row: Row, name: str) -> str:
        if not (cell := cell_of(row, name)):
            msg = "is empty"
            raise ValueError(msg)
        return cell

    if columns.image:
        by_path = ScansByPath([cell_of(row, columns.image) for row in rows], path.parent)
        return lambda row: (by_path.find(filled(row, columns.image)), cell_of(row, columns.series)), by_path.warnings
    if columns.series and not (given and given.series_uid):
        folder = require_folder(given.image) if given else path.parent
        by_series = ScansBySeries({cell_of(row, columns.series) for row in rows}, folder)
        if given and not by_series.has_any:  # a folder of DICOM files
            return lambda row: (folder, filled(row, columns.series)), ()
        return lambda row: (by_series.find(filled(row, columns.series)), ""), ()
    scan = given or GivenScan(Path())
    return lambda _: (scan.image, scan.series_uid), ()


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


def _is_filled(row: Row) -> bool:
    """Whether a row has any cell: spreadsheets leave empty rows behind."""
    return any(cell.strip() for value in row.values() for cell in (value if isinstance(value, list) else [value or ""]))


def _meaning_of_commas(separator: str, columns: Columns, rows: Sequence[Row]) -> Commas:
    """What commas in numbers mean, the same for the whole table."""
    if separator == ",":
        return "separate"
    names = (*columns.coordinates, columns.options.get("lesion_diameter_mm", ""))
    has_points = any("." in cell_of(row, name) for row in rows for name in names)
    return "mixed" if has_points else "decimal"


def _repeated_lesions(seeds: Sequence[LesionSeed]) -> tuple[str, ...]:
    seen = set()
    repeated = []
    for seed in seeds:
        lesion = (seed.image, seed.series_uid, seed.time_point, seed.lesion_id)
        if lesion in seen:
            repeated.append(seed.row)
        seen.add(lesion)
    if not repeated:
        return ()
    warning = (
        "The lesion_id and scan of an earlier row come again in these rows, which are computed all the same: "
        f"{few(repeated)}. Give different lesions different names."
    )
    return (warning,)


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
