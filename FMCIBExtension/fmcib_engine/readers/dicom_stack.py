"""From the headers of one scan to a regular stack of slices, and to what cannot be trusted of it.

A stack has a place for a slice at every step from its first image to its last. A place is trusted if exactly one image
lies there: within 0.01 mm or 1 % of the step, whichever is more. DICOM writes positions as decimal texts, often with
two decimals, so smaller differences are rounding; and 1 % of a step changes a voxel by at most 1 % of its difference to
the next slice. All images are compared with the stack, not each with the one before, so that small differences cannot
add up.

Where all images lie at equal steps, the stack is theirs. Else its step is the commonest one: a scan in which slices are
missing has the very grid that it had when it was whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SeriesError
from ..geometry import VoxelGrid
from ..volume import Fault
from .dicom_header import Header

FloatArray = NDArray[np.float64]

_POSITION_MM = 1e-2
_POSITION_STEPS = 1e-2
_LEAN = 1e-3  # tangent of 0.06 degrees
_EMPTIEST = 20  # places for each image: with more, the step is no step of this scan
_ADVICE = "Irregular series are not read: export the series again, or resample it to a regular grid first."


@dataclass(frozen=True)
class Stack:
    """The places of a stack, in the order of k."""

    grid: VoxelGrid
    places: list[Header | None]
    """The image of each place; None where there is none that can be trusted."""
    reasons: dict[int, str] = field(default_factory=dict)
    """What is wrong at a place, as a clause, unless it is simply empty."""
    left_out: int = 0
    """How many images have no place of their own."""

    def distrust(self, header: Header) -> None:
        """Take an image out, whose pixels turned out to be unreadable."""
        k = next(k for k, placed in enumerate(self.places) if placed is header)
        self.places[k], self.reasons[k] = None, f"the slice at {_place(header)} is damaged or incomplete"

    def faults(self) -> list[Fault]:
        """The places that are not trusted, neighbours of one reason together."""
        found: list[Fault] = []
        empty = [k for k, header in enumerate(self.places) if header is None]
        for _, run in groupby(enumerate(empty), key=lambda item: (item[1] - item[0], self.reasons.get(item[1], ""))):
            first, *rest = [k for _, k in run]
            last = rest[-1] if rest else first
            found.append(Fault(first, last, self.reasons.get(first) or self._gap(first, last)))
        return found

    def _gap(self, first: int, last: int) -> str:
        count = last - first + 1
        missing = f"{count} slices are missing" if count > 1 else "1 slice is missing"
        return f"{missing} between {_at(self.grid, first - 1)} and {_at(self.grid, last + 1)}"


def problem_of(header: Header) -> str:
    """Why an image cannot be given a place; nothing if it can."""
    if header.samples != 1:
        return f"A CT image has one value per pixel, {header.path.name!r} has {header.samples}. Leave this file out."
    needed = {
        "ImagePositionPatient": bool(header.position),
        "ImageOrientationPatient": bool(header.orientation),
        "PixelSpacing": bool(header.pixel_spacing) and min(header.pixel_spacing) > 0,
        "Rows and Columns": header.rows > 0 and header.columns > 0,
    }
    missing = [name for name, there in needed.items() if not there]
    if missing:
        return (
            f"Each slice must say where it lies; {header.path.name!r} has no usable {', no '.join(missing)}. "
            "Export the series again from the archive."
        )
    axes = np.reshape(header.orientation, (2, 3))
    if np.abs(axes @ axes.T - np.eye(2)).max() > _LEAN:
        return (
            "The directions of rows and columns must be unit vectors at right angles, got "
            f"{_text(axes[0])} and {_text(axes[1])} in the slice at {_place(header)}. Export the series again."
        )
    return ""


def stack_up(images: Sequence[Header]) -> Stack:
    """The stack of images of one size, orientation and pixel spacing, each with a position.

    The normal is the row's direction times the column's (PS3.3 C.7.6.2.1.1), so i, j, k are right-handed. One slice
    alone is as thick as its SliceThickness says, else its SpacingBetweenSlices.

    Raises:
        SeriesError: images that lie at one place, lean (gantry tilt), or have no step that is commoner than others.
    """
    first = images[0]
    row, column = (np.array(axis) / np.linalg.norm(axis) for axis in (first.orientation[:3], first.orientation[3:]))
    normal = np.cross(row, column)
    ordered = sorted(images, key=lambda header: float(np.dot(header.position, normal)))
    positions = np.array([header.position for header in ordered])
    if len(ordered) == 1:
        origin, step = positions[0], normal * _thickness(first)
        return Stack(_grid(first, row, column, step, origin, 1), [first])
    origin, step = _line(ordered, positions, normal)
    steps = np.rint((positions - origin) @ normal / (step @ normal)).astype(int)
    distances = _distances(positions, steps, origin, step)
    lowest = int(steps.min())
    grid = _grid(first, row, column, step, origin + lowest * step, int(steps.max()) - lowest + 1)
    stack = Stack(grid, [None] * grid.size[2])
    on_it = distances <= _tolerance(step)
    for k in range(grid.size[2]):
        here = np.flatnonzero((steps - lowest == k) & on_it)
        if len(here) == 1:
            stack.places[k] = ordered[here[0]]
        elif len(here) > 1:
            stack.reasons[k] = f"{len(here)} different images lie at {_place(ordered[here[0]])}"
    for index in np.flatnonzero(~on_it):
        where = f"the slice at {_place(ordered[index])} lies {distances[index]:.2f} mm off its place"
        stack.reasons.setdefault(int(steps[index]) - lowest, where)
    used = sum(header is not None for header in stack.places)
    if used < 2:
        msg = f"A stack needs two slices that can be trusted; {'; '.join([*stack.reasons.values()][:3])}. {_ADVICE}"
        raise SeriesError(msg)
    return Stack(grid, stack.places, stack.reasons, len(ordered) - used)


def _line(ordered: Sequence[Header], positions: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A place and the step of the stack, LPS mm."""
    gaps = np.diff(positions @ normal)
    if gaps.sum() < _POSITION_MM:
        msg = (
            f"Each slice must lie at its own place; {ordered[0].path.name!r} and {len(ordered) - 1} more all lie at "
            f"{_place(ordered[0])}. Give the files of one time point or phase, each slice once."
        )
        raise SeriesError(msg)
    origin, step = positions[0], (positions[-1] - positions[0]) / (len(ordered) - 1)
    off = _distances(positions, np.arange(len(ordered)), origin, step)
    if off.max() > _tolerance(step) or gaps.min() < _POSITION_MM:
        line = _commonest_line(positions, normal)
        if line is None or gaps.sum() > _EMPTIEST * len(ordered) * np.linalg.norm(line[1]):
            _require_upright(origin, step, normal, len(ordered))
            msg = (
                f"Slices must follow each other at equal steps; these vary from {gaps.min():.2f} to "
                f"{gaps.max():.2f} mm. {_ADVICE}"
            )
            raise SeriesError(msg)
        origin, step = line
    _require_upright(origin, step, normal, len(ordered))
    return origin, step


