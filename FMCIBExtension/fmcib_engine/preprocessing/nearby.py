"""The patches of many seeds that lie near each other: what they share of the scan is interpolated once.

All patches of `fmcib-csv-v1` are cut from one grid of 1 mm, so those around one lesion overlap. The numbers are those
of `cut` but for the last bits of an interpolation (a float32 or two), which begins elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import FmcibError
from ..geometry import PatientPoint, VoxelGrid
from ..volume import Volume
from . import fmcib_csv_v1
from .crop import Crop, read_box
from .patch import Patch

_LARGEST = 8_000_000
"""Voxels of a shared block, 64 MB in float64; seeds that are farther apart are cut one by one."""


def cut_nearby(volume: Volume, seeds: Sequence[PatientPoint]) -> list[Patch | FmcibError]:
    """The patch of each seed by the recipe `fmcib-csv-v1`, in order; or why there is none, such as a seed outside.

    Args:
        volume: the scan.
        seeds: LPS mm.
    """
    target = fmcib_csv_v1.resampled_grid(volume.grid)
    crops = [_crop(volume, seed, target) for seed in seeds]
    good = [crop for crop in crops if isinstance(crop, Crop)]
    shared = _around_all(good) if len(good) > 1 and not volume.faults else None
    if shared is None:
        return [_alone(volume, seed) for seed in seeds]
    try:
        values, covered = fmcib_csv_v1.interpolate(read_box(volume, shared), shared.shape)
    except FmcibError as error:  # such as a scan of one slice: it holds for all
        return [error] * len(seeds)
    found: list[Patch | FmcibError] = []
    for seed, crop in zip(seeds, crops, strict=True):
        if not isinstance(crop, Crop):
            found.append(crop)
            continue
        part = tuple(
            slice(int(low), int(high))
            for low, high in zip((crop.start - shared.start)[::-1], (crop.stop - shared.start)[::-1], strict=True)
        )
        try:
            found.append(fmcib_csv_v1.as_patch(volume, seed, crop, values[part], covered[part], None))
        except FmcibError as error:
            found.append(error)
    return found


def _crop(volume: Volume, seed: PatientPoint, target: VoxelGrid) -> Crop | FmcibError:
    try:
        volume.grid.require_inside(seed)
        return Crop.around(seed, volume.grid, target)
    except FmcibError as error:
        return error


def _around_all(crops: Sequence[Crop]) -> Crop | None:
    """The part of the grid that holds all crops; None where to interpolate it would be more work, or much memory."""
    start = np.min([crop.start for crop in crops], axis=0)
    stop = np.max([crop.stop for crop in crops], axis=0)
    voxels = int(np.prod(stop - start))
    apart = sum(int(np.prod(crop.stop - crop.start)) for crop in crops)
    if voxels > min(apart, _LARGEST):
        return None
    return replace(crops[0], start=start, stop=stop)


def _alone(volume: Volume, seed: PatientPoint) -> Patch | FmcibError:
    try:
        return fmcib_csv_v1.cut(volume, seed)
    except FmcibError as error:
        return error
