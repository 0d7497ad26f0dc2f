"""Which columns of a table mean what, as people and programs spell them.

The frame of coordinates is never guessed: `coordX, coordY, coordZ` are in the frame that the user names, LPS if none;
`r, a, s` and `l, p, s` (Slicer's export of points) and `i, j, k` name it themselves; `x, y, z` are read where the user
names it, and else refused. A column `frame` that says lps, ras or ijk is the user's word, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import NamesScansError, TableError
from ..geometry import Frame

COORDINATES = ("coordX", "coordY", "coordZ")
_XYZ = ("x", "y", "z")
_UNIT = "mm"
_FRAME_COLUMNS = ("frame", "coordinatesystem", "coordinateframe")
_FRAME_OF: dict[tuple[str, str, str], Frame] = {("r", "a", "s"): "ras", ("l", "p", "s"): "lps", ("i", "j", "k"): "ijk"}
_OPTIONAL = {
    "lesion_id": ("lesionid",),
    "lesion_diameter_mm": ("lesiondiametermm", "diametermm"),
    "time_point": ("timepoint",),
}
_SERIES = ("seriesuid", "seriesinstanceuid")
_OF_POINTS = {"lesion_id": "label", "is_placed": "defined", "is_selected": "selected"}
_SHOWN_ONLY = ("visible", "locked")


@dataclass(frozen=True)
class Columns:
    """The names of a table's columns by what they mean; empty where there is none."""

    coordinates: tuple[str, str, str]
    frame: Frame
    is_frame_told: bool = False
    """Whether the columns' names or the user told the frame."""
    frame_column: str = ""
    """A column of the user's that may tell it."""
    image: str = ""
    series: str = ""
    """Of the series UID; where `image` is empty, scans are looked for by it."""
    options: dict[str, str] = field(default_factory=dict)
    """By `lesion_id`, `lesion_diameter_mm`, `time_point`, `is_placed` and `is_selected`."""
    extras: tuple[str, ...] = ()
    """The user's own, and the series UID by which scans were found."""


def understand(path: Path, names: Sequence[str], *, image_column: str, frame: Frame | None, has_scan: bool) -> Columns:
    """What the columns of the table at `path` mean; `has_scan`: whether the user gave the scan beside the table.

    Raises:
        TableError: a column is missing or there twice, or says something else than the user.
    """
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        msg = f"The seed table {path.name} has the column {', '.join(twice)} more than once. Remove all but one."
        raise TableError(msg)
    coordinates, named = _coordinates(names, has_frame=frame is not None)
    image = _named(names, image_column, (_normal(image_column),))
    series = _named(names, "series_uid", () if image else _SERIES)
    missing = [*(() if image or series or has_scan else (image_column,)), *(() if coordinates else COORDINATES)]
    if missing or coordinates is None:
        raise _lacking(path, names, image_column, [name for name in missing if name not in names])
    if named and frame and named != frame:
        told = f"The columns {', '.join(coordinates)} of {path.name}"
        msg = f"{told} say the frame {named}, not {frame}. Leave the frame out (--frame)."
        raise TableError(msg)
    if image and has_scan:
        told = f"The seed table {path.name} names its scans in the column {image}"
        msg = f"{told}. Give no other (--image), or remove the column."
        raise NamesScansError(msg)
    options = {meaning: _named(names, meaning, spellings) for meaning, spellings in _OPTIONAL.items()}
    shown_only: tuple[str, ...] = ()
    if named in {"ras", "lps"}:
        shown_only = _SHOWN_ONLY
        options |= {meaning: found for meaning, name in _OF_POINTS.items() if (found := _named(names, name, (name,)))}
    options = {meaning: name for meaning, name in options.items() if name}
    used = {image, *coordinates, *options.values(), *shown_only, series if image else ""}
    return Columns(
        coordinates,
        named or frame or "lps",
        is_frame_told=bool(named or frame),
        frame_column=_named(names, "frame", _FRAME_COLUMNS),
        image=image,
        series=series,
        options=options,
        extras=tuple(n for n in names if n and n not in used),
    )


def _coordinates(names: Sequence[str], *, has_frame: bool) -> tuple[tuple[str, str, str] | None, Frame | None]:
    """The three columns, and the frame that they name; `has_frame`: whether the user names it."""
    without = (COORDINATES, _XYZ) if has_frame else (COORDINATES,)
    for wanted, frame in (*((names_of, None) for names_of in without), *_FRAME_OF.items()):
        x, y, z = (_named(names, name, (name.lower(), f"{name.lower()}{_UNIT}")) for name in wanted)
        if x and y and z:
            return (x, y, z), frame
    return None, None


def _named(names: Sequence[str], exactly: str, spellings: Sequence[str]) -> str:
    """The column of that name, else the only one that is spelled alike; empty if there is none."""
    if exactly in names:
        return exactly
    alike = [name for name in names if name and _normal(name) in spellings]
    return alike[0] if len(alike) == 1 else ""


def _normal(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _lacking(path: Path, names: Sequence[str], image_column: str, missing: Sequence[str]) -> TableError:
    wanted = ", ".join((image_column, *COORDINATES))
    advice = "Rename them, or name the column of the scans (--image-column), or give the scan of all rows (--image)."
    if {"x", "y", "z"} <= {name.lower() for name in names}:
        advice = "Its x, y, z do not say their frame: name them coordX, coordY, coordZ (LPS mm), or say it (--frame)."
    return TableError(
        f"The seed table {path.name} needs the columns {wanted}, separated by commas, semicolons or tabs; it lacks "
        f"{', '.join(missing)} and has {', '.join(names)[:200] or 'none'}. {advice}"
    )
