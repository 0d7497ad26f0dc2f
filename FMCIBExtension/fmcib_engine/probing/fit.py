"""Fit a head: standardise, choose the ridge's strength by grouped cross-validation, fit to all.

Strength is said as the spread² that the penalty expects of a row's score, which means the same for 2 columns and for
4,096: each coefficient of p standardised columns has the prior variance strength / p. scikit-learn's C is that number;
Cox's penalty is its inverse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logit

from .folds import Codes, grouped_folds
from .libraries import import_for_heads
from .lines import Lines, probabilities
from .outcomes import Classes, Outcome
from .ridge import Axes, Path, likelihood_of
from .span import Matrix, span, standard

STRENGTHS: tuple[float, ...] = tuple(float(10.0**power) for power in range(-3, 5))
"""That are tried, from a head that says much the same of all to one that hardly holds back."""
_ENOUGH = 2
INNER_FOLDS = 5


@dataclass(frozen=True)
class FitOptions:
    """How a head is fitted."""

    inner_folds: int = INNER_FOLDS
    seed: int = 0
    calibrate: bool = False
    strengths: tuple[float, ...] = STRENGTHS


def fit(rows: Matrix, outcome: Outcome, groups: Codes, options: FitOptions, weights: Matrix | None = None) -> Lines:
    """A head of these rows.

    The spread of a column is that of all rows given, in the inner folds too: it has seen no outcome, and nothing of the
    rows that the head will be judged on.

    Args:
        rows: features (n, p), not standardised; NaN is the mean.
        outcome: what is to be told.
        groups: of each row.
        options: how.
        weights: of each column, by which its prior spread is multiplied; 1 where nothing is given.

    Raises:
        InputError: there are no inner folds that have every class.
        TrainingError: no solution was found.
        DependencyError: scikit-learn is not installed.
    """
    scale = standard(rows)
    factors = np.ones(rows.shape[1]) if weights is None else weights
    placed = scale.of(rows) * factors
    turned = span(placed)
    few = turned.of(placed)
    axes, everyone = Axes.of(few), np.ones(len(few), dtype=np.bool_)
    strength, inner = _choose(few, axes, outcome, groups, options, rows.shape[1])
    (plane,) = Path(few, [likelihood_of(outcome, everyone)], axes).at(rows.shape[1] / strength)
    coefficients = turned.back(plane.coefficients) * factors
    lines = Lines(scale, coefficients, plane.intercepts, strength, float(np.median(inner[:, 0])))
    if not options.calibrate or not isinstance(outcome, Classes):
        return lines
    if outcome.outputs == 1:
        return replace(lines, platt=platt(inner[:, 0], outcome.codes))
    return replace(lines, temperature=temperature(inner, outcome.codes))


def fit_tuned(rows: Matrix, outcome: Classes, held: Matrix, held_outcome: Classes) -> Lines:
    """A head of these rows, of the strength that tells most of the rows held back, which it does not learn from.

    Args:
        rows: features (n, p), not standardised.
        outcome: of these.
        held: features (m, p).
        held_outcome: of those, the same classes.

    Raises:
        TrainingError: no solution was found.
        DependencyError: scikit-learn is not installed.
    """
    scale = standard(rows)
    placed = scale.of(rows)
    turned = span(placed)
    learned, few = turned.of(placed), turned.of(scale.of(held))
    path = Path(learned, [likelihood_of(outcome, np.ones(len(learned), dtype=np.bool_))], Axes.of(learned))
    held_back = likelihood_of(held_outcome, np.zeros(len(few), dtype=np.bool_))
    best, lines, worse = -np.inf, None, 0
    for strength in STRENGTHS:
        (plane,) = path.at(rows.shape[1] / strength)
        gain = held_back.gain(plane.scores(few))
        if lines is None or gain > best:
            best, worse = gain, 0
            lines = Lines(scale, turned.back(plane.coefficients), plane.intercepts, strength)
        elif (worse := worse + 1) == _ENOUGH:
            break
    assert lines is not None  # noqa: S101  for mypy: there are strengths
    return lines


def platt(log_odds: NDArray[np.float64], codes: Codes) -> tuple[float, float]:
    """Slope and shift that turn log odds of rows that were not learned from into calibrated ones (Platt 1999).

    A slope below 0 would turn a head round that is no better than chance: then it is 0, and every row gets the share.
    """
    linear = import_for_heads("sklearn.linear_model")
    model = linear.LogisticRegression(C=1e6, max_iter=10_000).fit(log_odds[:, None], codes)
    slope, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
    return (slope, shift) if slope > 0 else (0.0, float(logit(codes.mean())))


def temperature(scores: Matrix, codes: Codes) -> float:
    """By which scores of rows that were not learned from are divided to be calibrated (Guo 2017, arXiv 1706.04599)."""

    def loss(power: float) -> float:
        shares = probabilities(scores / np.exp(power))
        return -float(np.log(np.maximum(shares[np.arange(len(codes)), codes], 1e-15)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4, 4), method="bounded").x))


def _choose(
    rows: Matrix, axes: Axes, outcome: Outcome, groups: Codes, options: FitOptions, width: int
) -> tuple[float, Matrix]:
    """The strength whose heads tell most of rows that they have not seen, and the scores that they gave them.

    From the weakest on, until two in a row told less than the best: what follows only learns by heart.
    """
    fold = grouped_folds(outcome.strata, groups, options.inner_folds, options.seed)
    parts = [fold == number for number in range(options.inner_folds)]
    likelihoods = [likelihood_of(outcome, ~held) for held in parts]
    path = Path(rows, likelihoods, axes)
    best, chosen, kept, worse = -np.inf, options.strengths[0], np.zeros((len(rows), outcome.outputs)), 0
    for strength in options.strengths:
        gain, scores = 0.0, np.zeros_like(kept)
        for held, likelihood, plane in zip(parts, likelihoods, path.at(width / strength), strict=True):
            told = plane.scores(rows)
            gain += likelihood.gain(told)
            scores[held] = told[held]
        if gain > best:
            best, chosen, kept, worse = gain, strength, scores, 0
        elif (worse := worse + 1) == _ENOUGH:
            break
    return chosen, kept
