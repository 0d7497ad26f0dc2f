"""One lesion on one page: what the network was fed, where its answer comes from, what heads say, how steady that is."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geometry import PatientPoint
from ..heads.choose import AUTO
from ..heads.chosen import ChosenHeads, Member
from ..heads.prediction import HeadColumns
from ..pipeline import cut
from ..preprocessing import PATCH_SIZE, Patch
from ..results.picture import (
    BACKGROUND,
    DIM,
    TEXT,
    WIDTH,
    box,
    draw_notice,
    draw_plane,
    new_figure,
    place_text,
    write_atomically,
)
from ..results.planes import PLANES, WINDOW_HU, seed_index, seed_levels
from ..saliency.explain import explain
from ..saliency.map import SaliencyMap
from ..saliency.methods import METHODS, Parameters
from ..saliency.picture import THRESHOLD, draw_layer
from ..saliency.targets import EMBEDDING, Target, class_of
from ..stability.document import ComputedBy, document_of
from ..stability.jitter import PAPERS_VARIANCE, normal
from ..stability.one import Asked, Steadiness, disturb
from ..stability.picture import Document, draw_strips
from ..volume import Volume
from .console import progress
from .extract import EncoderOptions, heads_beside, open_encoder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHOD = "guided-smoothgrad"
"""That of FMCIB's authors."""
SAMPLES, DRAWS = 25, 20
HEIGHT = 1120
_EDGE = 5 * PATCH_SIZE
"""Of a plane, pixels."""
_LEFT, _FED_TOP, _MAP_TOP = (30, 298, 566), 150, 482
_RIGHT, _STRIP, _LINE = 930, 23, 15
"""Where the heads begin; heights of an output and of a line of notes, pixels."""
_LOWEST = 948
"""Of the heads."""
_FOOT = 962
_NAME_WIDTH, _NOTES_WIDTH, _FOOT_WIDTH = 54, 76, 205
"""Letters in a line."""


@dataclass(frozen=True, eq=False)
class Page:
    """All that is on it."""

    title: str
    caution: str
    patch: Patch
    saliency: SaliencyMap
    target: Target
    steadiness: Steadiness
    document: Document
    """Of the steadiness."""


def make_page(volume: Volume, seed: PatientPoint, options: EncoderOptions, title: str) -> Page:
    """Compute the map of the likeliest class of the first head with classes, and move the seed.

    Args:
        volume: the scan.
        seed: LPS mm.
        options: which encoder. It is computed by PyTorch, whose gradients the map is made of.
        title: of the page.

    Raises:
        SeedError, ImageError, FeatureError, DeviceError, OutOfMemoryError: as `disturb` and `explain`.
    """
    options = replace(options, engine="pytorch")
    encoder = open_encoder(options)
    heads = heads_beside(encoder, options, AUTO)
    asked = Asked(normal(seed, DRAWS, PAPERS_VARIANCE, 0), recipe_id=encoder.spec.recipe_id)
    with progress("Moved seeds", 1 + DRAWS) as advance:
        steadiness = disturb(volume, seed, encoder, heads, asked, advance)
    patch = cut(volume, seed, encoder.spec.recipe_id)
    target = _target(heads, steadiness)
    done = 0
    with progress("Samples of the map", SAMPLES) as advance:
        for step in explain(encoder, patch, target, METHOD, Parameters(samples=SAMPLES)):
            for _ in range(step.done - done):
                advance()
            done = step.done
    document = document_of(steadiness, ComputedBy.of(encoder))
    return Page(title, encoder.weights.caution, patch, step.map, target, steadiness, document)


def _target(heads: ChosenHeads, found: Steadiness) -> Target:
    """The likeliest class of the first head that has classes and needs nothing but features; else the embedding."""

    def likeliest(member: Member) -> str:
        same = found.same_class(member.columns)
        return "" if same is None or member.encoder or member.head.origin.columns else same[0]

    return next((class_of(each, top) for each in heads.members if (top := likeliest(each))), EMBEDDING)


