"""A box of points in mm that tissues are painted into: signed distances, negative inside, and soft edges.

x grows to the patient's left, y to the back, z to the head, from a site's own zero. Sums, products, square roots and
hashed integers only, which are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dice import Dice
from .noise import hash_integers
from .tubes import tube_distance

Array = NDArray[np.float32]
Point = tuple[float, float, float]
Axes = tuple[Array, Array, Array]
"""Coordinates in mm along z, y and x."""
End = tuple[float, float, float, float]


_FAR = 1e4
"""Beyond everything, mm."""


@dataclass(frozen=True, eq=False)
class Space:
    """Points, shape [z, y, x]; what is painted into a part of it changes the whole."""

    axes: Axes
    """Where the points are, before tissue was bent."""
    x: Any
    y: Any
    z: Any
    """mm, bent as tissue is; of the shape of `hu`, or broadcast to it."""
    hu: Array
    edge: float = 1.0
    """Width of a soft edge, mm."""
    slack: float = 0.0
    """How far the bent points lie from the axes at most, mm."""

    @classmethod
    def straight(cls, axes: Axes, hu: float = 0.0) -> Space:
        z, y, x = axes
        array = np.full((len(z), len(y), len(x)), hu, dtype=np.float32)
        return cls(axes, x[np.newaxis, np.newaxis], y[np.newaxis, :, np.newaxis], z[:, np.newaxis, np.newaxis], array)

    def bent(self, dice: Dice, amount: float, scale: float = 22.0) -> Space:
        """Each coordinate pushed by up to about `amount` mm by a smooth field of the other two."""
        z, y, x = self.axes
        one = np.zeros(1, dtype=np.float32)
        push = [
            0.45 * amount * smooth_field(dice.lattice(), axes, scale)
            for axes in ((z, y, one), (z, one, x), (one, y, x))
        ]
        x, y, z = self.x + push[0], self.y + push[1], self.z + push[2]
        return Space(self.axes, x, y, z, self.hu, self.edge, self.slack + 1.5 * amount)

    def seen_from(self, zero: Point, *, mirror: bool = False) -> Space:
        """The same points by coordinates in which this space's zero is `zero`; mirrored, left becomes right."""
        sign = np.float32(-1.0 if mirror else 1.0)
        along = self.axes
        axes = (along[0] + np.float32(zero[2]), along[1] + np.float32(zero[1]), sign * along[2] + np.float32(zero[0]))
        x, y, z = sign * self.x + zero[0], self.y + zero[1], self.z + zero[2]
        return Space(axes, x, y, z, self.hu, self.edge, self.slack)

    def box(self, low: Point, high: Point) -> Space:
        """The part of it between two corners (x, y, z), mm, and a little more."""
        margin = self.slack + self.edge
        cut = [
            _between(axis, first - margin, last + margin)
            for axis, first, last in zip(self.axes, low[::-1], high[::-1], strict=True)
        ]
        x, y, z = (
            array[tuple(part if n > 1 else slice(None) for part, n in zip(cut, array.shape, strict=True))]
            for array in (self.x, self.y, self.z)
        )
        axes = (self.axes[0][cut[0]], self.axes[1][cut[1]], self.axes[2][cut[2]])
        return Space(axes, x, y, z, self.hu[tuple(cut)], self.edge, self.slack)

    def behind(self, y: float) -> Space:
        """The part farther back than `y` mm."""
        return self.box((-_FAR, y, -_FAR), (_FAR, _FAR, _FAR))

    @property
    def empty(self) -> bool:
        return self.hu.size == 0

    def paint(self, distance: Any, hu: Any, edge: float | None = None) -> None:
        cover = distance * np.float32(-1.0 / (edge or self.edge))
        cover += np.float32(0.5)
        np.clip(cover, 0.0, 1.0, out=cover)
        cover *= hu - self.hu
        self.hu[...] += cover

    def paint_bone(self, distance: Any, shell: float, cortex: float, marrow: Any) -> None:
        self.paint(distance, cortex)
        self.paint(distance + np.float32(shell), marrow)

    def along(self, direction: Point) -> Any:
        """How far each point lies along a unit vector, mm."""
        a, b, c = (np.float32(each) for each in direction)
        return self.x * a + self.y * b + self.z * c

    def field(self, lattice: int, scale: float, stretch: Point = (1.0, 1.0, 1.0)) -> Array:
        """A smooth random field of mean 0 and variance 1, of bumps of about `scale` mm, longer by `stretch`."""
        axes = tuple(axis / np.float32(s) for axis, s in zip(self.axes, stretch[::-1], strict=True))
        return smooth_field(lattice, axes, scale)  # type: ignore[arg-type]

    def ball(self, centre: Point, radii: Point) -> tuple[Space, Array]:
        """The part around an ellipsoid along the axes, and the distance to it."""
        low = tuple(c - r for c, r in zip(centre, radii, strict=True))
        high = tuple(c + r for c, r in zip(centre, radii, strict=True))
        part = self.box(low, high)  # type: ignore[arg-type]
        return part, ellipsoid(part, centre, radii)

    def paint_ball(self, centre: Point, radii: Point, hu: Any) -> None:
        part, distance = self.ball(centre, radii)
        if not part.empty:
            part.paint(distance, hu)

    def paint_tube(self, chain: Sequence[End], hu: float, thicker: float = 0.0) -> None:
        """A chain of (x, y, z, radius), each joined to the next."""
        for start, end in pairwise(chain):
            reach = max(start[3], end[3]) + thicker
            low = tuple(min(a, b) - reach for a, b in zip(start[:3], end[:3], strict=True))
            high = tuple(max(a, b) + reach for a, b in zip(start[:3], end[:3], strict=True))
            part = self.box(low, high)  # type: ignore[arg-type]
            if not part.empty:
                thick = ((*start[:3], start[3] + thicker), (*end[:3], end[3] + thicker))
                part.paint(tube_distance(part.x, part.y, part.z, thick), hu)


