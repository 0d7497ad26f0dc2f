"""From tissue to voxels: blur, slices, noise and the 1 mm grid, in the order in which a real patch meets them.

Tissue is painted at the scanner's pixels and at fine steps through each slice. A slice is the mean over its thickness;
blur and noise act in its plane; then everything is interpolated linearly to 1 mm, as the recipe does, with the marks
that this leaves. Plain arithmetic: no Fourier transform and no exponential, whose last bits depend on the machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .dice import Dice
from .scanners import Kernel

Array = NDArray[np.float32]

MARGIN_MM = 3.0
"""Painted beyond the patch in the plane, so that no blur meets an end."""
FINEST_STEP_MM = 1.5
"""Largest step through a slice at which tissue is painted."""


@dataclass(frozen=True)
class Grid:
    """How a scan samples: mm; `phase` is where its voxels lie, as shares of a step along x, y and z."""

    pixel_mm: float
    thickness_mm: float
    increment_mm: float
    phase: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Acquisition:
    """One scan of a cube of whole millimetres.

    Attributes:
        axes: where tissue is painted, mm from the cube's centre along z, y, x.
        out: centres of the 1 mm voxels, the same along each axis.
    """

    grid: Grid
    axes: tuple[Array, Array, Array]
    out: Array
    slices: Array
    weights: tuple[float, ...]
    """Of the fine steps around a slice's centre."""
    steps: int
    """Fine steps from one slice to the next."""

    @classmethod
    def of_cube(cls, grid: Grid, size_mm: int) -> Acquisition:
        half = size_mm / 2.0
        out = (np.arange(size_mm) - (size_mm - 1) / 2.0).astype(np.float32)
        across = [_places(-half - MARGIN_MM, half + MARGIN_MM, grid.pixel_mm, phase) for phase in grid.phase[:2]]
        slices = _places(-half, half, grid.increment_mm, grid.phase[2])
        steps = max(1, math.ceil(grid.increment_mm / FINEST_STEP_MM - 1e-9))
        step = grid.increment_mm / steps
        weights = _profile(grid.thickness_mm, step)
        reach = len(weights) // 2
        fine = np.arange(-reach, (len(slices) - 1) * steps + reach + 1) * step + float(slices[0])
        return cls(grid, (fine.astype(np.float32), across[1], across[0]), out, slices, weights, steps)

    def scan(self, tissue: Array, kernel: Kernel, noise_hu: float, dice: Dice) -> Array:
        """HU of the 1 mm voxels, float32 [z, y, x], of tissue painted at `axes`."""
        image = sharpened(blurred(self._sliced(tissue), kernel.blur_mm / self.grid.pixel_mm), kernel.boost)
        grain = grainy(self._sliced(dice.noise(tissue.shape)), kernel, self.grid.pixel_mm)
        image += grain * np.float32(noise_hu / self.grain_deviation(kernel))
        return self._resampled(image)

    def grain_deviation(self, kernel: Kernel) -> float:
        """What unit white noise at the fine steps becomes, in a slice: the root of the squared weights' sum."""
        impulse = np.zeros((1, 41, 41), dtype=np.float32)
        impulse[0, 20, 20] = 1.0
        answer = grainy(impulse, kernel, self.grid.pixel_mm).astype(np.float64)
        through = sum(weight * weight for weight in self.weights)
        return float(np.sqrt((answer * answer).sum() * through))

    def _sliced(self, fine: Array) -> Array:
        last = (len(self.slices) - 1) * self.steps
        total = fine[0 : last + 1 : self.steps] * np.float32(self.weights[0])
        for first, weight in enumerate(self.weights[1:], start=1):
            total += fine[first : first + last + 1 : self.steps] * np.float32(weight)
        return total

    def _resampled(self, image: Array) -> Array:
        for axis, places in ((0, self.slices), (1, self.axes[1]), (2, self.axes[2])):
            image = _interpolated(image, places, self.out, axis)
        return np.ascontiguousarray(image)


def _places(low: float, high: float, step: float, phase: float) -> Array:
    """Places a step apart that reach from below `low` to `high` or above; `phase` is 0 to 1."""
    first = math.floor(low / step) - 1
    last = math.ceil(high / step)
    return ((np.arange(first, last + 1) + phase) * step).astype(np.float32)


def _profile(thickness: float, step: float) -> tuple[float, ...]:
    """Shares of the fine steps around a slice's centre: a box as thick as the slice."""
    reach = max(0, math.ceil((thickness - step) / (2.0 * step) - 1e-9))
    overlaps = [
        max(0.0, min(n * step + step / 2, thickness / 2) - max(n * step - step / 2, -thickness / 2))
        for n in range(-reach, reach + 1)
    ]
    total = sum(overlaps)
    return tuple(overlap / total for overlap in overlaps)


def blurred(image: Array, sigma: float) -> Array:
    """In the plane, by sums of three pixels, some of them two apart, whose variance is `sigma` squared, in pixels."""
    variance = sigma * sigma
    wide = max(0, math.floor(variance / 2.4))
    left = variance - 2.0 * wide
    narrow = max(1, math.ceil(left / 0.6))
    for _ in range(wide):
        image = _with_neighbours(image, 0.25, 2)
    for _ in range(narrow):
        image = _with_neighbours(image, left / (2 * narrow), 1)
    return image


def _with_neighbours(image: Array, beside: float, apart: int) -> Array:
    """Along y and x, the share `beside` of each of the two pixels so far `apart`; the border stays."""
    middle, before, after = slice(apart, -apart), slice(0, -2 * apart), slice(2 * apart, None)
    for axis in (1, 2):
        cut = [(slice(None),) * axis + (part,) for part in (middle, before, after)]
        around = image[cut[1]] + image[cut[2]]
        around *= np.float32(beside)
        image = image.copy()
        inner = image[cut[0]]
        inner *= np.float32(1.0 - 2.0 * beside)
        inner += around
    return image


def sharpened(image: Array, boost: float) -> Array:
    if boost == 0.0:
        return image
    taken = blurred(image, 1.0)
    taken -= image
    taken *= np.float32(-boost)
    taken += image
    return taken


def grainy(white: Array, kernel: Kernel, pixel_mm: float) -> Array:
    """White noise as a kernel makes it: blurred, and without a share of its coarse part."""
    fine = blurred(white, kernel.grain_mm / pixel_mm)
    coarse = blurred(fine, 1.6)
    coarse *= np.float32(kernel.hollow)
    fine -= coarse
    return fine


def _interpolated(image: Array, places: Array, wanted: Array, axis: int) -> Array:
    """Linear between the two nearest places; `places` are even and reach beyond `wanted`."""
    upper = np.clip(np.searchsorted(places, wanted), 1, len(places) - 1)
    low, high = places[upper - 1], places[upper]
    share = ((wanted - low) / (high - low)).astype(np.float32)
    shape = [1, 1, 1]
    shape[axis] = -1
    share = share.reshape(shape)
    below, above = np.take(image, upper - 1, axis=axis), np.take(image, upper, axis=axis)
    above -= below
    above *= share
    above += below
    return above
