"""The curves of a study as numbers, from which its pictures are drawn here, and its plots in Slicer.

`charts_of` gives, for `charts.json`, a list of
    {"name", "title", "across", "up": titles of the axes, "across_range", "up_range": [low, high] or null,
     "tables": [{"name", "columns": {title: numbers},
                 "lines": [{"name", "across", "up": titles of columns, "look", "colour": "#rrggbb"}]}]}
look: line, dotted, marked (a line with points) or points. All is out of fold but the map of the features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from .libraries import import_for_heads
from .outcomes import Classes, Survival
from .scores import calibration_curve, rank_area
from .span import standard
from .study import Study
from .survival_scores import risk_groups

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Okabe and Ito's, black and grey last. A colour never means a diagnosis."""
GREY = "#666666"
MOST = 8
"""Classes or sites in one picture; the smallest are left grey."""
_SHARE = (0.0, 1.0)

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """See above."""

    name: str
    across: str
    up: str
    look: str
    colour: str


@dataclass(frozen=True)
class Table:
    """Columns of one length, and the lines that are drawn of them."""

    name: str
    columns: dict[str, list[float]]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Chart:
    """One picture."""

    name: str
    title: str
    across: str
    up: str
    tables: tuple[Table, ...]
    across_range: tuple[float, float] | None = None
    up_range: tuple[float, float] | None = None


def charts_of(study: Study) -> list[Chart]:
    """In the order of the report."""
    outcome = study.cohort.outcome
    if isinstance(outcome, Survival):
        found = [_kaplan_meier(study)]
    else:
        found = [_roc(study, outcome), _precision_recall(study, outcome), _calibration(study, outcome)]
    return [*found, *([_efficiency(study)] if study.curve else []), *_maps(study)]


def drawn_classes(outcome: Classes) -> list[int]:
    """Whose curves are drawn: of two classes the second."""
    return [1] if len(outcome.names) == 2 else list(range(min(len(outcome.names), MOST)))


def roc_of(study: Study, code: int) -> list[tuple[Vector, Vector]]:
    """Of each repeat: 1 - specificity, and sensitivity."""
    metrics = import_for_heads("sklearn.metrics")
    positive = _classes(study).codes == code
    return [metrics.roc_curve(positive, shares[:, code])[:2] for shares in study.predictions.shares]


def precision_recall_of(study: Study, code: int) -> list[tuple[Vector, Vector]]:
    """Of each repeat: recall, falling, and precision."""
    metrics = import_for_heads("sklearn.metrics")
    positive = _classes(study).codes == code
    told = (metrics.precision_recall_curve(positive, shares[:, code]) for shares in study.predictions.shares)
    return [(recall, precision) for precision, recall, _ in told]


def areas_of(study: Study, code: int) -> tuple[float, float]:
    """AUC and average precision of a class against the others, means over the repeats."""
    metrics = import_for_heads("sklearn.metrics")
    positive = _classes(study).codes == code
    shares = [each[:, code] for each in study.predictions.shares]
    areas = np.mean([rank_area(positive, each) for each in shares])
    return float(areas), float(np.mean([metrics.average_precision_score(positive, each) for each in shares]))


def calibration_of(study: Study, code: int) -> tuple[Vector, Vector, Vector, Vector]:
    """Of equal parts of the rows: mean probability, share observed, and the 95 % interval of that (Wilson)."""
    from scipy.stats import binomtest

    repeats = [shares[:, code] for shares in study.predictions.shares]
    points = calibration_curve(_classes(study).codes == code, repeats, calibration_parts(study))
    counts = [(round(point["observed"] * point["rows"]), round(point["rows"])) for point in points]
    ends = [binomtest(*count).proportion_ci(method="wilson") for count in counts]
    told = [[p["predicted"], p["observed"], end.low, end.high] for p, end in zip(points, ends, strict=True)]
    predicted, observed, low, high = np.array(told).T
    return predicted, observed, low, high


