"""One row of a seed table -> LesionSeed. What cannot be understood becomes the seed's `problem`, never a guess."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from ..texts import finite_number
from .columns import Columns
from .lesion import LesionSeed

Row = Mapping[str | None, str | list[str] | None]
"""As `csv.DictReader` gives it: None is the name of the cells beyond the header's."""

Commas = Literal["separate", "decimal", "mixed"]
"""What commas in a table are: between its cells; before decimals; or in some rows, where others have points."""

_Value = TypeVar("_Value")

_OPTIONS = ("lesion_id", "lesion_diameter_mm", "time_point")
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_NO_COMMAS: Mapping[Commas, str] = {
    "separate": "; in a table separated by commas, decimals have points",
    "mixed": "; other rows of this table have decimal points, so a comma could mean anything",
    "decimal": "",
}


@dataclass(frozen=True)
class RowFormat:
    """What all rows of one table share."""

    columns: Columns
    scan_of: Callable[[Row], tuple[Path, str]]
    """The scan of a row, and which of its series; a ValueError says why there is none."""
    commas: Commas
    time_point: int | None = None
    """Of all rows, where the table has no such column."""

    def parse(self, row: Row, number: int) -> LesionSeed:
        """The seed of one row; `number` counts from 1."""
        columns = self.columns
        problems: list[str] = []
        if any(cell.strip() for cell in row.get(None) or ()):
            problems.append("it has more cells than the header")
        try:
            image, series_uid = self.scan_of(row)
        except ValueError as error:
            image, series_uid = Path(), cell_of(row, columns.series)
            problems.append(f"{columns.image or columns.series} {error}")
        x, y, z = (_attempt(self._number, cell_of(row, name), name, problems) for name in columns.coordinates)
        told = {name: (cell_of(row, columns.options.get(name, "")), columns.options.get(name, "")) for name in _OPTIONS}
        diameter = (
            _attempt(self._diameter, *told["lesion_diameter_mm"], problems) if told["lesion_diameter_mm"][0] else None
        )
        time_point = _attempt(_whole, *told["time_point"], problems) if told["time_point"][0] else self.time_point
        return LesionSeed(
            row=number,
            lesion_id=told["lesion_id"][0] or str(number),
            image=image,
            coordinates=(math.nan,) * 3 if x is None or y is None or z is None else (x, y, z),
            frame=columns.frame,
            diameter_mm=diameter,
            series_uid=series_uid,
            time_point=time_point,
            extras={name: str(row.get(name) or "") for name in columns.extras},
            problem=f"Row {number} of the seed table: {'; '.join(problems)}. Correct the row." if problems else "",
        )

    def _number(self, text: str, column: str) -> float:
        plain = text.replace(",", ".") if self.commas == "decimal" else text
        value = finite_number(plain)
        if not math.isfinite(value):
            reason = _NO_COMMAS[self.commas] if "," in text else ""
            msg = (
                f"{column} should be a number in millimetres (or an index) with a decimal point, "
                f"got {text[:40]!r}{reason}"
            )
            raise ValueError(msg)
        return value

    def _diameter(self, text: str, column: str) -> float:
        value = self._number(text, column)
        if value <= 0:
            msg = f"{column} should be more than 0, got {text[:40]!r}"
            raise ValueError(msg)
        return value


def cell_of(row: Row, name: str) -> str:
    """A cell without the blanks around it; empty where there is no such column."""
    return str(row.get(name) or "").strip() if name else ""


def _whole(text: str, column: str) -> int:
    if not _WHOLE.fullmatch(text):
        msg = f"{column} should be a whole number from 0, got {text[:40]!r}"
        raise ValueError(msg)
    return int(text)


def _attempt(parse: Callable[[str, str], _Value], text: str, column: str, problems: list[str]) -> _Value | None:
    """What `parse` makes of a cell; or nothing, and why, in `problems`."""
    try:
        return parse(text, column)
    except ValueError as error:
        problems.append(str(error))
        return None
