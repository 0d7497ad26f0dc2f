"""What every site is painted with: the patient's HU, the chance, and the lesion's place in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..dice import Dice
from ..space import Space

Tissues = dict[str, float]

_STOREY_MM = 60.0
_STOREYS = 4
"""Above, and as many below."""
_FAR = 1e4
_NO_LESION_MM = 4.0
"""Radius of what vessels and bowel leave free where no lesion is."""


@dataclass(frozen=True)
class Scene:
    """The patient around a lesion at zero.

    Attributes:
        dice: chance of the anatomy; what it notes by name is returned with the patch.
        hu: HU by tissue.
        radius: of the lesion, mm.
    """

    dice: Dice
    hu: Tissues
    radius: float

    def storeys(self, space: Space) -> Iterator[tuple[Space, Scene]]:
        """The space itself; then its parts above and below, each 60 mm with chance of its own, seen from its middle.

        For what is drawn around zero only, vessels and loops of bowel, so that a cube of the same scan away from the
        lesion has some as well.
        """
        seed = self.dice.lattice()
        yield space, self
        for number in range(1, _STOREYS + 1):
            for up in (-1, 1):
                middle = up * _STOREY_MM * number
                low, high = middle - _STOREY_MM / 2, middle + _STOREY_MM / 2
                part = space.box((-_FAR, -_FAR, low), (_FAR, _FAR, high))
                if not part.empty:
                    there = Scene(Dice(seed, number, 1 + up), self.hu, _NO_LESION_MM)
                    yield part.seen_from((0.0, 0.0, -middle)), there


@dataclass(frozen=True)
class Site:
    """One of the eight.

    Attributes:
        about: what a radiologist should see.
        densities: which a lesion may have here, and how often.
        solid_hu: HU of a lesion's soft tissue here.
        paint: fills a space around the lesion.
        window: HU shown as black and as white.
        calcium: patterns of calcification.
    """

    about: str
    densities: dict[str, float]
    solid_hu: Callable[[Scene], float]
    paint: Callable[[Space, Scene], None]
    window: tuple[int, int]
    calcium: tuple[str, ...] = ("central", "rim", "popcorn")


MOSTLY_SOLID = {"solid": 0.7, "calcified": 0.15, "fatty": 0.15}


def like_a_node(scene: Scene) -> float:
    return scene.hu["node"] + scene.dice.uniform(-10.0, 15.0)
