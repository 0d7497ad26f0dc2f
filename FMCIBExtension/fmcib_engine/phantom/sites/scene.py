"""What every site is painted with: the patient's HU, the chance, and the lesion's place in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..dice import Dice
from ..space import Space

Tissues = dict[str, float]


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
