"""One lesion's steadiness as a picture: a strip for each output of each head, a point for each draw."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..heads.terms import LOG_RELATIVE_HAZARD
from ..results.picture import BACKGROUND, TEXT, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 1100
_STRIP, _HEAD, _TOP, _FOOT = 30, 62, 96, 104
"""Heights in pixels: of an output, around a head, above and below all."""
_DIM, _DRAW, _CHANGE, _OWN = "#b4bac2", "#56B4E9", "#E69F00", "#ffd23f"
_LEFT, _RIGHT = 0.25, 0.80
_MOST = 8
"""Heads in a picture."""


Document = Mapping[str, Any]


def strips(document: Document) -> bytes:
    """A PNG of what was computed.

    Args:
        document: as `document_of` tells it, or its JSON.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    heads = document["heads"][:_MOST]
    heights = [_HEAD + _STRIP * max(len(head["outputs"]), 1) for head in heads]
    height = _TOP + sum(heights) + _FOOT
    figure, canvas = new_figure(WIDTH, height)
    for top, text, size, colour in _lines(document, height, len(heads)):
        figure.text(0.02, 1 - top / height, text, fontsize=size, color=colour, va="center", parse_math=False)
    top = _TOP
    for head, tall in zip(heads, heights, strict=True):
        inner = tall - _HEAD
        axes = figure.add_axes((_LEFT, 1 - (top + 26 + inner) / height, _RIGHT - _LEFT, inner / height))
        draw_strips(axes, document, head)
        axes.set_title(head["id"], loc="left", fontsize=9, color=TEXT, parse_math=False)
        top += tall
    stream = io.BytesIO()
    canvas.print_png(stream)
    return stream.getvalue()


def _lines(document: Document, height: int, shown: int) -> list[tuple[int, str, float, str]]:
    cosine = document["cosine"]
    numbers = ", ".join(
        f"{what} {'none' if number is None else f'{number:z.4f}'}"
        for what, number in (("mean", cosine["mean"]), ("smallest", cosine["min"]))
    )
    said = f"Cosine of the features to the undisturbed: {numbers}; {cosine['rank']['in_words']}"
    legend = (
        "Yellow line: undisturbed. Blue: a draw of the seed. Orange square: the patch changed (noise, slices, kernel, "
        "flips). Bar: 95 % of the draws."
    )
    lines = [
        (22, "How far the predictions move when the seed moves", 13.0, TEXT),
        (46, f"{document['jitter']['how']}; {len(document['left_out'])} draws left out", 9.0, TEXT),
        (68, document["encoder"]["caution"], 9.0, _OWN),
        (height - 84, said, 8.0, TEXT),
        (height - 62, legend, 8.0, _DIM),
        (height - 18, "For research use only.", 9.0, TEXT),
    ]
    if len(document["heads"]) > shown:
        lines.append((height - 40, f"{len(document['heads']) - shown} more heads are in the JSON.", 8.0, _DIM))
    return [line for line in lines if line[1]]


def draw_strips(axes: Axes, document: Document, head: Document) -> None:
    """A strip for each output of a head: its number, those of draws and changed patches; where 95 % of draws lie.

    Args:
        axes: to draw on.
        document: of the lesion.
        head: one of the document's.
    """
    axes.set_facecolor(BACKGROUND)
    outputs = list(head["outputs"])
    count = max(len(outputs), 1)
    for row, (name, spread) in enumerate(head["outputs"].items()):
        axes.hlines(row, spread["low"], spread["high"], color=_DIM, linewidth=5, alpha=0.5)
        for kind, colour, mark in (("draws", _DRAW, "o"), ("perturbations", _CHANGE, "s")):
            said = [each["predictions"].get(head["id"]) for each in document[kind]]
            values = [each[name] for each in said if each]
            aside = row + 0.22 * np.sin(2.4 * np.arange(len(values)))  # apart, and the same each time
            axes.scatter(values, aside, s=9, color=colour, marker=mark, alpha=0.8, linewidths=0)
        axes.vlines(spread["value"], row - 0.4, row + 0.4, color=_OWN, linewidth=2)
        text = f"{spread['value']:z.3f}  [{spread['low']:z.3f}, {spread['high']:z.3f}]"
        axes.text(1.02, row, text, **_style(axes))
    axes.set_yticks(range(len(outputs)), labels=outputs)
    axes.set_ylim(count - 0.5, -0.5)
    if LOG_RELATIVE_HAZARD not in outputs:
        axes.set_xlim(-0.02, 1.02)
    axes.tick_params(colors=_DIM, labelsize=8, length=2)
    for label in axes.get_yticklabels():
        label.set_color(TEXT)
        label.set_parse_math(False)
    for side in axes.spines.values():
        side.set_color("#444a52")


def _style(axes: Axes) -> dict[str, Any]:
    return {"transform": axes.get_yaxis_transform(), "fontsize": 8, "color": TEXT, "va": "center"}
