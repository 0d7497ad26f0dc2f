"""The outline of a lesion, from smooth over lobulated to spiculated, as a signed distance in mm.

A body whose radius depends on the direction: an ellipsoid at `roughness` 0, which grows lobes with clefts between them
until 0.5 and keeps them, and from 0.5 on strands that leave its surface, longer and more of them up to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dice import Dice, Vector
from .space import Axes, smooth_field
from .tubes import Tube, tube_distance
from .vessels import turned

Array = NDArray[np.float32]

OUTLINES = ("smooth", "lobulated", "spiculated")
"""Of each third of the roughness."""


def outline_of(roughness: float) -> str:
    return OUTLINES[min(2, int(3.0 * roughness))]


@dataclass(frozen=True)
class Outline:
    """Centred at zero.

    Attributes:
        radius: of its body at the middle of a lobe, mm, such that the volume, strands and all, is that of a ball of
            the diameter that was asked for.
        axis: the direction in which it is longer by `elongation`.
        lobes: their middles on the body.
        lobe_depth: how far clefts go in, as a share of the radius.
        strands: that leave it.
        lattice: of the field that bends everything by `bend` mm.
    """

    radius: float
    axis: Vector
    elongation: float
    lobes: tuple[Vector, ...]
    lobe_depth: float
    strands: tuple[Tube, ...]
    lattice: int
    bend: float

    @classmethod
    def drawn(cls, diameter: float, roughness: float, dice: Dice) -> Outline:
        """By chance, of `diameter` mm: that of the ball of the same volume."""
        axis, elongation = dice.direction(), dice.uniform(1.0, 1.35)
        lobes = tuple(dice.direction() for _ in range(dice.whole(7, 10)))
        depth = 0.62 * min(1.0, 2.0 * roughness)
        bend = diameter * (0.012 + 0.05 * min(1.0, 2.0 * roughness))
        body = cls(diameter / 2.0, axis, elongation, lobes, depth, (), dice.lattice(), bend)
        wanted = 0.5235988 * diameter * diameter * diameter
        body = replace(body, radius=body.radius * _cube_root(wanted / body.volume()))
        if roughness <= 0.5:
            return body
        rough = replace(body, strands=tuple(body.grown_strands(2.0 * roughness - 1.0, diameter / 2.0, dice)))
        left = max(0.2, 2.0 - rough.volume() / wanted)  # what the strands take, the body lacks
        return replace(rough, radius=rough.radius * _cube_root(left))

    @property
    def reach(self) -> float:
        """No part of it is farther from zero, mm."""
        far = self.radius * self.elongation * (1.0 + self.lobe_depth) + 1.5 * self.bend
        return max([far, *(max(abs(c) for c in end[:3]) + end[3] for strand in self.strands for end in strand)])

    def distance(self, axes: Axes) -> Array:
        """Distance to it, mm [z, y, x]: what the mask and the painting are made of."""
        z, y, x = axes
        push = np.float32(0.6 * self.bend) * smooth_field(self.lattice, axes, max(3.0, 0.5 * self.radius))
        y, z = y[:, np.newaxis], z[:, np.newaxis, np.newaxis]
        distance = np.empty_like(push)
        for first in range(0, len(push), 6):  # a few planes at a time stay within the processor's cache
            few = slice(first, first + 6)
            far, surface = self._radii(x + push[few], y + push[few], z[few] - push[few])
            np.subtract(far, surface, out=distance[few])
        for strand in self.strands:
            _unite(distance, axes, strand)
        return distance

    def _radii(self, x: Any, y: Any, z: Any) -> tuple[Any, Any]:
        """How far points are from zero, in a space in which the ellipsoid is a ball; and the body's surface there."""
        along = x * np.float32(self.axis[0]) + y * np.float32(self.axis[1]) + z * np.float32(self.axis[2])
        along *= np.float32(1.0 / self.elongation - 1.0)
        u, v, w = (here + along * np.float32(a) for here, a in zip((x, y, z), self.axis, strict=True))
        far = np.sqrt(u * u + v * v + w * w) + np.float32(1e-3)
        if self.lobe_depth == 0.0:
            return far, np.float32(self.radius)
        nearest = np.full(far.shape, -1.0, dtype=np.float32)
        for lobe in self.lobes:
            a, b, c = (np.float32(each) for each in lobe)
            np.maximum(nearest, u * a + v * b + w * c, out=nearest)
        nearest /= far
        return far, self._surface(nearest)

    def _surface(self, nearest: Any) -> Any:
        """The radius where the nearest lobe's middle is at an angle of this cosine: round lobes, sharp clefts."""
        off = np.maximum(1.0 - nearest, 0.0)
        return self.radius * (1.0 - self.lobe_depth * np.minimum(off * (0.6 + 0.9 * off), 0.7))

    def volume(self) -> float:
        """Cubic mm, measured on a coarse grid."""
        step = 2.0 * self.reach / 26.0
        axis = ((np.arange(26) - 12.5) * step).astype(np.float32)
        inside = np.clip(0.5 - self.distance((axis, axis, axis)) / np.float32(step), 0.0, 1.0)
        return float(inside.sum(dtype=np.float64)) * step * step * step

    def grown_strands(self, strength: float, half: float, dice: Dice) -> Iterator[Tube]:
        """From within the body outwards, thinner and a little aslant; more of them on a larger body."""
        count = min(1.0, 0.3 + half / 12.0) * (9 + 13 * strength) + 0.8 * half
        for _ in range(round(count)):
            out = dice.direction()
            far, radius = self._radii(*(np.array([c], dtype=np.float32) for c in out))
            surface = float((radius / far)[0])
            thick = min(3.0, max(0.5, 0.18 * half)) * dice.uniform(0.8, 1.2)
            length = min(17.0, max(3.0, half * (0.35 + 0.5 * strength) * dice.uniform(0.6, 1.3)))
            aslant = turned(out, 0.35, dice)
            root = tuple(0.8 * surface * c for c in out)
            tip = tuple(surface * c + length * a for c, a in zip(out, aslant, strict=True))
            yield (*root, thick), (*tip, 0.3)  # type: ignore[misc]


def _cube_root(value: float) -> float:
    """By Newton's steps, which are the same everywhere."""
    root = 1.0
    for _ in range(40):
        root = (2.0 * root + value / (root * root)) / 3.0
    return root


def _unite(distance: Array, axes: Axes, tube: Tube) -> None:
    """The nearer of what is there and a tube, in the part around it."""
    start, end = tube
    reach = max(start[3], end[3]) + 2.0
    cut = []
    for axis, p, q in zip(axes, start[2::-1], end[2::-1], strict=True):
        first, last = np.searchsorted(axis, (min(p, q) - reach, max(p, q) + reach))
        cut.append(slice(int(first), int(last)))
    part = distance[cut[0], cut[1], cut[2]]
    if part.size:
        z, y, x = (axis[each] for axis, each in zip(axes, cut, strict=True))
        away = tube_distance(x, y[:, np.newaxis], z[:, np.newaxis, np.newaxis], tube)
        np.minimum(part, away.astype(np.float32), out=part)
