"""The pictures of a cohort, by matplotlib: coefficients of all features as curves, Bland-Altman of each prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DependencyError
from ..probing.curves import COLOURS
from ..probing.figures import as_bytes
from .agreement import Limits
from .cohort import BOUNDS, Agreement, Cohort

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GREY = "#666666"


def pictures_of(cohort: Cohort) -> dict[str, bytes]:
    """SVG by caption, in the order of the report.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = f"The report needs matplotlib; it cannot be imported ({error}). Install the engine's extra [picture]."
        raise DependencyError(msg) from error
    made = {}
    for caption, draw in _drawings(cohort):
        figure = Figure(figsize=(5.6, 4.2), layout="constrained")
        draw(figure.add_subplot())
        made[caption] = as_bytes(figure, "svg")
    return made


def _drawings(cohort: Cohort) -> Iterator[tuple[str, Callable[[Axes], None]]]:
    for each in cohort.agreements:
        if len(each.group.names) > 1:
            yield (
                f"{each.group.title}: share of the numbers above a coefficient",
                partial(_curves, each=each, conditions=cohort.measured.conditions),
            )
    for (name, later), limits in cohort.limits().items():
        yield (
            f"Bland-Altman of {name}: {later} minus {cohort.measured.conditions[0]}",
            partial(_bland_altman, cohort=cohort, name=name, later=later, limits=limits),
        )


def _curves(axes: Axes, each: Agreement, conditions: tuple[str, ...]) -> None:
    for colour, (name, one) in zip(COLOURS * 4, each.coefficients(conditions), strict=False):
        known = np.sort(one.values[np.isfinite(one.values)])
        above = 1.0 - np.arange(len(known)) / max(len(known), 1)
        axes.step(known, above, where="post", color=colour, label=name, linewidth=1.5)
    for bound in BOUNDS:
        axes.axvline(bound, color=_GREY, linewidth=0.8, linestyle=":")
    axes.set(xlabel="coefficient", ylabel="share of the numbers above", xlim=(-0.2, 1.02), ylim=(0, 1.02))
    legend = axes.legend(fontsize=8, loc="lower left")
    for text in legend.get_texts():
        text.set_parse_math(False)


def _bland_altman(axes: Axes, cohort: Cohort, name: str, later: str, limits: Limits) -> None:
    measured = cohort.measured
    group = next(each for each in measured.groups if each.title == "predictions")
    index, place = group.names.index(name), measured.conditions.index(later)
    first, second = group.values[:, 0, index], group.values[:, place, index]
    axes.scatter((first + second) / 2, second - first, s=18, color=COLOURS[0])
    for value, style in ((limits.bias, "-"), (limits.low, "--"), (limits.high, "--")):
        axes.axhline(value, color=_GREY, linewidth=1, linestyle=style)
    axes.set_xlabel("mean of the two", parse_math=False)
    axes.set_ylabel(f"{later} minus {measured.conditions[0]}", parse_math=False)
    axes.set_title(name, fontsize=10, parse_math=False)
