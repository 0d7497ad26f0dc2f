"""What the header of an image file tells of the scan's place in the patient: one rule for every format.

* **Axes** (how i, j and k run in the patient, and the size of a voxel): without them a scan is refused, because a patch
  that is turned or mirrored has other features. Axes that lean are read through their whole matrix, with a note.
* **Origin** (where the first voxel lies): without it a seed in the patient means nothing, and a scan is read for seeds
  in voxels (`ijk`) alone, with a note. "Not known" is never (0, 0, 0).
* **Unit of length**: millimetres where none is told; others are converted, with a note. A voxel that would be smaller
  than 0.01 mm or larger than 100 mm shows that the unit is told wrongly.
"""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...affine import FloatArray, dot
from ...errors import ImageError
from ...geometry import VoxelGrid
from .integrity import unreadable

_SMALLEST_MM, _LARGEST_MM = 0.01, 100.0
_FARTHEST_MM = 1e6
_LEANING_COSINE = 1e-3  # 0.06 degrees from a right angle, as a grid's `is_oblique`
_MOST_LEANING_DEGREES = 45.0  # the gantry of a CT tilts by 30 at most

POWERS_OF_TEN = {"mm": 0, "cm": 1, "m": 3, "um": -3}
"""By unit of length, how many places the decimal point of a length moves to make it millimetres."""
_SPOKEN = {"m": "metres", "cm": "centimetres", "um": "micrometres"}
NO_ORIGIN = "the file does not say where it lies in the patient: coordinates are counted from its first voxel's centre"


def require_origin(path: Path, *, is_told: bool) -> None:
    """Refuse a scan whose origin is not told.

    Raises:
        ImageError: with what can be done.
    """
    if not is_told:
        msg = (
            f"{path.name!r} does not say where it lies in the patient (it has axes, and no origin), so a seed in "
            "millimetres means nothing in it. Write it again with its origin, or give the seed in voxels (--frame ijk)."
        )
        raise ImageError(msg)


def axes_unknown(path: Path, reason: str) -> ImageError:
    """The one sentence for a scan of which nobody can tell how it lies, as a clause says why."""
    return ImageError(
        f"{path.name!r} does not say where it lies in the patient: {reason}. Programs guess differently, and a patch "
        "that is turned or mirrored has other features. Write it again with its orientation."
    )


def to_mm(lengths: NDArray[Any], unit: str) -> FloatArray:
    """Lengths as told in a header, in mm: the decimal point of the number that was written is moved, nothing rounded.

    A float32 stands for the shortest decimal that reads as it: 0.001 m is 1 mm, and not 1.0000000475.
    """
    if unit == "mm":
        return lengths.astype(np.float64)
    moved = [float(Decimal(str(length)).scaleb(POWERS_OF_TEN[unit])) for length in lengths.ravel()]
    return np.array(moved).reshape(lengths.shape)


def placed_grid(
    path: Path, size: tuple[int, ...], origin: FloatArray, axes: FloatArray, unit: str = "mm"
) -> tuple[VoxelGrid, tuple[str, ...]]:
    """The grid in the patient (LPS mm), and what should be noted of it.

    Args:
        path: of the file, for messages.
        size: number of voxels along i, j and k.
        origin: LPS mm, of the first voxel's centre; finite.
        axes: 3x3, the columns are the steps along i, j and k in LPS mm.
        unit: in which the file tells them.

    Raises:
        ImageError: no voxels, steps that are zero, of an unlikely length or span no space, axes that lean by far.
    """
    if 0 in size:
        raise unreadable(path, f"it has no voxels ({shown(size)})")
    steps = [math.hypot(*map(float, axis)) for axis in axes.T]
    if not min(steps) > 0:
        raise unreadable(path, "its voxel spacing is not a positive number")
    if not _SMALLEST_MM <= min(steps) <= max(steps) <= _LARGEST_MM:
        told = " x ".join(f"{step:.4g}" for step in steps)
        raise unreadable(path, f"its voxels would measure {told} mm, so that the unit of length {unit!r} must be wrong")
    if not np.abs(origin).max() < _FARTHEST_MM:
        raise unreadable(path, f"its first voxel would lie at {', '.join(f'{value:.4g}' for value in origin)} mm")
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes, origin
    try:
        grid = VoxelGrid((size[0], size[1], size[2]), affine)
    except ImageError as error:
        raise unreadable(path, "its axes do not span space") from error
    notes = [f"the file's lengths are in {_SPOKEN[unit]}: they were converted to mm"] if unit != "mm" else []
    return grid, (*notes, *_leaning(path, grid))


def _leaning(path: Path, grid: VoxelGrid) -> tuple[str, ...]:
    """A note on axes that are not at right angles to each other."""
    cosine = leaning_cosine(grid.direction)
    degrees = math.degrees(math.asin(min(1.0, cosine)))
    if degrees > _MOST_LEANING_DEGREES:
        raise unreadable(path, f"two of its axes are {90 - degrees:.0f} degrees apart, which no scanner makes")
    if cosine <= _LEANING_COSINE:
        return ()
    return (f"the file's axes lean {degrees:.2f} degrees from right angles: it was read through its whole matrix",)


def leaning_cosine(directions: FloatArray) -> float:
    """The largest cosine between two of the three columns, which are unit vectors: 0 where all are at right angles."""
    first, second, third = directions.T
    return float(max(abs(dot(first, second)), abs(dot(first, third)), abs(dot(second, third))))


def shown(size: tuple[int, ...]) -> str:
    """The numbers of voxels as people write them."""
    return " x ".join(str(n) for n in size)
