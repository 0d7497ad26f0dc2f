"""The layers around the chest and on muscle, by the distance beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dice import Vector
from ..space import Space
from .scene import Scene

_FROM_RIB_TO_RIB_MM = 27.0


@dataclass(frozen=True)
class ChestWall:
    """From the pleura outwards, mm."""

    muscle: float
    """Thickness of the muscles on the ribs."""
    fat: float
    """Thickness of the fat below the skin."""
    rib_phase: float
    """Where along the body a rib lies, as a share of the way to the next."""
    slope: float
    """How far ribs sink on the way forward, mm for each mm."""

    @classmethod
    def drawn(cls, scene: Scene) -> ChestWall:
        dice = scene.dice
        return cls(dice.uniform(4, 18), dice.uniform(6, 30), dice.uniform(0, 1), dice.side() * dice.uniform(0.25, 0.6))

    def paint(self, space: Space, depth: Any, along: Any, scene: Scene) -> None:
        """Everything beyond the pleura, where `depth` (mm beyond it) is positive; `along` runs around the body."""
        hu = scene.hu
        space.paint(-depth, np.float32(hu["fat"] + 25.0))
        space.paint(1.2 - depth, np.float32(hu["muscle"]))
        outer = 12.0 + self.muscle
        space.paint(np.abs(depth - 12.5) - 0.8, np.float32(hu["fat"] + 15.0))
        space.paint(outer - depth, np.float32(hu["fat"]))
        space.paint(outer + self.fat - depth, np.float32(hu["skin"]))
        space.paint(outer + self.fat + 1.8 - depth, np.float32(hu["air"]))
        self.paint_ribs(space, depth, along, scene)

    def paint_ribs(self, space: Space, depth: Any, along: Any, scene: Scene) -> None:
        level = (space.z - along * np.float32(self.slope)) * np.float32(1.0 / _FROM_RIB_TO_RIB_MM)
        level = level + np.float32(self.rib_phase)
        height = (level - np.rint(level)) * np.float32(_FROM_RIB_TO_RIB_MM)
        across = (depth - 6.3) * np.float32(1.0 / 3.9)
        rib = (np.sqrt(across * across + height * height * np.float32(1.0 / 42.0)) - 1.0) * np.float32(3.9)
        space.paint_bone(rib, 1.5, scene.hu["cortex"] * 0.9, np.float32(scene.hu["marrow"]))


def paint_muscles(space: Space, inside: Any, across: Any, scene: Scene, width: float = 24.0) -> None:
    """Muscle where `inside` is negative: bellies side by side along `across`, fat between them and streaks within."""
    dice, hu = scene.dice, scene.hu
    marbling = space.field(dice.lattice(), 2.2, (1.0, 1.0, 5.0))
    space.paint(inside, hu["muscle"] + 5.0 * marbling)
    streak = np.maximum((2.1 - marbling) * 1.2, inside + 1.0)
    space.paint(streak, np.float32(hu["fat"] + 50.0))
    wave = space.field(dice.lattice(), 13.0, (1.0, 1.0, 2.0))
    belly = across * np.float32(1.0 / width) + 0.13 * wave + np.float32(dice.uniform(0, 1))
    seam = np.abs(belly - np.rint(belly)) * np.float32(width) - np.float32(dice.uniform(0.2, 0.8)) - 0.6 * wave
    space.paint(np.maximum(seam, inside), np.float32(hu["fat"] + 25.0), 1.5)


def paint_fat(space: Space, scene: Scene, strands: float = 1.0) -> None:
    """Fat everywhere, with fine strands of connective tissue and vessels."""
    dice = scene.dice
    rough = space.field(dice.lattice(), 5.0)
    space.hu[...] = scene.hu["fat"] + 6.0 * rough
    if strands:
        other = space.field(dice.lattice(), 9.0)
        sheet = np.abs(other) * 4.5 - 0.35 + np.abs(rough) * 0.8
        space.paint(sheet, np.float32(scene.hu["fat"] + 55.0 * strands), 1.4)


def round_wall(space: Space, out: Vector, gap: float, radius: float) -> tuple[Any, Any]:
    """Depth beyond a round wall `gap` mm from zero towards `out`, hollow where `radius` is positive; and along it."""
    forward = space.along(out)
    flat = float(np.sqrt(out[0] * out[0] + out[1] * out[1]))
    along = space.y * np.float32(out[0] / flat) - space.x * np.float32(out[1] / flat)
    return forward - np.float32(gap) + (along * along) * np.float32(0.5 / radius), along
