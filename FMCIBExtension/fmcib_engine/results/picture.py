"""The very patch that the network was fed, as a PNG: three planes through the seed.

Shown by radiological convention, one square per voxel without interpolation: what is checked by eye is what was fed,
and a smoothed picture would hide coarse slices and the edge of the scan.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError, OutputError
from ..preprocessing import PATCH_SIZE, Patch
from .planes import PLANES, WINDOW_HU, Plane, seed_index, seed_levels, stripes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 1400, 640
"""Of the picture, pixels."""
PANEL = 8 * PATCH_SIZE
"""Edge of a plane, pixels: 8 for each voxel."""
PANEL_LEFT = (30, 462, 894)
PANEL_TOP = 130

_DPI = 100
BACKGROUND, TEXT, DIM, _MARK = "#15181c", "#f2f2f2", "#b4bac2", "#ffd23f"
_LOW, _HIGH = -0.5, PATCH_SIZE - 0.5


def draw_patch(patch: Patch, path: Path, *, title: str, notice: str = "") -> None:
    """Write a PNG of a patch; an older file of that name is replaced, an interrupted write leaves nothing.

    Args:
        patch: as fed to the network.
        path: the PNG.
        title: what the picture is of.
        notice: a sentence that nobody may overlook, in a band of its own.

    Raises:
        DependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    figure, canvas = new_figure(WIDTH, HEIGHT)
    _write_text(figure, patch, title, notice)
    seed = seed_index(patch)
    image: Any = None
    for plane, left in zip(PLANES, PANEL_LEFT, strict=True):
        axes = figure.add_axes(box(left, PANEL_TOP, PANEL, PANEL))
        image = draw_plane(axes, plane, patch, seed)
    bar = figure.add_axes(box(PANEL_LEFT[-1] + PANEL + 16, PANEL_TOP, 14, PANEL))
    figure.colorbar(image, cax=bar, ticks=range(WINDOW_HU[0], WINDOW_HU[1] + 1, 200))
    bar.tick_params(colors=DIM, labelsize=8, length=3)
    bar.set_title("HU", color=TEXT, fontsize=9)
    stream = io.BytesIO()
    canvas.print_png(stream)
    write_atomically(path, stream.getvalue())


def draw_plane(axes: Axes, plane: Plane, patch: Patch, seed: NDArray[np.float64]) -> Any:
    """A plane through the seed in gray, with stripes, letters, a scale and a cross-hair; gives matplotlib's image."""
    index = seed_levels(patch)
    level = index[plane.normal]
    cut = {"origin": "upper" if plane.rows_from_top else "lower", "interpolation": "nearest"}
    hu = patch.to_hu().take(level, axis=2 - plane.normal)
    image = axes.imshow(hu, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], **cut)  # type: ignore[arg-type]
    axes.imshow(_stripe_layer(~patch.inside.take(level, axis=2 - plane.normal)), **cut)  # type: ignore[arg-type]
    axes.set_axis_off()
    centre = patch.grid.to_patient(index)[plane.normal]
    header = f"{plane.name}, {'xyz'[plane.normal]} = {centre:z.1f} mm"
    axes.set_title(header, loc="left", color=TEXT, fontsize=10, parse_math=False)
    _draw_cross_hair(axes, seed[plane.across], seed[plane.along])
    _draw_letters_and_scale(axes, plane, float(patch.grid.spacing[plane.across]))
    return image