def calibration_parts(study: Study) -> int:
    """In how many the rows are divided."""
    return max(3, min(10, len(study.cohort.table.rows) // 20))


def groups_of_repeats(study: Study) -> list[dict[str, Any]]:
    """Of each repeat `risk_groups`, cut at the middle of those that each row's head had learned."""
    outcome, told = study.cohort.outcome, study.predictions
    assert isinstance(outcome, Survival)  # noqa: S101  for mypy
    pairs = zip(told.scores[:, :, 0], told.cuts, strict=True)
    return [risk_groups(outcome, scores > cuts, study.cohort.groups) for scores, cuts in pairs]


@lru_cache(maxsize=1)
def plane_of(study: Study) -> tuple[Vector, Vector]:
    """The two main components of standardised features (n, 2), and the share of the variance of each.

    By a few products with the rows (ARPACK), not by all components: 5,000 rows of 4,096 take seconds, not minutes.
    """
    features = study.cohort.table.features
    rows = standard(features).of(features)
    if min(rows.shape) > 2:
        _, lengths, across = svds(rows, k=2, v0=np.ones(min(rows.shape)))
    else:
        _, lengths, across = np.linalg.svd(rows, full_matrices=False)
    order = np.argsort(-lengths)[:2]
    places, shares = np.zeros((len(rows), 2)), np.zeros(2)
    places[:, : len(order)] = rows @ across[order].T
    shares[: len(order)] = lengths[order] ** 2 / float(np.vdot(rows, rows))
    return places, shares


def label_groups(study: Study) -> tuple[str, Classes]:
    """What the map of the features is coloured by, and its title."""
    outcome, columns = study.cohort.outcome, study.cohort.columns
    if isinstance(outcome, Classes):
        return f"Features by {columns.label}", outcome
    middle = float(np.median(outcome.times[outcome.events]))
    codes = np.where(outcome.times > middle, 1, np.where(outcome.events, 0, 2))
    at = f"{middle:g} {study.options.time_unit}"
    return "Features by survival", Classes(codes, (f"died by {at}", f"alive at {at}", f"lost before {at}"))


def number_name(study: Study) -> str:
    """Of the curve over fewer patients."""
    return "C-index" if isinstance(study.cohort.outcome, Survival) else "AUC"


def _classes(study: Study) -> Classes:
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101  for mypy
    return outcome


def _repeat(study: Study) -> str:
    count = study.options.repeats
    return "" if count == 1 else f", first of {count} repeats"


def _named(study: Study, outcome: Classes, code: int) -> str:
    return f"{study.cohort.columns.label} {outcome.names[code]}"


def _roc(study: Study, outcome: Classes) -> Chart:
    across, up = "1 - specificity", "sensitivity"
    tables: list[Table] = []
    for colour, code in zip(COLOURS, drawn_classes(outcome), strict=False):
        false, true = roc_of(study, code)[0]
        name = _named(study, outcome, code)
        lines = [Line(f"{name}: AUC {areas_of(study, code)[0]:.3f}", across, up, "line", colour)]
        if not tables:
            lines.append(Line("chance", across, across, "dotted", GREY))
        tables.append(Table(name, {across: false.tolist(), up: true.tolist()}, tuple(lines)))
    return Chart("roc", f"ROC, out of fold{_repeat(study)}", across, up, tuple(tables), _SHARE, _SHARE)


def _precision_recall(study: Study, outcome: Classes) -> Chart:
    tables: list[Table] = []
    for colour, code in zip(COLOURS, drawn_classes(outcome), strict=False):
        recall, precision = precision_recall_of(study, code)[0]
        share, name = float((outcome.codes == code).mean()), _named(study, outcome, code)
        columns = {"recall": _steps(recall, first=True), "precision": _steps(precision, first=False)}
        columns["chance"] = [share] * len(columns["recall"])
        lines = (
            Line(f"{name}: average precision {areas_of(study, code)[1]:.3f}", "recall", "precision", "line", colour),
            Line(f"{name}: chance {share:.3f}", "recall", "chance", "dotted", colour),
        )
        tables.append(Table(name, columns, lines))
    title = f"Precision and recall, out of fold{_repeat(study)}"
    return Chart("precision_recall", title, "recall", "precision", tuple(tables), _SHARE, _SHARE)


def _steps(values: Vector, *, first: bool) -> list[float]:
    """Each of the places between two values, as a curve in steps has them: `first` moves before the other."""
    twice = np.repeat(values, 2)
    return [float(each) for each in (twice[1:] if first else twice[:-1])]


def _calibration(study: Study, outcome: Classes) -> Chart:
    across, up = "predicted probability", "share observed"
    tables: list[Table] = []
    for colour, code in zip(COLOURS, drawn_classes(outcome), strict=False):
        name = _named(study, outcome, code)
        titles, numbers = (across, up, "low", "high"), calibration_of(study, code)
        columns = {title: own.tolist() for title, own in zip(titles, numbers, strict=True)}
        lines = [Line(name, across, up, "marked", colour), *_band(name, across, colour)]
        if not tables:
            lines.append(Line("perfect", across, across, "dotted", GREY))
        tables.append(Table(name, columns, tuple(lines)))
    kind = "calibrated" if study.predictions.calibrated is not None else "not calibrated"
    title = f"Calibration ({kind}), out of fold, {calibration_parts(study)} equal parts"
    return Chart("calibration", title, across, up, tuple(tables), _SHARE, _SHARE)


def _band(name: str, across: str, colour: str) -> list[Line]:
    return [Line(f"{name}: 95 % interval, {end}", across, end, "dotted", colour) for end in ("low", "high")]


def _kaplan_meier(study: Study) -> Chart:
    across, up = f"time ({study.options.time_unit})", "share alive"
    tables: list[Table] = []
    found = groups_of_repeats(study)[0]
    for colour, (name, curve) in zip(COLOURS, found["curves"].items(), strict=False):
        columns = {across: _steps(np.array(curve["times"]), first=True)}
        for title, key in ((up, "survival"), ("low", "low"), ("high", "high")):
            columns[title] = _steps(np.array(curve[key]), first=False)
        whole = f"{name}: {curve['rows']} rows, {curve['deaths']} died"
        tables.append(Table(name, columns, (Line(whole, across, up, "line", colour), *_band(name, across, colour))))
    title = f"Kaplan-Meier by risk, out of fold{_repeat(study)}"
    return Chart("kaplan_meier", title, across, up, tuple(tables), None, _SHARE)


def _efficiency(study: Study) -> Chart:
    shown = [share for share in study.curve if share.values]
    across, number = "patients learned from", number_name(study)
    columns = {across: [share.patients for share in shown], number: [float(np.mean(each.values)) for each in shown]}
    columns |= {"lowest": [min(each.values) for each in shown], "highest": [max(each.values) for each in shown]}
    columns["chance"] = [0.5] * len(shown)
    lines = (
        Line("mean of repeats", across, number, "marked", COLOURS[0]),
        Line("lowest repeat", across, "lowest", "dotted", COLOURS[0]),
        Line("highest repeat", across, "highest", "dotted", COLOURS[0]),
        Line("chance", across, "chance", "dotted", GREY),
    )
    table = Table(f"{number} over patients", columns, lines)
    return Chart("label_efficiency", "How many patients does it need?", across, f"{number}, out of fold", (table,))


def _maps(study: Study) -> list[Chart]:
    places, shares = plane_of(study)
    across, up = f"component 1 ({shares[0]:.0%} of variance)", f"component 2 ({shares[1]:.0%})"
    groups = {"map_by_label": label_groups(study)}
    for number, (column, origin) in enumerate(study.cohort.origins.items(), 1):
        groups[f"map_by_site_{number}"] = (f"Features by {column}", origin)
    return [
        Chart(name, f"{title}: main components (PCA)", across, up, tuple(_scattered(places, parts)))
        for name, (title, parts) in groups.items()
    ]


def _scattered(places: Vector, parts: Classes) -> Sequence[Table]:
    counts = np.bincount(parts.codes, minlength=len(parts.names))
    shown = sorted(np.argsort(-counts, kind="stable")[:MOST].tolist())
    chosen = [(parts.names[code], parts.codes == code, colour) for colour, code in zip(COLOURS, shown, strict=False)]
    chosen.append(("others", ~np.isin(parts.codes, shown), GREY))
    found = []
    for name, here, colour in chosen:
        if here.any():
            columns = {f"component {axis + 1}": places[here, axis].tolist() for axis in range(2)}
            line = Line(f"{name} ({here.sum()})", "component 1", "component 2", "points", colour)
            found.append(Table(name, columns, (line,)))
    return found
