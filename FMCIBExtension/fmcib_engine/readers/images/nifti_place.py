"""The place of a NIfTI file: its qform and sform, and which of them counts.

The format has two ways to tell it, both from (i, j, k) to RAS in the file's unit: `sform`, a whole matrix; and `qform`,
a rotation with the voxel sizes `pixdim`. Each counts if its code is above 0. Where both do, the sform is used if its
axes are at right angles and its code is 1 (scanner), else the qform: as ITK has it, and so Slicer, where people place
their seeds. If they disagree, a note says by how much. Where the qform should be used and mirrors the sform (a wrong
sign in `pixdim[0]`), the file is refused: ITK takes either. With neither, nothing is known, and programs guess.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ... import affine as plain
from ...affine import FloatArray
from ...geometry import VoxelGrid
from .integrity import unreadable
from .place import axes_unknown, leaning_cosine, placed_grid, to_mm

_SAME_PLACE_MM = 0.1
_RIGHT_ANGLE_COSINE = 1e-4
_UNITS = {0: "mm", 1: "m", 2: "mm", 3: "um"}  # 0: not told
_SCANNER = 1
_MOST_QUATERNION = 1.01
_LARGEST = 1e9


def grid_of(path: Path, fields: Any, size: tuple[int, ...]) -> tuple[VoxelGrid, tuple[str, ...]]:  # noqa: ANN401
    """The grid in the patient that the header's fields tell, and notes on it.

    Raises:
        ImageError: no place is told, or two ways to tell it contradict each other.
    """
    code = int(fields["xyzt_units"]) & 7
    if code not in _UNITS:
        raise unreadable(path, f"its field xyzt_units names the unit of length {code}, which is none of NIfTI's")
    unit = _UNITS[code]
    transforms = _transforms(path, fields, unit)
    used = _choice(path, transforms, int(fields["sform_code"]))
    affine = transforms[used]
    grid, notes = placed_grid(path, size, affine[:3, 3] * (-1, -1, 1), affine[:3, :3] * [[-1], [-1], [1]], unit)
    if used == "sform":
        notes += _require_spacing(path, np.abs(to_mm(fields["pixdim"][1:4], unit)), grid)
    lost = [name for name in ("sform", "qform") if fields[f"{name}_code"] > 0 and name not in transforms]
    notes += tuple(f"the file's {name} is no transform: the {used} was used" for name in lost)
    distances = {name: _largest_distance(grid, other) for name, other in transforms.items() if name != used}
    return grid, notes + tuple(
        f"the file's {used} and {name} place the scan up to {distance:.1f} mm apart: the {used} was used"
        for name, distance in distances.items()
        if distance > _SAME_PLACE_MM
    )


def _transforms(path: Path, fields: Any, unit: str) -> dict[str, FloatArray]:  # noqa: ANN401 - a record of numpy
    """By `sform` and `qform`, those that are declared and are transforms to RAS mm; at least one."""
    told = {}
    if fields["sform_code"] > 0:
        told["sform"] = np.vstack([to_mm(fields["srow"], unit), (0, 0, 0, 1)])
    if fields["qform_code"] > 0:
        told["qform"] = _from_quaternion(fields, unit)
    if not told:
        raise axes_unknown(path, "its qform_code and sform_code are not above 0")
    sound = {
        name: affine for name, affine in told.items() if np.abs(affine).max() < _LARGEST and affine[:3, :3].any(0).all()
    }
    if not sound:
        reasons = " and ".join(f"its {name} ({name}_code {int(fields[f'{name}_code'])})" for name in told)
        raise unreadable(
            path, f"{reasons} should place it in the patient, and holds numbers that cannot: NaN, no size, or too large"
        )
    return sound


def _from_quaternion(fields: Any, unit: str) -> FloatArray:  # noqa: ANN401 - a record of numpy
    """The 4x4 of a qform: rotation, voxel sizes (`pixdim[0]`: the third axis' sign), offset; NaN if it is none."""
    bcd, step = fields["quatern"].astype(np.float64), to_mm(fields["pixdim"][:4], unit)
    length = float(plain.lengths(bcd)) if np.abs(bcd).max() < _MOST_QUATERNION else math.nan
    if not (length < _MOST_QUATERNION and step[1:].min() > 0):
        return np.full((4, 4), math.nan)
    b, c, d = bcd / max(1.0, length)
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    affine = np.eye(4)
    affine[:3, :3] = [
        [a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c],
        [2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b],
        [2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b],
    ]
    affine[:3, :3] *= step[1:] * (1, 1, -1 if step[0] < 0 else 1)
    affine[:3, 3] = to_mm(fields["qoffset"], unit)
    return affine


def _choice(path: Path, transforms: dict[str, FloatArray], sform_code: int) -> str:
    if len(transforms) == 1:
        return next(iter(transforms))
    sform, qform = (transforms[name][:3, :3] for name in ("sform", "qform"))
    if sform_code == _SCANNER and leaning_cosine(sform / plain.lengths(sform.T)) < _RIGHT_ANGLE_COSINE:
        return "sform"
    if plain.triple(sform) * plain.triple(qform) < 0:
        raise unreadable(path, "its qform and sform contradict each other: one is the mirror image of the other")
    return "qform"


def _require_spacing(path: Path, told: FloatArray, grid: VoxelGrid) -> tuple[str, ...]:
    """Refuse an sform with other voxel sizes than `pixdim` tells, which others use; a note where it tells none."""
    if not (np.isfinite(told).all() and told.min() > 0):
        return ("the file's pixdim tells no voxel size: that of its sform was used",)
    if (np.abs(told - grid.spacing) * np.maximum(np.array(grid.size) - 1, 1) > _SAME_PLACE_MM).any():
        ours, theirs = (" x ".join(f"{value:.4g}" for value in values) for values in (grid.spacing, told))
        raise unreadable(path, f"its sform and pixdim contradict each other: voxels of {ours} mm, and of {theirs} mm")
    return ()


def _largest_distance(grid: VoxelGrid, ras_affine: FloatArray) -> float:
    """In mm, between where the grid and another affine put a corner voxel."""
    index = np.array(np.meshgrid(*[(0, n - 1) for n in grid.size], indexing="ij")).reshape(3, -1).T
    there = plain.moved(ras_affine, index) * (-1, -1, 1)
    return float(plain.lengths(there - grid.to_patient(index)).max())
