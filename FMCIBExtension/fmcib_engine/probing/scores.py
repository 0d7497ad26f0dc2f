"""How well predicted probabilities of classes are; scikit-learn gives the same numbers (tests compare them)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .folds import Codes
from .span import Matrix

MAIN = "AUC"
"""Of two classes the area under the ROC curve; of more, the mean over each class against the others."""


def area(codes: Codes, shares: Matrix) -> float:
    """AUC; of more than two classes the mean of each against the others. NaN where a class is missing.

    Of two classes it is P(score of the second > score of the first), by ranks (Mann & Whitney).
    """
    classes = [1] if shares.shape[1] == 2 else range(shares.shape[1])
    return float(np.mean([rank_area(codes == code, shares[:, code]) for code in classes]))


def rank_area(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """P(score of a positive > of a negative), ties half; NaN where one kind is missing."""
    many = int(positive.sum())
    few = len(positive) - many
    if not many or not few:
        return math.nan
    from scipy.stats import rankdata

    return float((rankdata(scores)[positive].sum() - many * (many + 1) / 2) / (many * few))


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Numbers of some rows, the mean over repeats.

    Args:
        codes: true classes of all rows.
        repeats: probabilities of each repeat, (n, classes).
        threshold: from which on a row counts as the second of two classes; one, or of each repeat and row.
    """

    codes: Codes
    repeats: Sequence[Matrix]
    threshold: float | NDArray[np.float64]

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """(repeats, n)."""
        return np.broadcast_to(self.threshold, (len(self.repeats), len(self.codes)))

    def of(self, rows: NDArray[np.intp]) -> dict[str, float]:
        """By name."""
        codes = self.codes[rows]
        pairs = zip(self.repeats, self.thresholds, strict=True)
        each = [_numbers(codes, shares[rows], from_here[rows]) for shares, from_here in pairs]
        return {name: float(np.mean([one[name] for one in each])) for name in each[0]}

    def main(self, rows: NDArray[np.intp]) -> float:
        """AUC alone."""
        return float(np.mean([area(self.codes[rows], shares[rows]) for shares in self.repeats]))


def _numbers(codes: Codes, shares: Matrix, threshold: NDArray[np.float64]) -> dict[str, float]:
    return _of_two(codes, shares[:, 1], threshold) if shares.shape[1] == 2 else _of_more(codes, shares)


def _of_two(codes: Codes, second: NDArray[np.float64], threshold: NDArray[np.float64]) -> dict[str, float]:
    positive, called = codes == 1, second >= threshold
    if positive.all() or not positive.any():
        return dict.fromkeys(NAMES_OF_TWO, math.nan)
    sensitivity = float(called[positive].mean())
    specificity = float((~called[~positive]).mean())
    numbers = (
        rank_area(positive, second),
        _average_precision(positive, second),
        (sensitivity + specificity) / 2,
        sensitivity,
        specificity,
        float(np.mean((second - positive) ** 2)),
    )
    return dict(zip(NAMES_OF_TWO, numbers, strict=True))


NAMES_OF_TWO = (MAIN, "average precision", "balanced accuracy", "sensitivity", "specificity", "Brier score")


def _of_more(codes: Codes, shares: Matrix) -> dict[str, float]:
    classes = range(shares.shape[1])
    there = [code for code in classes if (codes == code).any()]
    called = shares.argmax(axis=1)
    if len(there) < shares.shape[1]:
        return dict.fromkeys(NAMES_OF_MORE, math.nan)
    numbers = (
        area(codes, shares),
        float(np.mean([_average_precision(codes == code, shares[:, code]) for code in classes])),
        float(np.mean([(called[codes == code] == code).mean() for code in classes])),
        float(((shares - np.eye(shares.shape[1])[codes]) ** 2).sum(axis=1).mean()),
    )
    return dict(zip(NAMES_OF_MORE, numbers, strict=True))


NAMES_OF_MORE = (MAIN, "mean average precision", "balanced accuracy", "Brier score")


def _average_precision(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Sum over thresholds of recall's step times precision; scikit-learn's, whose checks take most of a draw's time."""
    order = np.argsort(-scores, kind="stable")
    right, falling = np.cumsum(positive[order]), scores[order]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)  # equal scores are one threshold
    return float((np.diff(right[ends], prepend=0) * right[ends] / (ends + 1)).sum() / right[-1])


def confusion(judge: ClassScores) -> NDArray[np.float64]:
    """(true, called) counts, the mean over repeats."""
    count = judge.repeats[0].shape[1]
    total = np.zeros((count, count))
    for shares, threshold in zip(judge.repeats, judge.thresholds, strict=True):
        called = (shares[:, 1] >= threshold).astype(int) if count == 2 else shares.argmax(axis=1)
        np.add.at(total, (judge.codes, called), 1)
    return total / len(judge.repeats)


def calibration_curve(
    positive: NDArray[np.bool_], repeats: Sequence[NDArray[np.float64]], bins: int = 10
) -> list[dict[str, Any]]:
    """Of rows in so many equal parts by probability: the mean probability, the share that was positive, how many.

    The probabilities are those of single heads: their mean over repeats would be that of several heads together, which
    are less sure than the one that is kept. `rows` are counted once, not in each repeat.
    """
    shares, all_positive = np.concatenate(repeats), np.tile(positive, len(repeats))
    order = np.argsort(shares, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [
        {
            "predicted": float(shares[part].mean()),
            "observed": float(all_positive[part].mean()),
            "rows": len(part) / len(repeats),
        }
        for part in parts
    ]


def by_chance(codes: Codes) -> dict[str, float]:
    """What the numbers are of a head that knows nothing but the share of each class, and calls by lot."""
    shares = np.bincount(codes) / len(codes)
    if len(shares) == 2:
        return {MAIN: 0.5, "average precision": float(shares[1]), "balanced accuracy": 0.5,
                "Brier score": float(shares[0] * shares[1])}  # fmt: skip
    count = len(shares)
    return {MAIN: 0.5, "mean average precision": 1 / count, "balanced accuracy": 1 / count,
            "Brier score": float(1 - (shares**2).sum())}  # fmt: skip
