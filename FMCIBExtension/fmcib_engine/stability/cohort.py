"""What agrees in a cohort that was measured more than once: each number's coefficients, and what is said of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .agreement import Coefficients, Limits, bland_altman, ccc, icc
from .pairs import Group, Measured

BOUNDS = (0.75, 0.9)


@dataclass(frozen=True, eq=False)
class Agreement:
    """Of one group of numbers."""

    group: Group
    agreement: Coefficients
    """ICC(A,1) over all conditions."""
    consistency: Coefficients
    """ICC(C,1) over all conditions."""
    concordance: tuple[Coefficients, ...]
    """CCC of each later condition against the first."""

    def coefficients(self, conditions: tuple[str, ...]) -> list[tuple[str, Coefficients]]:
        """Each with its name, CCC with the two conditions."""
        named = [("ICC(A,1)", self.agreement), ("ICC(C,1)", self.consistency)]
        first = conditions[0]
        return named + [
            (f"CCC, {later} against {first}", each)
            for later, each in zip(conditions[1:], self.concordance, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Cohort:
    """A cohort, and what agrees."""

    measured: Measured
    agreements: tuple[Agreement, ...]
    sentences: tuple[str, ...]
    """What is to be known first."""

    def limits(self) -> dict[tuple[str, str], Limits]:
        """Bland-Altman of each prediction, by its name and the later condition."""
        found = {}
        for group in self.measured.groups:
            if group.title == "predictions":
                for index, name in enumerate(group.names):
                    for place, later in enumerate(self.measured.conditions[1:], 1):
                        pair = group.values[:, 0, index], group.values[:, place, index]
                        found[name, later] = bland_altman(*pair)
        return found


def agree(measured: Measured) -> Cohort:
    """The coefficients of each group of numbers."""
    agreements = []
    for group in measured.groups:
        both = icc(group.values)
        later = range(1, len(measured.conditions))
        pairs = tuple(ccc(group.values[:, 0], group.values[:, place]) for place in later)
        agreements.append(Agreement(group, *both, pairs))
    return Cohort(measured, tuple(agreements), tuple(_sentences(measured, agreements)))


def _sentences(measured: Measured, agreements: list[Agreement]) -> list[str]:
    said = [
        f"{len(measured.lesions)} lesions in {len(measured.conditions)} conditions: {', '.join(measured.conditions)}."
    ]
    if measured.left_out:
        said.append(f"{len(measured.left_out)} lesions are left out; {measured.left_out[0]}.")
    for each in agreements:
        count = len(each.group.names)
        for name, one in each.coefficients(measured.conditions):
            if count == 1:
                said.append(f"{each.group.names[0]}: {name} {text_of(one, 0)}.")
            else:
                said.append(f"{each.group.title} ({count}): {name} {summary(one)}.")
    if len(measured.lesions) < 10:
        said.append(f"{len(measured.lesions)} lesions are too few to rely on: read the intervals.")
    return said


def summary(one: Coefficients) -> str:
    """Median, shares above the two bounds, and how many numbers have no coefficient."""
    known = one.values[np.isfinite(one.values)]
    if not len(known):
        return "none: no number differs between lesions"
    shares = ", ".join(f"{one.share_above(bound):.1%} above {bound:g}" for bound in BOUNDS)
    without = len(one.values) - len(known)
    flat = f"; {without} numbers are the same in all lesions and have none" if without else ""
    return f"median {np.median(known):z.3f}, mean {known.mean():z.3f}, {shares}{flat}"


def text_of(one: Coefficients, index: int) -> str:
    """Such as `0.963 [0.920, 0.983]`."""
    value, low, high = (float(each[index]) for each in (one.values, one.low, one.high))
    if not math.isfinite(value):
        return "none"
    return f"{value:z.3f} [{low:z.3f}, {high:z.3f}]" if math.isfinite(low) and math.isfinite(high) else f"{value:z.3f}"
