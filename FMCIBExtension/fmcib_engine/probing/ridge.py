"""Ridge regression of any likelihood of a row's scores, of several choices of rows at once, by SciPy's L-BFGS.

Two things make it quick where rows and columns are thousands. All inner folds are fitted together, as one product with
the rows instead of one for each fold, and no fold's rows are copied. And the minimum is sought in coordinates in which
the loss curves much the same in all directions: those of the rows' main axes, each stretched by how little it curves.
That changes the way to the minimum, not the minimum: scikit-learn, lifelines and scikit-survival give the same
coefficients (tests compare them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from ..errors import TrainingError
from .cox import RiskSets, partial_likelihood
from .libraries import import_for_heads
from .lines import probabilities
from .outcomes import Classes, Outcome, Survival
from .span import Matrix

_ALL_AXES, _MAIN_AXES = 600, 200
"""Columns up to which all axes are computed; of more, how many."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Plane:
    """Coefficients (outputs, k) and intercepts."""

    coefficients: Matrix
    intercepts: Matrix

    def scores(self, rows: Matrix) -> Matrix:
        return rows @ self.coefficients.T + self.intercepts


class Likelihood(Protocol):
    """Of the scores of those rows that are learned from."""

    outputs: int
    has_intercept: bool
    curvature: float
    """Of a row's loss, about: only the way to the minimum hangs on it."""

    def of(self, scores: Matrix) -> tuple[float, Matrix]:
        """Its logarithm, and the slope of that by each score (n, outputs), 0 of rows that are not learned from."""

    def gain(self, scores: Matrix) -> float:
        """How much scores of all rows tell of those that are not learned from."""


def likelihood_of(outcome: Outcome, learned: Mask) -> Likelihood:
    """Of classes (logistic, multinomial) or of survival (Cox)."""
    return _OfClasses(outcome, learned) if isinstance(outcome, Classes) else _OfSurvival(outcome, learned)


class _OfClasses:
    has_intercept = True

    def __init__(self, outcome: Classes, learned: Mask) -> None:
        self.outputs, self._codes, self._held = outcome.outputs, outcome.codes, ~learned
        shares = np.bincount(outcome.codes[learned], minlength=len(outcome.names)) / max(int(learned.sum()), 1)
        self.curvature = float((shares * (1 - shares)).max())
        self._learned = learned.astype(np.float64)[:, None]
        true = outcome.codes[:, None] == (1 if self.outputs == 1 else np.arange(self.outputs))
        self._true = true * self._learned

    def of(self, scores: Matrix) -> tuple[float, Matrix]:
        if self.outputs == 1:
            value = (self._true * scores - self._learned * np.logaddexp(0, scores)).sum()
            return float(value), self._true - self._learned * expit(scores)
        return float((self._true * log_softmax(scores, axis=1)).sum()), self._true - self._learned * softmax(
            scores, axis=1
        )

    def gain(self, scores: Matrix) -> float:
        """Log likelihood of the rows held back."""
        shares = probabilities(scores[self._held])
        true = shares[np.arange(len(shares)), self._codes[self._held]]
        return float(np.log(np.maximum(true, 1e-15)).sum())


class _OfSurvival:
    outputs, has_intercept = 1, False

    def __init__(self, outcome: Survival, learned: Mask) -> None:
        self._outcome, self._learned = outcome, learned
        self._sets = RiskSets.of(outcome.times[learned], outcome.events[learned])
        self.curvature = float(outcome.events[learned].mean())

    def of(self, scores: Matrix) -> tuple[float, Matrix]:
        value, slope = partial_likelihood(scores[self._learned, 0], self._sets)
        slopes = np.zeros_like(scores)
        slopes[self._learned, 0] = slope
        return value, slopes

    def gain(self, scores: Matrix) -> float:
        """Cross-validated partial likelihood: of all, less of those learned from (Verweij & van Houwelingen 1993)."""
        everyone, _ = partial_likelihood(scores[:, 0], RiskSets.of(self._outcome.times, self._outcome.events))
        learned, _ = partial_likelihood(scores[self._learned, 0], self._sets)
        return everyone - learned


