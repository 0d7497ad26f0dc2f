"""Recipe `fmcib-csv-v1`: what upstream's public pipeline feeds its network, and our reference.

Source: AIM-Harvard/foundation-cancer-image-biomarker at 1f1c0c8 (earlier versions scale otherwise),
`fmcib/preprocessing/__init__.py` and `seed_based_crop.py`, which chain MONAI's NormalizeIntensity, Spacing,
Orientation, the seed crop, and SpatialPad over the whole scan. Here the same numbers are computed for the voxels of the
patch alone.

Upstream's matrices are products by BLAS and LAPACK, whose last bits hang on the processor. Ours are made in plain
arithmetic (`affine`) and are the same everywhere. For an **upright** scan, whose axes are the patient's, they are
upstream's to the last bit, since a processor has nothing to choose there: the operations are repeated one by one. For
any **other** scan the last bits of upstream's are an accident; ours are settled first, that is a number that is a whole
or a half but for 1e-9 is taken as such, before it decides: a spacing that is kept or not, the number of voxels (halves
go to the even number, as upstream's), and the voxel of a seed (`Crop.around`). Where no rounding error decides,
both are upstream's answer.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .. import affine as plain
from ..affine import FloatArray
from ..geometry import PatientPoint, VoxelGrid
from ..volume import Volume
from .crop import Box, Crop, pad_to_patch, read_box, shifted
from .patch import Patch, measure_quality, scaled

ID = "fmcib-csv-v1"

_AFFINE_TOLERANCE = (
    1e-3  # MONAI's AFFINE_TOL: a spacing this near to 1 mm, or an affine this near to the target, is kept
)
_CORNER_TOLERANCE = 1e-8  # mm, of numpy's allclose in MONAI's compute_shape_offset


def cut(volume: Volume, seed: PatientPoint) -> Patch:
    """The patch that upstream's `preprocess` gives for this scan and seed.

    Raises:
        SeedError: a seed outside the scan.
        ImageError: voxels of the patch that are not finite, a single slice, or slices that cannot be trusted.
    """
    volume.grid.require_inside(seed)
    crop = Crop.around(seed, volume.grid, resampled_grid(volume.grid))
    box = read_box(volume, crop)
    values, covered = interpolate(box, crop.shape)
    return as_patch(volume, seed, crop, values, covered, box.fault_distance_mm)


def as_patch(
    volume: Volume,
    seed: PatientPoint,
    crop: Crop,
    values: np.ndarray,
    covered: np.ndarray,
    fault_distance_mm: float | None,
) -> Patch:
    """The patch of what was interpolated for a crop: padded, placed, and with the facts about it.

    Args:
        volume: the scan.
        seed: LPS mm.
        crop: around the seed.
        values: (HU + 1024) / 3072, float32, of the crop's shape [k, j, i].
        covered: same shape; the share of each voxel that comes from the scan.
        fault_distance_mm: from the slices that were read to the scan's nearest fault.

    Raises:
        ImageError: values that are not finite.
    """
    array, before = pad_to_patch(values)
    padded_cover, _ = pad_to_patch(covered)
    patch_grid = shifted(crop.target, crop.start - before)
    quality = measure_quality(
        array,
        padded_cover,
        patch_grid=patch_grid,
        seed=seed,
        volume=volume,
        seed_on_voxel_edge=crop.on_edge,
        fault_distance_mm=fault_distance_mm,
    )
    return Patch(array, padded_cover > 0, patch_grid, seed, ID, quality)


def resampled_grid(source: VoxelGrid) -> VoxelGrid:
    """The 1 mm grid on which upstream resamples the whole scan, after its reorientation to LPS.

    It is aligned with the patient's axes. Where it starts decides the numbers; MONAI chooses
    (`monai.data.utils.compute_shape_offset` with `scale_extent=False`): at the corner voxel that is smallest in R, A
    and S at once, whatever the storage order; a scan without such a corner (an oblique one) is centred instead.
    """
    affine, size = _without_noise(source), np.array(source.size)
    target = np.diag([*_steps(source), 1.0])
    ends = np.array(np.meshgrid(*[(0.0, n - 1.0) for n in size], indexing="ij")).reshape(3, -1).T
    on_target = plain.moved(affine * (1.0 / np.diag(target))[:, np.newaxis], ends)
    extent = np.ptp(on_target, axis=0) + 1.0
    size_out = np.rint(extent if source.is_upright else plain.settled(extent)).astype(int)
    smallest = (on_target - on_target.min(axis=0) <= _CORNER_TOLERANCE).all(axis=1)
    if smallest.any():
        target[:3, 3] = plain.moved(affine, ends[np.argmax(smallest)])
    else:
        target[:3, 3] = plain.moved(affine, size / 2) - np.diag(target)[:3] * (size_out / 2)

    if np.array_equal(size_out, size) and _is_unchanged(affine, target):
        target = affine
    elif source.is_upright:
        target = _there_and_back(affine, target)
    return _to_lps_order(target, size_out)


def _without_noise(source: VoxelGrid) -> FloatArray:
    """The 4x4 to RAS mm; of an upright scan, without what its axes lean by rounding errors."""
    affine = source.ras_affine
    if source.is_upright:
        steps = affine[:3, :3]
        steps[np.abs(steps) < np.abs(steps).max(axis=0)] = 0.0
    return affine


def _steps(source: VoxelGrid) -> FloatArray:
    """The target's voxels along R, A, S in mm: 1, or the spacing of i, j, k where that is 1 but for 0.001."""
    slack = _AFFINE_TOLERANCE + (0.0 if source.is_upright else plain.NOISE)
    near_one = (source.spacing >= 1.0 - slack) & (source.spacing <= 1.0 + slack)
    return np.where(near_one, source.spacing, 1.0)


