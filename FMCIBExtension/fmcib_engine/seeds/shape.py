"""A lesion that was outlined, voxel by voxel -> its seed, its longest diameter and its volume.

The seed is the centroid. Where that lies outside the lesion (a ring, a crescent), it is the inner voxel farthest from
the border; of several such voxels the one nearest to the centroid, then the one with the lowest x, y, z in LPS, so that
it does not hang on how the mask is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from ..affine import NOISE, FloatArray, lengths
from ..geometry import VoxelGrid

_TOUCHING = np.ones((3, 3, 3), dtype=bool)  # voxels that share a face, an edge or a corner
_MOST_COMPARED = 3000  # points of a hull whose distances are compared at once


@dataclass(frozen=True, eq=False)
class Mask:
    """The voxels of one lesion.

    Attributes:
        array: truth values [k, j, i], of a box of the grid.
        start: (i, j, k) of the box's first voxel in the grid.
        grid: where the voxels lie, LPS mm.
    """

    array: NDArray[np.bool_]
    start: NDArray[np.int64]
    grid: VoxelGrid

    @classmethod
    def of_indices(cls, indices: NDArray[np.int64], grid: VoxelGrid) -> Mask:
        """From the indices (i, j, k) of its voxels, shape (n, 3), with n of at least 1."""
        start = indices.min(axis=0)
        box = np.zeros((indices.max(axis=0) - start + 1)[::-1], dtype=bool)
        box[tuple((indices - start).T[::-1])] = True
        return cls(box, start, grid)

    @property
    def indices(self) -> NDArray[np.int64]:
        """(i, j, k) of its voxels in the grid, shape (n, 3)."""
        return np.argwhere(self.array)[:, ::-1] + self.start


@dataclass(frozen=True)
class Shape:
    """What is known of a lesion from its voxels."""

    seed: tuple[float, float, float]
    """LPS mm."""
    is_centroid: bool
    """Whether the seed is the centroid; else it is the innermost voxel."""
    diameter_mm: float
    """The longest distance between two points of the surface, which lies halfway between voxels inside and outside."""
    volume_mm3: float


def shape_of(mask: Mask) -> Shape:
    """Seed and size of a lesion that has at least one voxel."""
    indices = mask.indices
    centroid = indices.mean(axis=0)
    i, j, k = np.floor(centroid + 0.5).astype(int) - mask.start
    is_centroid = bool(mask.array[k, j, i])
    place = centroid if is_centroid else _innermost(mask, indices, centroid)
    x, y, z = mask.grid.to_patient(place)
    volume = len(indices) * abs(_voxel_mm3(mask.grid))
    return Shape((float(x), float(y), float(z)), is_centroid, _longest(mask), float(volume))


def parts_of(mask: Mask) -> Iterator[Mask]:
    """Its separate parts, the largest first; voxels that touch by a corner are together."""
    labels, count = ndimage.label(mask.array, structure=_TOUCHING)
    if count == 1:
        yield mask
        return
    sizes = np.bincount(labels.ravel())[1:]
    boxes = ndimage.find_objects(labels)
    parts = []
    for number in range(count):
        k, j, i = boxes[number]
        start = mask.start + np.array([i.start, j.start, k.start])
        part = Mask(labels[boxes[number]] == number + 1, start, mask.grid)
        parts.append((-int(sizes[number]), tuple(mask.grid.to_patient(part.indices.mean(axis=0))), part))
    for _, _, part in sorted(parts, key=lambda each: each[:2]):
        yield part


def count_parts(mask: Mask) -> int:
    """How many separate parts it has."""
    return int(ndimage.label(mask.array, structure=_TOUCHING)[1])


def _voxel_mm3(grid: VoxelGrid) -> float:
    from ..affine import triple

    return triple(grid.affine[:3, :3])


def _innermost(mask: Mask, indices: NDArray[np.int64], centroid: FloatArray) -> FloatArray:
    """The index of the voxel farthest from the border, in mm along the grid's axes."""
    depths = ndimage.distance_transform_edt(np.pad(mask.array, 1), sampling=mask.grid.spacing[::-1])[1:-1, 1:-1, 1:-1]
    deepest = indices[depths[mask.array] >= depths.max() - NOISE]
    points = mask.grid.to_patient(deepest)
    distances = np.round(lengths(points - mask.grid.to_patient(centroid)), 6)
    order = np.lexsort((*np.round(points, 6).T[::-1], distances))
    chosen: FloatArray = deepest[order[0]].astype(np.float64)
    return chosen


def _longest(mask: Mask) -> float:
    """In mm, between the two points of the surface that are farthest from each other."""
    points = mask.grid.to_patient(_surface(mask.array) + mask.start)
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:  # too flat for it: voxels of very unequal edges
        corners = points
    return max(
        _spread(corners[first : first + _MOST_COMPARED], corners) for first in range(0, len(corners), _MOST_COMPARED)
    )


def _spread(some: FloatArray, every: FloatArray) -> float:
    if len(every) <= _MOST_COMPARED:
        return float(pdist(every).max())
    return max(float(lengths(every - point).max()) for point in some)


def _surface(array: NDArray[np.bool_]) -> FloatArray:
    """The centres of the faces between inside and outside, as indices (i, j, k) of the box, shape (n, 3)."""
    found: list[NDArray[Any]] = []
    for axis in range(3):
        width = [(1, 1) if number == axis else (0, 0) for number in range(3)]
        faces = np.argwhere(np.diff(np.pad(array, width).astype(np.int8), axis=axis)).astype(np.float64)
        faces[:, axis] -= 0.5
        found.append(faces[:, ::-1])
    return np.concatenate(found)
