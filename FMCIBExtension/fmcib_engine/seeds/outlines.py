"""Closed outlines in the slices of a scan -> the voxels whose centres lie inside.

Outlines of one slice are taken together by the rule of even and odd: what lies inside two of them lies outside (XOR),
and the two ways along the bridge of a keyhole undo each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..affine import FloatArray, moved, settled
from ..errors import SeedError
from ..geometry import VoxelGrid

_FLAT = 0.1  # of the distance between slices: how far the points of one outline may lie from its plane
_SAME_PLANE = 0.01
_HALF = 0.5


def voxels_inside(outlines: Sequence[FloatArray], grid: VoxelGrid) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Indices (i, j, k) of the voxels whose centres lie inside, shape (n, 3), and sentences about doubts.

    Each slice takes the outlines of the plane nearest to it, if that is no farther than half a step.

    Args:
        outlines: of at least three points each, LPS mm, shape (n, 3).
        grid: of the scan.

    Raises:
        SeedError: an outline that does not lie in the plane of a slice.
    """
    planes: list[tuple[float, list[FloatArray]]] = []
    for outline in sorted((settled(moved(grid.inverse, points)) for points in outlines), key=_height):
        height = _height(outline)
        if np.abs(outline[:, 2] - height).max() > _FLAT:
            msg = "an outline does not lie in the plane of the scan's slices: it was drawn on another scan or plane"
            raise SeedError(msg)
        if planes and height - planes[-1][0] <= _SAME_PLANE:
            planes[-1][1].append(outline)
        else:
            planes.append((height, [outline]))
    heights = settled([height for height, _ in planes])
    found = [np.empty((0, 3), dtype=np.int64)]
    used = set()
    for k in range(max(0, round(heights[0]) - 1), min(grid.size[2], round(heights[-1]) + 2)):
        nearest = int(np.abs(heights - k).argmin())
        if -_HALF <= heights[nearest] - k < _HALF:  # a plane halfway between two slices is one slice's
            used.add(nearest)
            found.append(_inside(planes[nearest][1], k, grid.size))
    return np.concatenate(found), _doubts(heights, len(used))


def _height(outline: FloatArray) -> float:
    return float(np.median(outline[:, 2]))


def _inside(outlines: Sequence[FloatArray], k: int, size: tuple[int, int, int]) -> NDArray[np.int64]:
    """The voxels of one slice: a row is crossed from left to right, and each edge on the way changes in and out."""
    every = np.concatenate(outlines)[:, :2]
    left, low = np.clip(np.floor(every.min(axis=0)), 0, size[:2]).astype(int)
    right, high = np.clip(np.ceil(every.max(axis=0)) + 1, 0, size[:2]).astype(int)
    crossings = np.zeros((high - low, right - left + 1), dtype=np.int32)
    for outline in outlines:
        j, x = _crossed(outline[:, :2], low, high)
        np.add.at(crossings, (j - low, np.clip(np.ceil(x), left, right).astype(int) - left), 1)
    j, i = np.nonzero(np.cumsum(crossings[:, :-1], axis=1) % 2)
    return np.column_stack([i + left, j + low, np.full(len(i), k)])


def _crossed(points: FloatArray, low: int, high: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Where the edges of an outline cross the rows low … high - 1 of voxel centres: j and x.

    An edge has its lower end, and not its upper one.

    Each edge is taken from that end up: the two ways along a bridge cross at the very same x.
    """
    ends = np.stack([points, np.roll(points, -1, axis=0)])
    upper = (ends[0, :, 1] < ends[1, :, 1]).astype(int)
    every = np.arange(len(points))
    (x0, y0), (x1, y1) = ends[1 - upper, every].T, ends[upper, every].T
    first, last = (np.clip(np.ceil(y), low, high).astype(np.int64) for y in (y0, y1))
    counts = last - first
    edge = np.repeat(every, counts)
    j = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    x = x0[edge] + (j - y0[edge]) * ((x1 - x0)[edge] / (y1 - y0)[edge])
    return j, settled(x)


def _doubts(heights: FloatArray, used: int) -> tuple[str, ...]:
    """What may not be meant: outlines that no slice takes, slices that have none between others."""
    found = []
    if used < len(heights):
        found.append(
            f"{len(heights) - used} of {len(heights)} planes with outlines have no slice of their own in the scan"
        )
    gaps = np.diff(heights)
    if len(gaps) and gaps.max() > 1.5:
        between = int(np.rint(gaps[gaps > 1.5] - 1).sum())
        found.append(f"{between} slices between outlines have none: nothing is filled in")
    return tuple(found)
