"""Whether two AUCs of the same rows differ: DeLong's test (1988, doi 10.2307/2531595).

With several rows of one patient its variance is Obuchowski's for clustered data (1997, doi 10.2307/2533958), which is
DeLong's where each row is its own cluster. Of several repeats the kernel of each pair is the mean over them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Of two AUCs: the first, the second, their difference with its 95 % interval, z, and the two-sided p."""

    first: float
    second: float
    low: float
    high: float
    z: float
    p: float

    @property
    def value(self) -> float:
        return self.first - self.second


def compare(
    positive: NDArray[np.bool_], first: Sequence[Vector], second: Sequence[Vector], clusters: NDArray[np.intp]
) -> Difference:
    """Two sets of scores of the same rows, each in as many repeats.

    Args:
        positive: of each row.
        first: scores of each repeat.
        second: likewise, of the other.
        clusters: of each row, such as its patient.
    """
    areas, covariance = areas_and_covariance(positive, (first, second), clusters)
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    spread = math.sqrt(max(variance, 0.0))
    if spread < 1e-12:
        same = abs(difference) < 1e-12
        return Difference(areas[0], areas[1], difference, difference, 0.0 if same else math.inf, 1.0 if same else 0.0)
    z = difference / spread
    reach = float(norm.ppf(0.975)) * spread
    p = 2 * float(norm.sf(abs(z)))
    return Difference(float(areas[0]), float(areas[1]), difference - reach, difference + reach, z, p)


def areas_and_covariance(
    positive: NDArray[np.bool_], tests: Sequence[Sequence[Vector]], clusters: NDArray[np.intp]
) -> tuple[Vector, NDArray[np.float64]]:
    """AUC of each test, and the covariance matrix of them."""
    many, few = int(positive.sum()), int((~positive).sum())
    placements = [_mean_placements(positive, repeats) for repeats in tests]
    areas = np.array([of_positive.mean() for of_positive, _ in placements])
    _, cluster = np.unique(clusters, return_inverse=True)
    count = int(cluster.max()) + 1
    above = np.array(
        [_sums(cluster[positive], each - at, count) for (each, _), at in zip(placements, areas, strict=True)]
    )
    below = np.array(
        [_sums(cluster[~positive], each - at, count) for (_, each), at in zip(placements, areas, strict=True)]
    )
    with_positive = len(np.unique(cluster[positive]))
    with_negative = len(np.unique(cluster[~positive]))
    of_positive = with_positive / ((with_positive - 1) * many) * _products(above, above)
    of_negative = with_negative / ((with_negative - 1) * few) * _products(below, below)
    together = count / (count - 1) * _products(above, below)
    both = (together + together.T) / (many * few)
    mixed = with_positive + with_negative > count  # a patient with both kinds of rows
    return areas, of_positive / many + of_negative / few + (both if mixed else 0.0)


def _mean_placements(positive: NDArray[np.bool_], repeats: Sequence[Vector]) -> tuple[Vector, Vector]:
    each = [_placements(positive, scores) for scores in repeats]
    return np.mean([above for above, _ in each], axis=0), np.mean([below for _, below in each], axis=0)


def _placements(positive: NDArray[np.bool_], scores: Vector) -> tuple[Vector, Vector]:
    """Of each positive the share of negatives below it, of each negative the share of positives above; ties half."""
    many, few = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    above = (ranks[positive] - rankdata(scores[positive])) / few
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / many
    return above, below


def _sums(cluster: NDArray[np.intp], values: Vector, count: int) -> Vector:
    return np.asarray(np.bincount(cluster, values, count), dtype=np.float64)


def _products(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return a @ b.T
