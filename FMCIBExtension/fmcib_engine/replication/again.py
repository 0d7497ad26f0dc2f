"""A linear head learned, tuned and tested on upstream's own rows, and its numbers beside the published ones.

As upstream (experiments/adaptation/linear): columns standardised by the rows that are learned from, logistic
regression, its strength chosen on the rows of `val`, tested on `test`. It tried 100 strengths by Optuna and took the
one of the best score; here eight are tried, and the best likelihood decides. Intervals are by the bootstrap over
patients or scans, the paper's over lesions. Two-year survival it learned from an internal cohort; here out of fold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..encoders import find_encoder
from ..errors import InputError
from ..heads.head import Head, Metric
from ..heads.published import PUBLISHED
from ..probing.bootstrap import Estimate, estimates
from ..probing.cohort import Cohort, gather
from ..probing.fit import fit_tuned
from ..probing.lines import probabilities
from ..probing.made import About, made_of
from ..probing.out_of_fold import once_predicted
from ..probing.outcomes import Classes
from ..probing.scores import ClassScores
from ..probing.study import Progress, Study, study
from ..probing.table import FeatureTable
from ..probing.wanted import Columns, Options
from ..weights.catalogue import load_catalogue
from .tables import ENCODER, LABEL, PART, WHOSE, of_part, provenance
from .upstream import LUNG1, RADIO, SURVIVAL, TEST, TRAIN, VAL, Task


@dataclass(frozen=True)
class Beside:
    """A published number and ours; `unseen` is ours without patients or scans that the head learned from."""

    rows: str
    """Which, and how many."""
    published: Metric
    ours: Estimate
    unseen: Estimate | None = None

    @property
    def agrees(self) -> bool:
        """Whether the published number lies in our interval."""
        return self.ours.low <= self.published.value <= self.ours.high


@dataclass(frozen=True, eq=False)
class Replication:
    """What came out; the study is of the rows that the head learned from."""

    task: Task
    numbers: tuple[Beside, ...]
    study: Study
    how: str
    warnings: tuple[str, ...]

    def head(self, name: str) -> Head:
        """To be kept.

        Raises:
            HeadError: a name that cannot be.
        """
        known = PUBLISHED[self.task.id]
        about = About(
            name=name,
            title=f"{known.title}: linear, learned again from upstream's features",
            meaning=known.label_meaning,
            population=f"upstream's rows: {self.how}",
            licence=f"Non-commercial use only: of weights under {find_encoder(ENCODER).weights_licence}; the terms of "
            f"{self.task.data} hold too",
            citation=load_catalogue().entry(ENCODER).citation,
            sites=known.sites,
        )
        metrics = tuple(
            Metric(one.published.name, one.ours.value, *_ends(one.ours), f"{one.rows}; {self.how}"[:500])
            for one in self.numbers
            if math.isfinite(one.ours.value)
        )
        said = (*self.warnings, provenance()[1], "By which recipe upstream cut its patches is not known.")
        return replace(made_of(self.study, about), metrics=metrics, warnings=said)


def replicate(task: Task, table: FeatureTable, options: Options, progress: Progress) -> Replication:
    """Learn and test a task's linear head.

    Args:
        task: which.
        table: of `joined`.
        options: seed, bootstraps, and, of survival, folds and repeats.
        progress: is told of what is done.

    Raises:
        InputError, TableError: tables that cannot be learned from, such as with classes missing in a part.
        TrainingError: no solution was found.
        DependencyError: a package is missing.
    """
    columns = Columns("classification", LABEL, group=WHOSE, positive=task.positive)
    if task is SURVIVAL:
        return _between_cohorts(task, table, columns, options, progress)
    return _by_split(task, gather(table, columns), options, progress)


def _by_split(task: Task, cohort: Cohort, options: Options, progress: Progress) -> Replication:
    parts = np.array(cohort.table.cells[PART])
    where = {part: np.flatnonzero(parts == part) for part in (TRAIN, VAL, TEST)}
    outcome = _require_classes(cohort, where)
    rows = cohort.table.features
    with progress("Head learned and tested", 2) as advance:
        few = {part: (rows[places], outcome.of(places)) for part, places in where.items()}
        lines = fit_tuned(*few[TRAIN], *few[VAL])
        advance()
        learned, tuned, tested = (cohort.groups[where[part]] for part in (TRAIN, VAL, TEST))
        scores = lines.scores(few[TEST][0])
        numbers = _numbers(few[TEST][1], scores, tested, options)
        fresh = ~np.isin(tested, learned)
        unseen = {}
        if not fresh.all():
            unseen = _numbers(few[TEST][1].of(fresh), scores[fresh], tested[fresh], options)
        advance()
    counts = {part: len(places) for part, places in where.items()}
    how = f"{counts[TRAIN]:,} to learn from, {counts[VAL]:,} to tune, {counts[TEST]:,} to test, as upstream split them"
    told = f"{counts[TEST]:,} test rows"
    found = tuple(_beside(told, one, numbers, unseen) for one in task.published[TEST])
    part = replace(
        cohort,
        table=of_part(cohort.table, TRAIN),
        outcome=few[TRAIN][1],
        groups=np.unique(learned, return_inverse=True)[1],
        covariates=cohort.covariates[where[TRAIN]],
    )
    done = Study(part, options, lines, once_predicted(scores), _judge(few[TEST][1], scores), numbers)
    warnings = (*task.warnings, *cohort.warnings, *_about_seen(task, learned, tuned, tested))
    return Replication(task, found, done, how, warnings)


def _between_cohorts(
    task: Task, table: FeatureTable, columns: Columns, options: Options, progress: Progress
) -> Replication:
    """Out of fold on LUNG1, and a head of all LUNG1 on RADIO."""
    own, other = (gather(of_part(table, part), columns) for part in (LUNG1, RADIO))
    done = study(own, options, progress)
    outcome = other.outcome
    if not isinstance(outcome, Classes):
        msg = "Two-year survival has two classes."
        raise InputError(msg)
    numbers = _numbers(outcome, done.head.scores(other.table.features), other.groups, options)
    rows, others = len(own.table.rows), len(other.table.rows)
    found = (
        *(_beside(f"{rows:,} of LUNG1, out of fold", one, done.numbers, {}) for one in task.published[LUNG1]),
        *(_beside(f"{others:,} of RADIO, learned from LUNG1", one, numbers, {}) for one in task.published[RADIO]),
    )
    how = f"LUNG1, {rows:,} patients; tested out of fold and on RADIO, {others:,} patients"
    return Replication(task, found, done, how, (*task.warnings, *own.warnings, *other.warnings))


def _require_classes(cohort: Cohort, where: Mapping[str, NDArray[np.intp]]) -> Classes:
    outcome = cohort.outcome
    if not isinstance(outcome, Classes):
        msg = "The label has classes."
        raise InputError(msg)
    for part, places in where.items():
        missing = [name for code, name in enumerate(outcome.names) if not (outcome.codes[places] == code).any()]
        if missing:
            msg = f"The table {part} has no row of {', '.join(missing)}, which others have. Take upstream's tables."
            raise InputError(msg)
    return outcome


def _judge(outcome: Classes, scores: NDArray[np.float64]) -> ClassScores:
    return ClassScores(outcome.codes, [probabilities(scores)], 0.5)


def _numbers(
    outcome: Classes, scores: NDArray[np.float64], groups: NDArray[np.intp], options: Options
) -> dict[str, Estimate]:
    dense = np.unique(groups, return_inverse=True)[1]
    return estimates(_judge(outcome, scores).of, dense, options.bootstraps, options.seed)


def _beside(rows: str, published: Metric, ours: Mapping[str, Estimate], unseen: Mapping[str, Estimate]) -> Beside:
    return Beside(rows, published, ours[published.name], unseen.get(published.name))


def _about_seen(
    task: Task, learned: NDArray[np.intp], tuned: NDArray[np.intp], tested: NDArray[np.intp]
) -> Iterator[str]:
    """What the test rows share with the others: upstream did not split every table by patient."""
    seen, told = np.isin(tested, learned), np.isin(tested, tuned)
    if seen.any():
        yield (
            f"{seen.sum():,} of the {len(tested):,} test rows are of a {task.whose} that the head has learned from, "
            "which flatters the published number and this one"
        )
    if (told & ~seen).any():
        yield (
            f"{(told & ~seen).sum():,} of the {len(tested):,} test rows are of a {task.whose} of which other rows "
            "chose the head's strength, which may flatter a little"
        )


def _ends(number: Estimate) -> tuple[float | None, float | None]:
    return (number.low, number.high) if math.isfinite(number.low) else (None, None)
