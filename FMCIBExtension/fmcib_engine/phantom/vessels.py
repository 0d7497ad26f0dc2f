"""Trees of vessels that grow from a trunk through an organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dice import Dice, Vector
from .space import End


@dataclass(frozen=True)
class Trunk:
    """Where a tree starts, and how far it goes."""

    start: Vector
    direction: Vector
    radius: float
    length: float
    """Of its first part, mm."""
    finest: float = 0.6
    """No vessel is thinner than this radius."""
    spread: float = 0.8
    """How far a branch turns away, as a tangent."""


_FARTHEST_MM = 90.0
"""From zero, along an axis: no branch grows on from there."""


def tree(trunk: Trunk, dice: Dice, most: int = 30) -> list[tuple[End, End]]:
    """At most so many tubes of it, from the trunk to the twigs."""
    found: list[tuple[End, End]] = []
    growing = [(trunk.start, trunk.direction, trunk.radius, trunk.length)]
    while growing and len(found) < most:
        start, direction, radius, length = growing.pop(0)
        end: Vector = tuple(s + length * d for s, d in zip(start, direction, strict=True))  # type: ignore[assignment]
        tip = 0.88 * radius
        found.append(((*start, radius), (*end, tip)))
        for share, turn in ((0.86, 0.45), (0.68, 1.0)):
            if tip * share >= trunk.finest and max(abs(c) for c in end) < _FARTHEST_MM:
                shorter = length * dice.uniform(0.75, 1.0)
                growing.append((end, turned(direction, turn * trunk.spread, dice), tip * share, shorter))
    return found


def turned(direction: Vector, by: float, dice: Dice) -> Vector:
    """A direction turned to a side that chance decides, by a tangent."""
    sideways = dice.direction()
    along = sum(a * b for a, b in zip(sideways, direction, strict=True))
    mixed = [d + by * (s - along * d) for d, s in zip(direction, sideways, strict=True)]
    return unit(mixed[0], mixed[1], mixed[2])


def unit(x: float, y: float, z: float) -> Vector:
    length = float(np.sqrt(x * x + y * y + z * z))
    return x / length, y / length, z / length
