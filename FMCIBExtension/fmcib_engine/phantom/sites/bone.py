"""Bone: a vertebra, the iliac wing, a rib or the hip; cortex around marrow, and the muscles on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..space import Space
from ..tubes import tube_distance
from ..vessels import unit
from .layers import ChestWall, paint_fat, paint_muscles, round_wall
from .lung import paint_air, paint_trees
from .scene import Scene, Site


def solid_hu(scene: Scene) -> float:
    """Lytic: soft tissue in place of marrow."""
    return scene.hu["tumour"] + scene.dice.uniform(0.0, 25.0)


def paint(space: Space, scene: Scene) -> None:
    kind = scene.dice.pick(tuple(_KINDS), "place")
    _KINDS[kind](space, scene)


def _marrow(space: Space, scene: Scene) -> Any:
    """Spongy bone: fine trabeculae, and larger patches of more and less."""
    dice = scene.dice
    fine, coarse = space.field(dice.lattice(), 1.5), space.field(dice.lattice(), 8.0)
    return scene.hu["marrow"] + 40.0 * fine + 25.0 * coarse


def _rough(space: Space, scene: Scene) -> Any:
    return space.field(scene.dice.lattice(), 4.0)


def _paint_vertebra(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    thoracic = dice.chance(0.4, "thoracic")
    wide, deep = (15.5, 13.5) if thoracic else (22.0, 16.5)
    half = dice.uniform(10.5, 12.0) if thoracic else dice.uniform(13.0, 14.5)
    zero = (dice.uniform(-0.6, 0.6) * wide, dice.uniform(-0.6, 0.75) * deep, dice.uniform(-0.5, 0.5) * half)
    paint_fat(space, scene)
    bent = space.bent(dice, 1.2).seen_from(zero)
    if thoracic:
        _paint_lungs(bent, scene, deep)
    else:
        for side in (-1, 1):
            bent.paint_ball((side * 39.0, 4.0, 0.0), (16.0, 20.0, 200.0), np.float32(hu["muscle"]))
    back = bent.behind(deep + 14.0)
    aside = np.abs(back.x)
    paint_muscles(back, np.maximum(deep + 16.0 - back.y, 7.0 - aside), aside, scene, 22.0)
    aorta = (9.0, -deep - 12.0)
    bent.paint_tube(((*aorta, -90.0, 10.5), (*aorta, 90.0, 10.5)), hu["artery"])
    if not thoracic:
        bent.paint_tube(((-15.0, -deep - 11.0, -90.0, 10.0), (-15.0, -deep - 10.0, 90.0, 10.5)), hu["vein"])
    _paint_levels(bent.box((-36.0, -deep, -200.0), (36.0, deep + 46.0, 200.0)), scene, (wide, deep, half))


def _paint_lungs(space: Space, scene: Scene, deep: float) -> None:
    air = Space.straight(space.axes)
    paint_air(air, scene)
    side = np.abs(space.x)
    lung = np.maximum(20.0 - side + 0.5 * np.maximum(-deep - 4.0 - space.y, 0.0), space.y - deep - 16.0)
    space.paint(lung - 1.5, np.float32(scene.hu["fat"] + 40.0))
    space.paint(lung, air.hu)


def _paint_levels(space: Space, scene: Scene, body: tuple[float, float, float]) -> None:
    """Bodies with discs between, the canal with its cord or sac, arches and processes."""
    hu, (wide, deep, half) = scene.hu, body
    x, y = space.x, space.y
    rise = 2.0 * half + (5.0 if wide < 20 else 9.0)
    level = space.z * np.float32(1.0 / rise)
    height = np.abs(level - np.rint(level)) * np.float32(rise)
    waist = 1.0 + 0.09 * np.minimum(height * np.float32(1.0 / half), 1.0)
    u, v = x * np.float32(1.0 / wide) / waist, y * np.float32(1.0 / deep) / waist
    u, v = u * u, v * v
    oval = (np.sqrt(np.sqrt(u * u + v * v + 1.4 * u * v)) - 1.0) * np.float32(deep)
    oval = np.maximum(oval, 0.6 * (y - deep + 2.0))
    space.paint(oval, np.float32(hu["disc"]))
    marrow = _marrow(space, scene)
    space.paint_bone(np.maximum(oval, height - half), 0.9, hu["cortex"] * 0.7, marrow)
    behind = y - np.float32(deep + 6.0)
    canal = np.sqrt(x * x * 0.75 + behind * behind)
    arm = np.maximum(np.abs(np.abs(x) - 11.5 - 0.1 * (y - deep)) - 3.8, np.abs(y - deep - 1.5) - 6.5)
    wing = np.maximum(np.abs(y - deep - 11.0 - 0.25 * np.abs(x)) - 4.4 + 0.06 * np.abs(x), np.abs(x) - 34.0)
    spine = np.maximum(np.abs(x) - 3.0, np.abs(y - deep - 30.0) - 14.0)
    lamina = np.maximum(np.abs(canal - 11.5) - 2.8, deep + 4.0 - y)
    arch = np.minimum(np.minimum(arm, spine), np.minimum(lamina, np.maximum(wing, height - 5.5)))
    arch = np.maximum(np.maximum(arch, 8.5 - canal), height - half + 2.0)
    space.paint_bone(arch + 0.5 * _rough(space, scene), 1.2, hu["cortex"] * 0.8, marrow)
    space.paint(canal - 8.5, np.float32(hu["fat"] + 40.0))
    space.paint(canal - 7.0, np.float32(hu["cord"]))


def _paint_ilium(space: Space, scene: Scene) -> None:
    """A curved plate between two muscles."""
    dice, hu = scene.dice, scene.hu
    side = dice.side()
    paint_fat(space, scene)
    bent = space.bent(dice, 2.0)
    normal = unit(-side, dice.uniform(-0.9, 0.3), dice.uniform(0.1, 0.5))
    away = bent.along(normal)
    up = bent.y * np.float32(-normal[0]) + bent.x * np.float32(normal[1])
    away = away + up * up * np.float32(1.0 / dice.uniform(90, 200)) + bent.z * bent.z * np.float32(1.0 / 260.0)
    muscle = np.abs(away) - np.float32(dice.uniform(28, 40))
    paint_muscles(bent, muscle, away + 0.4 * up, scene, 19.0)
    thick = dice.uniform(4.5, 7.5) + 0.1 * np.maximum(bent.y * np.float32(1.0), 0.0)
    bent.paint(np.abs(away) - thick - 1.3, np.float32(hu["fat"] + 40.0))
    bent.paint_bone(np.abs(away) - thick, 1.5, hu["cortex"], _marrow(bent, scene))


def _paint_rib(space: Space, scene: Scene) -> None:
    """The chest wall, with a rib through zero."""
    dice = scene.dice
    out = unit(dice.side(), dice.uniform(-0.9, 0.9), 0.0)
    bent = space.bent(dice, 1.5)
    paint_air(bent, scene)
    paint_trees(bent, scene, (-out[0], -out[1], 0.1))
    depth, along = round_wall(bent, out, -6.3, 115.0)
    drawn = ChestWall.drawn(scene)
    ChestWall(drawn.muscle, drawn.fat, dice.uniform(-0.08, 0.08), drawn.slope).paint(bent, depth, along, scene)


def _paint_hip(space: Space, scene: Scene) -> None:
    """The head and neck of the femur in its socket; in the left hip's directions, mirrored for the right one."""
    dice, hu = scene.dice, scene.hu
    right = dice.chance(0.5, "right")
    zero = (dice.uniform(-14, 30), dice.uniform(-8, 10), dice.uniform(-26, 12))
    paint_fat(space, scene)
    bent = space.bent(dice, 1.5).seen_from(zero, mirror=right)
    ring = np.sqrt(bent.x * bent.x + bent.y * bent.y)
    paint_muscles(bent, np.maximum(29.0 - ring, ring - 64.0), bent.x + 0.7 * bent.y, scene, 21.0)
    far = np.sqrt(bent.x * bent.x + bent.y * bent.y + bent.z * bent.z)
    marrow = _marrow(bent, scene)
    socket = np.maximum(np.maximum(far - 33.0, bent.x - 12.0 - 0.3 * bent.z), np.abs(bent.y) - 27.0 - 0.4 * bent.z)
    bent.paint_bone(np.maximum(socket, 25.5 - far), 1.6, hu["cortex"], marrow)
    bent.paint(far - 27.0, np.float32(hu["water"] + 20.0))
    shaft = np.minimum(
        tube_distance(bent.x, bent.y, bent.z, ((10.0, 2.0, -8.0, 17.0), (46.0, 6.0, -36.0, 19.0))),
        tube_distance(bent.x, bent.y, bent.z, ((48.0, 8.0, -34.0, 19.0), (44.0, 2.0, -110.0, 15.0))),
    )
    bent.paint_bone(np.minimum(far - 23.5, shaft), 1.7, hu["cortex"], marrow + np.float32(70.0) * (far < 20.0))


_KINDS = {"vertebra": _paint_vertebra, "ilium": _paint_ilium, "rib": _paint_rib, "hip": _paint_hip}

SITE = Site(
    "a lesion in bone, lytic or sclerotic: a vertebra, the iliac wing, a rib or the hip",
    {"solid": 0.6, "calcified": 0.3, "fatty": 0.1},
    solid_hu,
    paint,
    (-250, 1050),
    ("whole",),
)
