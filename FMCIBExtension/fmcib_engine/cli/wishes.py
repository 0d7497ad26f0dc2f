"""What of a source of series is wanted: options that `worklist` and `batch` share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ..seeds import Wanted
from ..worklist import Words
from ..worklist.folders import THREADS, Progress
from ..worklist.suitable import FEWEST_SLICES
from .console import counts

_PATTERN = "* stands for any letters; may be given several times."

_WISHES: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "patients": click.option("--patient", "patients", multiple=True, metavar="PATTERN", help=f"PatientID. {_PATTERN}"),
    "days": click.option(
        "--date", "days", metavar="DAYS", help="Of the study: 2019-01-01..2020-12-31; either end may be left out."
    ),
    "modality": click.option("--modality", metavar="CODE", help="CT; others can be listed, and are not done."),
    "descriptions": click.option(
        "--description", "descriptions", multiple=True, metavar="PATTERN", help=f"Of the series. {_PATTERN}"
    ),
    "not_descriptions": click.option(
        "--not-description", "not_descriptions", multiple=True, metavar="PATTERN", help="Of series to leave out."
    ),
    "body_parts": click.option(
        "--body-part", "body_parts", multiple=True, metavar="PATTERN", help=f"BodyPartExamined. {_PATTERN}"
    ),
    "kernels": click.option(
        "--kernel", "kernels", multiple=True, metavar="PATTERN", help=f"ConvolutionKernel. {_PATTERN}"
    ),
    "thickness": click.option("--thickness", metavar="MM", help="Of slices: 3 (at most), or 0.5-3."),
    "fewest_slices": click.option(
        "--fewest-slices", type=click.IntRange(min=1), default=FEWEST_SLICES, show_default=True
    ),
    "any_plane": click.option("--any-plane", is_flag=True, help="Also sagittal and coronal slices."),
    "preferred": click.option(
        "--prefer-kernel", "preferred", multiple=True, metavar="PATTERN", help="Of several series, this kernel."
    ),
    "all_series": click.option(
        "--all-series", is_flag=True, help="Every series that fits, instead of one of each study."
    ),
    "every_header": click.option(
        "--every-header",
        is_flag=True,
        help="Look at each file's header as the reader will: what it refuses is known before.",
    ),
}
"""By the field of `Words`."""

threads_option = click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=THREADS,
    show_default=True,
    help="That read headers: more of them help where a share answers slowly.",
)
_SEEDS = (
    click.option(
        "--seeds",
        type=click.Path(path_type=Path),
        metavar="SEEDS",
        help="Seeds: a table with a column series_uid or frame_of_reference_uid, perhaps patient_id; or a DICOM "
        "segmentation (SEG), structure set (RTSTRUCT) or report (SR), or a folder of such.",
    ),
    click.option("--own-seeds", is_flag=True, help="Seeds are the SEG, RTSTRUCT and SR of the source itself."),
    click.option(
        "--roi",
        "rois",
        multiple=True,
        metavar="NAME",
        help="Only lesions of this name: an ROI or segment. Patterns (GTV*) too; may be given again.",
    ),
    click.option("--parts", is_flag=True, help="A seed for each separate part of a segment or ROI, the largest first."),
)


def seeds_options(command: Callable[..., int]) -> Callable[..., int]:
    """A command that takes seeds of a source: `seeds`, `own_seeds`, and `wanted`, which of them."""

    @wraps(command)
    def collected(*, rois: tuple[str, ...], parts: bool, **given: Any) -> int:  # noqa: ANN401
        return command(wanted=Wanted(rois, parts), **given)

    for option in reversed(_SEEDS):
        option(collected)
    return collected


def wishes_options(command: Callable[..., int]) -> Callable[..., int]:
    """A command that takes all of them, as one argument `words`."""

    @wraps(command)
    def collected(**given: Any) -> int:  # noqa: ANN401
        words = Words(**{name: given.pop(name) for name in _WISHES})
        return command(words=words, **given)

    for option in reversed(_WISHES.values()):
        option(collected)
    return collected


class Bars(ExitStack):
    """One bar at a time: a terminal has room for no more."""

    def next(self, what: str) -> Progress:
        """Begin another."""
        self.close()
        return self.enter_context(counts(what))
