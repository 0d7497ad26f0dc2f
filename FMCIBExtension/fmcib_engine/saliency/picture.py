"""A map over its patch, as a PNG: three planes through the seed, with what it is of and what it is worth.

One square is one voxel, as in the picture of the patch. Where the map is weak the CT stays as it is.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..preprocessing import Patch
from ..results.picture import (
    BACKGROUND,
    DIM,
    HEIGHT,
    PANEL,
    PANEL_LEFT,
    PANEL_TOP,
    TEXT,
    WIDTH,
    box,
    draw_notice,
    draw_plane,
    new_figure,
    place_text,
    write_atomically,
)
from ..results.planes import PLANES, Plane, seed_index, seed_levels
from .map import SaliencyMap
from .methods import METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

THRESHOLD = 0.2
"""Of the stretched map: weaker voxels are clear."""
_OPACITY = 0.65


def draw_map(saliency: SaliencyMap, patch: Patch, path: Path, *, about: str = "") -> None:
    """Write a PNG of a map; an older file of that name is replaced, an interrupted write leaves it.

    Args:
        saliency: of this patch.
        patch: as fed to the network.
        path: the PNG.
        about: of what lesion, behind the title.

    Raises:
        ValueError: the map is of another patch.
        DependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    if saliency.facts.patch_sha256 != patch.sha256:
        msg = "A map is drawn over the patch that it is of."
        raise ValueError(msg)
    figure, canvas = new_figure(WIDTH, HEIGHT)
    _write_text(figure, saliency, about)
    seed = seed_index(patch)
    layer: Any = None
    for plane, left in zip(PLANES, PANEL_LEFT, strict=True):
        axes = figure.add_axes(box(left, PANEL_TOP, PANEL, PANEL))
        draw_plane(axes, plane, patch, seed)
        layer = draw_layer(axes, plane, saliency, seed_levels(patch)[plane.normal])
    bar = figure.add_axes(box(PANEL_LEFT[-1] + PANEL + 12, PANEL_TOP, 14, PANEL))
    figure.colorbar(layer, cax=bar)
    bar.tick_params(colors=DIM, labelsize=7, length=3)
    bar.yaxis.get_offset_text().set(color=DIM, fontsize=7)
    bar.set_facecolor(BACKGROUND)
    stream = io.BytesIO()
    canvas.print_png(stream)
    write_atomically(path, stream.getvalue())


def draw_layer(axes: Axes, plane: Plane, saliency: SaliencyMap, level: int) -> Any:
    """Raw values in colours; clear below the threshold, by the same voxels as `for_display`."""
    along = 2 - plane.normal
    values: Any = saliency.array.take(level, axis=along)
    strength: Any = abs(saliency.for_display()).take(level, axis=along)
    low, high = float(saliency.array.min()), float(saliency.array.max())
    if saliency.facts.is_signed:
        high = max(-low, high)
        low = -high
    return axes.imshow(
        values,
        cmap="seismic" if saliency.facts.is_signed else "inferno",
        vmin=low,
        vmax=high if high > low else low + 1.0,
        alpha=np.where(strength >= THRESHOLD, _OPACITY, 0.0),
        origin="upper" if plane.rows_from_top else "lower",
        interpolation="nearest",
    )


def _write_text(figure: Figure, saliency: SaliencyMap, about: str) -> None:
    facts = saliency.facts
    method = METHODS[facts.method]
    behind = f", {about}" if about else ""
    title = f"Saliency map by {method.title}: {facts.target_meaning}{behind}"
    so_far = "" if facts.is_whole else f"  |  INTERRUPTED: {facts.samples_done} of {facts.samples_total} samples"
    numbers = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.parameters.items())
    drawn_by = f"{numbers or 'no parameters'}, random seed {facts.random_seed}{so_far}"
    lines = (
        (24, title, 14, TEXT),
        (552, f"Colour: {facts.unit} ({method.meaning}); clear below {THRESHOLD:.0%} of the largest", 9.5, TEXT),
        (
            574,
            f"{drawn_by}  |  value for this lesion {facts.score:z.4g}  |  {facts.encoder_id}, {facts.weights}",
            9,
            DIM,
        ),
        (
            596,
            f"largest at {saliency.strongest}, seed ({', '.join(f'{v:z.2f}' for v in facts.seed_lps_mm)}) mm LPS",
            9,
            DIM,
        ),
        (618, "A map shows where the network looked, not whether it is right. For research use only.", 10, TEXT),
    )
    for top, text, size, colour in lines:
        place_text(figure, PANEL_LEFT[0], top, text, fontsize=size, color=colour)
    if facts.cautions:
        notice = "; ".join(facts.cautions)
        draw_notice(figure, notice, size=13 if len(notice) < 110 else 9 if len(notice) < 200 else 7)
