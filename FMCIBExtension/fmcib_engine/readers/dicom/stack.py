"""From the headers of one scan to a regular stack of slices, and to what cannot be trusted of it.

A stack has a place for a slice at every step from its first image to its last. A place is trusted if exactly one image
lies there and no other lies beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from ... import affine as plain
from ...affine import FloatArray
from ...errors import SeriesError
from ...geometry import VoxelGrid
from ...volume import Fault
from .header import Header, shown
from .line import LEAN, ROUNDING_MM, ROUNDING_STEPS, distances_of, line_of, tolerance

_THIN = 0.75  # of the step: thinner slices leave gaps between them


@dataclass(frozen=True)
class Stack:
    """The places of a stack, in the order of k."""

    grid: VoxelGrid
    places: list[Header | None]
    """The image of each place; None where there is none that can be trusted."""
    reasons: dict[int, str] = field(default_factory=dict)
    """What is wrong at a place, as a clause, unless it is simply empty; at -1 and at their count, beyond the ends."""
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> list[Header]:
        """Those that have a place."""
        return [header for header in self.places if header]

    def distrust(self, k: int, reason: str) -> None:
        """Take out the image of a place; the first reason counts."""
        if 0 <= k < len(self.places):
            self.places[k] = None
        self.reasons.setdefault(min(max(k, -1), len(self.places)), reason)

    def distrust_ends(self, reason: str) -> None:
        """Nobody knows whether the scan ends where it seems to."""
        self.distrust(-1, reason)
        self.distrust(len(self.places), reason)

    def faults(self) -> tuple[Fault, ...]:
        """What is not trusted, neighbours of one reason together."""
        found: list[Fault] = []
        empty = {k for k, header in enumerate(self.places) if header is None} | self.reasons.keys()
        for _, run in groupby(enumerate(sorted(empty)), key=lambda item: (item[1] - item[0], self._reason(item[1]))):
            first, *rest = [k for _, k in run]
            last = rest[-1] if rest else first
            found.append(Fault(first, last, self._reason(first) or self._gap(first, last)))
        return tuple(found)

    def _reason(self, k: int) -> str:
        return self.reasons.get(k, "")

    def _gap(self, first: int, last: int) -> str:
        count = last - first + 1
        missing = f"{count} slices are missing" if count > 1 else "1 slice is missing"
        return f"{missing} between {_at(self.grid, first - 1)} and {_at(self.grid, last + 1)}"


def with_places(images: Sequence[Header]) -> tuple[list[Header], dict[int, str]]:
    """The images that can be given a place, and by `id` of each other one why it cannot: a sentence as `problem_of`.

    A position of one number three times, as 0, 0, 0 or -9999, -9999, -9999, is none, where the other slices' line does
    not come within a millimetre of it.
    """
    problems = {id(image): problem_of(image) for image in images}
    placed = [image for image in images if not problems[id(image)]]
    if suspects := [image for image in placed if len(set(image.position)) == 1]:
        line = np.median([_foot(image) for image in placed], axis=0)
        for image in suspects:
            if plain.lengths(_foot(image) - line) > 1:
                number = f"{image.position[0]:g}"
                problems[id(image)] = _without([f"ImagePositionPatient ({', '.join([number] * 3)} stands for none)"])
    return [image for image in images if not problems[id(image)]], {key: why for key, why in problems.items() if why}


def _foot(image: Header) -> FloatArray:
    """Where the line along the normal on which an image lies comes nearest to the patient's origin, mm in LPS."""
    foot: FloatArray = image.position - plain.dot(image.position, image.normal) * image.normal
    return foot


def _without(missing: Sequence[str], problem: str = "") -> str:
    held = f": it {problem}" if problem else ""
    return (
        f"Each slice must say where it lies; {{}} has no usable {', no '.join(missing)}{held}. "
        "Export the series again from the archive."
    )


def problem_of(header: Header) -> str:
    """Why an image cannot be given a place, a sentence with `{}` for its name; nothing if it can."""
    if header.samples != 1:
        return f"A CT image has one value per pixel, {{}} has {header.samples}. Leave this file out."
    needed = {
        "ImagePositionPatient": bool(header.position),
        "ImageOrientationPatient": any(header.orientation),
        "PixelSpacing": bool(header.pixel_spacing) and min(header.pixel_spacing) > 0,
        "Rows and Columns": header.rows > 0 and header.columns > 0,
    }
    missing = [name for name, there in needed.items() if not there]
    if missing:
        return _without(missing, header.problem)
    if header.problem:
        return unreadable(header.problem)
    axes = np.reshape(header.orientation, (2, 3))
    if np.abs(plain.dot(axes[:, np.newaxis], axes) - np.eye(2)).max() > LEAN:
        return (
            "The directions of rows and columns must be unit vectors at right angles, got "
            f"{shown(axes[0])} and {shown(axes[1])} in {{}}. Export the series again."
        )
    return ""