def draw_page(page: Page, path: Path) -> None:
    """Write the page as a PNG; an older file of that name is replaced, an interrupted write leaves it.

    Raises:
        DependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    figure, canvas = new_figure(WIDTH, HEIGHT)
    place_text(figure, _LEFT[0], 24, page.title, fontsize=14, color=TEXT, fontweight="bold")
    if page.caution:
        draw_notice(figure, page.caution)
    _draw_planes(figure, page)
    _draw_heads(figure, page)
    _write_foot(figure, page)
    stream = io.BytesIO()
    canvas.print_png(stream)
    write_atomically(path, stream.getvalue())


def _draw_planes(figure: Figure, page: Page) -> None:
    """The patch in three planes, and below it the same with the map over it."""
    output = page.target.name.partition(":")[2]
    where = f"Where the network looked for \u201c{output}\u201d" if output else "Where the features come from"
    _heading(figure, _LEFT[0], _FED_TOP, "1", "The 50 mm that the network was fed")
    _heading(figure, _LEFT[0], _MAP_TOP, "2", where)
    seed, levels = seed_index(page.patch), seed_levels(page.patch)
    layer: Any = None
    for plane, left in zip(PLANES, _LEFT, strict=True):
        for top in (_FED_TOP, _MAP_TOP):
            axes = figure.add_axes(box(left, top, _EDGE, _EDGE, page=HEIGHT))
            draw_plane(axes, plane, page.patch, seed)
        layer = draw_layer(axes, plane, page.saliency, levels[plane.normal])
    bar = figure.add_axes(box(_LEFT[-1] + _EDGE + 12, _MAP_TOP, 12, _EDGE, page=HEIGHT))
    low, high = layer.get_clim()
    figure.colorbar(layer, cax=bar, ticks=[low + THRESHOLD * (high - low), high])
    bar.set_yticklabels(["little", "most"])
    bar.tick_params(colors=DIM, labelsize=8, length=3)
    bar.set_facecolor(BACKGROUND)


def _draw_heads(figure: Figure, page: Page) -> None:
    """What each head says, a strip for each output; those that find no room are counted."""
    found = page.steadiness
    _heading(figure, _RIGHT, _FED_TOP, "3", "What each head says, and how steady that is")
    top, shown = _FED_TOP, 0
    for head, told in zip(found.heads, page.document["heads"], strict=True):
        notes = _notes(page, head)
        strips = _STRIP * len(head.outputs) if found.undisturbed.predictions[head.id].values else 0
        if top + 20 + _LINE * len(notes) + strips > _LOWEST:
            break
        name = _in_short(found, head)
        size = 10 if len(name) < _NAME_WIDTH else 10 * _NAME_WIDTH / len(name)
        place_text(figure, _RIGHT, top - 8, name, fontsize=size, color=TEXT, fontweight="bold")
        for number, note in enumerate(notes, 1):
            place_text(figure, _RIGHT, top - 6 + _LINE * number, note, fontsize=7.5, color=DIM)
        top += 6 + _LINE * len(notes)
        if strips:
            axes = figure.add_axes(box(_RIGHT + 92, top, 225, strips, page=HEIGHT))
            draw_strips(axes, page.document, told)
            if found.same_class(head):
                axes.set_xlabel("predicted probability", fontsize=7.5, color=DIM, labelpad=1)
            top += strips + 58
        shown += 1
    if left := len(found.heads) - shown:
        more = "One more head is" if left == 1 else f"{left} more heads are"
        place_text(figure, _RIGHT, top + 6, f"{more} in the table.", fontsize=8, color=DIM)
    if not found.heads:
        _say_that_there_are_none(figure, found)


def _say_that_there_are_none(figure: Figure, found: Steadiness) -> None:
    similar = found.cosines(found.drawn)
    said = (
        "No head fits these weights: there is no prediction.",
        f"Cosine similarity of the features of {len(similar)} moved seeds to this seed's:",
        f"mean {similar.mean():z.4f}, smallest {similar.min():z.4f}. Alone it says little:",
        "`fmcib-engine stability` ranks the lesion among others.",
    )
    for number, line in enumerate(said):
        place_text(figure, _RIGHT, _FED_TOP + 18 * number, line, fontsize=9, color=TEXT)


def _in_short(found: Steadiness, head: HeadColumns) -> str:
    """The head, and of one with classes which is likeliest, and how often it stays that."""
    if not (same := found.same_class(head)):
        return head.id
    top, stays, draws = same
    return f"{head.id}: {top} ({stays} of {draws} moved seeds)"


def _notes(page: Page, head: HeadColumns) -> list[str]:
    """What belongs beside a head's numbers and is not in the band above, in lines."""
    note = page.steadiness.undisturbed.predictions[head.id].note
    said = "; ".join(each for each in note.split("; ") if each != page.caution)
    return textwrap.wrap(f"{said[:1].upper()}{said[1:]}", _NOTES_WIDTH)


def _write_foot(figure: Figure, page: Page) -> None:
    facts, found = page.saliency.facts, page.steadiness
    window = f"Display window {WINDOW_HU[0]} to {WINDOW_HU[1]} HU; the network's input is not clipped."
    stripes = "" if page.patch.inside.all() else " Blue stripes: outside the scan, fed as 0 (-1024 HU)."
    by = f"Saliency map of the {facts.target_meaning}, by {METHODS[facts.method].title}: where the CT changes it most;"
    worth = "It shows where the network looked, not whether it is right."
    moved = f"the seed moved {len(found.drawn)} times, as other readers might place it"
    how = f"(by {PAPERS_VARIANCE**0.5:g} mm, one standard deviation along each axis)."
    outside = f" {len(found.left_out)} more lay outside the scan." if found.left_out else ""
    strips = (
        f"3  Yellow line: this seed. Blue points: {moved} {how}{outside}",
        "\u2003 Beside each strip: the number of this seed, and between which 95 % of those of the moved ones lie.",
    )
    said = (
        f"1  Yellow cross: the seed. {window}{stripes}",
        f"2  {by} clear below {THRESHOLD:.0%} of the largest. {worth}",
        *(f"\u2003 {each[:1].upper()}{each[1:]}." for each in facts.cautions if each != page.caution),
        *(strips if found.heads else ()),
        f"{facts.encoder_id}, weights {facts.weights}  |  seed {page.patch.seed}  |  random seed {facts.random_seed}",
    )
    lines = [line for each in said for line in textwrap.wrap(each, _FOOT_WIDTH, subsequent_indent="    ")]
    for number, line in enumerate(lines):
        place_text(figure, _LEFT[0], _FOOT + 18 * number, line, fontsize=8.5, color=DIM)
    place_text(figure, _LEFT[0], HEIGHT - 14, "For research use only.", fontsize=10, color=TEXT, fontweight="bold")


def _heading(figure: Figure, left: int, top: int, number: str, text: str) -> None:
    place_text(figure, left, top - 38, f"{number}  {text}", fontsize=11, color=TEXT, fontweight="bold")
