"""Pelvis: one map of bladder, rectum, womb or prostate, side walls with bone, muscle and iliac vessels, sacrum."""

from __future__ import annotations

import numpy as np

from ..dice import Vector
from ..space import Space
from .abdomen import paint_bowel
from .layers import paint_fat, paint_muscles
from .scene import MOSTLY_SOLID, Scene, Site, like_a_node

_PLACES: dict[str, Vector] = {
    "side wall": (40.0, -14.0, 4.0),
    "beside the rectum": (23.0, 38.0, 0.0),
    "beside the bladder": (31.0, -4.0, -2.0),
    "before the sacrum": (6.0, 61.0, 10.0),
    "adnexal": (29.0, 8.0, 12.0),
}
"""mm from the middle of the pelvis, left of it; the right is the mirror image."""


def paint(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    place = dice.pick(tuple(_PLACES), "place")
    right = dice.chance(0.5, "right")
    zero = tuple(c + dice.uniform(-4.0, 4.0) for c in _PLACES[place])
    paint_fat(space, scene)
    there = space.bent(dice, 3.0).seen_from(zero, mirror=right)  # type: ignore[arg-type]
    _paint_side_walls(there, scene)
    _paint_back(there, scene)
    _paint_middle(there, scene)
    for blood, chain in (
        ("artery", ((44, -30, 80, 5.5), (46, -36, 0, 5), (54, -52, -70, 4.5))),
        ("vein", ((42, -18, 80, 7), (45, -25, 0, 6.5), (55, -44, -70, 6))),
        ("artery", ((38, 10, 60, 4), (42, 26, 10, 3), (38, 34, -40, 2))),
        ("vein", ((44, 14, 60, 4.5), (45, 32, 10, 3.5), (42, 38, -40, 2.5))),
    ):
        there.paint_tube(chain, hu[blood])
    for front, low in ((-56.0, 28.0), (-22.0, 36.0), (12.0, 40.0)):  # bowel that hangs down from above
        x, y, z = dice.uniform(-15, 30), front + dice.uniform(-6, 6), low + dice.uniform(-5, 5)
        thick = dice.uniform(9.0, 13.0)
        bends = ((-45.0, 6.0, 14.0), (-14.0, -4.0, 3.0), (4.0, 0.0, 0.0), (20.0, 3.0, 4.0), (40.0, 0.0, 18.0))
        paint_bowel(there, scene, [(x + a, y + b, z + c, thick) for a, b, c in bends])


def _paint_side_walls(space: Space, scene: Scene) -> None:
    """From within: obturator muscle, the bone of ilium and socket, the gluteal muscles."""
    dice, hu = scene.dice, scene.hu
    wide = dice.uniform(47.0, 53.0)
    for low, high in ((34.0, 200.0), (-200.0, -34.0)):
        part = space.box((low, -200.0, -300.0), (high, 200.0, 300.0))
        side, y = np.abs(part.x), part.y
        wall = side - np.float32(wide) + 0.006 * (y - 6.0) * (y - 6.0) - 0.12 * part.z
        paint_muscles(part, np.maximum(-wall, np.abs(y - 16.0) - 62.0), y + 0.6 * side, scene, 26.0)
        bone = np.abs(wall - 17.0) - 6.0 - 0.1 * np.maximum(20.0 - np.abs(y), 0.0)
        bone = np.maximum(bone, np.maximum(-y - 44.0, y - 44.0))
        marrow = np.float32(hu["marrow"]) + 35.0 * part.field(dice.lattice(), 1.6)
        part.paint(bone - 1.5, np.float32(hu["fat"] + 30.0))
        part.paint_bone(bone, 1.5, hu["cortex"], marrow)


def _paint_back(space: Space, scene: Scene) -> None:
    """Sacrum, and the gluteus on it."""
    hu, dice = scene.hu, scene.dice
    back = space.behind(52.0)
    x, y = back.x, back.y
    plate = np.float32(74.0) + 0.25 * back.z - 0.006 * x * x
    paint_muscles(back, np.float32(96.0) - y, x, scene, 30.0)
    sacrum = np.maximum(np.abs(y - plate - 8.0) - 8.0, np.abs(x) - 34.0)
    marrow = np.float32(hu["marrow"] * 0.8) + 35.0 * back.field(dice.lattice(), 1.6)
    back.paint_bone(sacrum, 1.4, hu["cortex"] * 0.7, marrow)
    for side in (-1, 1):  # the piriform muscles
        chain = ((side * 24.0, 62.0, 22.0, 7.0), (side * 44.0, 60.0, 14.0, 9.0), (side * 66.0, 64.0, 4.0, 7.0))
        space.paint_tube(chain, hu["muscle"])


def _paint_middle(space: Space, scene: Scene) -> None:
    """Bladder, womb or prostate and seminal vesicles, rectum in its fat."""
    dice, hu = scene.dice, scene.hu
    full = dice.uniform(0.75, 1.1, "bladder_filled")
    part, bladder = space.ball((0.0, -27.0, -4.0), (38.0 * full, 26.0 * full, 34.0 * full))
    part.paint(bladder, np.float32(hu["bowel"]))
    part.paint(bladder + 2.2, np.float32(hu["bladder"]))
    if dice.chance(0.5, "womb"):
        space.paint_ball((dice.uniform(-5, 5), 6.0, 4.0), (26.0, 16.0, 28.0), np.float32(hu["bowel"] + 12.0))
    else:
        space.paint_ball((0.0, 6.0, -34.0), (23.0, 17.0, 20.0), np.float32(hu["bowel"]))
        for side in (-1, 1):
            space.paint_ball((side * 14.0, 11.0, -8.0), (14.0, 6.0, 7.0), np.float32(hu["bowel"] - 15.0))
    paint_bowel(space, scene, [
        (0.0, 44.0, -70.0, 13.0), (0.0, 40.0, -20.0, 16.0), (3.0, 42.0, 10.0, 16.0), (0.0, 48.0, 40.0, 14.0),
        (14.0, 40.0, 80.0, 12.0),
    ])  # fmt: skip


SITE = Site(
    "a node or mass in the pelvis: bladder, rectum, iliac vessels, side wall with muscle and bone, sacrum",
    MOSTLY_SOLID,
    like_a_node,
    paint,
    (-160, 240),
)
