"""All that is asked of a head before anybody uses it, as one value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .aligned import aligned
from .bootstrap import Estimate, estimates
from .cohort import Cohort
from .comparison import Comparison, compare_predictions
from .controls import ControlReport, ask_control
from .efficiency import Share, fits_of_curve, learning_curve
from .judges import Judge, judge_of, main_of
from .lines import Lines
from .origins import OriginReport, ask_origin, fits_of_origin
from .out_of_fold import Advance, Predictions, Trial, out_of_fold
from .span import Matrix
from .table import FeatureTable
from .wanted import Options

Progress = Callable[[str, int], AbstractContextManager[Advance]]
"""Opened with what is done and in how many steps; its value is told after each."""


@dataclass(frozen=True, eq=False)
class Study:
    """What came of it.

    Attributes:
        cohort, options: what was asked.
        head: fitted to all rows.
        predictions: out of fold, of the head as it will be.
        judge: of these.
        numbers: by name.
        origins, controls: by column, by table.
        gains: the head with joined columns, beside features alone and these columns alone; none without such.
        comparisons: with other tables.
        curve: over shares of the patients; empty where not asked for.
    """

    cohort: Cohort
    options: Options
    head: Lines
    predictions: Predictions
    judge: Judge
    numbers: dict[str, Estimate]
    origins: tuple[OriginReport, ...] = ()
    controls: tuple[ControlReport, ...] = ()
    gains: tuple[Comparison, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    curve: tuple[Share, ...] = ()

    @property
    def main(self) -> Estimate:
        """AUC, or C-index."""
        return self.numbers[main_of(self.cohort.outcome)]


def study(
    cohort: Cohort,
    options: Options,
    progress: Progress,
    *,
    controls: Sequence[FeatureTable] = (),
    others: Sequence[FeatureTable] = (),
) -> Study:
    """Train the head, and ask everything of it.

    Args:
        cohort: the rows.
        options: how.
        progress: told of what is done.
        controls: tables of the same lesions with something destroyed in their scans.
        others: tables of the same lesions by another encoder.

    Raises:
        InputError: rows that cannot be matched, or folds that cannot be made.
        TrainingError: no solution was found.
        DependencyError: a package is missing.
    """
    destroyed = [_joined(cohort, _same_width(aligned(cohort, table), cohort, table)) for table in controls]
    compared = [_joined(cohort, aligned(cohort, table)) for table in others]
    trial = _trial(cohort, options)
    fits = _fits(trial, cohort, len(destroyed), len(compared))
    with progress("Heads fitted", fits) as advance:
        trial = replace(trial, advance=advance)
        told = out_of_fold(trial, destroyed)
        judge = judge_of(cohort.outcome, told[0], options)
        features = cohort.table.features
        asked = tuple(ask_origin(trial, features, name, origin, judge) for name, origin in cohort.origins.items())
        names = [table.name for table in controls]
        reports = tuple(
            ask_control(trial, name, rows, told[0], applied)
            for name, rows, applied in zip(names, destroyed, told[1:], strict=True)
        )
        gains = _gains(trial, cohort, told[0])
        comparisons = tuple(
            _compared(trial, cohort, table, rows, told[0]) for table, rows in zip(others, compared, strict=True)
        )
        curve = learning_curve(trial) if options.efficiency else ()
        head = trial.fit(np.arange(len(trial.rows)))
        advance()
    with progress("Drawing patients for the intervals", options.bootstraps) as advance:
        numbers = estimates(judge.of, cohort.groups, options.bootstraps, options.seed, advance)
    return Study(cohort, options, head, told[0], judge, numbers, asked, reports, gains, comparisons, curve)


def _nothing() -> None:
    pass


def _trial(cohort: Cohort, options: Options) -> Trial:
    rows = _joined(cohort, cohort.table.features)
    weights = _weights(cohort, cohort.table.features.shape[1])
    return Trial(rows, cohort.outcome, cohort.groups, options, _nothing, weights)


def _joined(cohort: Cohort, features: Matrix) -> Matrix:
    return np.concatenate([features, cohort.covariates], axis=1) if cohort.covariates.size else features


def _weights(cohort: Cohort, width: int) -> Matrix | None:
    """So that the features together and the joined columns together have the same say beforehand.

    With one penalty for all, 2 columns among 4,096 would have none.
    """
    joined = cohort.covariates.shape[1]
    return np.concatenate([np.ones(width), np.full(joined, (width / joined) ** 0.5)]) if joined else None


def _same_width(rows: Matrix, cohort: Cohort, table: FeatureTable) -> Matrix:
    wanted = cohort.table.features.shape[1]
    if rows.shape[1] != wanted:
        msg = (
            f"A control has the features of the same encoder, {wanted} of them; {table.name} has {rows.shape[1]}. Give "
            "another table, or compare the two (--compare)."
        )
        raise InputError(msg)
    return rows


def _fits(trial: Trial, cohort: Cohort, controls: int, others: int) -> int:
    gains = 2 if cohort.covariates.size else 0
    count = trial.fits * (1 + controls + others + gains) + 1
    count += sum(fits_of_origin(trial, origin) for origin in cohort.origins.values())
    return count + (fits_of_curve(trial) if trial.options.efficiency else 0)


def _gains(trial: Trial, cohort: Cohort, joined: Predictions) -> tuple[Comparison, ...]:
    if not cohort.covariates.size:
        return ()
    names = ", ".join(cohort.columns.covariates)
    both = f"features and {names}"
    found = []
    for name, rows in (("features alone", cohort.table.features), (f"{names} alone", cohort.covariates)):
        (alone,) = out_of_fold(replace(trial, rows=rows, weights=None))
        found.append(compare_predictions(trial, (both, name), joined, alone))
    return tuple(found)


def _compared(trial: Trial, cohort: Cohort, table: FeatureTable, rows: Matrix, mine: Predictions) -> Comparison:
    width = rows.shape[1] - cohort.covariates.shape[1]
    (theirs,) = out_of_fold(replace(trial, rows=rows, weights=_weights(cohort, width)))
    return compare_predictions(trial, (cohort.table.name, table.name), mine, theirs)
