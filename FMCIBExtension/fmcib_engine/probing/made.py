"""A study as a head: the file that says what it is worth, and on whom."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from ..heads.head import Baseline, Calibration, Head, Layer, Metric, Origin, Scaling, Training
from ..results.versions import installed_versions, versions_of
from .cox import breslow
from .judges import main_of
from .outcomes import Survival
from .page import counts_of
from .sentences import beside_numbers
from .study import Study
from .survival_scores import usual_times
from .table import names_of

UNVERIFIED = "encoder unverified: the table of features did not say what they were computed with"
_MOST_WARNINGS, _LONGEST = 20, 2000


@dataclass(frozen=True)
class About:
    """What a user says of a head; what is empty is made of the table."""

    name: str
    title: str = ""
    meaning: str = ""
    population: str = ""
    licence: str = ""
    citation: str = ""
    warnings: tuple[str, ...] = ()
    """That belong beside each of its numbers, before those of the study."""
    sites: tuple[str, ...] = ()
    """As of `Head`."""


def simple_name(text: str) -> str:
    """A head's name from any: small letters, digits, - and _.

    >>> simple_name("My T1 head (2)")
    'my-t1-head-2'
    """
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")[:64] or "head"


def made_of(study: Study, about: About) -> Head:
    """The head.

    Raises:
        HeadError: classes or columns whose names cannot be in a head.
    """
    cohort, lines = study.cohort, study.head
    source = cohort.table.provenance
    columns = cohort.columns.covariates
    origin = Origin(source.encoder_id, source.weights_sha256, source.recipe_id, names_of(cohort.table), columns)
    scale = lines.standard
    return Head(
        id=about.name,
        title=about.title or f"{_what(study)} (trained here)",
        task=cohort.columns.task,
        label_meaning=about.meaning or f"{_what(study)}, as its column in the training table said",
        origin=origin,
        layers=(Layer(lines.coefficients.astype(np.float32), lines.intercepts.astype(np.float32)),),
        training=_training(study, about),
        classes=() if isinstance(cohort.outcome, Survival) else cohort.outcome.names,
        scaling=Scaling(scale.mean.astype(np.float32), scale.spread.astype(np.float32)),
        calibration=_calibration(study),
        baseline=_baseline(study),
        metrics=tuple(_metrics(study)),
        warnings=_warnings(study, about),
        sites=about.sites,
        caution=source.caution,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={**installed_versions(), **versions_of(("scikit-learn", "lifelines"))},
        licence=about.licence,
        citation=about.citation,
    )


def _what(study: Study) -> str:
    columns = study.cohort.columns
    return columns.label or f"risk of {columns.event}"


def _training(study: Study, about: About) -> Training:
    cohort = study.cohort
    rows = len(cohort.table.rows)
    population = about.population or f"{rows} lesions of {cohort.group_count} patients, of a table of the user's"
    return Training(population, rows, cohort.group_count, tuple(counts_of(study).values()))


def _calibration(study: Study) -> Calibration:
    lines = study.head
    about = "rows out of fold of the training table"
    if lines.platt is not None:
        return Calibration("platt", lines.platt, about)
    if lines.temperature != 1.0:
        return Calibration("temperature", (lines.temperature,), about)
    return Calibration()


def _baseline(study: Study) -> Baseline | None:
    outcome = study.cohort.outcome
    if not isinstance(outcome, Survival):
        return None
    rows = study.cohort.table.features
    if study.cohort.covariates.size:
        rows = np.concatenate([rows, study.cohort.covariates], axis=1)
    whole = breslow(study.head.scores(rows)[:, 0], outcome.times, outcome.events)
    times = np.array(sorted(study.options.times or usual_times(outcome)))
    survival = np.array([float(whole.survival(np.zeros(1), time)[0]) for time in times.tolist()])
    return Baseline(times, np.maximum(survival, np.finfo(np.float64).tiny), study.options.time_unit)


def _metrics(study: Study) -> list[Metric]:
    options = study.options
    about = (
        f"out of fold ({options.folds} folds, {options.repeats} times), {study.cohort.group_count} patients, 95 % "
        "interval by the bootstrap over patients"
    )
    found = [_metric(name, estimate, about) for name, estimate in study.numbers.items()]
    number = main_of(study.cohort.outcome)
    for report in study.origins:
        found.append(_metric(f"{number} within one {report.column}", report.within, about))
        found.append(_metric(f"AUC of the features for the {report.column}", report.told, about))
    return [metric for metric in found if metric is not None]


def _metric(name: str, estimate: object, about: str) -> Metric | None:
    value, low, high = (float(getattr(estimate, end)) for end in ("value", "low", "high"))
    if not math.isfinite(value):
        return None
    has_interval = math.isfinite(low) and math.isfinite(high) and low <= high
    return Metric(name, value, low if has_interval else None, high if has_interval else None, about)


def _warnings(study: Study, about: About) -> tuple[str, ...]:
    unverified = () if study.cohort.table.provenance.is_known else (UNVERIFIED,)
    said = (*about.warnings, *unverified, *study.cohort.cautions, *beside_numbers(study))
    return tuple(" ".join(each.split())[:_LONGEST] for each in said)[:_MOST_WARNINGS]
