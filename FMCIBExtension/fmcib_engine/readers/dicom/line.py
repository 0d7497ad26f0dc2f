"""The straight line, at equal steps, on which the slices of a scan lie (PS3.3 C.7.6.2.1.1).

A slice lies on it within 0.03 mm or 1 % of the step, whichever is more. Smaller differences are jitter of the table or
rounding (up to 0.1 mm where all positions are whole tenths of a millimetre); and 1 % of a step changes a voxel by at
most 1 % of its difference to the next slice. All slices are compared with the line, not each with the one before, so
that small differences cannot add up.

Where all lie at equal steps, the line is theirs. Else its step is the commonest one: a scan in which slices are missing
has the very grid that it had when it was whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import affine as plain
from ...affine import FloatArray
from ...errors import SeriesError
from .header import Header, shown

ROUNDING_MM = 0.03  # of positions: table positions jitter by so much
ROUNDING_STEPS = 0.01
_SAME_PLACE_MM = 0.01
_TENTHS_MM = 0.1001  # of positions that are all written in whole tenths, the line's two ends included
LEAN = 1e-3  # tangent of 0.06 degrees
_REFITS = 6
_EMPTIEST = 20  # places for each image: with more, the step is no step of this scan
_ADVICE = "Irregular series are not read: export the series again, or resample it to a regular grid first."


def line_of(ordered: Sequence[Header], positions: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A place and the step of the stack, LPS mm."""
    gaps = np.diff(plain.dot(positions, normal))
    if gaps.sum() < _SAME_PLACE_MM:
        raise SeriesError(_one_place(ordered))
    origin, step = positions[0], (positions[-1] - positions[0]) / (len(ordered) - 1)
    off = distances_of(positions, np.arange(len(ordered)), origin, step)
    if off.max() > tolerance(step, positions) or gaps.min() < _SAME_PLACE_MM:
        line = _commonest_line(positions, normal)
        if line is None or gaps.sum() > _EMPTIEST * len(ordered) * plain.lengths(line[1]):
            _require_upright(origin, step, normal, positions)
            msg = (
                f"Slices must follow each other at equal steps; these vary from {gaps.min():.2f} to "
                f"{gaps.max():.2f} mm. {_ADVICE}"
            )
            raise SeriesError(msg)
        origin, step = line
    _require_upright(origin, step, normal, positions)
    return origin, step


def heights_of(images: Sequence[Header], normal: FloatArray) -> FloatArray:
    """Of images that say where they lie, along the normal, mm, ascending."""
    heights: FloatArray = np.sort(plain.dot([image.position for image in images], normal))
    return heights


def _one_place(ordered: Sequence[Header]) -> str:
    """Why slices that all lie at one place are no scan."""
    advice = "Give the files of one time point or phase, each slice once."
    if not any(number for header in ordered for number in header.position):
        advice = "Programs that do not know a place write this. Export the series again, with its ImagePositionPatient."
    elif len({header.slice_location for header in ordered}) == len(ordered):
        advice = (
            "Their SliceLocations differ, so their ImagePositionPatient is wrong; it alone says where a slice lies. "
            "Export the series again."
        )
    return (
        f"Each slice must lie at its own place; {ordered[0].path.name!r} and {len(ordered) - 1} more all lie at "
        f"{shown(ordered[0].position)} mm. {advice}"
    )


def _commonest_line(positions: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """A place and the step of the longest run of slices whose gaps are the commonest, the smaller of two as common.

    Nothing where fewer than half of the gaps are alike.
    """
    heights = plain.dot(positions, normal)
    once = positions[np.diff(heights, prepend=-np.inf) >= _SAME_PLACE_MM]
    gaps = np.diff(plain.dot(once, normal))
    alike = [np.abs(gaps - gap) <= tolerance(gap * normal, positions) for gap in np.sort(gaps)]
    commonest = max(alike, key=np.count_nonzero)
    if np.count_nonzero(commonest) * 2 < len(gaps):
        return None
    runs = [[index for index, _ in run] for good, run in groupby(enumerate(commonest), key=lambda g: g[1]) if good]
    longest = max(runs, key=len)
    run = once[longest[0] : longest[-1] + 2]
    half = len(run) // 2
    step: FloatArray = np.median((run[half:] - run[:-half]) / half, axis=0)  # one slice aside does not move a median
    origin: FloatArray = np.median(run - np.outer(np.arange(len(run)), step), axis=0)
    for _ in range(_REFITS):  # the run's own step may be off by its rounding; each fit reaches farther
        steps = np.rint(plain.dot(positions - origin, normal) / plain.dot(step, normal))
        near = np.flatnonzero(distances_of(positions, steps, origin, step) <= tolerance(step, positions))
        if len(np.unique(steps[near])) < 2:
            return origin, step
        origin, step = _fitted(steps[near], positions[near])
    first, last = near[0], near[-1]  # as in a whole scan, the line is that of its ends
    return positions[first], (positions[last] - positions[first]) / (steps[last] - steps[first])


def _fitted(steps: FloatArray, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The place of step 0 and the step, mm, of the line with the least squares of distances to the positions."""
    from_middle, middle = steps - steps.mean(), positions.mean(axis=0)
    step: FloatArray = (from_middle[:, np.newaxis] * positions).sum(axis=0) / (from_middle * from_middle).sum()
    return middle - steps.mean() * step, step


def distances_of(positions: FloatArray, steps: NDArray[Any], origin: FloatArray, step: FloatArray) -> FloatArray:
    """How far each position, mm, lies from its place on a line."""
    return plain.lengths(positions - origin - np.outer(steps, step))


def _require_upright(origin: FloatArray, step: FloatArray, normal: FloatArray, positions: FloatArray) -> None:
    """Refuse a stack that does not rise along its slices' normal: every voxel of it is sheared."""
    count, rise = len(positions), float(plain.dot(step, normal))
    aside = float(plain.lengths(step - rise * normal))
    if aside * (count - 1) <= tolerance(step, positions) or aside <= LEAN * rise:
        return
    angle = np.degrees(np.arctan2(aside, rise))
    msg = (
        f"Slices must be stacked along their normal; these lean by {angle:.1f} degrees (gantry tilt), from "
        f"{shown(origin)} mm to {shown(origin + (count - 1) * step)} mm. {_ADVICE}"
    )
    raise SeriesError(msg)


def tolerance(step: FloatArray, positions: FloatArray) -> float:
    """How far an image may lie from its place, mm. Positions in whole tenths are taken for rounded ones."""
    length = float(plain.lengths(step))
    is_rounded = length > 4 * _TENTHS_MM and bool((np.abs(positions * 10 - np.rint(positions * 10)) < 1e-6).all())
    return max(_TENTHS_MM if is_rounded else ROUNDING_MM, ROUNDING_STEPS * length) + plain.NOISE
