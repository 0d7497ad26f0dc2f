"""Soft tissue: skin, fat below it and muscles with fat between them; the lesion in the fat or in a muscle."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..space import Space
from ..vessels import Trunk, tree, turned, unit
from .layers import paint_fat, paint_muscles
from .scene import MOSTLY_SOLID, Scene, Site

PLACES = ("below the skin", "in a muscle", "between muscles", "in a limb")


def solid_hu(scene: Scene) -> float:
    """Unlike muscle by at least 15 HU, or it could not be seen in it."""
    off = scene.dice.uniform(15.0, 40.0)
    return scene.hu["muscle"] + off * scene.dice.side()


def paint(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    place = dice.pick(PLACES, "place")
    paint_fat(space, scene, 0.8)
    bent = space.bent(dice, 2.5)
    out = unit(dice.uniform(-1.0, 1.0), dice.side() * dice.uniform(0.3, 1.0), dice.uniform(-0.2, 0.2))
    flat = float(np.sqrt(out[0] * out[0] + out[1] * out[1]))
    along = bent.x * np.float32(-out[1] / flat) + bent.y * np.float32(out[0] / flat)
    round_ = dice.uniform(70.0, 140.0) if place != "in a limb" else dice.uniform(42.0, 60.0)
    height = bent.along(out) + along * along * np.float32(0.5 / round_)
    fascia = {
        "below the skin": -scene.radius - dice.uniform(0.0, 6.0),
        "in a muscle": scene.radius + dice.uniform(1.0, 8.0),
        "between muscles": scene.radius + dice.uniform(3.0, 14.0),
        "in a limb": scene.radius + dice.uniform(0.0, 8.0),
    }[place]
    skin = max(fascia + dice.uniform(6.0, 22.0), scene.radius + 3.0)
    _paint_groups(bent, scene, height - np.float32(fascia), along)
    if place == "in a limb":
        _paint_shaft(bent, scene, out, scene.radius + dice.uniform(14.0, 20.0))
    _paint_skin_veins(bent, scene, out, 0.5 * (fascia + skin))
    bent.paint(np.float32(skin) - height, np.float32(hu["skin"]))
    bent.paint(np.float32(skin + 1.9) - height, np.float32(hu["air"]))


def _paint_groups(space: Space, scene: Scene, above: Any, along: Any) -> None:
    """Muscles in layers, each with fibres of its own, a seam of fat from layer to layer."""
    dice, hu = scene.dice, scene.hu
    thick = dice.uniform(11.0, 20.0)
    paint_muscles(space, above, along + 0.5 * above, scene, dice.uniform(24.0, 44.0))
    wave = 2.0 * space.field(dice.lattice(), 16.0)
    for number in (1, 2, 3):
        seam = np.abs(above + np.float32(number * thick) + wave) - np.float32(dice.uniform(0.1, 1.2)) - 0.3 * wave
        space.paint(seam, np.float32(hu["fat"] + 15.0), 1.3)


def _paint_shaft(space: Space, scene: Scene, out: tuple[float, float, float], deep: float) -> None:
    """The bone of the limb, along the body, and the vessels beside it."""
    hu = scene.hu
    x, y = -deep * out[0], -deep * out[1]
    shaft = ((x, y, -90.0, 12.0), (x + 4.0, y, 90.0, 12.5))
    space.paint_tube(shaft, hu["cortex"])
    space.paint_tube(shaft, hu["fatty_marrow"], thicker=-4.5)
    for shift, blood, thick in ((0.0, "artery", 3.4), (9.0, "vein", 4.2)):
        a, b = x - 20.0 * out[1] + shift * out[0], y + 20.0 * out[0] + shift * out[1]
        space.paint_tube(((a, b, -90.0, thick + 2.5), (a + 5.0, b, 90.0, thick + 2.5)), hu["fat"])
        space.paint_tube(((a, b, -90.0, thick), (a + 5.0, b, 90.0, thick)), hu[blood])


def _paint_skin_veins(space: Space, scene: Scene, out: tuple[float, float, float], height: float) -> None:
    dice = scene.dice
    across = turned(out, 4.0, dice)
    start = tuple(height * o - 34.0 * a for o, a in zip(out, across, strict=True))
    trunk = Trunk(start, across, dice.uniform(1.0, 1.6), 14.0, 0.7, 0.5)  # type: ignore[arg-type]
    for tube in tree(trunk, dice, 8):
        space.paint_tube(tube, scene.hu["vein"])


SITE = Site(
    "a lesion below the skin or in a muscle: muscles with seams of fat, fat below the skin, skin, air outside",
    MOSTLY_SOLID,
    solid_hu,
    paint,
    (-160, 240),
)
