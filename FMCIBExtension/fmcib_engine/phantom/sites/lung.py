"""Lung: air with vessels and a bronchus that fork, perhaps a fissure, and chest wall or mediastinum at the border."""

from __future__ import annotations

import numpy as np

from ..dice import Vector
from ..space import Space
from ..vessels import Trunk, tree, turned, unit
from .layers import ChestWall, round_wall
from .scene import Scene, Site

PLACES = ("central", "pleural", "mediastinal", "fissural")


def solid_hu(scene: Scene) -> float:
    return scene.hu["node"] + scene.dice.uniform(-15.0, 15.0)


def paint(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    place = dice.pick(PLACES, "place")
    out = unit(dice.side() * dice.uniform(0.3, 1.0), dice.uniform(-0.8, 0.9), dice.uniform(-0.25, 0.25))
    bent = space.bent(dice, 2.0)
    paint_air(bent, scene)
    for storey, there in scene.storeys(bent):
        paint_trees(storey, there, out)
    if place == "fissural" or dice.chance(0.2):
        _paint_fissure(bent, scene)
    if place == "pleural":
        gap = scene.radius * 0.9 + dice.uniform(-3.0, 12.0, "to_pleura_mm")
        depth, along = round_wall(bent, out, gap, 115.0)
        ChestWall.drawn(scene).paint(bent, depth, along, scene)
    elif place == "mediastinal":
        gap = scene.radius * 0.9 + dice.uniform(-2.0, 12.0, "to_mediastinum_mm")
        depth, _ = round_wall(bent, (-out[0], -out[1], out[2]), gap, -60.0)
        bent.paint(-depth, np.float32(hu["fat"]))
        bent.paint(dice.uniform(1.5, 5.0) - depth, np.float32(hu[dice.pick(("artery", "vein"))]))


def paint_air(space: Space, scene: Scene) -> None:
    """Lung tissue: denser towards the back, where the patient lies, and here and there emphysema."""
    dice = scene.dice
    fine, coarse = space.field(dice.lattice(), 3.0), space.field(dice.lattice(), 11.0)
    emphysema = dice.uniform(0.0, 70.0, "emphysema_hu") * dice.chance(0.4)
    space.hu[...] = scene.hu["lung"] + 14.0 * fine + 12.0 * coarse
    space.hu[...] += space.y * np.float32(dice.uniform(0.2, 1.0))
    if emphysema:
        space.hu[...] -= emphysema * np.clip(coarse, 0.0, 1.6)


def paint_trees(space: Space, scene: Scene, out: Vector) -> None:
    """Arteries, veins and a bronchus from the hilum, against `out`."""
    dice, hu = scene.dice, scene.hu
    for number in range(dice.whole(3, 4)):
        sideways = turned(out, 0.0, dice)
        aside = dice.direction()
        start: Vector = tuple(  # type: ignore[assignment]
            -dice.uniform(24.0, 36.0) * o + 17.0 * a for o, a in zip(sideways, aside, strict=True)
        )
        trunk = Trunk(start, turned(out, 0.35, dice), dice.uniform(1.4, 3.0), dice.uniform(10.0, 14.0), 0.55, 1.1)
        tubes = tree(trunk, dice, 26)
        if number == 0:
            _paint_bronchus(space, scene, trunk)
        blood = hu[dice.pick(("artery", "vein"))]
        for tube in tubes:
            space.paint_tube(tube, blood)
    _paint_twigs(space, scene)


def _paint_twigs(space: Space, scene: Scene) -> None:
    """The ends of other trees, everywhere."""
    dice, hu = scene.dice, scene.hu
    for _ in range(34):
        start = tuple(dice.uniform(-32.0, 32.0) for _ in range(3))
        way, length, thick = dice.direction(), dice.uniform(4.0, 13.0), dice.uniform(0.35, 0.85)
        end = tuple(s + length * w for s, w in zip(start, way, strict=True))
        space.paint_tube(((*start, thick), (*end, 0.6 * thick)), hu["vein"])  # type: ignore[arg-type]


def _paint_bronchus(space: Space, scene: Scene, beside: Trunk) -> None:
    aside = beside.radius * 1.9 + 1.0
    start: Vector = (beside.start[0] + aside, beside.start[1] + 0.5 * aside, beside.start[2])
    trunk = Trunk(start, beside.direction, beside.radius * 1.1, beside.length * 1.2, 1.3, 0.5)
    tubes = tree(trunk, scene.dice, 7)
    for tube in tubes:
        space.paint_tube(tube, 0.0, thicker=0.9)
    for tube in tubes:
        space.paint_tube(tube, scene.hu["air"] + 40.0)


def _paint_fissure(space: Space, scene: Scene) -> None:
    normal = unit(*(scene.dice.uniform(-0.3, 0.3), -1.0, scene.dice.uniform(-0.9, 0.9)))
    away = space.along(normal) - np.float32(scene.dice.uniform(0.5, 1.2) * scene.radius)
    space.paint(np.abs(away) - 0.35, np.float32(scene.hu["lung"] + 260.0))


SITE = Site(
    "a nodule in lung: air, vessels and a bronchus; often pleura, ribs, heart or a fissure",
    {"solid": 0.4, "part-solid": 0.2, "ground-glass": 0.2, "calcified": 0.12, "fatty": 0.08},
    solid_hu,
    paint,
    (-1150, 350),
)
