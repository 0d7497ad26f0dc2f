"""Vessels and airways of the chest phantom: tubes with round ends, and trees of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

AIR = -1000.0  # HU

Array = NDArray[np.float32]
End = tuple[float, float, float, float]
Tube = tuple[End, End]
"""Its two ends (x, y, z, radius), mm from the phantom's midline point."""

# Tubes as chains of (x, y, z, radius) in mm from the midline point, one chain a line.
VESSELS = """
-6 -20 140 16  -16 -26 185 16  -9 -18 208 15  7 6 218 14  22 32 211 13.5  27 45 190 12.5  27 45 100 12  12 30 0 10.5
-9 -18 214 6.5  -15 -14 300 5
6 4 222 5  16 0 300 4.5
20 26 216 5.5  34 16 300 4.5
12 -44 150 15  16 -26 184 13.5  40 14 188 9.5
14 -14 180 11  -36 2 177 9
-30 -16 160 10  -29 -22 236 8.5  -38 -20 300 6
-29 -24 236 7  36 -28 262 6.5
-24 6 0 11  -20 -4 92 11
8 34 0 7  4 34 300 6
"""  # aorta and its three branches; pulmonary arteries; superior vena cava and its veins; inferior one; oesophagus
CLAVICLES = """
20 -64 250 8  74 -66 262 6  124 -14 280 7
-20 -64 250 8  -74 -66 262 6  -124 -14 280 7
"""
AIRWAYS = """
0 4 310 8.5  0 18 196 8.5  -36 15 172 6.5  -46 24 136 3
0 18 196 7.5  42 20 166 5.8  52 34 128 3
-24 16 181 4.5  -52 8 200 2.5
42 20 166 4.5  62 4 184 2.5
"""


def tubes(table: str) -> Iterator[Tube]:
    for line in table.split("\n"):
        numbers = iter(float(word) for word in line.split())
        yield from pairwise(zip(numbers, numbers, numbers, numbers, strict=True))


def tube_distance(x: Any, y: Any, z: Any, tube: Tube) -> Array:
    """Distance to a tube with round ends whose radius changes evenly."""
    (x0, y0, z0, r0), (x1, y1, z1, r1) = tube
    a, b, c = x1 - x0, y1 - y0, z1 - z0
    x, y, z = x - x0, y - y0, z - z0
    share = (x * a + y * b + z * c) / (a * a + b * b + c * c)
    np.clip(share, 0.0, 1.0, out=share)
    distance: Array = (x - share * a) ** 2
    distance += (y - share * b) ** 2
    distance += (z - share * c) ** 2
    np.sqrt(distance, out=distance)
    distance -= r0 + share * (r1 - r0)
    return distance


def draw_tube(array: NDArray[np.int16], tube: Tube, hu: float, axes: tuple[Array, Array, Array], edge: float) -> None:
    """Raise the voxels of `array` [k, j, i] to the tube's HU."""
    start, end = tube
    reach = max(start[3], end[3]) + edge
    box = [
        slice(*np.searchsorted(axis, (min(p, q) - reach, max(p, q) + reach)))
        for axis, p, q in zip(axes, start, end, strict=False)
    ]
    x, y, z = (axis[part] for axis, part in zip(axes, box, strict=True))
    distance = tube_distance(x, y[:, np.newaxis], z[:, np.newaxis, np.newaxis], tube)
    drawn = np.rint(AIR + np.clip(0.5 - distance / edge, 0.0, 1.0) * (hu - AIR)).astype(np.int16)
    part = array[box[2], box[1], box[0]]
    np.maximum(part, drawn, out=part)


def lung_vessels() -> Iterator[Tube]:
    """From each hilum six trees that fork, thinner and shorter at each fork."""
    roots = (
        (0.5, -0.15, 0.85),
        (0.6, -0.7, 0.25),
        (0.95, 0.1, 0.1),
        (0.6, -0.2, -0.75),
        (0.4, 0.5, -0.75),
        (0.6, 0.6, 0.5),
    )
    growing = [
        (np.array((side * 38.0, 8.0, 182.0 - 4 * side)), np.array((side * x, y, z)), 22.0, 3.8, number)
        for side in (-1, 1)
        for number, (x, y, z) in enumerate(roots, start=2)
    ]
    while growing:
        start, direction, length, radius, number = growing.pop()
        direction = direction / np.sqrt((direction * direction).sum())
        end, tip = start + length * direction, 0.9 * radius
        if radius < 0.8 or (end[0] / 128.0) ** 2 + (end[1] / 84.0) ** 2 > 1.0:
            continue
        yield (*start.tolist(), radius), (*end.tolist(), tip)
        bend = np.array([((number * factor) % 1009) / 504.5 - 1.0 for factor in (367, 593, 811)])
        bend -= (bend * direction).sum() * direction
        bend /= np.sqrt((bend * bend).sum())
        for child, turn, thinner in (
            (3 * number, 0.4, 0.92),
            (3 * number + 1, -0.65, 0.75),
            (3 * number + 2, 1.1, 0.55),
        ):
            growing.append((end, direction + turn * bend, 0.89 * length, tip * thinner, child))
