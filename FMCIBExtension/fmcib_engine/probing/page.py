"""The report as one HTML file that needs nothing beside it: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np

from .. import __version__
from ..results.page import document, figure, section, table_of
from .bootstrap import Estimate
from .judges import main_of
from .origins import OriginReport
from .outcomes import Classes, Outcome, Survival
from .scores import by_chance
from .sentences import about_comparison, about_threshold, first_paragraph
from .study import Study

_CAPTIONS = {
    "roc": "ROC curve",
    "precision_recall": "Precision-recall curve",
    "calibration": "Calibration: predicted probability against the share observed; each row counts as one",
    "confusion": "Confusion matrix: what rows are called, from the probability named above on",
    "kaplan_meier": "Survival of two risk groups, first repeat: above the middle score of those that a row's head had "
    "learned from, or not",
    "label_efficiency": "Learning curve over fewer patients",
    "map_by_label": "Map of the features, by what is learned",
}


def as_html(study: Study, pictures: Mapping[str, bytes], *, title: str) -> str:
    """The page.

    Args:
        study: what it tells.
        pictures: SVG by name (`figures_of`).
        title: of the page.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="small">{escape(_subtitle(study))}</p>',
        f'<p class="first">{escape(" ".join(first_paragraph(study)))}</p>',
        _warnings(study),
        section("How good it is", _numbers(study)),
        section("Pictures", _pictures(pictures)),
        *(section(f"The disease, or the {report.column}", _origin(report, study)) for report in study.origins),
        _controls(study),
        _comparisons("What the joined columns add", study.gains),
        _comparisons("Beside other features", study.comparisons),
        _curve(study),
        section("How it was made", _methods(study)),
    ]
    return document(title, parts)


def _subtitle(study: Study) -> str:
    cohort = study.cohort
    source = cohort.table.provenance
    encoder = f"{source.encoder_id}, weights {source.weights_sha256[:12]}…" if source.is_known else "encoder unverified"
    return (
        f"{len(cohort.table.rows)} rows of {cohort.group_count} groups (patients) of {cohort.table.name}; features of "
        f"{encoder}. fmcib-engine {__version__}. For research use only."
    )


def _warnings(study: Study) -> str:
    cohort = study.cohort
    said = [*filter(None, [cohort.table.provenance.caution]), *cohort.warnings]
    return f'<div class="caution">{"".join(f"<p>{escape(each)}</p>" for each in said)}</div>' if said else ""


def _numbers(study: Study) -> str:
    outcome = study.cohort.outcome
    chance = by_chance(outcome.codes) if isinstance(outcome, Classes) else dict.fromkeys(study.numbers, 0.5)
    rows = [
        (name, estimate.text, f"{chance[name]:.3f}" if name in chance else "")
        for name, estimate in study.numbers.items()
    ]
    note = ""
    if isinstance(outcome, Classes) and len(outcome.names) == 2:
        note = about_threshold(study)
    elif isinstance(outcome, Classes):
        note = "A row counts as the class of the highest probability. AUC and precision are means over the classes."
    counts = ", ".join(f"{name}: {count}" for name, count in counts_of(study).items())
    return f"<p>{escape(f'Rows: {counts}. {note}')}</p>\n" + table_of(
        ("number", "out of fold [95 % interval]", "of a head that knows nothing"), rows
    )


def counts_of(study: Study) -> dict[str, int]:
    """Of its rows, as `counts_by_name`."""
    return counts_by_name(study.cohort.outcome)


def counts_by_name(outcome: Outcome) -> dict[str, int]:
    """Rows of each class; of survival, who died and who was censored."""
    if isinstance(outcome, Survival):
        died = int(outcome.events.sum())
        return {"died": died, "censored": len(outcome.events) - died}
    counts = np.bincount(outcome.codes, minlength=len(outcome.names)).tolist()
    return dict(zip(outcome.names, counts, strict=True))


def _pictures(pictures: Mapping[str, bytes]) -> str:
    made = []
    for name, content in pictures.items():
        caption = _CAPTIONS.get(name, "Map of the features, by site or scanner")
        made.append(figure(caption, content))
    return "\n".join(made)


def _origin(report: OriginReport, study: Study) -> str:
    number = main_of(study.cohort.outcome)
    rows = [
        (f"features tell the {report.column}, AUC", report.told.text),
        (f"{number} over all", report.pooled.text),
        (f"{number} within each, mean by pairs", report.within.text),
        ("over all less within each, of the same draws of patients", report.lost.text),
    ]
    each = [(one.name, str(one.rows), _or_none(one.inside), _or_none(one.unseen)) for one in report.each]
    header = (report.column, "rows", f"{number} there", f"{number} there of a head that has not seen it")
    return table_of(("number", "value"), rows) + "\n<p></p>\n" + table_of(header, each)


def _or_none(number: Estimate) -> str:
    return number.text if math.isfinite(number.value) else "too few"


def _controls(study: Study) -> str:
    if not study.controls:
        return ""
    rows = [
        (each.name, each.applied.text, each.lost.text, each.retrained.text, each.lost_retrained.text)
        for each in study.controls
    ]
    intact = study.controls[0].intact.text
    rows.insert(0, ("intact", intact, "", intact, ""))
    number = main_of(study.cohort.outcome)
    lost = "lost (intact less this)"
    header = ("scans", f"{number} of the head as it is", lost, f"{number} of heads trained on these scans", lost)
    return section("With something destroyed", table_of(header, rows))


def _comparisons(heading: str, comparisons: Iterable[object]) -> str:
    said = [about_comparison(each) for each in comparisons]  # type: ignore[arg-type]
    return section(heading, "".join(f"<p>{escape(each)}</p>" for each in said)) if said else ""


def _curve(study: Study) -> str:
    if not study.curve:
        return ""
    rows = []
    for share in study.curve:
        spread = f"{min(share.values):.3f} to {max(share.values):.3f}" if share.values else "too few patients"
        mean = f"{np.mean(share.values):.3f}" if share.values else "none"
        rows.append((f"{share.share:.0%}", f"{share.patients:.0f}", mean, spread))
    header = ("share", "patients", f"mean {main_of(study.cohort.outcome)}", "of single repeats")
    return section("With fewer patients", table_of(header, rows))


def _methods(study: Study) -> str:
    options, outcome = study.options, study.cohort.outcome
    model = "ridge Cox regression (Efron's ties, Breslow's baseline)"
    if isinstance(outcome, Classes):
        kind = "logistic" if len(outcome.names) == 2 else "multinomial logistic"
        calibration = " calibrated on rows that were not learned from (Platt's, or a temperature)"
        model = f"ridge {kind} regression{calibration if options.calibrate else ', not calibrated'}"
    said = (
        f"Features standardised, {model}. {options.folds} folds of whole groups with equal shares of the classes, "
        f"{options.repeats} times with other folds; in each, the strength of the ridge is chosen by 5 inner folds of "
        "whole groups on what is learned from alone. Rows of all folds are judged together: where patients are few, a "
        "head that knows nothing lies a little below chance by that, not above. Numbers are the mean over the "
        "repeats; of two numbers that are compared, the difference is of the same draws. Intervals: percentiles of "
        f"{options.bootstraps} draws of whole groups; they hold for other patients like these, not for another "
        f"hospital, and not for another draw of what is learned from. Random numbers from {options.seed}. The head "
        "itself is fitted to all rows: what it says of them is no measure of it. Learned from "
        f"{study.cohort.table.name}, SHA-256 {study.cohort.table.sha256}."
    )
    return f"<p>{escape(said)}</p>"
