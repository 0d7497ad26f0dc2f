"""95 % intervals by the bootstrap over groups: patients are drawn, with all their rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .folds import Codes

Rows = NDArray[np.intp]
Statistic = Callable[[Rows], dict[str, float]]
"""Numbers by name of some rows, of which some may come several times; NaN where they give none."""
_LEAST_DRAWS = 0.9
"""Of all, that must give a number for there to be an interval."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; NaN where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval is: of a difference, that the first is clearly the higher."""
        return math.isfinite(self.low) and self.low > 0

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval is."""
        return math.isfinite(self.high) and self.high < 0

    @property
    def text(self) -> str:
        if not math.isfinite(self.value):
            return "no number"
        interval = f" [{self.low:z.3f}, {self.high:z.3f}]" if math.isfinite(self.low) else ""
        return f"{self.value:z.3f}{interval}"


def draws(groups: Codes, count: int, seed: int) -> Iterator[Rows]:
    """The rows of groups drawn with replacement."""
    random = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    ends = np.searchsorted(groups[order], np.arange(int(groups.max()) + 2))
    members = [order[start:end] for start, end in itertools.pairwise(ends)]
    for _ in range(count):
        yield np.concatenate([members[each] for each in random.integers(len(members), size=len(members))])


def _nothing() -> None:
    pass


def estimates(
    statistic: Statistic, groups: Codes, count: int, seed: int, advance: Callable[[], None] = _nothing
) -> dict[str, Estimate]:
    """Each number of all rows, with the percentile interval of `count` draws; `advance` is told after each."""
    whole = statistic(np.arange(len(groups)))
    drawn: dict[str, list[float]] = {name: [] for name in whole}
    for rows in draws(groups, count, seed):
        for name, value in statistic(rows).items():
            drawn[name].append(value)
        advance()
    return {name: _estimate(value, np.array(drawn[name]), count) for name, value in whole.items()}


def _estimate(value: float, drawn: NDArray[np.float64], count: int) -> Estimate:
    numbers = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or not count or len(numbers) < _LEAST_DRAWS * count:
        return Estimate(value)
    low, high = np.percentile(numbers, [2.5, 97.5]).tolist()
    return Estimate(value, low, high)