def unreadable(predicate: str) -> str:
    """The one sentence for a slice that cannot be used, with `{}` for its name: "is damaged or incomplete"."""
    return f"{{}} cannot be read as a scan: it {predicate}. Export the scan again."


def stack_up(images: Sequence[Header]) -> Stack:
    """The stack of images of one size, orientation and pixel spacing, each with a position.

    The normal is the row's direction times the column's (PS3.3 C.7.6.2.1.1), so i, j, k are right-handed. One slice
    alone is as thick as its SliceThickness says, else its SpacingBetweenSlices.

    Raises:
        SeriesError: images that lie at one place, lean (gantry tilt), or have no step that is commoner than others.
    """
    first = images[0]
    axes = np.median([header.orientation for header in images], axis=0)
    row, column = (axis / plain.lengths(axis) for axis in (axes[:3], axes[3:]))
    normal = plain.cross(row, column)
    ordered = sorted(images, key=lambda header: float(plain.dot(header.position, normal)))
    positions = np.array([header.position for header in ordered])
    if len(ordered) == 1:
        origin, step = positions[0], normal * _thickness(first)
        return Stack(_grid(first, row, column, step, origin, 1), [first])
    origin, step = line_of(ordered, positions, normal)
    heights = plain.dot(positions - origin, normal) / plain.dot(step, normal)
    steps = np.rint(heights).astype(int)
    distances = distances_of(positions, steps, origin, step)
    on_it = distances <= tolerance(step, positions)
    lowest, highest = (int(end) for end in (steps[on_it].min(), steps[on_it].max()))
    grid = _grid(first, row, column, step, origin + lowest * step, highest - lowest + 1)
    stack = Stack(grid, [None] * grid.size[2], notes=_notes(ordered, step, distances[on_it]))
    for k in range(grid.size[2]):
        here = [ordered[index] for index in np.flatnonzero((steps - lowest == k) & on_it)]
        if len(here) == 1:
            stack.places[k] = here[0]
        elif here:
            stack.distrust(k, f"{len(here)} different images lie at {_place(here[0])}")
    for index in np.flatnonzero(~on_it):
        where = f"the slice at {_place(ordered[index])} lies {distances[index]:.2f} mm off its place"
        aside = 0.25 - plain.NOISE  # both neighbours, if it is as far as a quarter of a step from each
        for k in {math.floor(heights[index] + aside), math.ceil(heights[index] - aside)}:
            stack.distrust(k - lowest, where)
    if len(stack.images) < 2:
        msg = (
            f"A stack needs two slices that can be trusted; {'; '.join([*stack.reasons.values()][:3])}. "
            "Give the images of one reconstruction or phase, each slice once."
        )
        raise SeriesError(msg)
    return stack


def _notes(ordered: Sequence[Header], step: FloatArray, distances: FloatArray) -> tuple[str, ...]:
    length = float(plain.lengths(step))
    thickest = max((mm for header in ordered for mm in header.thicknesses), default=length)
    found = []
    if distances.max() > max(ROUNDING_MM, ROUNDING_STEPS * length) + plain.NOISE:
        found.append("the positions of the slices are rounded to 0.1 mm: equal steps were taken")
    if len(ordered) > 1 and not any(number for header in ordered for number in header.position[:2]):
        found.append("all slices begin at x = 0, y = 0 mm, as programs write that do not know where they lie")
    if thickest < _THIN * length:
        found.append(
            f"slices lie {length:.2f} mm apart and are {thickest:.2f} mm thick: what lies between them was interpolated"
        )
    return tuple(found)


def _grid(  # noqa: PLR0913, PLR0917  the six parts of a grid
    first: Header, row: FloatArray, column: FloatArray, step: FloatArray, origin: FloatArray, count: int
) -> VoxelGrid:
    affine = np.eye(4)
    affine[:3, 0] = row * first.pixel_spacing[1]
    affine[:3, 1] = column * first.pixel_spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = origin
    return VoxelGrid((first.columns, first.rows, count), affine)


def _thickness(header: Header) -> float:
    if not header.thicknesses:
        msg = (
            f"One slice alone must say how thick it is; {header.path.name!r} has neither SliceThickness nor "
            "SpacingBetweenSlices. Give the whole series."
        )
        raise SeriesError(msg)
    return header.thicknesses[0]


def _place(header: Header) -> str:
    return f"{shown(header.position)} mm"


def _at(grid: VoxelGrid, k: int) -> str:
    return f"{shown(grid.to_patient((0, 0, k)))} mm"
