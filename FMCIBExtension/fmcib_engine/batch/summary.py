"""Errors as rows, and how many there are of each cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..results.rows import csv_line
from ..results.table import write_lines
from .cutting import CUT, ENCODE, LIST, READ
from .parts import Place
from .plan import Plan

ERROR_COLUMNS = ["row", "lesion_id", "image_path", "step", "error"]
STEPS: Mapping[str, str] = {
    LIST: "the row of the list",
    READ: "reading the scan",
    CUT: "cutting the patch",
    ENCODE: "computing the features",
}
"""What each step is called."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)*")
_FILE = re.compile(r"\S*\.(?:nii(?:\.gz)?|nrrd|mha|mhd|dcm|raw|zraw)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Cause:
    """Rows that failed for one reason."""

    step: str
    error: str
    """Of the first of them: others name other files and numbers."""
    rows: tuple[int, ...]

    def __str__(self) -> str:
        first = ", ".join(map(str, self.rows[:3]))
        more = f", … {len(self.rows)} rows" if len(self.rows) > 3 else ""
        return f"{STEPS.get(self.step, self.step)}: {self.error} (row {first}{more})"


def causes(rows: Mapping[int, Place]) -> list[Cause]:
    """The errors of a run by cause, the most frequent first."""
    found: dict[tuple[str, str], list[int]] = {}
    for row, place in sorted(rows.items()):
        if place.status != "ok":
            found.setdefault((place.step, _without_particulars(place.error)), []).append(row)
    all_ = [Cause(step, rows[numbers[0]].error, tuple(numbers)) for (step, _), numbers in found.items()]
    return sorted(all_, key=lambda cause: -len(cause.rows))


def write_errors(path: Path, plan: Plan, rows: Mapping[int, Place]) -> None:
    """All rows without features, in the order of the list.

    Raises:
        OutputError: the file cannot be written.
    """
    write_lines(path, ERROR_COLUMNS, map(csv_line, error_rows(plan, rows)))


def error_rows(plan: Plan, rows: Mapping[int, Place]) -> Iterator[list[str]]:
    """The cells of each."""
    return _sorted_cells(
        (each.row, each.lesion_id, scan.name, rows[each.row])
        for scan in plan.scans
        for each in scan.rows
        if each.row in rows and rows[each.row].status != "ok"
    )


def _sorted_cells(found: Iterable[tuple[int, str, str, Place]]) -> Iterator[list[str]]:
    for row, lesion_id, name, place in sorted(found, key=lambda one: one[0]):
        yield [str(row), lesion_id, name, STEPS.get(place.step, place.step), place.error]


def _without_particulars(error: str) -> str:
    for pattern, instead in ((_QUOTED, "'…'"), (_FILE, "…"), (_NUMBER, "N")):
        error = pattern.sub(instead, error)
    return error