def _stripe_layer(outside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """An RGBA layer that is clear but for diagonal stripes of two blues, two voxels wide."""
    layer = np.zeros((*outside.shape, 4))
    layer[..., :3] = stripes(outside) / 255
    layer[..., 3] = outside
    return layer


def _draw_cross_hair(axes: Axes, across: float, along: float) -> None:
    """Four lines that stop short of the seed, so that the lesion stays visible."""
    gap = 6.0
    for start, stop in ((_LOW, across - gap), (across + gap, _HIGH)):
        if start < stop:
            axes.plot((start, stop), (along, along), color=_MARK, linewidth=0.9)
    for start, stop in ((_LOW, along - gap), (along + gap, _HIGH)):
        if start < stop:
            axes.plot((across, across), (start, stop), color=_MARK, linewidth=0.9)
    axes.plot(across, along, marker="+", markersize=7, markeredgewidth=0.9, color=_MARK)


def _draw_letters_and_scale(axes: Axes, plane: Plane, mm_per_voxel: float) -> None:
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2.5, foreground="black")]
    style: dict[str, Any] = {
        "color": "white", "fontweight": "bold", "path_effects": outline, "transform": axes.transAxes,
        "horizontalalignment": "center", "verticalalignment": "center",
    }  # fmt: skip
    places = ((0.03, 0.56), (0.97, 0.56), (0.44, 0.965), (0.44, 0.035))
    for letter, (across, up) in zip(plane.letters, places, strict=True):
        axes.text(across, up, letter, fontsize=12, **style)
    right = 0.96
    left = right - 10.0 / mm_per_voxel / PATCH_SIZE
    axes.plot((left, right), (0.04, 0.04), color="white", linewidth=3, path_effects=outline, transform=axes.transAxes)
    axes.text((left + right) / 2, 0.07, "10 mm", fontsize=8, **style)


def _write_text(figure: Figure, patch: Patch, title: str, notice: str) -> None:
    quality = patch.quality
    spacing = (quality.source_spacing_i_mm, quality.source_spacing_j_mm, quality.source_spacing_k_mm)
    leaning = "  |  oblique: the planes follow the scan's own axes" if patch.grid.is_oblique else ""
    facts = (
        f"recipe {patch.recipe_id}  |  seed {patch.seed}  |  outside the scan {quality.padded_fraction:.1%}  |  "
        f"source spacing {' x '.join(f'{mm:.2f}' for mm in spacing)} mm (i x j x k){leaning}"
    )
    display = (
        f"Display window {WINDOW_HU[0]} to {WINDOW_HU[1]} HU; display only: the network's input is not clipped. "
        "One square is one voxel, as fed. Blue stripes: outside the scan, fed as 0 (-1024 HU)."
    )
    lines = ((24, title, 14, TEXT), (562, facts, 9.5, TEXT), (586, display, 9.5, DIM))
    for top, text, size, colour in (*lines, (612, "For research use only.", 10, TEXT)):
        weight = "bold" if size > 9.5 else "normal"
        place_text(figure, PANEL_LEFT[0], top, text, fontsize=size, color=colour, fontweight=weight)
    if notice:
        draw_notice(figure, notice)


def draw_notice(figure: Figure, notice: str, size: float = 13) -> None:
    """A sentence in a red band below the title."""
    band = figure.add_axes(box(0, 50, WIDTH, 36, page=round(figure.bbox.height)))
    band.set_axis_off()
    band.add_patch(_rectangle("#b3261e"))
    place_text(figure, PANEL_LEFT[0], 68, notice, fontsize=size, color="white", fontweight="bold")


def place_text(figure: Figure, left: int, top: int, text: str, **style: Any) -> None:
    """A line of text at pixels from the top left."""
    wide, high = figure.bbox.width, figure.bbox.height
    figure.text(left / wide, 1 - top / high, text, verticalalignment="center", parse_math=False, **style)


def box(left: int, top: int, width: int, height: int, *, page: int = HEIGHT) -> tuple[float, float, float, float]:
    """A rectangle of pixels, from the top left of a picture that is `page` high, as matplotlib's fractions."""
    return left / WIDTH, 1 - (top + height) / page, width / WIDTH, height / page


def _rectangle(colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((0, 0), 1, 1, color=colour)


def new_figure(width: int, height: int) -> tuple[Figure, Any]:
    """A figure of so many pixels and its canvas, outside pyplot's global state."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = f"Drawing needs matplotlib; it cannot be imported ({error}). Install the engine with its extra [picture]."
        raise DependencyError(msg) from error
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=BACKGROUND)
    return figure, FigureCanvasAgg(figure)


def write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        msg = f"{path.name} cannot be written: {error.strerror}. Choose a folder that you may write to."
        raise OutputError(msg) from error
    finally:  # also after Ctrl-C
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
