"""Does it know the disease or the hospital? What features tell of the site or scanner, and what is left within one.

FMCIB's features tell two hospitals apart with an AUC of .95 and more; where the outcome differs between hospitals, a
head can score by knowing the hospital alone (one published AUC of .787 over two hospitals was .566 within them).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .bootstrap import Estimate, Rows, estimates
from .cohort import LEAST
from .folds import Codes
from .judges import Judge, judge_of, pairs_of, within
from .out_of_fold import Trial, once_predicted, out_of_fold
from .outcomes import Classes, Outcome
from .scores import ClassScores
from .span import Matrix
from .wanted import Options

_REST = "(others)"


@dataclass(frozen=True)
class OneOrigin:
    """One site or scanner: its rows, what the head is worth there, and what one is that has never seen it."""

    name: str
    rows: int
    inside: Estimate
    unseen: Estimate


@dataclass(frozen=True)
class OriginReport:
    """Of one column.

    Attributes:
        column: its name.
        told: AUC with which the features tell it.
        pooled: the head's number over all rows.
        within: the same within each origin, the mean by pairs.
        lost: pooled - within, both of the same draws of patients.
        each: of every origin.
        problem: why it could not be asked, as a sentence; else empty.
    """

    column: str
    told: Estimate
    pooled: Estimate
    within: Estimate
    lost: Estimate
    each: tuple[OneOrigin, ...] = field(default_factory=tuple)
    problem: str = ""


def ask_origin(trial: Trial, features: Matrix, column: str, origin: Classes, judge: Judge) -> OriginReport:
    """Tell the origin by the features, the outcome within each, and the outcome in each by heads of the others.

    Args:
        trial: of the head, whose rows may have joined columns.
        features: those rows without them, by which alone the origin is told.
        column: of the origin.
        origin: of each row.
        judge: of the head.

    Raises:
        InputError, TrainingError, DependencyError: as `fit`.
    """

    def both(chosen: Rows) -> dict[str, float]:
        pooled, inside = judge.main(chosen), within(judge, trial.outcome, origin.codes, chosen)
        return {"pooled": pooled, "within": inside, "lost": pooled - inside}

    options = trial.options
    numbers = estimates(both, trial.groups, options.bootstraps, options.seed)
    kept, large = with_enough(origin, trial.groups)
    told, problem = Estimate(math.nan), ""
    if len(large.names) < 2:
        problem = f"Fewer than two values of {column} have {LEAST} groups: how well features tell them is not known."
    else:
        told = _told(replace(trial, rows=features, weights=None), kept, large)
    each = tuple(_one(trial, name, origin.codes == code, judge) for code, name in enumerate(origin.names))
    return OriginReport(column, told, numbers["pooled"], numbers["within"], numbers["lost"], each, problem)


def fits_of_origin(trial: Trial, origin: Classes) -> int:
    """How many heads that takes."""
    _, large = with_enough(origin, trial.groups)
    return (trial.options.folds if len(large.names) > 1 else 0) + len(origin.names)


def with_enough(origin: Classes, groups: Codes) -> tuple[NDArray[np.bool_], Classes]:
    """The rows whose origin has enough groups to be told, and these origins; the small ones together are one."""
    counts = [len(np.unique(groups[origin.codes == code])) for code in range(len(origin.names))]
    large = [code for code, count in enumerate(counts) if count >= LEAST]
    small = ~np.isin(origin.codes, large)
    names = [origin.names[code] for code in large]
    codes = np.searchsorted(large, origin.codes).astype(np.intp)
    codes[small] = len(large)
    if len(np.unique(groups[small])) >= LEAST:
        return np.ones(len(codes), dtype=np.bool_), Classes(codes, (*names, _REST))
    return ~small, Classes(codes[~small], tuple(names))


def _told(trial: Trial, kept: NDArray[np.bool_], origin: Classes) -> Estimate:
    _, groups = np.unique(trial.groups[kept], return_inverse=True)
    once = replace(trial, rows=trial.rows[kept], outcome=origin, groups=groups)
    (predictions,) = out_of_fold(once.with_options(repeats=1, calibrate=False))
    return _alone(ClassScores(origin.codes, predictions.shares, 0.5).main, groups, trial.options)


def _one(trial: Trial, name: str, here: NDArray[np.bool_], judge: Judge) -> OneOrigin:
    """Numbers of one origin; none where it has no two rows to compare, or the others have too few to learn from."""
    inside = np.flatnonzero(here)
    own = unseen = Estimate(math.nan)
    part = trial.outcome.of(inside)
    if pairs_of(part):
        _, local = np.unique(trial.groups[inside], return_inverse=True)
        own = _alone(lambda few: judge.main(inside[few]), local, trial.options)
        others = ~here & ~np.isin(trial.groups, trial.groups[inside])
        if _can_learn(trial.outcome.of(others), trial.groups[others]):
            scores = trial.fit(others).scores(trial.rows[inside])
            unseen = _alone(judge_of(part, once_predicted(scores), trial.options).main, local, trial.options)
    trial.advance()
    return OneOrigin(name, len(inside), own, unseen)


def _alone(number: Callable[[Rows], float], groups: Codes, options: Options) -> Estimate:
    return estimates(lambda rows: {"": number(rows)}, groups, options.bootstraps, options.seed)[""]


def _can_learn(outcome: Outcome, groups: Codes) -> bool:
    codes = range(len(outcome.names)) if isinstance(outcome, Classes) else (1,)
    return all(len(np.unique(groups[outcome.kinds == code])) >= LEAST for code in codes)