def _is_unchanged(affine: FloatArray, target: FloatArray) -> bool:
    """Whether MONAI's `spatial_resample` returns the scan as it is, on its own grid."""
    return bool(
        np.allclose(affine, target, atol=_AFFINE_TOLERANCE)
        or np.allclose(plain.product(plain.inverse(affine), target), np.eye(4), atol=_AFFINE_TOLERANCE)
    )


def _there_and_back(affine: FloatArray, target: FloatArray) -> FloatArray:
    """`affine @ solve(affine, target)` of an upright scan, which MONAI keeps instead of the target, rounding and all.

    Its last bits decide how a seed on a voxel's edge is truncated. To solve is to multiply by reciprocals, as OpenBLAS
    does for every processor.
    """
    steps, origin = affine[:3, :3].sum(axis=1), affine[:3, 3]  # each row has one number that is not 0
    kept = np.diag([*(steps * (np.diag(target)[:3] * (1.0 / steps))), 1.0])
    kept[:3, 3] = steps * ((target[:3, 3] - origin) * (1.0 / steps)) + origin
    return kept


def _to_lps_order(ras_affine: FloatArray, size: np.ndarray) -> VoxelGrid:
    """The same voxels counted from the other end of the first two axes: R, A, S steps become L, P, S steps."""
    reverse = np.diag([-1.0, -1.0, 1.0, 1.0])
    reverse[:2, 3] = size[:2] - 1.0
    n_i, n_j, n_k = (int(n) for n in size)
    return VoxelGrid.from_ras_affine((n_i, n_j, n_k), plain.product(ras_affine, reverse))


def interpolate(box: Box, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation with zeros outside the scan, in the order of upstream: first scale, then interpolate.

    Returns the values (float32, [k, j, i]) and the share of each that comes from the scan.
    """
    values = _sample(scaled(box.array).astype(np.float64), box, shape).astype(np.float32)
    if not box.touches_border and box.padding is None:
        return values, np.ones(shape)
    scanned = np.ones(box.array.shape) if box.padding is None else (~box.padding).astype(np.float64)
    return values, np.clip(_sample(scanned, box, shape), 0.0, 1.0)


def _sample(array: FloatArray, box: Box, shape: tuple[int, int, int]) -> FloatArray:
    """`grid-constant` fades to 0 within one voxel beyond the border, as torch's `grid_sample(padding_mode="zeros")`."""
    result: FloatArray = ndimage.affine_transform(
        array, box.matrix, box.offset, output_shape=shape, order=1, mode="grid-constant", cval=0.0, prefilter=False
    )
    return result
