"""The one number by which predictions are compared: AUC of classes, C-index of survival; and those beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import scores, survival_scores
from .folds import Codes
from .out_of_fold import Predictions
from .outcomes import Classes, Outcome, Survival
from .scores import ClassScores
from .survival_scores import SurvivalScores, usual_times
from .wanted import Options

Judge = ClassScores | SurvivalScores


def judge_of(outcome: Outcome, predictions: Predictions, options: Options) -> Judge:
    """What gives numbers of any of the rows."""
    if isinstance(outcome, Classes):
        return ClassScores(outcome.codes, predictions.shares, thresholds_of(predictions, options))
    repeats = [each[:, 0] for each in predictions.scores]
    return SurvivalScores(outcome, repeats, options.times or usual_times(outcome), options.time_unit)


def thresholds_of(predictions: Predictions, options: Options) -> NDArray[np.float64]:
    """(repeats, n), that which was chosen; else the share of the class that is looked for among the rows learned from.

    So no row held back, nor its label, has a say in from where on it is called positive.
    """
    shape = predictions.scores.shape[:2]
    return predictions.learned if options.threshold is None else np.full(shape, options.threshold)


def main_of(outcome: Outcome) -> str:
    """Its name."""
    return scores.MAIN if isinstance(outcome, Classes) else survival_scores.MAIN


def within(judge: Judge, outcome: Outcome, parts: Codes, rows: NDArray[np.intp]) -> float:
    """The number within each part of the rows, the mean by how many pairs are compared there."""
    total = weight = 0.0
    for part in np.unique(parts[rows]).tolist():
        inside = rows[parts[rows] == part]
        value, pairs = judge.main(inside), pairs_of(outcome.of(inside))
        if np.isfinite(value):
            total, weight = total + value * pairs, weight + pairs
    return total / weight if weight else float("nan")


def pairs_of(outcome: Outcome) -> int:
    """Of rows: a positive and a negative; one that died and another that lived longer."""
    if isinstance(outcome, Survival):
        ordered = np.sort(outcome.times)
        later = len(ordered) - np.searchsorted(ordered, outcome.times[outcome.events], side="right")
        return int(later.sum())
    counts = np.bincount(outcome.codes, minlength=len(outcome.names))
    return int((counts.sum() ** 2 - (counts**2).sum()) // 2)
