"""MHub's JSON of centroids: `coordX, coordY, coordZ` in LPS mm (as ITK computes them), of one ROI or of a list."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .points import MarkedPoint

_COORDINATES = ("coordX", "coordY", "coordZ")
_LABEL = "Mhub ROI"
_FARTHEST = 1e300  # of a whole number, which may be larger than any float


def is_centroids(content: object) -> bool:
    """Whether what a JSON file holds is such, right or wrong in its numbers."""
    items = content if isinstance(content, list) else [content]
    return bool(items) and all(isinstance(item, dict) and "coordX" in item for item in items)


def points_of(content: object) -> list[MarkedPoint]:
    """The centroids, each as a point; a single one has no label."""
    items: list[Any] = content if isinstance(content, list) else [content]
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
