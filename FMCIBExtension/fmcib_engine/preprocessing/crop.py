"""What the recipes share: the crop around a seed, the box of voxels that it needs, padding to the patch's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import affine as plain
from ..affine import FloatArray
from ..errors import ImageError, SeedError
from ..geometry import PatientPoint, VoxelGrid
from ..volume import Volume
from .patch import PATCH_SIZE

IntArray = NDArray[np.int64]

_EDGE = 1e-6  # voxels: as near to an edge, the last digits of a seed decide which voxel is its own


@dataclass(frozen=True)
class Crop:
    """The part [start, stop) of a resampled grid that upstream's recipes keep: clamped to the grid."""

    target: VoxelGrid
    start: IntArray
    stop: IntArray
    centre: IntArray
    """The seed's voxel."""
    on_edge: bool
    """Whether the seed lies within 1e-6 of a voxel of where another voxel would be its own."""

    @classmethod
    def around(cls, seed: PatientPoint, source: VoxelGrid, target: VoxelGrid) -> Crop:
        """`[c - 25, c + 25)` clamped to the target grid, with c the seed's index there **truncated towards zero**.

        Truncation is upstream's (`fmcib/preprocessing/seed_based_crop.py`, `int(x)`), so the seed lies up to 1.5 mm
        beyond the patch's centre. A seed on a voxel's very edge, where its index is a whole number, is where a last
        bit decides over a millimetre. The index is computed in plain arithmetic (`affine`), and is then

        * of an upright scan taken as it is: upstream's arithmetic gives the same bits there, on every processor;
        * of any other scan a whole number if it is one but for 1e-9, and that is the seed's voxel. Upstream gives it or
          its neighbour, as its rounding errors fall.

        Raises:
            SeedError: nothing of the grid is nearer than 25 mm to the seed.
        """
        index = target.to_index(seed)
        if not source.is_upright:
            index = plain.settled(index)
        edge = np.rint(index)
        on_edge = bool(((np.abs(index - edge) <= _EDGE) & (edge != 0)).any())  # -0.9 and 0.9 are both truncated to 0
        centre = np.trunc(index).astype(np.int64)
        half = PATCH_SIZE // 2
        start = np.maximum(centre - half, 0)
        stop = np.minimum(centre + half, target.size)
        if (start >= stop).any():
            msg = (
                f"No voxel centre of the scan lies within {half} mm of the seed {seed} along every axis. Move the seed."
            )
            raise SeedError(msg)
        return cls(target, start, stop, centre, on_edge)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape [k, j, i] of the cropped array."""
        k, j, i = (int(n) for n in (self.stop - self.start)[::-1])
        return k, j, i

    def index_map(self, source: VoxelGrid) -> FloatArray:
        """4x4 that maps the index (i, j, k) inside the crop to the continuous index in `source`."""
        matrix = plain.product(source.inverse, self.target.affine)
        matrix[:3, 3] = plain.moved(matrix, self.start)
        return matrix


@dataclass(frozen=True)
class Box:
    """The voxels of the scan that a crop needs, and the map into them."""

    array: NDArray[Any]
    start: IntArray
    """Index (i, j, k) of its first voxel in the scan."""
    matrix: FloatArray
    """3x3, from the crop's index [k, j, i] to the box's index [k, j, i]."""
    offset: FloatArray
    touches_border: bool
    """Whether the crop reaches beyond the centres of the scan's border voxels."""
    fault_distance_mm: float | None
    """From its slices to the nearest that cannot be trusted; None where all can."""
    padding: NDArray[np.bool_] | None = None
    """Which of its voxels the scan declares as no part of it, [k, j, i]; None where it has none."""


def read_box(volume: Volume, crop: Crop) -> Box:
    """Read from the scan the smallest box that linear interpolation of the crop needs, in one access.

    Raises:
        ImageError: a scan of a single slice.
        SeriesError: the 50 mm cube, of which the crop may be a part, touches a fault of the scan.
    """
    if min(volume.grid.size) == 1:
        msg = (
            f"A patch needs a scan of at least two slices, this one has {volume.grid.size} voxels (i, j, k). "
            "Give the whole scan."
        )
        raise ImageError(msg)
    index_map = crop.index_map(volume.grid)
    size = np.array(volume.grid.size)
    low, high = _extent(index_map, np.zeros(3, dtype=np.int64), crop.stop - crop.start)
    start = np.clip(np.floor(low - 1e-6).astype(np.int64), 0, size - 1)
    stop = np.clip(np.ceil(high + 1e-6).astype(np.int64) + 1, start + 1, size)
    half = PATCH_SIZE // 2
    below, above = _extent(index_map, crop.centre - half - crop.start, crop.centre + half - crop.start)
    fault_distance_mm = volume.fault_distance(math.floor(below[2] - 1e-6), math.ceil(above[2] + 1e-6))
    return Box(
        array=volume.read_box(start, stop),
        start=start,
        matrix=index_map[:3, :3][::-1, ::-1],
        offset=(index_map[:3, 3] - start)[::-1],
        touches_border=bool((low < -1e-6).any() or (high > size - 1 + 1e-6).any()),
        fault_distance_mm=fault_distance_mm,
        padding=volume.read_padding(start, stop),
    )


def _extent(index_map: FloatArray, start: IntArray, stop: IntArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest index (i, j, k) in the scan of the crop's voxels [start, stop)."""
    ends = np.array(np.meshgrid(*zip(start, stop - 1, strict=True), indexing="ij")).reshape(3, -1).T
    corners = plain.moved(index_map, ends)
    return corners.min(axis=0), corners.max(axis=0)


def pad_to_patch(array: NDArray[Any]) -> tuple[NDArray[Any], IntArray]:
    """Zeros around `array` [k, j, i] up to 50 voxels an axis, the odd one behind; and the count before, (i, j, k).

    As MONAI's `SpatialPad(method="symmetric")`.
    """
    missing = PATCH_SIZE - np.array(array.shape, dtype=np.int64)
    before = missing // 2
    padded = np.pad(array, [(int(b), int(m - b)) for b, m in zip(before, missing, strict=True)])
    return padded, before[::-1]


def shifted(grid: VoxelGrid, start: IntArray) -> VoxelGrid:
    """The patch-sized grid whose first voxel is the voxel `start` (i, j, k) of `grid`; `start` may be negative."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_patient(start)
    return VoxelGrid((PATCH_SIZE,) * 3, affine)
