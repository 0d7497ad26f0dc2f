"""Each row told by heads that have seen nothing of its group: what a head is honestly worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fit import FitOptions, fit
from .folds import Codes, grouped_folds
from .lines import Lines, probabilities
from .outcomes import Classes, Outcome
from .span import Matrix
from .wanted import Options

Advance = Callable[[], None]
"""Told after each head that is fitted."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Scores (repeats, n, outputs) of every row, once in each repeat, which differ in their folds.

    Attributes:
        scores: see `Lines.scores`.
        calibrated: log odds after Platt, whose numbers come of the learned rows alone; None where not asked for.
        folds: (repeats, n).
        cuts: (repeats, n), the middle score of the rows that each row's head had learned (`Lines.middle`).
        learned: (repeats, n), the share of the class that is looked for among those rows; of survival, of deaths.
        strengths: of each head.
    """

    scores: NDArray[np.float64]
    folds: Codes
    cuts: NDArray[np.float64]
    learned: NDArray[np.float64]
    strengths: tuple[float, ...]
    calibrated: NDArray[np.float64] | None = None

    @property
    def shares(self) -> list[Matrix]:
        """Of each repeat the probability of each class, (n, classes)."""
        return [probabilities(each) for each in (self.scores if self.calibrated is None else self.calibrated)]


def once_predicted(scores: Matrix) -> Predictions:
    """Scores (n, outputs) of one repeat, of which only numbers are wanted."""
    nothing = np.zeros((1, len(scores)))
    return Predictions(scores[None], nothing.astype(np.intp), nothing, nothing, ())


@dataclass(frozen=True, eq=False)
class Trial:
    """What is to be learned from which rows, and how it is judged.

    Attributes:
        rows: features (n, p), with what is joined to them.
        outcome, groups: of each row.
        options: how.
        advance: told after each head that is fitted.
        weights: of each column, see `fit`.
    """

    rows: Matrix
    outcome: Outcome
    groups: Codes
    options: Options
    advance: Advance
    weights: Matrix | None = None

    @property
    def folds(self) -> list[Codes]:
        """Of each repeat."""
        seeds = [self.options.seed + repeat for repeat in range(self.options.repeats)]
        return [grouped_folds(self.outcome.strata, self.groups, self.options.folds, seed) for seed in seeds]

    @property
    def fits(self) -> int:
        """How many heads `out_of_fold` fits."""
        return self.options.folds * self.options.repeats

    def fit(self, learned: NDArray[np.bool_] | NDArray[np.intp]) -> Lines:
        """A head of some rows.

        Raises:
            InputError, TrainingError, DependencyError: as `fit`.
        """
        how = FitOptions(seed=self.options.seed, calibrate=self.options.calibrate)
        return fit(self.rows[learned], self.outcome.of(learned), self.groups[learned], how, self.weights)

    def with_options(self, **changes: Any) -> Trial:
        """The same, otherwise judged."""
        return replace(self, options=replace(self.options, **changes))


def out_of_fold(trial: Trial, elsewhere: Sequence[Matrix] = ()) -> list[Predictions]:
    """Of the rows, and of the same rows as they are elsewhere (in other tables), told by the same heads.

    Raises:
        InputError, TrainingError, DependencyError: as `fit`.
    """
    outcome, options = trial.outcome, trial.options
    shape = (options.repeats, len(trial.rows), outcome.outputs)
    tables = (trial.rows, *elsewhere)
    told, calibrated = [np.zeros(shape) for _ in tables], [np.zeros(shape) for _ in tables]
    folds, cuts, learned, strengths = trial.folds, np.zeros(shape[:2]), np.zeros(shape[:2]), []
    for repeat, fold in enumerate(folds):
        for number in range(options.folds):
            held = fold == number
            lines = trial.fit(~held)
            strengths.append(lines.strength)
            cuts[repeat, held] = lines.middle
            learned[repeat, held] = (outcome.kinds[~held] == 1).mean()
            for scores, after, table in zip(told, calibrated, tables, strict=True):
                scores[repeat, held] = lines.scores(table[held])
                after[repeat, held] = calibrate(scores[repeat, held], lines)
            trial.advance()
    has = options.calibrate and isinstance(outcome, Classes)
    return [
        Predictions(scores, np.array(folds), cuts, learned, tuple(strengths), after if has else None)
        for scores, after in zip(told, calibrated, strict=True)
    ]


def calibrate(scores: Matrix, lines: Lines) -> Matrix:
    """By the head's own calibration, if it has one."""
    if lines.platt is not None:
        slope, shift = lines.platt
        return scores * slope + shift
    return scores / lines.temperature
