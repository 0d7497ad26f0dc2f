"""Recipe `fmcib-yaml-v1`: upstream's training pipeline, for the replication of its experiments only.

Source: AIM-Harvard/foundation-cancer-image-biomarker, `fmcib/datasets/ssl_radiomics_dataset.py` with `orient: False`
and `resample_spacing: [1, 1, 1]`: SimpleITK resampling that keeps the scan's directions and its pixel type, the crop
around the truncated seed index, reorientation of the crop to LPS, scaling, and zero padding.

It differs from `fmcib-csv-v1`: the grid starts at the scan's first voxel, an oblique scan stays oblique, whole-number
voxels stay whole (ITK drops the fraction), and the half voxel outside the border voxels' centres is filled.

Whatever decides is made in plain arithmetic (`affine`), the same on every processor. Of a scan that is not upright it
is settled first, as in `fmcib-csv-v1`: the number of voxels, the seed's voxel (`Crop.around`), and whether a voxel is
inside. Of two axes of a scan that lean alike to a patient axis (by 45 degrees), the first is taken for it.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from .. import affine as plain
from ..affine import FloatArray
from ..geometry import PatientPoint, VoxelGrid
from ..volume import Volume
from .crop import Box, Crop, pad_to_patch, read_box, shifted
from .patch import HU_OF_ZERO, Patch, measure_quality, scaled

ID = "fmcib-yaml-v1"


def cut(volume: Volume, seed: PatientPoint) -> Patch:
    """The patch that upstream's `SSLRadiomicsDataset` gives for this scan and seed.

    Raises:
        SeedError: a seed outside the scan.
        ImageError: voxels of the patch that are not finite, a single slice, or slices that cannot be trusted.
    """
    volume.grid.require_inside(seed)
    crop = Crop.around(seed, volume.grid, resampled_grid(volume.grid))
    box = read_box(volume, crop)
    values, covered = _interpolate(volume.grid, crop, box)
    grid = shifted(crop.target, crop.start)
    array, covered, grid = _to_lps_order(values, covered, grid)
    array, before = pad_to_patch(scaled(array))
    covered, _ = pad_to_patch(covered)
    patch_grid = shifted(grid, -before)
    quality = measure_quality(
        array,
        covered,
        patch_grid=patch_grid,
        seed=seed,
        volume=volume,
        seed_on_voxel_edge=crop.on_edge,
        fault_distance_mm=box.fault_distance_mm,
    )
    return Patch(array, covered > 0, patch_grid, seed, ID, quality)


def resampled_grid(source: VoxelGrid) -> VoxelGrid:
    """The 1 mm grid with the scan's own origin and directions (upstream's `resample_image_to_spacing`)."""
    extent = source.spacing * source.size
    n_i, n_j, n_k = (max(round(float(mm)), 1) for mm in (extent if source.is_upright else plain.settled(extent)))
    return VoxelGrid.from_parts((n_i, n_j, n_k), origin=source.origin, spacing=(1, 1, 1), direction=source.direction)


def _interpolate(source: VoxelGrid, crop: Crop, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """As ITK's ResampleImageFilter: the border voxel reaches half a voxel outwards, -1024 HU beyond; the type is kept.

    Whole-number voxels lose their fraction at the end, so the last bit of an index can decide over 1 HU: the arithmetic
    follows ITK's step by step. (On an oblique scan ITK's rounding differs along a row; there 1 HU may remain.)

    Returns the values and the share of each that comes from the scan, both [k, j, i].
    """
    values = box.array.astype(np.float64)
    padding = None if box.padding is None else box.padding.astype(np.float64)
    inside = np.ones(crop.shape, dtype=bool)
    for axis in range(3):  # i, then j, then k, as ITK; the two grids share directions, so an index depends on one axis
        index = _index_in_source(source, crop, axis)
        values = _interpolate_along(values, index, int(box.start[axis]), 2 - axis)
        if padding is not None:
            padding = _interpolate_along(padding, index, int(box.start[axis]), 2 - axis)
        index = index if source.is_upright else plain.settled(index)
        within = (index >= -0.5) & (index < source.size[axis] - 0.5)
        inside &= np.expand_dims(within, tuple(d for d in range(3) if d != 2 - axis))
    values = np.where(inside, values, HU_OF_ZERO)
    return values.astype(box.array.dtype), inside * (1.0 - (0.0 if padding is None else padding))


def _index_in_source(source: VoxelGrid, crop: Crop, axis: int) -> FloatArray:
    """Continuous index in the scan, along one axis, of the crop's voxels: to millimetres and back, as ITK does it."""
    along = crop.target.direction[:, axis]
    back = source.direction[:, axis] / source.spacing[axis]

    def to_source(steps: FloatArray) -> FloatArray:
        millimetres = np.multiply.outer(steps, along) + source.origin - source.origin
        return plain.dot(millimetres, back)

    steps = np.arange(crop.start[axis], crop.stop[axis], dtype=np.float64)
    if axis > 0:
        return to_source(steps)
    length = float(crop.target.size[0])  # along a row ITK goes from the first index to the last in equal parts
    first, last = to_source(np.array([0.0, length]))
    index: FloatArray = first + steps / length * (last - first)
    return index


def _interpolate_along(array: FloatArray, index: FloatArray, box_start: int, axis: int) -> FloatArray:
    """Linear interpolation along one axis of a box that starts at `box_start`; the border voxel is continued."""
    last = array.shape[axis] - 1
    low = np.floor(index).astype(np.int64) - box_start
    share = np.where(low < 0, 0.0, index - np.floor(index))
    low = np.clip(low, 0, last)
    before, after = array.take(low, axis), array.take(np.minimum(low + 1, last), axis)
    share = np.expand_dims(share, tuple(d for d in range(3) if d != axis))
    with np.errstate(invalid="ignore"):  # infinite voxels: the patch refuses what comes of them
        values: FloatArray = before + (after - before) * share
    return values


def _to_lps_order(array: np.ndarray, covered: np.ndarray, grid: VoxelGrid) -> tuple[np.ndarray, np.ndarray, VoxelGrid]:
    """Permute and flip, without interpolation, until each axis points to the patient axis nearest to it (L, P, S)."""
    axis_of = _nearest_axes(grid)
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, axis_of]
    order = [2 - axis_of[2 - dimension] for dimension in range(3)]  # the same permutation in [k, j, i]
    array, covered = array.transpose(order), covered.transpose(order)
    for axis in range(3):
        if affine[axis, axis] < 0:
            count = array.shape[2 - axis]
            affine[:3, 3] += (count - 1) * affine[:3, axis]
            affine[:3, axis] *= -1
            array, covered = np.flip(array, 2 - axis), np.flip(covered, 2 - axis)
    return array, covered, VoxelGrid(grid.size, affine)


def _nearest_axes(grid: VoxelGrid) -> list[int]:
    """For each patient axis (x, y, z) the index axis nearest to it, none for two; of equal choices the first."""
    x, y, z = np.abs(grid.direction).round(9).tolist()
    orders = list(permutations(range(3)))
    nearness = [round(x[i] + y[j] + z[k], 9) for i, j, k in orders]
    return list(orders[nearness.index(max(nearness))])
