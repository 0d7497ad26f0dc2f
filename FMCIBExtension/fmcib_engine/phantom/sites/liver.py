"""Liver: parenchyma with its two trees of veins; at its surface a capsule, fat, ribs, or diaphragm and lung."""

from __future__ import annotations

import numpy as np

from ..dice import Vector
from ..space import Space
from ..vessels import Trunk, tree, turned, unit
from .layers import ChestWall, paint_fat, round_wall
from .lung import paint_air
from .scene import MOSTLY_SOLID, Scene, Site

PLACES = ("deep", "below the ribs", "below the diaphragm", "at the hilum")


def solid_hu(scene: Scene) -> float:
    """Mostly darker than the liver, sometimes brighter."""
    off = scene.dice.uniform(-62.0, -24.0) if scene.dice.chance(0.8) else scene.dice.uniform(25.0, 50.0)
    return max(12.0, scene.hu["liver"] + off)


def paint(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    place = dice.pick(PLACES, "place")
    bent = space.bent(dice, 2.5)
    bent.hu[...] = hu["liver"] + 3.0 * bent.field(dice.lattice(), 6.0)
    for storey, there in scene.storeys(bent):
        _paint_veins(storey, there)
    near = scene.radius + dice.uniform(1.0, 12.0)
    if place == "below the ribs":
        out = unit(-1.0, dice.uniform(-0.9, 0.9), dice.uniform(-0.2, 0.3))
        depth, along = round_wall(bent, out, near, 110.0)
        fat = dice.uniform(0.5, 3.0)
        bent.paint(-depth, np.float32(hu["fat"] + 10.0))
        ChestWall.drawn(scene).paint(bent, depth - fat, along, scene)
    elif place == "below the diaphragm":
        _paint_dome(bent, scene, near)
    elif place == "at the hilum":
        _paint_hilum(bent, scene, near)


def _paint_veins(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    for blood in ("portal", "vein"):
        for _ in range(2):
            out = dice.direction()
            start: Vector = tuple(-dice.uniform(25.0, 42.0) * c for c in out)  # type: ignore[assignment]
            trunk = Trunk(start, turned(out, 0.5, dice), dice.uniform(2.5, 5.0), dice.uniform(14.0, 20.0), 0.9, 0.7)
            for tube in tree(trunk, dice, 16):
                space.paint_tube(tube, hu[blood])


def _paint_dome(space: Space, scene: Scene, near: float) -> None:
    """The diaphragm above, and lung on it."""
    dice, hu = scene.dice, scene.hu
    tilt = unit(dice.uniform(-0.9, 0.3), dice.uniform(-0.4, 0.8), 1.0)
    curve = (space.x * space.x + space.y * space.y) * np.float32(1.0 / 150.0)
    height = space.along(tilt) - np.float32(near) + curve
    lung = Space.straight(space.axes)
    paint_air(lung, scene)
    space.paint(-height, np.float32(hu["muscle"]))
    space.paint(2.2 - height, lung.hu)


def _paint_hilum(space: Space, scene: Scene, near: float) -> None:
    """Fat around the portal vein and the bile duct, the gallbladder, and often bowel."""
    dice, hu = scene.dice, scene.hu
    below = unit(dice.uniform(0.2, 1.0), dice.uniform(-0.2, 0.9), -dice.uniform(0.3, 0.9))
    depth = space.along(below) - np.float32(near) + 4.0 * space.field(dice.lattice(), 14.0)
    fat = Space.straight(space.axes)
    paint_fat(fat, scene)
    space.paint(-depth, fat.hu)
    middle = [c * (near + 9.0) for c in below]
    across = turned(below, 3.0, dice)
    ends = [tuple(m + s * c for m, c in zip(middle, across, strict=True)) for s in (-45.0, 0.0, 45.0)]
    for shift, radius, blood in ((0.0, 6.5, "portal"), (9.5, 2.6, "artery"), (-9.5, 3.2, "water")):
        space.paint_tube([(x, y + 0.7 * shift, z + 0.7 * shift, radius) for x, y, z in ends], hu[blood])
    if dice.chance(0.6, "gallbladder"):
        x, y, z = (c * (near + 16.0) for c in turned(below, 0.8, dice))
        space.paint_ball((x, y, z), (13.0, 17.0, 15.0), np.float32(hu["bowel"]))
        space.paint_ball((x, y, z), (11.5, 15.5, 13.5), np.float32(hu["water"]))


SITE = Site(
    "a lesion in liver: even parenchyma and veins; at its edge ribs, diaphragm and lung, or the hilum's fat",
    MOSTLY_SOLID,
    solid_hu,
    paint,
    (-100, 200),
)