def _between(axis: Array, low: float, high: float) -> slice:
    """The places from `low` to `high` on an axis that grows, or shrinks where it was mirrored."""
    if len(axis) and axis[0] > axis[-1]:
        first, last = np.searchsorted(-axis, (-high, -low))
    else:
        first, last = np.searchsorted(axis, (low, high))
    return slice(int(first), int(last))


def ellipsoid(space: Space, centre: Point, radii: Point) -> Array:
    """About the distance to an ellipsoid along the axes."""
    a, b, c = ((here - zero) * np.float32(1.0 / r) for here, zero, r in zip(
        (space.x, space.y, space.z), centre, radii, strict=True))  # fmt: skip
    distance: Array = (np.sqrt(a * a + b * b + c * c) - np.float32(1.0)) * np.float32(min(radii))
    return distance


def smooth_field(lattice: int, axes: Axes, scale: float) -> Array:
    """A random field of mean 0 and variance about 1 everywhere in space: quadratic B-splines of hashed whole numbers.

    The same place has the same value, whatever else is asked for with it.
    """
    spans = [_span(axis, scale) for axis in axes]
    k, j, i = (np.arange(first, last, dtype=np.int64).astype(np.uint32) for first, last, *_ in spans)
    row = hash_integers(k * np.uint32(73856093) ^ np.uint32(lattice & 0x7FFFFFFF))[:, np.newaxis]
    plane = hash_integers(row ^ j * np.uint32(19349663))[:, :, np.newaxis]
    field = (hash_integers(plane ^ i * np.uint32(83492791)) >> np.uint32(8)).astype(np.float32)
    field *= np.float32(2.0**-23)
    field -= np.float32(1.0)
    gain = 4.25
    for axis in (2, 1, 0):
        first, _, base, weights = spans[axis]
        if len(base) == 1:
            gain *= 0.75  # a plane of the field: one value of the weights, not their mean
        field = _spread(field, base - first, weights, axis)
    field *= np.float32(gain)
    return field


def _spread(lattice: Array, base: NDArray[np.int64], weights: list[Array], axis: int) -> Array:
    """From the points of a lattice along one axis to places between three of them each."""
    if axis == 0:  # plane by plane, which stays within the processor's cache
        result = np.empty((len(base), *lattice.shape[1:]), dtype=np.float32)
        part = np.empty(lattice.shape[1:], dtype=np.float32)
        for number, first in enumerate(base.tolist()):
            np.multiply(lattice[first], weights[0][number], out=result[number])
            for step in (1, 2):
                np.multiply(lattice[first + step], weights[step][number], out=part)
                result[number] += part
        return result
    shape = [1, 1, 1]
    shape[axis] = -1
    parts = [np.take(lattice, base + step, axis=axis) for step in (0, 1, 2)]
    for step, weight in enumerate(weights):
        parts[step] *= weight.reshape(shape)
    parts[0] += parts[1]
    parts[0] += parts[2]
    return parts[0]


def _span(axis: Array, scale: float) -> tuple[int, int, NDArray[np.int64], list[Array]]:
    """First and last point of the lattice for an axis; for each of its places the first of three, and weights."""
    places = axis * np.float32(1.0 / scale)
    nearest = np.floor(places + np.float32(0.5))
    off = (places - nearest).astype(np.float32)
    half = np.float32(0.5)
    weights = [half * (half - off) ** 2, np.float32(0.75) - off * off, half * (half + off) ** 2]
    base = nearest.astype(np.int64) - 1
    first, last = (int(base.min()), int(base.max()) + 3) if len(base) else (0, 3)
    return first, last, base, weights
