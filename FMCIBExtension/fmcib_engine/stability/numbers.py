"""What is said of many answers to one question: a spread, a cosine, a rank. In float64, by plain numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """A number of the undisturbed lesion, and where the draws' lie."""

    value: float
    """Of the undisturbed lesion."""
    mean: float
    sd: float
    """Of the draws, with n - 1; 0 of a single one."""
    low: float
    high: float
    """2.5th and 97.5th percentile of the draws: 95 % of them lie between. No confidence interval of anything."""
    draws: int


@dataclass(frozen=True)
class Rank:
    """Where the lesion itself comes among others, by cosine similarity to a disturbed copy: 1 is the nearest."""

    first: int
    """In how many draws the lesion itself is nearer than all others."""
    worst: int
    draws: int
    others: int
    nearest_other: float
    """Mean over the draws of the largest cosine to another lesion."""


def spread_of(value: float, drawn: Sequence[float]) -> Spread:
    """The spread of what was drawn, at least one number."""
    numbers = np.asarray(drawn, np.float64)
    low, high = np.percentile(numbers, [2.5, 97.5]).tolist()
    sd = float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
    return Spread(value, float(numbers.mean()), sd, low, high, len(numbers))


def cosines(features: ArrayLike, to: ArrayLike) -> Numbers:
    """Cosine similarity of each row (n, k) to each row (m, k) -> (n, m); NaN for a row of zeros."""
    rows, others = (np.atleast_2d(np.asarray(each, np.float64)) for each in (features, to))
    products = np.stack([(rows * other).sum(axis=1) for other in others], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = np.sqrt((rows**2).sum(axis=1))[:, np.newaxis] * np.sqrt((others**2).sum(axis=1))
        similar: Numbers = products / lengths
    return np.clip(similar, -1.0, 1.0)


def rank_of(own: Numbers, others: Numbers) -> Rank | None:
    """The rank of the lesion itself; None without other lesions, or without draws.

    Args:
        own: cosine of each draw to the undisturbed lesion, (n,).
        others: cosine of each draw to each other lesion, (n, m). One that is as near counts as nearer; so does any
            where a draw or the lesion has features of zeros only, which are like nothing.
    """
    if not others.size:
        return None
    known = np.where(np.isnan(others), -np.inf, others)
    ranks = 1 + (~(known < own[:, np.newaxis])).sum(axis=1)
    nearest = float(known.max(axis=1).mean())
    return Rank(int((ranks == 1).sum()), int(ranks.max()), len(ranks), others.shape[1], nearest)


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as `1 draw`, `2 draws`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def in_words(rank: Rank | None, why_none: str) -> str:
    """The sentence that stands beside every cosine."""
    if rank is None:
        return f"no rank beside the cosine: {why_none}"
    nearest = f"{rank.nearest_other:z.4f}" if math.isfinite(rank.nearest_other) else "none"
    return (
        f"nearest to itself in {rank.first} of {rank.draws} among {counted(rank.others, 'other lesion')} "
        f"(worst rank {rank.worst} of {rank.others + 1}; mean cosine to the nearest other {nearest})"
    )
