"""One row of a seed table -> LesionSeed. What cannot be understood becomes the seed's `problem`, never a guess."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from ..geometry import Frame
from .lesion import LesionSeed

COORDINATES = ("coordX", "coordY", "coordZ")
DIAMETER = "lesion_diameter_mm"
OPTIONAL = ("lesion_id", DIAMETER, "series_uid", "time_point")

Row = Mapping[str | None, str | list[str] | None]
"""As `csv.DictReader` gives it: None is the name of the cells beyond the header's."""

Commas = Literal["separate", "decimal", "mixed"]
"""What commas in a table are: between its cells; before decimals; or in some rows, where others have points."""

_Value = TypeVar("_Value")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_NO_COMMAS: Mapping[Commas, str] = {
    "separate": "; in a table separated by commas, decimals have points",
    "mixed": "; other rows of this table have decimal points, so a comma could mean anything",
    "decimal": "",
}


@dataclass(frozen=True)
class RowFormat:
    """What all rows of one table share."""

    folder: Path
    """To which the paths of the scans are relative."""
    image_column: str
    frame: Frame
    extras: tuple[str, ...]
    """The user's own columns."""
    commas: Commas

    def parse(self, row: Row, number: int) -> LesionSeed:
        """The seed of one row; `number` counts from 1."""
        cells = {name: str(row.get(name) or "").strip() for name in (self.image_column, *COORDINATES, *OPTIONAL)}
        problems: list[str] = []
        if any(cell.strip() for cell in row.get(None) or ()):
            problems.append("it has more cells than the header")
        image = cells[self.image_column]
        if not image:
            problems.append(f"{self.image_column} is empty")
        if "\0" in image:
            problems.append(f"{self.image_column} holds a character that no path has")
            image = ""
        x, y, z = (_attempt(self._number, cells[name], name, problems) for name in COORDINATES)
        diameter = _attempt(self._diameter, cells[DIAMETER], DIAMETER, problems) if cells[DIAMETER] else None
        time_point = _attempt(_whole, cells["time_point"], "time_point", problems) if cells["time_point"] else None
        return LesionSeed(
            row=number,
            lesion_id=cells["lesion_id"] or str(number),
            image=self.folder / image if image else Path(),
            coordinates=(math.nan,) * 3 if x is None or y is None or z is None else (x, y, z),
            frame=self.frame,
            diameter_mm=diameter,
            series_uid=cells["series_uid"],
            time_point=time_point,
            extras={name: str(row.get(name) or "") for name in self.extras},
            problem=f"Row {number} of the seed table: {'; '.join(problems)}. Correct the row." if problems else "",
        )

    def _number(self, text: str, column: str) -> float:
        plain = text.replace(",", ".") if self.commas == "decimal" else text
        value = float(plain) if _NUMBER.fullmatch(plain) else math.nan
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
