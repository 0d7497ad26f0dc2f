"""Kidney: cortex, pyramids, and fat and calyces in its sinus; perirenal fat and fascia, psoas, liver or spleen."""

from __future__ import annotations

import numpy as np

from ..space import Space, ellipsoid
from ..vessels import unit
from .layers import paint_fat, paint_muscles
from .scene import MOSTLY_SOLID, Scene, Site

PLACES = ("in the cortex", "bulging out", "towards the sinus")

_AROUND = ((1.0, 0.0), (0.5, 0.866), (-0.5, 0.866), (-1.0, 0.0), (-0.5, -0.866), (0.5, -0.866))
"""Directions of the pyramids around the long axis; none lies at the hilum, which is at -x, -y here."""


def solid_hu(scene: Scene) -> float:
    """A cyst, or a tumour that takes up less than the cortex."""
    if scene.dice.chance(0.4, "cyst"):
        return scene.dice.uniform(0.0, 18.0)
    return max(38.0, scene.hu["kidney"] - scene.dice.uniform(30.0, 90.0)) if scene.hu["kidney"] > 80 else 46.0


def paint(space: Space, scene: Scene) -> None:
    """In the left kidney's directions: its hilum looks to -x; the right one is its mirror image."""
    dice = scene.dice
    right = dice.chance(0.5, "right")
    place = dice.pick(PLACES, "place")
    radii = (dice.uniform(25, 30), dice.uniform(23, 27), dice.uniform(48, 56))
    share = {"in the cortex": 0.8, "bulging out": 1.05, "towards the sinus": 0.55}[place] + dice.uniform(-0.08, 0.08)
    way = unit(dice.uniform(-0.3, 1.0), dice.uniform(-1.0, 1.0), dice.uniform(-0.7, 0.7))
    zero = (share * radii[0] * way[0], share * radii[1] * way[1], share * radii[2] * way[2])
    paint_fat(space, scene)
    body = space.bent(dice, 2.0).seen_from(zero, mirror=right)
    _paint_neighbours(body, scene, radii, right=right)
    _paint_kidney(body, scene, radii)


def _paint_neighbours(space: Space, scene: Scene, radii: tuple[float, float, float], *, right: bool) -> None:
    dice, hu = scene.dice, scene.hu
    shell = ellipsoid(space, (0.0, 2.0, 0.0), (radii[0] + dice.uniform(6, 16), radii[1] + dice.uniform(4, 12), 75.0))
    space.paint(np.abs(shell) - 0.5, np.float32(hu["fat"] + 70.0))  # Gerota's fascia
    organ = -ellipsoid(space, (-24.0, 14.0, -10.0), (radii[0] + 34.0, radii[1] + 28.0, 95.0))
    organ = np.maximum(np.maximum(organ, -shell + 3.0), np.float32(dice.uniform(-16, 4)) - space.x + 0.4 * space.y)
    space.paint(organ, np.float32(hu["liver" if right else "spleen"]))
    back = space.behind(radii[1] + 3.0)
    wall = np.float32(radii[1] + dice.uniform(5, 14)) - back.y + 0.012 * back.x * back.x * (back.x > 0)
    paint_muscles(back, wall, back.x, scene, 34.0)
    space.paint_ball((-radii[0] - 16.0, radii[1] - 8.0, 0.0), (17.0, 15.0, 130.0), np.float32(hu["muscle"]))
    for _ in range(dice.whole(1, 2)):
        x, y = dice.uniform(-45, 20), -radii[1] - dice.uniform(16, 26)
        loop = ((x, y, -60.0, 12.0), (x + 6.0, y + 2.0, 0.0, 13.0), (x - 5.0, y - 2.0, 60.0, 12.0))
        space.paint_tube(loop, hu["bowel"])
        space.paint_tube(loop, hu[dice.pick(("stool", "gas", "water"))], thicker=-2.5)


def _paint_kidney(space: Space, scene: Scene, radii: tuple[float, float, float]) -> None:
    dice, hu = scene.dice, scene.hu
    body = ellipsoid(space, (0.0, 0.0, 0.0), radii)
    space.paint(body, np.float32(hu["kidney"]) + 3.0 * space.field(dice.lattice(), 4.0))
    _paint_pyramids(space, scene, radii)
    sinus = ellipsoid(space, (-2.5, -2.0, 0.0), (radii[0] * 0.42, radii[1] * 0.38, radii[2] * 0.55))
    mouth = ellipsoid(space, (-radii[0] * 0.8, -radii[1] * 0.45, 0.0), (radii[0] * 0.75, 8.0, 17.0))
    sinus = np.minimum(sinus, mouth) + 1.3 * space.field(dice.lattice(), 5.0)
    space.paint(np.maximum(sinus, body - 1.0), np.float32(hu["fat"] + 12.0))
    mid = (-6.0, -4.0, 0.0)
    for level in (-26.0, -9.0, 9.0, 26.0):
        tip = (dice.uniform(2, 8), dice.uniform(-6, 6), level)
        space.paint_tube(((*mid, 3.2), (*tip, 2.4)), hu["urine"])
    out = (-radii[0] - 30.0, -radii[1] * 0.8, -6.0)
    space.paint_tube(((*mid, 5.0), (-radii[0], -radii[1] * 0.5, -4.0, 5.5), (*out[:2], -30.0, 3.0)), hu["urine"])
    for blood, lift, thick in (("vein", 6.0, 4.5), ("artery", -1.0, 2.6)):
        chain = ((2.0, 0.0, lift, 0.6 * thick), (-14.0, -9.0, lift, thick), (*out[:2], lift, thick))
        space.paint_tube(chain, hu[blood])


def _paint_pyramids(space: Space, scene: Scene, radii: tuple[float, float, float]) -> None:
    """Cones with their tips at the sinus, cortex between them."""
    dice = scene.dice
    for level in (-34.0, -17.0, 0.0, 17.0, 34.0):
        flat = float(np.sqrt(1.0 - level * level / 3600.0))
        for c, s in _AROUND:
            u, v, z = c + dice.uniform(-0.2, 0.2), s + dice.uniform(-0.2, 0.2), level + dice.uniform(-4.0, 4.0)
            wide = dice.uniform(4.5, 6.8)
            if c + s > -1.2:
                tip, base = (
                    (share * flat * radii[0] * u, share * flat * radii[1] * v, z * (1.0 + lift))
                    for share, lift in ((0.36, 0.0), (0.66, 0.12))
                )
                space.paint_tube(((*tip, 1.8), (*base, wide)), scene.hu["medulla"])


SITE = Site(
    "a lesion of the kidney: cortex, pyramids and sinus, fat around, psoas, liver or spleen",
    MOSTLY_SOLID,
    solid_hu,
    paint,
    (-160, 240),
)
