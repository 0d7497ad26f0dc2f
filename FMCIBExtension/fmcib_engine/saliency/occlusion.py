"""Occlusion sensitivity: how far the target falls when a cube is filled with air (Zeiler and Fergus 2014).

It needs no gradients, and its unit is the target's own. A voxel's value is the mean over the cubes that hold it. Air in
the midst of tissue is an edge that no patient has, and part of what is measured.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from .scorer import Array, Scorer

_AIR = np.float32(0.0)


class Occlusion:
    """Score of the patch minus that of the occluded one, signed; 0 where no cube has been yet.

    Args:
        scorer: the target.
        patch: as fed.
        edge: of the cubes, voxels.
        step: from one cube to the next, voxels; the last one ends at the patch's edge. Those that do not overlap come
            first.
    """

    def __init__(self, scorer: Scorer, patch: Array, *, edge: int, step: int) -> None:
        self._scorer, self._patch, self._edge = scorer, patch, edge
        axes = [starts(length, edge, step) for length in patch.shape]
        first = [{*starts(length, edge, max(edge // step, 1) * step)} for length in patch.shape]
        corners = list(product(*axes))
        corners.sort(key=lambda corner: not all(place in some for place, some in zip(corner, first, strict=True)))
        self._corners = corners
        self.total = len(corners)
        self._sum = np.zeros(patch.shape, np.float64)
        self._count = np.zeros(patch.shape, np.int64)

    def add(self, first: int, count: int) -> None:
        boxes = [tuple(slice(a, a + self._edge) for a in corner) for corner in self._corners[first : first + count]]
        occluded = np.repeat(self._patch[None], count, axis=0)
        for one, box in zip(occluded, boxes, strict=True):
            one[box] = _AIR
        for fall, box in zip(self._scorer.value - self._scorer.scores(occluded), boxes, strict=True):
            self._sum[box] += fall
            self._count[box] += 1

    def map(self) -> Array:
        return np.asarray(self._sum / np.maximum(self._count, 1), np.float32)

    def measured(self) -> dict[str, float]:
        return {}


def starts(length: int, edge: int, step: int) -> list[int]:
    """Where cubes begin along an axis, so that they cover it.

    >>> starts(50, 12, 12)
    [0, 12, 24, 36, 38]
    """
    last = length - edge
    return [*range(0, last, step), last]