def _commonest_line(positions: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """A place and the step of the longest run of slices whose gaps are the commonest, the smaller of two as common.

    Nothing where fewer than half of the gaps are alike.
    """
    heights = positions @ normal
    once = positions[np.diff(heights, prepend=-np.inf) >= _POSITION_MM]
    gaps = np.diff(once @ normal)
    alike = [np.abs(gaps - gap) <= max(_POSITION_MM, _POSITION_STEPS * gap) for gap in np.sort(gaps)]
    commonest = max(alike, key=np.count_nonzero)
    if np.count_nonzero(commonest) * 2 < len(gaps):
        return None
    runs = [[index for index, _ in run] for good, run in groupby(enumerate(commonest), key=lambda g: g[1]) if good]
    longest = max(runs, key=len)
    run = once[longest[0] : longest[-1] + 2]
    half = len(run) // 2
    step: FloatArray = np.median((run[half:] - run[:-half]) / half, axis=0)  # one slice aside does not move a median
    origin: FloatArray = np.median(run - np.outer(np.arange(len(run)), step), axis=0)
    steps = np.rint((positions - origin) @ normal / (step @ normal))
    near = np.flatnonzero(_distances(positions, steps, origin, step) <= 2 * _tolerance(step))
    first, last = (near[0], near[-1]) if len(near) else (0, 0)
    if steps[last] > steps[first]:  # the longest lever there is
        return positions[first], (positions[last] - positions[first]) / (steps[last] - steps[first])
    return origin, step


def _distances(positions: FloatArray, steps: NDArray[Any], origin: FloatArray, step: FloatArray) -> FloatArray:
    """How far each position, mm, lies from its place on a line."""
    distances: FloatArray = np.linalg.norm(positions - origin - np.outer(steps, step), axis=1)
    return distances


def _require_upright(origin: FloatArray, step: FloatArray, normal: FloatArray, count: int) -> None:
    """Refuse a stack that does not rise along its slices' normal: every voxel of it is sheared."""
    rise = float(step @ normal)
    aside = float(np.linalg.norm(step - rise * normal))
    if aside * (count - 1) <= _tolerance(step) or aside <= _LEAN * rise:
        return
    angle = np.degrees(np.arctan2(aside, rise))
    msg = (
        f"Slices must be stacked along their normal; these lean by {angle:.1f} degrees (gantry tilt), from "
        f"{_text(origin)} mm to {_text(origin + (count - 1) * step)} mm. {_ADVICE}"
    )
    raise SeriesError(msg)


def _grid(  # noqa: PLR0913, PLR0917  the six parts of a grid
    first: Header, row: FloatArray, column: FloatArray, step: FloatArray, origin: FloatArray, count: int
) -> VoxelGrid:
    affine = np.eye(4)
    affine[:3, 0] = row * first.pixel_spacing[1]
    affine[:3, 1] = column * first.pixel_spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = origin
    return VoxelGrid((first.columns, first.rows, count), affine)


def _tolerance(step: FloatArray) -> float:
    return max(_POSITION_MM, _POSITION_STEPS * float(np.linalg.norm(step)))


def _thickness(header: Header) -> float:
    if not header.thicknesses:
        msg = (
            f"One slice alone must say how thick it is; {header.path.name!r} has neither SliceThickness nor "
            "SpacingBetweenSlices. Give the whole series."
        )
        raise SeriesError(msg)
    return header.thicknesses[0]


def _place(header: Header) -> str:
    return f"{_text(header.position)} mm"


def _at(grid: VoxelGrid, k: int) -> str:
    return f"{_text(grid.to_patient((0, 0, k)))} mm"


def _text(numbers: Sequence[float] | FloatArray) -> str:
    return f"({', '.join(f'{number:.6g}' for number in numbers)})"
