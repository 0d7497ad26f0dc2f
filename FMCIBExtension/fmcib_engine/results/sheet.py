"""Many cubes on one sheet, as a PNG: each as an axial and a coronal slice through its middle, in its own window."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .picture import BACKGROUND, TEXT, new_figure, write_atomically

COLUMNS = 8
_TILE, _GAP, _CAPTION, _TOP = 150, 6, 50, 70
"""Pixels."""


@dataclass(frozen=True, eq=False)
class Tile:
    """HU [z, y, x] of one cube; x grows to the left, y to the back, z to the head."""

    hu: NDArray[np.float32]
    window_hu: tuple[float, float]
    caption: str
    """Four lines at most."""


def draw_sheet(tiles: Sequence[Tile], path: Path, *, title: str, notice: str) -> None:
    """Write them in rows of eight, by radiological convention: the right side at the viewer's left, the head on top.

    Raises:
        DependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    rows = -(-len(tiles) // COLUMNS)
    row_height = 2 * _TILE + _GAP + _CAPTION
    width, height = COLUMNS * (_TILE + _GAP) + _GAP, rows * row_height + _TOP
    figure, canvas = new_figure(width, height)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        left, top = _GAP + column * (_TILE + _GAP), _TOP + row * row_height
        middle = tile.hu.shape[0] // 2
        style: dict[str, Any] = {"color": TEXT, "fontsize": 6, "verticalalignment": "bottom", "parse_math": False}
        figure.text(left / width, 1 - (top + _CAPTION - 3) / height, tile.caption, **style)
        for plane, below in ((tile.hu[middle], 0), (tile.hu[::-1, middle], _TILE + 2)):
            bottom = top + _CAPTION + below + _TILE
            axes = figure.add_axes((left / width, 1 - bottom / height, _TILE / width, _TILE / height))
            low, high = tile.window_hu
            axes.imshow(plane, cmap="gray", vmin=low, vmax=high, interpolation="nearest", aspect="auto")
            axes.set_axis_off()
    figure.text(_GAP / width, 1 - 24 / height, title, color=TEXT, fontsize=11, verticalalignment="center")
    band: dict[str, Any] = {"facecolor": "#b3261e", "edgecolor": BACKGROUND, "pad": 4}
    figure.text(_GAP / width, 1 - 52 / height, notice, color="white", fontsize=10, bbox=band,
                verticalalignment="center")  # fmt: skip
    stream = io.BytesIO()
    canvas.print_png(stream)
    write_atomically(path, stream.getvalue())
