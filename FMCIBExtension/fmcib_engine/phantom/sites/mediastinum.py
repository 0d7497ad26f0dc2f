"""Mediastinum: one map of trachea, great vessels, oesophagus, heart and lungs, in which a node lies at its stations."""

from __future__ import annotations

import numpy as np

from ..dice import Dice, Vector
from ..space import End, Space
from .layers import paint_fat
from .lung import paint_air, paint_trees
from .scene import MOSTLY_SOLID, Scene, Site, like_a_node

_STATIONS: dict[str, Vector] = {
    "right paratracheal": (-17.0, -8.0, 24.0),
    "aortopulmonary window": (27.0, -3.0, 12.0),
    "subcarinal": (2.0, 10.0, -22.0),
    "before the vessels": (6.0, -54.0, 34.0),
    "right hilar": (-30.0, -16.0, -30.0),
    "left hilar": (40.0, -9.0, -22.0),
    "beside the oesophagus": (-8.0, 22.0, -52.0),
}
"""mm from the carina, which is this map's zero."""

_AORTA: tuple[End, ...] = (
    (-8, -34, -90, 15), (-17, -38, -30, 16.5), (-15, -34, 12, 16), (-6, -26, 30, 14.5), (10, -6, 38, 13.5),
    (23, 16, 32, 13), (27, 28, 12, 12.5), (26, 32, -110, 12),
)  # fmt: skip
_BRANCHES: tuple[tuple[End, ...], ...] = (
    ((-7, -22, 36, 6.5), (-14, -14, 110, 5)), ((8, -8, 42, 4.5), (16, -4, 110, 4)), ((19, 8, 40, 5), (28, 8, 110, 4.5)),
)  # fmt: skip
_PULMONARY: tuple[tuple[End, ...], ...] = (
    ((14, -50, -60, 14), (18, -38, -10, 14), (24, -16, -4, 12), (40, 4, -4, 9), (48, 20, -26, 7)),
    ((16, -32, -14, 12), (-6, -18, -14, 11), (-36, -6, -18, 9), (-52, 4, -40, 6)),
)  # fmt: skip
_VEINS: tuple[tuple[End, ...], ...] = (
    ((-27, -22, 70, 8), (-28, -24, 0, 9), (-26, -24, -70, 10)),
    ((-27, -24, 58, 7), (0, -42, 56, 6), (34, -40, 70, 6)),
    ((-9, 30, -110, 4), (-10, 29, 10, 4), (-17, 14, 19, 4), (-27, -14, 16, 4)),
)
_AIRWAYS: tuple[tuple[End, ...], ...] = (
    ((0, -8, 120, 8.5), (0, 0, 4, 8.5), (-34, 6, -24, 6.5), (-48, 10, -44, 4)),
    ((0, 0, 4, 7.5), (40, 9, -26, 5.8), (54, 18, -46, 3.5)),
    ((-24, 4, -16, 4.5), (-52, -2, 0, 2.8)),
)  # fmt: skip


def paint(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    station = dice.pick(tuple(_STATIONS), "place")
    zero = tuple(c + dice.uniform(-4.0, 4.0) for c in _STATIONS[station])
    paint_fat(space, scene, 0.6)
    bent = space.bent(dice, 3.0).seen_from(zero)  # type: ignore[arg-type]
    _paint_lungs(bent, scene, dice.uniform(-4, 4))
    _paint_spine(bent, scene)
    bent.paint_ball((4.0, -6.0, -58.0), (34.0, 19.0, 24.0), np.float32(hu["artery"]))
    bent.paint_ball((14.0, -50.0, -76.0), (50.0, 34.0, 30.0), np.float32(hu["vein"]))
    gullet = ((5, 18, 120, 7), (6, 20, -20, 7), (10, 21, -110, 8))
    bent.paint_tube(gullet, hu["bowel"])
    if dice.chance(0.4):
        bent.paint_tube([(x, y, z, 2.0) for x, y, z, _ in gullet], hu["gas"])
    wider = dice.uniform(-1.0, 2.5)
    for chain in _VEINS:
        bent.paint_tube(chain, hu["vein"])
    for chain in _PULMONARY:
        bent.paint_tube(chain, 0.5 * (hu["artery"] + hu["vein"]))
    for chain in (_AORTA, *_BRANCHES):
        bent.paint_tube(chain, hu["artery"], thicker=wider)
    for chain in _AIRWAYS:
        bent.paint_tube(chain, 30.0, thicker=1.6)
    for chain in _AIRWAYS:
        bent.paint_tube(chain, hu["air"])
    _paint_small_nodes(space, scene, dice)


def _paint_lungs(space: Space, scene: Scene, wide: float) -> None:
    """Right and left of a middle that is wide at the hila and narrow behind the heart and before the aorta."""
    air = Space.straight(space.axes)
    paint_air(air, scene)
    paint_trees(air, scene, (scene.dice.side() * 0.99, 0.1, -0.1))
    x, y, z = space.x, space.y, space.z
    low = np.clip(z * np.float32(-1.0 / 40.0), 0.0, 1.0)
    right = 29.0 + wide + 11.0 * low * (y < -14.0) - 16.0 * np.clip((y - 8.0) * np.float32(1.0 / 14.0), 0.0, 1.0)
    left = 34.0 + wide + 22.0 * low * (y < -8.0)
    taper = 26.0 * np.clip((-y - 44.0) * np.float32(1.0 / 26.0), 0.0, 1.0)
    uneven = 4.0 * space.field(scene.dice.lattice(), 13.0)
    lung = np.minimum(right - taper + x, left - taper - x) + uneven
    lung = np.maximum(lung, np.maximum(y - 76.0, -y - 78.0))
    space.paint(lung, air.hu)
    for side in (-1, 1):
        part, hilum = space.ball((side * 40.0, 0.0, -24.0), (14.0, 14.0, 26.0))
        part.paint(hilum, np.float32(scene.hu["fat"] + 20.0), 3.0)


def _paint_spine(space: Space, scene: Scene) -> None:
    lattice = scene.dice.lattice()
    part, body = space.ball((0.0, 46.0, 0.0), (17.0, 14.0, 400.0))
    if part.empty:
        return
    level = part.z * np.float32(1.0 / 25.0)
    height = np.abs(level - np.rint(level)) * np.float32(25.0)
    part.paint(body, np.float32(scene.hu["disc"]))
    marrow = np.float32(scene.hu["marrow"]) + 30.0 * part.field(lattice, 2.0)
    part.paint_bone(np.maximum(body, height - 10.5), 1.4, scene.hu["cortex"] * 0.75, marrow)


def _paint_small_nodes(space: Space, scene: Scene, dice: Dice) -> None:
    """Other nodes around the lesion, where there is fat only."""
    for _ in range(dice.whole(1, 4)):
        way, size = dice.direction(), dice.uniform(2.0, 4.5)
        x, y, z = (c * (scene.radius + dice.uniform(4.0, 14.0)) for c in way)
        part, distance = space.ball((x, y, z), (size * 1.4, size, size * 1.2))
        if not part.empty:
            elsewhere = (part.hu >= 0.0) | (part.hu <= -250.0)
            part.paint(distance + np.float32(30.0) * elsewhere, np.float32(scene.hu["node"]))


SITE = Site(
    "a node or mass between trachea, aorta, pulmonary arteries and veins, lungs at the sides",
    MOSTLY_SOLID,
    like_a_node,
    paint,
    (-160, 240),
)
