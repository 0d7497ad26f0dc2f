"""A chest CT that nobody was exposed for, with a nodule in the right lung.

Drawn slice by slice from signed distances in mm, negative inside, with soft edges. The same on every machine: sums,
products and square roots only, which IEEE 754 rounds in one way, and hashed integers for noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import PatientPoint, VoxelGrid
from ..volume import Source, Volume
from .noise import noise_window, smooth_noise
from .tubes import AIR, AIRWAYS, CLAVICLES, VESSELS, draw_tube, lung_vessels, tube_distance, tubes

Array = NDArray[np.float32]
Point = tuple[float, float, float]

NODULE_DIAMETER_MM = 18.0
_MIDLINE: Point = (2.0, -146.0, -430.0)
"""LPS mm of the point from which the anatomy is measured: the midline, half way to the back, the lowest slice."""
_NODULE: Point = (-76.0, -8.0, 206.0)
PHANTOM_SEED = PatientPoint(*(a + b for a, b in zip(_MIDLINE, _NODULE, strict=True)))
_FIELD_MM: Point = (358.4, 358.4, 300.0)
_SEGMENT_MM = 26.0
"""From one vertebra, and one rib, to the next."""

_FAT, _MUSCLE, _BLOOD, _MARROW, _CORTEX = -100.0, 52.0, 45.0, 190.0, 620.0


@dataclass(frozen=True, eq=False)
class _Slice:
    """A rectangle of one axial slice, in mm from `_MIDLINE`: what is painted changes the slice it was cut from."""

    x: Array
    y: Array
    z: float
    hu: Array
    texture: Array
    """Smooth noise of about one."""
    edge: float
    """Width of a soft edge, mm."""

    def window(self, left: float, right: float, front: float, back: float) -> _Slice:
        rows = slice(*np.searchsorted(self.y[:, 0], (front, back)))
        columns = slice(*np.searchsorted(self.x[0], (left, right)))
        hu, texture = self.hu[rows, columns], self.texture[rows, columns]
        return _Slice(self.x[:, columns], self.y[rows], self.z, hu, texture, self.edge)

    def paint(self, distance: Any, hu: Any) -> None:
        cover = 0.5 - distance / self.edge
        np.clip(cover, 0.0, 1.0, out=cover)
        cover *= hu - self.hu
        self.hu[...] += cover

    def paint_bone(self, distance: Any, shell: float) -> None:
        self.paint(distance, _CORTEX)
        self.paint(distance + shell, _MARROW + 25.0 * self.texture)


def chest_phantom(spacing: Point = (0.7, 0.7, 2.5), *, table: bool = True) -> Volume:
    """A chest CT, int16 HU, axis-aligned, head first supine, with one nodule of 18 mm in the right upper lobe.

    Args:
        spacing: mm along (i, j, k); the field of view, 358 x 358 x 300 mm, stays.
        table: with the table that the patient lies on.
    """
    n_i, n_j, n_k = (round(field / step) for field, step in zip(_FIELD_MM, spacing, strict=True))
    x, y = (
        ((np.arange(n) - (n - 1) / 2) * step).astype(np.float32) for n, step in zip((n_i, n_j), spacing, strict=False)
    )
    z = (np.arange(n_k) * spacing[2]).astype(np.float32)
    origin = (_MIDLINE[0] + float(x[0]), _MIDLINE[1] + float(y[0]), _MIDLINE[2])
    edge = max(1.0, 1.4 * spacing[0])
    array = np.full((n_k, n_j, n_i), AIR, dtype=np.int16)
    for chain, blood_or_bone in ((tubes(VESSELS), _BLOOD), (lung_vessels(), _BLOOD), (tubes(CLAVICLES), _CORTEX)):
        for tube in chain:
            draw_tube(array, tube, blood_or_bone, (x, y, z), edge)
    fine = smooth_noise(n_j + 97, n_i + 97, scales=1)
    smooth = smooth_noise(n_j + 97, n_i + 97, scales=4)
    for k in range(n_k):
        hu = np.full((n_j, n_i), AIR, dtype=np.float32)
        texture = 0.7 * (noise_window(smooth, k, hu.shape) + noise_window(smooth, k + 1, hu.shape))
        image = _Slice(x[np.newaxis], y[:, np.newaxis], float(z[k]), hu, texture, edge)
        _paint_slice(image, array[k], table=table)
        array[k] = np.rint(np.clip(hu + 14.0 * noise_window(fine, k, hu.shape), -1024.0, 3071.0))
    grid = VoxelGrid.from_parts((n_i, n_j, n_k), origin=origin, spacing=spacing, direction=np.eye(3))
    return Volume(array, grid, Source(name="chest_phantom", kind="array"))


def _paint_slice(image: _Slice, vessels: NDArray[np.int16], *, table: bool) -> None:
    if table:
        below = image.window(-180, 180, 80, 180)
        for depth in (0.0, 16.0):
            below.paint(np.abs(below.y - 124.0 - depth + below.x * below.x / 900.0) - 1.2, -250.0)
    trunk = image.window(-168, 168, -114, 124)
    _paint_trunk(trunk)
    high = max(0.0, (image.z - 120.0) / 160.0) ** 2
    chest = image.window(-152, 152, -108, 104)
    wall = _oval(chest.x, chest.y + 2.0 - 8.0 * high, 128.0 - 52.0 * high, 84.0 - 28.0 * high)
    _paint_chest(chest, wall)
    np.maximum(image.hu, vessels, out=image.hu)
    _paint_airways(image.window(-80, 80, -20, 60))
    _paint_ribs(chest, wall)
    _paint_spine(image.window(-42, 42, 30, 118), 52.0 + 9.0 * (1.0 - ((image.z - 150.0) / 150.0) ** 2))
    front = image.window(-30, 30, -108, -50)
    manubrium = 8.0 if image.z > 205 else 0.0
    sternum = _oval(front.x, front.y + 92.0 - 36.0 * high, 17.0 + manubrium, 6.0)
    front.paint_bone(np.maximum(sternum, abs(image.z - 172.0) - 72.0), 1.6)
    _paint_nodule(image.window(_NODULE[0] - 15, _NODULE[0] + 15, _NODULE[1] - 15, _NODULE[1] + 15))


def _paint_trunk(image: _Slice) -> None:
    narrow, high = max(0.0, (image.z - 225.0) / 75.0) ** 2, max(0.0, (image.z - 120.0) / 160.0) ** 2
    skin = _oval(image.x, image.y - 4.0 - 8.0 * high, 162.0 - 44.0 * narrow, 112.0 - 16.0 * high)
    image.paint(skin, 20.0)
    image.paint(skin + 2.0, _FAT - 4.0 + 6.0 * image.texture)
    image.paint(skin + 13.0 - 5.0 * image.y / 112.0, _MUSCLE)
    image.paint(np.abs(skin + 20.0) - 0.9, _FAT)
    if 135 < image.z < 262:
        medial = 116.0 - 36.0 * min(1.0, (image.z - 135.0) / 70.0)
        for side in (-1, 1):
            blade = tube_distance(image.x, image.y, 0.0, ((side * medial, 88, 0, 2.8), (side * 124, 58, 0, 4.5)))
            image.paint_bone(blade, 1.5)


def _paint_chest(image: _Slice, wall: Array) -> None:
    """The fat between the lungs, what lies below the diaphragm, the lungs, and the heart."""
    y, z, side = image.y, image.z, np.abs(image.x)
    image.paint(wall + 1.0, _FAT + 5.0 * image.texture)
    ceiling = 276.0 - 70.0 * ((side - 46.0) / 60.0) ** 2 - 40.0 * ((y - 12.0) / 60.0) ** 2
    hilum = 10.0 + 13.0 * max(0.0, 1.0 - ((z - 184.0) / 50.0) ** 2)
    middle = 15.0 + hilum * np.maximum(0.0, 1.0 - ((y - 5.0) / 58.0) ** 2) - 9.0 * np.clip(-6.1 - y / 10.0, 0.0, 1.0)
    lung = np.maximum(np.maximum(wall + 3.5, middle - side), 0.7 * (z - ceiling))
    if z < 100:
        above_diaphragm = _paint_abdomen(image, wall)
        lung = np.maximum(lung, -above_diaphragm)
    image.paint(lung, -866.0 + 0.32 * y + 26.0 * image.texture)
    if abs(z - 112.0) < 64:
        _paint_heart(image, wall)


def _paint_abdomen(image: _Slice, wall: Array) -> Array:
    """Liver, spleen, and a stomach with its bubble of gas; gives the height above the diaphragm."""
    x, y, z = image.x, image.y, image.z
    domes = np.where(x < 0, np.float32(98.0), np.float32(84.0)) - 62.0 * ((np.abs(x) - 60.0) / 66.0) ** 2
    height: Array = 0.7 * (z - domes + 35.0 * ((y + 5.0) / 84.0) ** 2 + 22.0 * y / 84.0)
    below = np.maximum(wall + 4.0, height)
    image.paint(below, _MUSCLE)
    image.paint(below + 2.0, _FAT)
    image.paint(np.maximum(below + 2.0, 0.8 * (x - 34.0 + 0.5 * (y + 20.0))), 60.0 + 3.0 * image.texture)
    spleen = (np.sqrt(((x - 92.0) / 30.0) ** 2 + ((y - 42.0) / 36.0) ** 2 + ((z - 36.0) / 42.0) ** 2) - 1.0) * 32.0
    image.paint(np.maximum(below + 2.0, spleen), 52.0)
    stomach = (np.sqrt(((x - 68.0) / 34.0) ** 2 + ((y + 22.0) / 40.0) ** 2 + ((z - 34.0) / 38.0) ** 2) - 1.0) * 36.0
    image.paint(np.maximum(below + 3.0, stomach), 40.0)
    image.paint(np.maximum(np.maximum(below + 6.0, stomach + 4.0), y + 28.0), AIR + 20.0)
    return height


def _paint_heart(image: _Slice, wall: Array) -> None:
    """An egg whose tip points to the left, the front and below, in fat."""
    x, y, z = image.x - 24.0, image.y + 34.0, image.z - 112.0
    along = 0.76 * x - 0.46 * y - 0.46 * z
    across = np.maximum(x * x + y * y + z * z - along * along, 0.0)
    heart = np.maximum((np.sqrt((along / 66.0) ** 2 + across / 46.0**2) - 1.0) * 46.0, wall + 4.0)
    image.paint(heart - 3.0, _FAT)
    image.paint(heart, _BLOOD + 4.0 * image.texture)


def _paint_airways(image: _Slice) -> None:
    distances = [
        tube_distance(image.x, image.y, image.z, tube)
        for tube in tubes(AIRWAYS)
        if tube[1][2] - 12 < image.z < tube[0][2] + 12 or tube[0][2] - 12 < image.z < tube[1][2] + 12
    ]
    for thickness, hu in ((1.6, 25.0), (0.0, AIR)):  # all walls before any lumen, so that no wall crosses a lumen
        for distance in distances:
            image.paint(distance - thickness, hu)


def _paint_ribs(image: _Slice, wall: Array) -> None:
    """Rings around the chest that sink from back to front, cartilage in front."""
    forward = np.clip((82.0 - image.y) / 166.0, 0.0, 1.0)
    drop = 76.0 - 40.0 * min(1.0, max(0.0, (image.z - 140.0) / 120.0))
    order = (image.z - 12.0 + drop * forward) / _SEGMENT_MM
    number = np.minimum(np.rint(order), 10.0)
    height = (order - number) * _SEGMENT_MM
    rib = (np.sqrt(((wall - 5.0) / 3.4) ** 2 + (height / 5.6) ** 2) - 1.0) * 3.4
    rib = np.maximum(rib, 13.0 - np.abs(image.x))
    cartilage = np.clip((forward - 0.82) / 0.08, 0.0, 1.0)
    image.paint(rib, _CORTEX - (_CORTEX - 110.0) * cartilage)
    image.paint(rib + 1.6, _MARROW - (_MARROW - 95.0) * cartilage)


def _paint_spine(image: _Slice, centre: float) -> None:
    """One level of the spine, `centre` mm behind the midline: body or disc, canal, arch, processes."""
    x, y = image.x, image.y - centre
    segment = (image.z - 12.0) / _SEGMENT_MM
    height = abs(segment - round(segment)) * _SEGMENT_MM
    body = _oval(x, y, 17.5, 14.5)
    image.paint(body, 85.0)
    image.paint_bone(np.maximum(body, height - 10.8), 1.5)
    ring = np.sqrt(x * x + (y - 23.0) ** 2)
    process = tube_distance(x, y, 0.0, ((0, 33, 0, 4.5), (0, 47, 0, 3.0)))
    wings = np.maximum(np.abs(y - 19.0 - 0.12 * np.abs(x)) - 4.2, np.abs(x) - 33.0)
    arch = np.minimum(np.minimum(ring - 13.5, process), wings)
    image.paint(np.minimum(ring - 12.0, process), 60.0)
    image.paint_bone(np.maximum(arch, height - 8.5), 1.5)
    image.paint(ring - 8.6, 5.0)
    image.paint(ring - 5.0, 40.0)


def _paint_nodule(image: _Slice) -> None:
    """A ball of `NODULE_DIAMETER_MM` with shallow lobes whose volumes cancel out."""
    x, y, z = image.x - _NODULE[0], image.y - _NODULE[1], image.z - _NODULE[2]
    radius = np.sqrt(x * x + y * y + z * z) + np.float32(1e-3)
    lobes = (2.2 * x * y * z + 0.2 * x * (x * x - 3.0 * y * y)) / (radius * radius * radius)
    image.paint(radius - NODULE_DIAMETER_MM / 2 * (1.0 + 0.3 * lobes), 30.0)


def _oval(x: Array, y: Array, half_x: float, half_y: float) -> Array:
    """Distance, along the ray from its centre, to an ellipse that is a little square."""
    u, v = (x / half_x) ** 2, (y / half_y) ** 2
    distance: Array = np.sqrt(x * x + y * y) * (1.0 - 1.0 / (np.sqrt(np.sqrt(u * u + v * v + 1.3 * u * v)) + 1e-6))
    return distance
