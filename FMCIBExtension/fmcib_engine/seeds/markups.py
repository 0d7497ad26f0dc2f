"""Slicer's .mrk.json: lists of control points, and ROIs, each with its frame and unit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import TableError
from ..geometry import Frame
from .points import FRAMES, MarkedPoint, content_of

_FARTHEST = 1e300  # of a whole number, which may be larger than any float


def read_markups(path: Path) -> list[MarkedPoint]:
    """The points of all lists in a file, placed or not, and the centres of its ROIs.

    Raises:
        TableError: no such file, no markups, markups of another kind, or in another unit than mm.
    """
    try:
        lists = json.loads(content_of(path))["markups"]
        return [point for markups in lists for point in _points(path, markups, is_alone=len(lists) == 1)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        msg = f"{path.name} is no file of markups. Save the points in Slicer as .mrk.json."
        raise TableError(msg) from error


def _points(path: Path, markups: Mapping[str, Any], *, is_alone: bool) -> list[MarkedPoint]:
    """The points of one list; one of another kind beside others is a point with a problem, and stops none of them."""
    kind = str(markups.get("type", "Fiducial"))
    if kind not in {"Fiducial", "ROI"} and not is_alone:
        why = f"it stands for a list of the kind {kind[:40]!r}, where points or ROIs are wanted"
        frame = FRAMES.get(str(markups.get("coordinateSystem", "LPS")), "lps")
        return [MarkedPoint(str(markups.get("name", kind))[:80], (math.nan,) * 3, frame, problem=why)]
    if kind not in {"Fiducial", "ROI"}:
        told = f"Seeds are points or ROIs, {path.name} holds markups of the kind {kind[:40]!r}"
        msg = f"{told}. Place a point in each lesion."
        raise TableError(msg)
    frame = _frame(path, markups)
    points = markups.get("controlPoints") or []
    if kind == "ROI":
        coordinates, problem = _place(markups.get("center"))
        size = [float(edge) for edge in markups.get("size", ())]
        roi = MarkedPoint(
            label=str(points[0].get("label", "")) if points else "",
            coordinates=coordinates,
            frame=frame,
            is_placed="center" in markups and any(map(_is_placed, points)),
            diameter_mm=max(size, default=0.0) or None,
            problem=problem,
        )
        return [roi]
    return [_point(point, frame) for point in points]


def _point(point: Mapping[str, Any], frame: Frame) -> MarkedPoint:
    coordinates, problem = _place(point.get("position"))
    return MarkedPoint(
        label=str(point.get("label", "")),
        coordinates=coordinates,
        frame=frame,
        is_placed=_is_placed(point),
        is_selected=bool(point.get("selected", True)),
        problem=problem,
    )


def _frame(path: Path, markups: Mapping[str, Any]) -> Frame:
    """Of coordinates in mm. LPS where the file does not say, as Slicer has it."""
    told, unit = str(markups.get("coordinateSystem", "LPS")), markups.get("coordinateUnits", "mm")
    unit = unit[0] if isinstance(unit, list) and unit else unit  # with the coding scheme and the meaning after it
    if told not in FRAMES or unit not in {"mm", ""}:
        said = f"{told[:40]!r} in {str(unit)[:40]!r}"
        msg = f"The points of {path.name} should be LPS or RAS in mm, they are {said}. Save them so."
        raise TableError(msg)
    return FRAMES[told]


def _is_placed(point: Mapping[str, Any]) -> bool:
    is_told = point.get("position") is not None and point.get("position") != ""
    return is_told and point.get("positionStatus", "defined") == "defined"


def _place(position: Any) -> tuple[tuple[float, float, float], str]:  # noqa: ANN401 - whatever the file holds
    """Three numbers, or what is wrong with them."""
    is_list = isinstance(position, list) and len(position) == 3
    if is_list and all(type(value) in {int, float} and abs(value) < _FARTHEST for value in position):
        x, y, z = position
        return (float(x), float(y), float(z)), ""
    return (math.nan, math.nan, math.nan), f"its position should be three numbers, got {str(position)[:60]!r}"
