"""Both sides in turns, so that a busy machine slows both, and how far their numbers may lie apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np


class DisagreementError(Exception):
    """The two sides gave different numbers: no timing of them means anything."""


@dataclass(frozen=True)
class Pair:
    """The same measure of both sides, repeated: seconds, or bytes."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratio(self) -> float:
        """How many times more theirs needs, by the medians."""
        return median(self.theirs) / median(self.ours)


def seconds_of(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def repeat(action: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each call, after one that is not counted."""
    action()
    return [seconds_of(action) for _ in range(times)]


def in_turns(ours: Callable[[], Any], theirs: Callable[[], Any], *, rounds: int, ours_per_round: int = 1) -> Pair:
    """Seconds of both sides, in turns. Each has run before, in the check that they agree."""
    pair = Pair([], [])
    for _ in range(rounds):
        pair.theirs.append(seconds_of(theirs))
        pair.ours.extend(repeat(ours, ours_per_round) if ours_per_round > 1 else [seconds_of(ours)])
    return pair


def require_same_patch(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of two patches, which must be below 1e-5 (0.03 HU).

    Raises:
        DisagreementError: it is not.
    """
    difference = float(np.abs(ours - theirs).max())
    if not difference < 1e-5:
        msg = f"The two sides' patches differ by up to {difference:.2g}, wanted less than 1e-5."
        raise DisagreementError(msg)
    return difference


def require_same_features(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The relative difference of two feature vectors, which must be below 1e-4.

    Raises:
        DisagreementError: it is not.
    """
    difference = float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
    if not difference < 1e-4:
        msg = f"The two sides' features differ by {difference:.2g} of their length, wanted less than 1e-4."
        raise DisagreementError(msg)
    return difference
