"""The three planes of a patch in which people look at it, by radiological convention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..affine import settled
from ..preprocessing import PATCH_SIZE, Patch

WINDOW_HU = (-1000, 400)
"""What is shown as black and as white, unless the user says otherwise."""

OUTSIDE_RGB = ((53, 71, 143), (82, 104, 189))
"""The stripes of what lies outside the scan: no gray, so that nobody takes it for air."""


@dataclass(frozen=True)
class Plane:
    """One plane: `across` grows to the viewer's right, `along` is the patch's axis (x, y, z) of its rows."""

    name: str
    normal: int
    across: int
    along: int
    letters: str
    """Left, right, top, bottom."""

    @property
    def rows_from_top(self) -> bool:
        """Whether `along` grows downwards on the screen."""
        return self.along == 1


PLANES = (
    Plane("axial", normal=2, across=0, along=1, letters="RLAP"),
    Plane("coronal", normal=1, across=0, along=2, letters="RLSI"),
    Plane("sagittal", normal=0, across=1, along=2, letters="APSI"),
)


def seed_index(patch: Patch) -> NDArray[np.float64]:
    """The seed's continuous index (x, y, z) in the patch, moved to its edge where it lies outside."""
    return np.clip(patch.grid.to_index(patch.seed), -0.5, PATCH_SIZE - 0.5)


def seed_levels(patch: Patch) -> tuple[int, int, int]:
    """The index (x, y, z) of the voxel that holds the seed."""
    x, y, z = np.clip(np.rint(settled(seed_index(patch))).astype(int), 0, PATCH_SIZE - 1)
    return int(x), int(y), int(z)


def stripes(outside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Diagonal stripes of two blues, two voxels wide; RGB, of the shape of `outside` and 3."""
    rows, columns = np.indices(outside.shape)
    layer: NDArray[np.uint8] = np.array(OUTSIDE_RGB, dtype=np.uint8)[(rows + columns) // 2 % 2]
    return layer


def plane_rgb(patch: Patch, plane: Plane, level: int, window_hu: tuple[float, float] = WINDOW_HU) -> NDArray[np.uint8]:
    """One plane of a patch as it is looked at: (50, 50, 3), the first row is the top. One pixel is one voxel, as fed.

    Args:
        patch: as fed to the network.
        plane: one of `PLANES`.
        level: index along the plane's normal.
        window_hu: HU shown as black and as white; display only.
    """
    low, high = window_hu
    hu = patch.to_hu().take(level, axis=2 - plane.normal)
    gray = np.rint(np.clip((hu - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    outside = np.logical_not(patch.inside).take(level, axis=2 - plane.normal)
    shown = np.where(outside[..., np.newaxis], stripes(outside), gray[..., np.newaxis])
    return np.ascontiguousarray(shown if plane.rows_from_top else shown[::-1])
