"""Where a seed may lie as well: points around it, from a seeded generator, on a grid, or in the lesion's mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..affine import FloatArray
from ..errors import ImageError, InputError
from ..geometry import PatientPoint
from ..volume import Volume
from .numbers import counted

PAPERS_VARIANCE = 16.0
"""mm² along each axis: what the paper jittered LUNG1's seeds by, 50 times (its voxels are of 1 mm)."""
PAPERS_DRAWS = 50
MOST_DRAWS = 2000


@dataclass(frozen=True)
class Jitter:
    """Points instead of a seed.

    Attributes:
        how: in a sentence, with the numbers that it hangs on.
        points: LPS mm, in order.
        grid: number of points along x, y, z, x changing fastest, where they are a grid; else nothing.
        step_mm: of that grid.
    """

    how: str
    points: tuple[PatientPoint, ...]
    grid: tuple[int, int, int] | None = None
    step_mm: float = 0.0


def normal(seed: PatientPoint, draws: int, variance: float, random_seed: int) -> Jitter:
    """Points from a normal distribution around the seed.

    Args:
        seed: LPS mm.
        draws: how many.
        variance: along each axis, mm².
        random_seed: the same number, the same points.

    Raises:
        InputError: no draw, too many, or a variance that is not above 0.
    """
    _require_draws(draws)
    if not 0 < variance < 1e4:
        msg = f"The variance of the jitter is above 0 and below 10000 mm², got {variance:g} (--variance)."
        raise InputError(msg)
    moved = np.random.default_rng(random_seed).normal(0.0, np.sqrt(variance), (draws, 3))
    how = f"normal around the seed, variance {variance:g} mm² along each axis, {counted(draws, 'draw')}"
    return Jitter(how, _points(seed.to_array() + moved))


def grid(seed: PatientPoint, steps: int, step_mm: float) -> Jitter:
    """A cube of points with the seed in its middle, `steps` to each side along each axis.

    Raises:
        InputError: no or too many steps, or a step that is not above 0.
    """
    if not 1 <= steps <= 6:
        msg = f"A grid has 1 to 6 steps to each side, got {steps} (--grid-steps)."
        raise InputError(msg)
    if not 0 < step_mm <= 50:
        msg = f"The step of a grid is above 0 and at most 50 mm, got {step_mm:g} (--grid-step)."
        raise InputError(msg)
    along = np.arange(-steps, steps + 1) * step_mm
    z, y, x = np.meshgrid(along, along, along, indexing="ij")
    moved = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    count = len(along)
    how = f"a grid of {count} x {count} x {count} points, {step_mm:g} mm apart, around the seed"
    return Jitter(how, _points(seed.to_array() + moved), (count, count, count), step_mm)


def in_mask(mask: Volume, draws: int, random_seed: int) -> Jitter:
    """Points that are uniform in the lesion's mask: a voxel of it by chance, and a place in that by chance.

    Args:
        mask: what is above 0 is the lesion; on any grid of the same patient space.
        draws: how many.
        random_seed: the same number, the same points.

    Raises:
        InputError: no draw, or too many.
        ImageError: a mask without a voxel.
    """
    _require_draws(draws)
    inside = np.argwhere(np.asarray(mask.array[:, :, :]) > 0)
    if not len(inside):
        msg = f"The mask {mask.source.name} has no voxel above 0, wanted the lesion's. Give the lesion's mask (--mask)."
        raise ImageError(msg)
    random = np.random.default_rng(random_seed)
    chosen = inside[random.integers(len(inside), size=draws), ::-1] + random.uniform(-0.5, 0.5, (draws, 3))
    cubic_mm = len(inside) * float(np.prod(mask.grid.spacing))
    size = f"{counted(len(inside), 'voxel')}, {cubic_mm:.0f} mm³"
    how = f"uniform in the lesion's mask ({size}), {counted(draws, 'draw')}"
    return Jitter(how, _points(mask.grid.to_patient(chosen)))


def _points(lps: FloatArray | Sequence[FloatArray]) -> tuple[PatientPoint, ...]:
    return tuple(PatientPoint.from_lps(point) for point in np.asarray(lps))


def _require_draws(draws: int) -> None:
    if not 1 <= draws <= MOST_DRAWS:
        msg = f"The number of draws is 1 to {MOST_DRAWS}, got {draws} (--draws)."
        raise InputError(msg)
