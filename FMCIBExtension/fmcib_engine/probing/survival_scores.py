"""How well log hazard ratios tell who dies sooner: C-index, time-dependent AUC, risk groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .libraries import import_for_heads
from .outcomes import Survival

MAIN = "C-index"

Vector = NDArray[np.float64]

_MANY = 2000
"""Rows whose pairs take 64 MB in float64."""


@dataclass(eq=False)
class SurvivalScores:
    """Numbers of some rows, the mean over repeats.

    Args:
        outcome: of all rows.
        repeats: scores of each repeat, (n,).
        times: of the time-dependent AUC.
        unit: of times.
    """

    outcome: Survival
    repeats: Sequence[Vector]
    times: tuple[float, ...]
    unit: str

    def of(self, rows: NDArray[np.intp]) -> dict[str, float]:
        """By name."""
        outcome = self.outcome.of(rows)
        numbers = {MAIN: self.main(rows)}
        for time in self.times:
            weights = censoring_weights(outcome, time)
            areas = [dynamic_area(outcome, scores[rows], time, weights) for scores in self.repeats]
            numbers[f"AUC at {time:g} {self.unit}"] = float(np.mean(areas))
        return numbers

    def main(self, rows: NDArray[np.intp]) -> float:
        """C-index alone: by how often each row comes, so that a draw costs two products."""
        count = np.bincount(rows, minlength=len(self.outcome.times)).astype(self._pairs[0].dtype)
        compared, right = (float((count @ matrix) @ count) for matrix in self._pairs)
        return right / compared if compared else math.nan

    @cached_property
    def _pairs(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Which pairs are compared, and how often the score of the first is the higher, the mean over repeats."""
        kind = np.float64 if len(self.outcome.times) <= _MANY else np.float32
        compared: NDArray[Any] = comparable(self.outcome).astype(kind)
        right = np.zeros_like(compared)
        for scores in self.repeats:
            right += (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
        return compared, compared * (right / len(self.repeats))


def comparable(outcome: Survival) -> NDArray[np.bool_]:
    """Of each pair of rows, whether the first is known to have died sooner (Harrell 1982)."""
    times, lost = outcome.times, ~outcome.events
    later = (times > times[:, None]) | ((times == times[:, None]) & lost)
    return np.asarray(outcome.events[:, None] & later)


def concordance(outcome: Survival, scores: Vector) -> float:
    """Harrell's C-index, by lifelines; NaN where no two rows can be compared."""
    utils = import_for_heads("lifelines.utils")
    try:
        return float(utils.concordance_index(outcome.times, -scores, outcome.events))
    except ZeroDivisionError:
        return math.nan


def censoring_weights(outcome: Survival, time: float) -> Vector:
    """1 / P(not yet lost from sight) just before each row's death, by Kaplan and Meier; of deaths up to a time."""
    order = np.argsort(outcome.times, kind="stable")
    times, lost = outcome.times[order], ~outcome.events[order]
    at, starts = np.unique(times, return_index=True)
    lost_at = np.add.reduceat(lost.astype(float), starts)
    died_at = np.add.reduceat((~lost).astype(float), starts)
    at_risk = len(times) - starts - died_at  # who dies at a time is lost to nobody
    with np.errstate(divide="ignore", invalid="ignore"):
        remaining = np.cumprod(np.where(lost_at > 0, 1 - lost_at / at_risk, 1.0))
    own = remaining[np.searchsorted(at, outcome.times)]
    dead = outcome.events & (outcome.times <= time)
    return np.where(dead & (own > 0), 1 / np.where(own > 0, own, 1.0), 0.0)


def dynamic_area(outcome: Survival, scores: Vector, time: float, weights: Vector | None = None) -> float:
    """AUC of who has died by a time against who lives beyond it (cumulative/dynamic; Uno 2007, Hung & Chiang 2010)."""
    weights = censoring_weights(outcome, time) if weights is None else weights
    alive = outcome.times > time
    dead = weights > 0
    if not alive.any() or not dead.any():
        return math.nan
    ordered = np.sort(scores[alive])
    below = np.searchsorted(ordered, scores[dead], side="left")
    upto = np.searchsorted(ordered, scores[dead], side="right")
    return float((weights[dead] * (below + upto) / 2).sum() / (weights[dead].sum() * len(ordered)))


def risk_groups(outcome: Survival, is_high: NDArray[np.bool_], groups: NDArray[np.intp]) -> dict[str, Any]:
    """Kaplan-Meier curves of both, with 95 % bands, and the log-rank test, by lifelines.

    No test where a patient has several rows: it would count each as a life of its own, and be too sure.
    """
    lifelines = import_for_heads("lifelines")
    statistics = import_for_heads("lifelines.statistics")
    curves = {}
    for name, chosen in (("low risk", ~is_high), ("high risk", is_high)):
        if not chosen.any():
            continue
        fitted = lifelines.KaplanMeierFitter().fit(outcome.times[chosen], outcome.events[chosen])
        low, high = fitted.confidence_interval_survival_function_.to_numpy().T
        curves[name] = {
            "rows": int(chosen.sum()),
            "deaths": int(outcome.events[chosen].sum()),
            "times": fitted.survival_function_.index.to_numpy().tolist(),
            "leaving": fitted.event_table["removed"].to_numpy().astype(int).tolist(),
            "survival": fitted.survival_function_.to_numpy()[:, 0].tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
        }
    if len(curves) < 2 or len(np.unique(groups)) < len(groups):
        return {"curves": curves}
    test = statistics.logrank_test(
        outcome.times[is_high], outcome.times[~is_high], outcome.events[is_high], outcome.events[~is_high]
    )
    return {"curves": curves, "logrank_statistic": float(test.test_statistic), "logrank_p": float(test.p_value)}


def at_risk(curve: Mapping[str, Any], time: float) -> int:
    """How many of a group of `risk_groups` are still followed just before a time."""
    return int(sum(count for own, count in zip(curve["times"], curve["leaving"], strict=True) if own >= time))


def usual_times(outcome: Survival) -> tuple[float, ...]:
    """When a quarter, a half and three quarters of those who died had died."""
    at = np.percentile(outcome.times[outcome.events], [25, 50, 75])
    return tuple(sorted({float(f"{time:.4g}") for time in at}))
