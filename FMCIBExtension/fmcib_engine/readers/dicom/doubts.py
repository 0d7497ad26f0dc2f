"""What makes a stack doubtful though each of its slices lies in its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...geometry import PatientPoint
from .header import TIMES, Header, shown
from .stack import Stack

_ACQUISITION = TIMES.index("acquisition number")


def doubt(stack: Stack, beside: Sequence[Header], lost: int) -> None:
    """Distrust what images that are not in the stack, and acquisitions that are mixed in it, make doubtful.

    Args:
        stack: to be changed.
        beside: images of the same orientation that were left out.
        lost: how many files may have been slices, and cannot be read.
    """
    if lost:
        what = f"{lost} files that cannot be read" if lost > 1 else "a file that cannot be read"
        stack.distrust_ends(f"{what} may hold slices before the first or after the last")
    for image in beside:
        if image.position:
            k = float(stack.grid.to_index(PatientPoint.from_lps(image.position))[2])
            if not -0.5 <= k <= len(stack.places) - 0.5:
                reason = f"images of the series that were left out lie beyond its end, at {shown(image.position)} mm"
                stack.distrust(-1 if k < 0 else len(stack.places), reason)
    _doubt_acquisitions(stack)


def _doubt_acquisitions(stack: Stack) -> None:
    """Where slices of several acquisitions alternate, they may show a patient who moved, or another phase.

    Acquisitions of single slices, as in sequential scans, are no sign of that.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for k, header in enumerate(stack.places):
        if header:
            places[header.times[_ACQUISITION]].append(k)
    ranges = [(numbers[0], numbers[-1]) for number, numbers in places.items() if number and len(numbers) > 1]
    mixed = np.zeros(len(stack.places), dtype=int)
    for first, last in ranges:
        mixed[first : last + 1] += 1
    doubtful = [int(k) for k in np.flatnonzero(mixed > 1) if stack.places[int(k)]]
    for k in doubtful:
        stack.distrust(k, "slices of several acquisitions alternate")
