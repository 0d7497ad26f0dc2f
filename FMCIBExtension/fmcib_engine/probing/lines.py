"""What a head computes of a row's features: standardise, weigh, add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from .span import Matrix, Standard


@dataclass(frozen=True, eq=False)
class Lines:
    """One number for each output: coefficients (outputs, p) of standardised columns, and where they start."""

    standard: Standard
    coefficients: Matrix
    intercepts: Matrix
    strength: float
    """That was chosen: the spread² that the ridge expects of the scores (`fit.STRENGTHS`)."""
    middle: float = 0.0
    """Of the scores of those learned from, each told by a head that had not learned it: a cut between two groups."""
    platt: tuple[float, float] | None = None
    """Slope and shift of the log odds of two classes, where calibrated."""
    temperature: float = 1.0
    """By which the scores of more classes are divided, where calibrated."""

    def scores(self, rows: Matrix) -> Matrix:
        """Of each row (n, outputs): log odds of two classes, softmax's input of more, or log hazard ratio."""
        return self.standard.of(rows) @ self.coefficients.T + self.intercepts


def probabilities(scores: Matrix) -> NDArray[np.float64]:
    """Of each class, from a head's scores (n, 1) of two classes or (n, classes)."""
    if scores.shape[1] == 1:
        second = expit(scores[:, 0])
        return np.stack([1 - second, second], axis=1)
    return np.asarray(softmax(scores, axis=1))
