"""One lesion's steadiness as a picture: a strip for each output of each head, a point for each draw."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ..heads.prediction import HeadColumns
from ..heads.terms import LOG_RELATIVE_HAZARD
from ..results.picture import BACKGROUND, TEXT, new_figure
from .numbers import in_words
from .one import Steadiness

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 1100
_STRIP, _HEAD, _TOP, _FOOT = 30, 62, 96, 104
"""Heights in pixels: of an output, around a head, above and below all."""
_DIM, _DRAW, _CHANGE, _OWN = "#b4bac2", "#56B4E9", "#E69F00", "#ffd23f"
_LEFT, _RIGHT = 0.25, 0.80
_MOST = 8
"""Heads in a picture."""


def strips(found: Steadiness, *, notice: str = "") -> bytes:
    """A PNG.

    Args:
        found: what was computed.
        notice: of the weights; a sentence that nobody may overlook.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    heads = found.heads[:_MOST]
    heights = [_HEAD + _STRIP * len(head.outputs) for head in heads]
    height = _TOP + sum(heights) + _FOOT
    figure, canvas = new_figure(WIDTH, height)
    for top, text, size, colour in _lines(found, notice, height, len(heads)):
        figure.text(0.02, 1 - top / height, text, fontsize=size, color=colour, va="center", parse_math=False)
    top = _TOP
    for head, tall in zip(heads, heights, strict=True):
        inner = tall - _HEAD
        axes = figure.add_axes((_LEFT, 1 - (top + 26 + inner) / height, _RIGHT - _LEFT, inner / height))
        draw_strips(axes, found, head)
        axes.set_title(head.id, loc="left", fontsize=9, color=TEXT, parse_math=False)
        top += tall
    stream = io.BytesIO()
    canvas.print_png(stream)
    return stream.getvalue()


def _lines(found: Steadiness, notice: str, height: int, shown: int) -> list[tuple[int, str, float, str]]:
    similar = found.cosines(found.drawn)
    rank = in_words(found.rank(found.drawn), found.others.about)
    said = (
        f"Cosine of the features to the undisturbed: mean {similar.mean():z.4f}, smallest {similar.min():z.4f}; {rank}"
    )
    legend = (
        "Yellow line: undisturbed. Blue: a draw of the seed. Orange square: the patch changed (noise, slices, kernel, "
        "flips). Bar: 95 % of the draws."
    )
    lines = [
        (22, "How far the predictions move when the seed moves", 13.0, TEXT),
        (46, f"{found.jitter.how}; {len(found.left_out)} draws left out", 9.0, TEXT),
        (68, notice, 9.0, _OWN),
        (height - 84, said, 8.0, TEXT),
        (height - 62, legend, 8.0, _DIM),
        (height - 18, "For research use only.", 9.0, TEXT),
    ]
    if len(found.heads) > shown:
        lines.append((height - 40, f"{len(found.heads) - shown} more heads are in the JSON.", 8.0, _DIM))
    return [line for line in lines if line[1]]


def draw_strips(axes: Axes, found: Steadiness, head: HeadColumns) -> None:
    """A strip for each output of a head: its number, those of draws and changed patches; where 95 % of draws lie."""
    spreads = found.spreads()
    axes.set_facecolor(BACKGROUND)
    count = len(head.outputs)
    for row, name in enumerate(head.outputs):
        spread = spreads.get((head.id, name))
        if spread is None:
            continue
        axes.hlines(row, spread.low, spread.high, color=_DIM, linewidth=5, alpha=0.5)
        for answers, colour, mark in ((found.drawn, _DRAW, "o"), (found.changed, _CHANGE, "s")):
            values = [said[row] for each in answers if (said := each.predictions[head.id].values)]
            aside = row + 0.22 * np.sin(2.4 * np.arange(len(values)))  # apart, and the same each time
            axes.scatter(values, aside, s=9, color=colour, marker=mark, alpha=0.8, linewidths=0)
        axes.vlines(spread.value, row - 0.4, row + 0.4, color=_OWN, linewidth=2)
        axes.text(1.02, row, f"{spread.value:z.3f}  [{spread.low:z.3f}, {spread.high:z.3f}]", **_style(axes))
    axes.set_yticks(range(count), labels=head.outputs)
    axes.set_ylim(count - 0.5, -0.5)
    if LOG_RELATIVE_HAZARD not in head.outputs:
        axes.set_xlim(-0.02, 1.02)
    axes.tick_params(colors=_DIM, labelsize=8, length=2)
    for label in axes.get_yticklabels():
        label.set_color(TEXT)
        label.set_parse_math(False)
    for side in axes.spines.values():
        side.set_color("#444a52")


def _style(axes: Axes) -> dict[str, Any]:
    return {"transform": axes.get_yaxis_transform(), "fontsize": 8, "color": TEXT, "va": "center"}
