"""MHub's JSON of centroids: `coordX, coordY, coordZ` in LPS mm (as ITK computes them), of one ROI or of a list."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .points import MarkedPoint, content_of

_COORDINATES = ("coordX", "coordY", "coordZ")
_LABEL = "Mhub ROI"
_FARTHEST = 1e300  # of a whole number, which may be larger than any float


def read_centroids(path: Path) -> list[MarkedPoint] | None:
    """The centroids of a file, each as a point, right or wrong in its numbers; None where it holds something else.

    Raises:
        TableError: it is larger than any file of points.
    """
    try:
        content = json.loads(content_of(path))
    except (OSError, ValueError, RecursionError):
        return None
    items: list[Any] = content if isinstance(content, list) else [content]
    if not items or not all(isinstance(item, dict) and "coordX" in item for item in items):
        return None
    return [_point(item) for item in items]


def _point(item: Mapping[str, Any]) -> MarkedPoint:
    told: list[Any] = [item.get(name) for name in _COORDINATES]
    values = [float(value) for value in told if type(value) in {int, float} and abs(value) < _FARTHEST]
    is_sound = len(values) == 3 and all(map(math.isfinite, values))
    return MarkedPoint(
        label=str(item.get(_LABEL, "")),
        coordinates=(values[0], values[1], values[2]) if is_sound else (math.nan, math.nan, math.nan),
        frame="lps",
        problem="" if is_sound else f"coordX, coordY, coordZ should be three numbers, got {str(told)[:60]}",
    )
