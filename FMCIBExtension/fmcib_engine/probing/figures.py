"""The pictures of a study, by matplotlib: on white, in colours that colour-blind readers tell apart."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError
from .curves import (
    COLOURS,
    GREY,
    MOST,
    areas_of,
    calibration_of,
    calibration_parts,
    drawn_classes,
    groups_of_repeats,
    label_groups,
    number_name,
    plane_of,
    precision_recall_of,
    roc_of,
)
from .libraries import INSTALL
from .outcomes import Classes, Survival
from .scores import ClassScores, confusion
from .sentences import p_text
from .study import Study
from .survival_scores import at_risk

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = "os^Dv<>P"


def figures_of(study: Study) -> dict[str, Figure]:
    """By name, in the order of the report.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    outcome = study.cohort.outcome
    drawn: dict[str, Callable[[Axes, Study], None]] = {}
    if isinstance(outcome, Classes):
        drawn |= {"roc": _roc, "precision_recall": _precision_recall, "calibration": _calibration}
        drawn |= {"confusion": _confusion}
    else:
        drawn |= {"kaplan_meier": _kaplan_meier}
    if study.curve:
        drawn["label_efficiency"] = _efficiency
    made = {name: _drawn(draw, study) for name, draw in drawn.items()}
    places, shares = plane_of(study)
    maps = {"map_by_label": label_groups(study)}
    for number, (column, origin) in enumerate(study.cohort.origins.items(), 1):
        maps[f"map_by_site_{number}"] = (f"Features by {column}", origin)
    for name, (title, parts) in maps.items():
        made[name] = _drawn(partial(_map, places=places, shares=shares, title=title, parts=parts), study)
    return made


def as_bytes(figure: Figure, kind: str) -> bytes:
    """A PNG or an SVG, the same for the same figure."""
    stream = io.BytesIO()
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "fmcib", "svg.fonttype": "path"}):
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(stream, format=kind, metadata=metadata, dpi=150)
    return stream.getvalue()


def _drawn(draw: Callable[[Axes, Study], None], study: Study) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = f"Drawing needs matplotlib, which cannot be imported ({error}). Install it {INSTALL}."
        raise DependencyError(msg) from error
    figure = Figure(figsize=(5.2, 4.6), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes, study)
    axes.title.set_fontsize(11)
    return figure


def _text(text: str) -> str:
    """No formula, whatever the user calls a class."""
    return text.replace("$", r"\$")[:40]


def _curve_name(study: Study, code: int) -> str:
    """Such as `site lung`."""
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101  for mypy
    return f"{_text(study.cohort.columns.label)} {_text(outcome.names[code])}"


def _roc(axes: Axes, study: Study) -> None:
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101  for mypy
    for colour, code in zip(COLOURS, drawn_classes(outcome), strict=False):
        for repeat, (false, true) in enumerate(roc_of(study, code)):
            axes.plot(false, true, color=colour, linewidth=1.8 if repeat == 0 else 0.6, alpha=1 if repeat == 0 else 0.5)
        axes.plot([], [], color=colour, label=f"{_curve_name(study, code)}: {areas_of(study, code)[0]:.3f}")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="chance: 0.500")
    if len(outcome.names) == 2:
        here = (1 - study.numbers["specificity"].value, study.numbers["sensitivity"].value)
        axes.plot(
            *here, "o", color="black", markersize=6, markerfacecolor="none", label="where rows are called positive"
        )
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_title("ROC, out of fold" + _repeats(study))
    axes.legend(title="AUC", loc="lower right", fontsize=8, title_fontsize=8, frameon=False)


def _repeats(study: Study) -> str:
    others = study.options.repeats - 1
    return "" if not others else f"; thin: {others} other repeat{'s' if others > 1 else ''}"


def _mean_of(study: Study) -> str:
    repeats = study.options.repeats
    return f"\nmean of {repeats} repeats" if repeats > 1 else ""


def _precision_recall(axes: Axes, study: Study) -> None:
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101
    for colour, code in zip(COLOURS, drawn_classes(outcome), strict=False):
        for repeat, (recall, precision) in enumerate(precision_recall_of(study, code)):
            width, alpha = (1.8, 1.0) if repeat == 0 else (0.6, 0.5)
            axes.plot(recall, precision, color=colour, linewidth=width, alpha=alpha, drawstyle="steps-post")
        axes.plot([], [], color=colour, label=f"{_curve_name(study, code)}: {areas_of(study, code)[1]:.3f}")
        axes.axhline((outcome.codes == code).mean(), color=colour, linestyle=":", linewidth=1)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(0, 1.02))
    axes.set_title("Precision and recall, out of fold")
    axes.legend(title="average precision (dotted: chance)", fontsize=8, title_fontsize=8, frameon=False)


