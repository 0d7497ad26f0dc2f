"""Slicer's .fcsv: a line for each point, and remarks that say of which version and in which frame they are.

Versions 4 and 5 have 14 or 16 columns and name the frame (`LPS`, `RAS`, or 1 and 0); Slicer 3 had six, in RAS, and no
version. Slicer 4 on Windows wrote labels in its own encoding.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from ..texts import decoded, finite_number
from .points import FRAMES, MarkedPoint, content_of

_SELECTED, _LABEL, _STATUS = 9, 11, 14
_SELECTED_3, _LABEL_3 = 4, 0
_PLACED = "2"  # 0: not placed, 1: only shown under the mouse


def read_fcsv(path: Path) -> list[MarkedPoint]:
    """The points of an .fcsv file, placed or not.

    Raises:
        TableError: no such file, no .fcsv, or a frame that is missing or not the patient's.
    """
    try:
        lines = decoded(content_of(path)).removeprefix("\ufeff").splitlines()
        rows = list(csv.reader(line for line in lines if line.strip() and not line.startswith("#")))
    except (OSError, csv.Error) as error:
        raise _no_points(path) from error
    remarks = dict(_remark(line) for line in lines if line.startswith("#"))
    if "Markups fiducial file version" in remarks:
        frame = _frame(path, remarks)
        return [_point(row, frame, _SELECTED, _LABEL) for row in rows]
    if (
        any(name.startswith("Fiducial List file") for name in remarks)
        or remarks.get("columns") == "label,x,y,z,sel,vis"
    ):
        return [_point(row, "ras", _SELECTED_3, _LABEL_3) for row in rows]
    raise _no_points(path)


def _remark(line: str) -> tuple[str, str]:
    name, _, value = line[1:].partition("=")
    return name.strip(), value.strip()


def _frame(path: Path, remarks: Mapping[str, str]) -> Frame:
    told = remarks.get("CoordinateSystem", "missing")
    if told not in FRAMES:
        msg = (
            f"The points of {path.name} need a frame that is LPS or RAS; its line CoordinateSystem is {told[:40]!r}. "
            "Save the points again in Slicer."
        )
        raise TableError(msg)
    return FRAMES[told]


def _point(row: Sequence[str], frame: Frame, selected: int, label: int) -> MarkedPoint:
    cells = [cell.strip() for cell in row]
    values = [finite_number(cell) for cell in cells[1:4]]
    values += [math.nan] * (3 - len(values))
    is_numbers = all(map(math.isfinite, values))
    return MarkedPoint(
        label=cells[label] if len(cells) > label else "",
        coordinates=(values[0], values[1], values[2]),
        frame=frame,
        is_placed=len(cells) <= _STATUS or cells[_STATUS] in {_PLACED, ""},
        is_selected=len(cells) <= selected or not re.fullmatch("0|false", cells[selected], re.IGNORECASE),
        problem="" if is_numbers else f"its coordinates should be three numbers, got {','.join(cells[1:4])[:60]!r}",
    )


def _no_points(path: Path) -> TableError:
    return TableError(
        f"{path.name} is no list of points: it should be there, and begin with Slicer's line "
        "'# Markups fiducial file version'. Save the points in Slicer as .mrk.json."
    )
