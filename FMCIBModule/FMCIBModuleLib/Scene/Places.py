"""Whether two places are the same but for the rounding of a saved scene."""

from __future__ import annotations

import hashlib

import numpy as np
from fmcib_engine.geometry import PatientPoint, VoxelGrid

_LARGEST_DRIFT_MM = 1e-3
"""Less is the rounding of a saved scene, not a seed that was moved."""


def gridFingerprint(grid: VoxelGrid) -> str:
    """Twelve hexadecimal digits that change when the scan is moved, turned, cropped or resampled.

    Rounded, because a saved scene does not keep the last digits of a matrix. Rounded twice, because spacings such as
    0.78125 mm lie midway between two numbers of four digits: without their noise, all go the same way.
    """
    affine = np.round(np.round(grid.affine, 7), 4) + 0.0  # no negative zeros
    return hashlib.sha256(repr((grid.size, affine.tolist())).encode()).hexdigest()[:12]


def isSamePlace(one: PatientPoint, other: PatientPoint) -> bool:
    """Whether two points are the same but for rounding."""
    return bool(np.abs(one.to_array() - other.to_array()).max() <= _LARGEST_DRIFT_MM)
