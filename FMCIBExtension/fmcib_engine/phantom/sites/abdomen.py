"""Abdomen outside liver and kidney: loops of bowel, mesenteric fat and vessels, aorta and spine, the front wall."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..dice import Vector
from ..space import End, Space
from ..tubes import tube_distance
from ..vessels import Trunk, tree, turned
from .layers import paint_fat, paint_muscles
from .scene import MOSTLY_SOLID, Scene, Site, like_a_node

PLACES = ("mesentery", "retroperitoneum", "omentum")
CONTENTS = ("fluid", "gas over fluid", "stool", "oral contrast", "collapsed")


def paint(space: Space, scene: Scene) -> None:
    dice = scene.dice
    place = dice.pick(PLACES, "place")
    paint_fat(space, scene)
    bent = space.bent(dice, 3.0)
    if place == "retroperitoneum":
        _paint_great_vessels(bent, scene)
    loops = {"mesentery": 4, "retroperitoneum": 2, "omentum": 3}[place]
    for storey, there in scene.storeys(bent):
        _paint_mesentery(storey, there)
        for number in range(there.dice.whole(loops - 1, loops + 1)):
            _paint_loop(storey, there, place, number)
    if place == "omentum":
        _paint_front_wall(bent, scene)


def _paint_mesentery(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    for _ in range(2):
        out = dice.direction()
        start: Vector = (-30.0 * out[0], -20.0 * out[1], -30.0 * out[2])
        trunk = Trunk(start, turned(out, 0.4, dice), dice.uniform(1.6, 2.8), 15.0, 0.9)
        artery = tree(trunk, dice, 12)
        for (a, b, c, r), (d, e, f, s) in artery:
            space.paint_tube(((a, b, c, 0.8 * r), (d, e, f, 0.8 * s)), hu["artery"])
            space.paint_tube(((a + 4.0, b + 2.0, c, r), (d + 4.0, e + 2.0, f, s)), hu["vein"])


def _paint_great_vessels(space: Space, scene: Scene) -> None:
    """Spine, psoas, aorta and vena cava, the lesion beside or before them."""
    dice, hu = scene.dice, scene.hu
    zero: Vector = (dice.uniform(-32, 34), dice.uniform(-46, -26) - 0.4 * scene.radius, 0.0)
    there = space.seen_from(zero)
    for side in (-1, 1):
        there.paint_ball((side * 38.0, 4.0, 0.0), (16.0, 19.0, 300.0), np.float32(hu["muscle"]))
    rise = 36.0
    spine, body = there.ball((0.0, 0.0, 0.0), (23.0, 17.0, 900.0))
    level = spine.z * np.float32(1.0 / rise) + np.float32(dice.uniform(0, 1))
    height = np.abs(level - np.rint(level)) * np.float32(rise)
    spine.paint(body, np.float32(hu["disc"]))
    marrow = np.float32(hu["marrow"]) + 30.0 * spine.field(dice.lattice(), 1.8)
    spine.paint_bone(np.maximum(body, height - 13.5), 1.5, hu["cortex"] * 0.75, marrow)
    wide = dice.uniform(8.5, 12.0)
    there.paint_tube(((6.0, -28.0, -90.0, wide), (5.0, -27.0, 90.0, wide)), hu["artery"])
    if dice.chance(0.5, "aortic_calcium"):
        there.paint_tube(((6.0 + 0.8 * wide, -28.0, -9.0, 1.8), (5.0 + 0.9 * wide, -25.0, 12.0, 1.8)), 600.0)
    there.paint_tube(((-16.0, -26.0, -90.0, 10.0), (-16.0, -25.0, 90.0, 11.0)), hu["vein"])


def _paint_loop(space: Space, scene: Scene, place: str, number: int) -> None:
    """One loop of bowel that passes the lesion, with its wall and contents."""
    dice = scene.dice
    radius = dice.uniform(8.0, 14.0)
    way = turned(
        ((1, 0, 0), (-1, 0, 0), (0, -1, 0.3), (0, 1, -0.3), (0.7, -0.7, 0), (-0.7, -0.7, 0))[number], 0.3, dice
    )
    if place == "retroperitoneum":
        way = (way[0], -abs(way[1]) - 0.7, way[2])
    gap = scene.radius + radius + dice.uniform(1.0, 9.0)
    near = [gap * c for c in way]
    along = turned(way, 4.0, dice)
    bend = dice.uniform(4.0, 12.0)
    chain: list[End] = []
    for step, push in ((-48.0, 2.6), (-20.0, 0.6), (0.0, 0.0), (20.0, 0.6), (48.0, 2.6)):
        x, y, z = (n + step * a + push * bend * w for n, a, w in zip(near, along, way, strict=True))
        chain.append((x, y, z, radius * dice.uniform(0.85, 1.1)))
    paint_bowel(space, scene, chain)


def paint_bowel(space: Space, scene: Scene, chain: list[End]) -> None:
    """Wall, folds and contents; gas rises to the front."""
    dice, hu = scene.dice, scene.hu
    holds = dice.pick(CONTENTS)
    wall, lattice = dice.uniform(1.4, 2.6), dice.lattice()
    opaque, filled = dice.uniform(160, 320), dice.uniform(-0.6, 0.5)
    low = tuple(min(end[n] - end[3] for end in chain) for n in range(3))
    high = tuple(max(end[n] + end[3] for end in chain) for n in range(3))
    part = space.box(low, high)  # type: ignore[arg-type]
    if part.empty:
        return
    tube: Any = None
    for start, end in pairwise(chain):
        piece = tube_distance(part.x, part.y, part.z, (start, end))
        tube = piece if tube is None else np.minimum(tube, piece)
    rough = part.field(lattice, 3.5)
    tube = tube + 0.5 * rough
    part.paint(tube, np.float32(hu["bowel"]))
    if holds == "collapsed":
        part.paint(tube + 5.5, np.float32(hu["water"] + 10.0), 3.0)
        return
    inside = tube + np.float32(wall)
    fluid = {"stool": hu["stool"], "oral contrast": opaque}.get(holds, hu["water"] + 8.0)
    part.paint(inside, np.float32(fluid) + (28.0 if holds == "stool" else 3.0) * rough)
    if holds == "stool":
        part.paint(np.maximum(inside + 0.5, (1.0 - rough) * 1.6), np.float32(-500.0))
    if holds == "gas over fluid":
        level = part.y - np.float32(chain[2][1] + filled * chain[2][3])
        part.paint(np.maximum(inside, level), np.float32(hu["gas"]))


def _paint_front_wall(space: Space, scene: Scene) -> None:
    dice, hu = scene.dice, scene.hu
    depth = -space.y - np.float32(scene.radius + dice.uniform(2.0, 9.0)) + 0.004 * space.x * space.x
    paint_muscles(space, -depth, space.x, scene, 60.0)
    thick = dice.uniform(7.0, 12.0)
    space.paint(np.float32(thick) - depth, np.float32(hu["fat"]))
    skin = thick + dice.uniform(8.0, 35.0)
    space.paint(np.float32(skin) - depth, np.float32(hu["skin"]))
    space.paint(np.float32(skin + 1.8) - depth, np.float32(hu["air"]))


SITE = Site(
    "a node or mass among loops of bowel, mesenteric fat and vessels, or beside aorta and spine",
    MOSTLY_SOLID,
    like_a_node,
    paint,
    (-160, 240),
)
