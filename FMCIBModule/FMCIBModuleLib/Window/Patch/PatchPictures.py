"""The planes of a patch as pictures for the panel: the voxels as they were fed, the seed's place, the directions."""

from __future__ import annotations

import numpy as np
import qt
from fmcib_engine.preprocessing import PATCH_SIZE, Patch
from fmcib_engine.results.planes import Plane, plane_rgb, seed_index

_ZOOM = 6
"""Pixels for each voxel: sharp also where the screen is scaled to 200 %."""
EDGE = _ZOOM * PATCH_SIZE
"""Of a picture, pixels."""
_GAP = 6 * _ZOOM
"""The cross hair stops short of the seed, so that the lesion stays visible."""
_MARK, _LETTER, _SHADE = "#ffd23f", "#ffffff", "#000000"
_LETTER_PIXELS = 32


def planePicture(patch: Patch, plane: Plane, level: int, windowHu: tuple[float, float]):
    """A plane of a patch as a `qt.QPixmap` of `EDGE` pixels a side, by radiological convention.

    Args:
        patch: as fed to the network.
        plane: one of the engine's `PLANES`.
        level: index along the plane's normal.
        windowHu: HU shown as black and as white.
    """
    rgb = plane_rgb(patch, plane, level, windowHu)
    pixmap = _pixmap(rgb.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1))
    seed = seed_index(patch)
    across, along = seed[plane.across] + 0.5, seed[plane.along] + 0.5  # from the edge of the first voxel
    along = along if plane.rows_from_top else PATCH_SIZE - along
    painter = qt.QPainter()
    painter.begin(pixmap)
    _drawCrossHair(painter, round(float(across) * _ZOOM), round(float(along) * _ZOOM))
    _drawLetters(painter, plane.letters)
    painter.end()
    return pixmap


def _pixmap(rgb: np.ndarray):
    """From (rows, columns, 3), by way of the simplest file of pictures that Qt reads."""
    height, width, _ = rgb.shape
    pixmap = qt.QPixmap()
    pixmap.loadFromData(b"P6 %d %d 255\n" % (width, height) + rgb.tobytes(), "PPM")
    return pixmap


def _drawCrossHair(painter, x: int, y: int) -> None:
    pen = qt.QPen()
    pen.setColor(qt.QColor(_MARK))
    pen.setWidth(2)
    painter.setPen(pen)
    for start, stop in ((0, x - _GAP), (x + _GAP, EDGE)):
        if start < stop:
            painter.drawLine(start, y, stop, y)
    for start, stop in ((0, y - _GAP), (y + _GAP, EDGE)):
        if start < stop:
            painter.drawLine(x, start, x, stop)


def _drawLetters(painter, letters: str) -> None:
    """Left, right, top, bottom: what the edge of the picture points to."""
    font = qt.QFont()
    font.setPixelSize(_LETTER_PIXELS)
    font.setBold(True)
    painter.setFont(font)
    middle, low = EDGE // 4, EDGE - 10  # beside the cross hair
    places = ((8, middle), (EDGE - 34, middle), (middle - 12, _LETTER_PIXELS + 2), (middle - 12, low))
    for colour, offset in ((_SHADE, 2), (_LETTER, 0)):
        pen = qt.QPen()
        pen.setColor(qt.QColor(colour))
        painter.setPen(pen)
        for letter, (x, y) in zip(letters, places, strict=True):
            painter.drawText(qt.QPoint(x + offset, y + offset), letter)
