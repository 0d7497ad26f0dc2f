"""What a lesion is made of: solid, part-solid, ground-glass, calcified or fatty, with a texture and a dead core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dice import Dice
from .space import Space

Array = NDArray[np.float32]

DENSITIES = ("solid", "part-solid", "ground-glass", "calcified", "fatty")

DENSITY_HU: dict[str, tuple[float, float]] = {
    "ground-glass": (-680.0, -480.0),
    "calcified": (250.0, 900.0),
    "fatty": (-105.0, -65.0),
}
"""Of ground glass, of the calcium itself, and of the fat itself. What is solid takes its HU from the site."""


@dataclass(frozen=True)
class Filling:
    """The numbers of one lesion's inside.

    Attributes:
        density: one of `DENSITIES`.
        solid_hu: of its soft tissue.
        special_hu: of its ground glass, calcium or fat; None where it is solid.
        necrosis: radius of its dead core as a share of its own, 0 for none.
        texture_hu: standard deviation of its unevenness, before noise.
        pattern: where calcium lies: `central`, `rim`, `popcorn`, or `whole` (a sclerotic bone).
        margin_mm: width of its edge.
    """

    density: str
    solid_hu: float
    special_hu: float | None
    necrosis: float
    texture_hu: float
    pattern: str
    margin_mm: float

    @classmethod
    def drawn(cls, density: str, solid_hu: float, diameter: float, patterns: tuple[str, ...], dice: Dice) -> Filling:
        special = dice.uniform(*DENSITY_HU[density if density != "part-solid" else "ground-glass"]) \
            if density != "solid" else None  # fmt: skip
        dead = dice.uniform(0.35, 0.7) if density == "solid" and diameter > 15 and dice.chance(0.35) else 0.0
        texture, margin = dice.uniform(3.0, 14.0), dice.uniform(0.8, 2.2)
        pattern = dice.pick(patterns) if density == "calcified" else ""
        return cls(density, solid_hu, special, dead, texture, pattern, margin)

    def paint(self, space: Space, distance: Array, radius: float, dice: Dice) -> None:
        """Into the part of a space around a lesion of this radius, mm, by the distance to its outline."""
        rough = space.field(dice.lattice(), max(2.0, 0.35 * radius))
        if self.density in {"ground-glass", "part-solid"}:
            self._paint_glass(space, distance, rough)
            if self.density == "part-solid":
                space.paint(distance + radius * 0.5 + 0.18 * radius * rough, np.float32(self.solid_hu), 1.5)
            return
        space.paint(distance, self.solid_hu + self.texture_hu * rough, self.margin_mm)
        if self.density == "calcified":
            self._paint_calcium(space, distance, rough, radius)
        elif self.density == "fatty":  # with thin septa and a soft part
            fat = np.maximum(distance + 0.9, (rough - 1.1) * 1.5)
            space.paint(fat, np.float32(self.special_hu) + 5.0 * rough)
        elif self.necrosis:
            core = distance + radius * (1.0 - self.necrosis) + 0.1 * radius * rough
            space.paint(core, np.float32(min(self.solid_hu - 25.0, 18.0)), 2.5)

    def _paint_glass(self, space: Space, distance: Array, rough: Array) -> None:
        """Veils the lung and leaves what is denser, its vessels, to be seen."""
        glass = np.maximum(space.hu, np.float32(self.special_hu) + 45.0 * rough)
        space.paint(distance, glass, max(1.5, self.margin_mm))

    def _paint_calcium(self, space: Space, distance: Array, rough: Array, radius: float) -> None:
        calcium: Any = distance
        if self.pattern == "central":
            calcium = distance + radius * 0.55 + 0.08 * radius * rough
        elif self.pattern == "rim":
            calcium = np.abs(distance + 1.4) - 0.5 - 0.5 * rough
        elif self.pattern == "popcorn":
            calcium = np.maximum(distance + 1.0, (0.55 - rough) * 0.35 * max(2.0, 0.35 * radius))
        space.paint(calcium, np.float32(self.special_hu) + 40.0 * rough)