@dataclass(frozen=True, eq=False)
class Axes:
    """Main directions (k, m) of rows, the sum of squares along each, and that along each other direction on average."""

    directions: Matrix
    squares: Matrix
    rest: float

    @classmethod
    def of(cls, rows: Matrix) -> Axes:
        """All of few columns; else the largest, by scikit-learn's randomised SVD, which is near enough."""
        width = rows.shape[1]
        if width <= _ALL_AXES:
            squares, directions = np.linalg.eigh(rows.T @ rows)
            return cls(directions, np.maximum(squares, 0.0), 0.0)
        svd = import_for_heads("sklearn.utils.extmath").randomized_svd
        few = min(_MAIN_AXES, min(rows.shape) - 1)
        _, lengths, across = svd(rows, few, n_oversamples=10, n_iter=1, random_state=0)
        left = float(np.vdot(rows, rows)) - float((lengths**2).sum())
        return cls(np.ascontiguousarray(across.T), lengths**2, max(left, 0.0) / (width - few))

    def scaled(self, lines: Matrix, along: Matrix, beside: float) -> Matrix:
        """Lines (any, k) stretched by so much along each axis, and beside them."""
        return beside * lines + ((lines @ self.directions) * (along - beside)) @ self.directions.T


class Path:
    """Fits at one penalty after another, each from where the last ended; one plane for each likelihood."""

    def __init__(self, rows: Matrix, likelihoods: Sequence[Likelihood], axes: Axes) -> None:
        self._rows, self._likelihoods, self._axes = rows, likelihoods, axes
        self._last = np.zeros((len(likelihoods) * likelihoods[0].outputs, rows.shape[1] + 1))

    def at(self, penalty: float) -> list[Plane]:
        """Planes that maximise log likelihood - penalty / 2 * |coefficients|².

        Raises:
            TrainingError: no maximum was found.
        """
        axes, first = self._axes, self._likelihoods[0]
        curvature = first.curvature
        along, beside = (curvature * axes.squares + penalty) ** -0.5, (curvature * axes.rest + penalty) ** -0.5
        shift = (curvature * len(self._rows)) ** -0.5 if first.has_intercept else 0.0

        def placed(flat: Matrix) -> Matrix:
            turned = flat.reshape(self._last.shape)
            return np.column_stack([axes.scaled(turned[:, :-1], along, beside), turned[:, -1] * shift])

        def loss(flat: Matrix) -> tuple[float, Matrix]:
            lines = placed(flat)
            value, slopes = self._likelihood(lines)
            coefficients = lines[:, :-1]
            uphill = penalty * coefficients - slopes.T @ self._rows
            turned = np.column_stack([axes.scaled(uphill, along, beside), -slopes.sum(axis=0) * shift])
            return penalty / 2 * float((coefficients**2).sum()) - value, turned.ravel()

        shifts = self._last[:, -1] / shift if shift else self._last[:, -1]
        start = np.column_stack([axes.scaled(self._last[:, :-1], 1 / along, 1 / beside), shifts])
        options = {"maxiter": 2_000, "maxfun": 4_000, "ftol": 1e-13, "gtol": 1e-5}
        found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        if not np.isfinite(found.x).all() or found.status == 1:
            msg = f"The regression found no solution ({found.message}). Leave out rows that are odd, or give more rows."
            raise TrainingError(msg)
        self._last = placed(found.x)
        return self._planes()

    def _likelihood(self, lines: Matrix) -> tuple[float, Matrix]:
        """The sum of all, and the slopes by each score (n, planes * outputs)."""
        scores = self._rows @ lines[:, :-1].T + lines[:, -1]
        count, total = self._likelihoods[0].outputs, 0.0
        for place, likelihood in enumerate(self._likelihoods):
            own = slice(place * count, (place + 1) * count)
            value, scores[:, own] = likelihood.of(scores[:, own])
            total += value
        return total, scores

    def _planes(self) -> list[Plane]:
        parts = np.split(self._last, len(self._likelihoods))
        return [Plane(part[:, :-1].copy(), part[:, -1].copy()) for part in parts]