def _calibration(axes: Axes, study: Study) -> None:
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101
    for colour, mark, code in zip(COLOURS, _MARKS, drawn_classes(outcome), strict=False):
        across, up, low, high = calibration_of(study, code)
        reach = np.maximum(np.abs(np.array([low, high]) - up), 0)
        axes.errorbar(
            across, up, reach, color=colour, marker=mark, markersize=5, capsize=2, linewidth=1.2,
            label=_curve_name(study, code),
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="perfect")
    kind = "calibrated" if study.predictions.calibrated is not None else "not calibrated"
    axes.set(xlabel="predicted probability", ylabel="share observed", xlim=(-0.01, 1.01), ylim=(-0.03, 1.03))
    bins = calibration_parts(study)
    axes.set_title(f"Calibration ({kind}), out of fold\n{bins} parts of as many rows; bars: 95 % of each part's share")
    axes.legend(fontsize=8, frameon=False, loc="upper left")


def _confusion(axes: Axes, study: Study) -> None:
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101
    assert isinstance(study.judge, ClassScores)  # noqa: S101
    counts = confusion(study.judge)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_text(name)[:18] for name in outcome.names]
    size = 10 if len(names) < 5 else 7
    for true, row in enumerate(shares):
        for called, share in enumerate(row):
            colour = "white" if share > 0.55 else "black"
            text = f"{share:.0%}\n({counts[true, called]:.0f})"
            axes.text(called, true, text, ha="center", va="center", color=colour, fontsize=size)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=0 if len(names) < 4 else 45, ha="center" if len(names) < 4 else "right")
    axes.set_yticks(ticks, names)
    axes.set(xlabel="called", ylabel=f"true {_text(study.cohort.columns.label)}")
    axes.set_title(f"Confusion: share of each true class (rows){_mean_of(study)}")


def _kaplan_meier(axes: Axes, study: Study) -> None:
    outcome = study.cohort.outcome
    assert isinstance(outcome, Survival)  # noqa: S101
    found, *others = groups_of_repeats(study)
    for colour, style, (name, curve) in zip(COLOURS, ("-", "--"), found["curves"].items(), strict=False):
        label = f"{name}: {curve['rows']} rows, {curve['deaths']} died"
        axes.step(curve["times"], curve["survival"], where="post", color=colour, linestyle=style, label=label)
        axes.fill_between(curve["times"], curve["low"], curve["high"], step="post", color=colour, alpha=0.15, lw=0)
    each = [one["logrank_p"] for one in (found, *others) if "logrank_p" in one]
    said = "rows, not patients: no test" if not each else f"log-rank p: {p_text(each[0])}"
    if len(each) > 1:
        said += f"; largest of {len(each)} repeats: {p_text(max(each))}"
    axes.set(ylabel="share alive", ylim=(0, 1.02), xlim=(0, None))
    _number_at_risk(axes, study, found["curves"])
    axes.set_title(f"Kaplan-Meier by risk, out of fold, first repeat\n{said}")
    axes.legend(fontsize=8, frameon=False)


def _number_at_risk(axes: Axes, study: Study, curves: dict[str, Any]) -> None:
    """Below each time how many of each group are still followed."""
    last = max(curve["times"][-1] for curve in curves.values())
    ticks = [tick for tick in axes.get_xticks().tolist() if 0 <= tick <= last]
    counts = [[str(at_risk(curve, tick)) for curve in curves.values()] for tick in ticks]
    axes.set_xticks(ticks, ["\n".join([f"{tick:g}", *count]) for tick, count in zip(ticks, counts, strict=True)])
    axes.set_xlabel(f"time ({study.options.time_unit}); below: number at risk, {', '.join(curves)}")


def _efficiency(axes: Axes, study: Study) -> None:
    shown = [share for share in study.curve if share.values]
    across = [share.patients for share in shown]
    means = [float(np.mean(share.values)) for share in shown]
    for share in shown:
        axes.plot([share.patients] * len(share.values), share.values, "o", color=COLOURS[0], alpha=0.35, markersize=4)
    axes.plot(across, means, color=COLOURS[0], marker="o", label="mean of repeats (dots: each)")
    axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1, label="chance")
    axes.set_xscale("log")
    axes.set_xticks(across, [f"{count:.0f}\n({share.share:.0%})" for count, share in zip(across, shown, strict=True)])
    axes.minorticks_off()
    axes.set(xlabel="patients learned from", ylabel=f"{number_name(study)}, out of fold")
    axes.set_title("How many patients does it need?")
    axes.legend(fontsize=8, frameon=False)


def _map(
    axes: Axes, _: Study, *, places: NDArray[np.float64], shares: NDArray[np.float64], title: str, parts: Classes
) -> None:
    counts = np.bincount(parts.codes, minlength=len(parts.names))
    shown = sorted(np.argsort(-counts, kind="stable")[:MOST].tolist())
    rest = ~np.isin(parts.codes, shown)
    for colour, mark, code in zip(COLOURS, _MARKS, shown, strict=False):
        chosen = parts.codes == code
        if chosen.any():
            label = f"{_text(parts.names[code])} ({counts[code]})"
            axes.plot(*places[chosen].T, mark, color=colour, markersize=4, alpha=0.65, markeredgewidth=0, label=label)
    if rest.any():
        axes.plot(*places[rest].T, ".", color=GREY, markersize=4, label=f"others ({rest.sum()})")
    axes.set(xlabel=f"component 1 ({shares[0]:.0%} of variance)", ylabel=f"component 2 ({shares[1]:.0%})")
    axes.set_title(f"{_text(title)}\nmain components (PCA); nothing here is out of fold")
    axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
