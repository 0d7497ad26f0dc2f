"""From the headers of one series to the order of its slices and their grid. Only a regular stack has one.

Positions are compared with the nearest regular stack, and may lie off it by 0.01 mm or 1 % of the step, whichever is
more: DICOM writes positions as decimal texts, often with two decimals, so smaller differences are rounding; and 1 %
of a step changes a voxel by at most 1 % of its difference to the next slice, where a missing slice is off by half a
step or more. The comparison is with the stack, not from slice to slice, so that small differences cannot add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import SeriesError
from ..geometry import VoxelGrid
from .dicom_headers import Header

FloatArray = NDArray[np.float64]

_POSITION_MM = 1e-2
_POSITION_STEPS = 1e-2
_WHOLE = 0.05  # a gap this near to a whole number of steps is one where slices are missing
_LEAN = 1e-3  # tangent of 0.06 degrees
_RELATIVE = 1e-4  # of a direction or pixel spacing: 0.05 mm across a field of 500 mm
_ADVICE = "Irregular series are not read: export the series again, or resample it to a regular grid first."


def order_slices(headers: Sequence[Header]) -> tuple[list[Header], VoxelGrid]:
    """The slices sorted along their normal, and the grid of their voxels with k along that order.

    The normal is the row's direction times the column's (PS3.3 C.7.6.2.1.1), so i, j, k are right-handed. One slice
    alone is as thick as its SliceThickness says, else its SpacingBetweenSlices.

    Raises:
        SeriesError: slices that lack an element, differ in size, orientation or pixel spacing, share a place, lean
            (gantry tilt), or do not follow each other at one step.
    """
    for header in headers:
        _require_complete(header)
    _require_alike(headers)
    first = headers[0]
    row, column = (np.array(axis) / np.linalg.norm(axis) for axis in (first.orientation[:3], first.orientation[3:]))
    normal = np.cross(row, column)
    ordered = sorted(headers, key=lambda header: float(np.dot(header.position, normal)))
    affine = np.eye(4)
    affine[:3, 0] = row * first.pixel_spacing[1]
    affine[:3, 1] = column * first.pixel_spacing[0]
    affine[:3, 2] = _step(ordered, normal)
    affine[:3, 3] = ordered[0].position
    return ordered, VoxelGrid((first.columns, first.rows, len(ordered)), affine)


def _require_complete(header: Header) -> None:
    if header.is_multiframe:
        msg = (
            f"A CT series of one file per slice is read; {header.path.name!r} is an enhanced or multi-frame CT "
            f"({header.frames} frames in one file), which is not read yet. Export the scan as classic CT images."
        )
        raise SeriesError(msg)
    if header.samples != 1:
        msg = f"A CT image has one value per pixel, {header.path.name!r} has {header.samples}. Leave this file out."
        raise SeriesError(msg)
    needed = {
        "ImagePositionPatient": bool(header.position),
        "ImageOrientationPatient": bool(header.orientation),
        "PixelSpacing": bool(header.pixel_spacing) and min(header.pixel_spacing) > 0,
        "Rows and Columns": header.rows > 0 and header.columns > 0,
    }
    missing = [name for name, there in needed.items() if not there]
    if missing:
        msg = (
            f"Each slice must say where it lies; {header.path.name!r} has no usable {', no '.join(missing)}. "
            "Export the series again from the archive."
        )
        raise SeriesError(msg)
    axes = np.reshape(header.orientation, (2, 3))
    if np.abs(axes @ axes.T - np.eye(2)).max() > _LEAN:
        msg = (
            "The directions of rows and columns must be unit vectors at right angles, got "
            f"{_text(axes[0])} and {_text(axes[1])} in the slice at {_place(header)}. Export the series again."
        )
        raise SeriesError(msg)


def _require_alike(headers: Sequence[Header]) -> None:
    first = headers[0]
    for other in headers[1:]:
        pairs = {
            "size": ((first.columns, first.rows), (other.columns, other.rows), 0.0),
            "orientation": (first.orientation, other.orientation, _RELATIVE),
            "pixel spacing": (first.pixel_spacing, other.pixel_spacing, _RELATIVE * min(first.pixel_spacing)),
        }
        for name, (wanted, came, tolerance) in pairs.items():
            if np.abs(np.subtract(wanted, came)).max() > tolerance:
                msg = (
                    f"The slices of one series must share one {name}; the slice at {_place(first)} has "
                    f"{_text(wanted)}, the one at {_place(other)} has {_text(came)}. "
                    "Give only the files that belong together."
                )
                raise SeriesError(msg)


def _step(ordered: Sequence[Header], normal: FloatArray) -> FloatArray:
    """From one slice to the next, LPS mm: (last - first) / (n - 1), after every slice was found on that stack."""
    if len(ordered) == 1:
        return normal * _thickness(ordered[0])
    positions = np.array([header.position for header in ordered])
    gaps = np.diff(positions @ normal)
    closest = int(gaps.argmin())
    if gaps[closest] < _POSITION_MM:
        msg = (
            f"Each slice must lie at its own place; {ordered[closest].path.name!r} and "
            f"{ordered[closest + 1].path.name!r} both lie at {_place(ordered[closest])}. "
            "Give the files of one time point or phase, each slice once."
        )
        raise SeriesError(msg)
    step: FloatArray = (positions[-1] - positions[0]) / (len(ordered) - 1)
    tolerance = max(_POSITION_MM, _POSITION_STEPS * float(np.linalg.norm(step)))
    complaints = [_lean(ordered, step, normal, tolerance), _unevenness(ordered, step, gaps, tolerance)]
    if any(complaints):
        raise SeriesError(" ".join([complaint for complaint in complaints if complaint] + [_ADVICE]))
    return step


def _thickness(header: Header) -> float:
    if not header.thicknesses:
        msg = (
            f"One slice alone must say how thick it is; {header.path.name!r} has neither SliceThickness nor "
            "SpacingBetweenSlices. Give the whole series."
        )
        raise SeriesError(msg)
    return header.thicknesses[0]


def _lean(ordered: Sequence[Header], step: FloatArray, normal: FloatArray, tolerance: float) -> str:
    """What is wrong if the stack does not rise along its slices' normal, else nothing."""
    rise = float(step @ normal)
    aside = float(np.linalg.norm(step - rise * normal))
    if aside * (len(ordered) - 1) <= tolerance or aside <= _LEAN * rise:
        return ""
    angle = np.degrees(np.arctan2(aside, rise))
    return (
        f"Slices must be stacked along their normal; these lean by {angle:.1f} degrees (gantry tilt), from "
        f"{_place(ordered[0])} to {_place(ordered[-1])}."
    )


def _unevenness(ordered: Sequence[Header], step: FloatArray, gaps: FloatArray, tolerance: float) -> str:
    """What is wrong if a slice does not lie where equal steps from the first to the last put it, else nothing."""
    positions = np.array([header.position for header in ordered])
    regular = positions[0] + np.outer(np.arange(len(ordered)), step)
    distance = np.linalg.norm(positions - regular, axis=1)
    if distance.max() <= tolerance:
        return ""
    smallest, widest = gaps.min(), int(gaps.argmax())
    between = f"between {_place(ordered[widest])} and {_place(ordered[widest + 1])}"
    multiples = np.round(gaps / smallest)
    if multiples.max() > 1 and np.abs(gaps / smallest - multiples).max() < _WHOLE:
        count = int((multiples - 1).sum())
        return f"Slices must follow each other every {smallest:.2f} mm; {count} missing, the widest gap {between}."
    if gaps[widest] - smallest > tolerance:
        return (
            f"Slices must follow each other at equal steps; these vary from {smallest:.2f} to {gaps[widest]:.2f} mm, "
            f"the widest {between}."
        )
    worst = int(distance.argmax())
    return (
        f"Slices must lie on one straight, even stack; the one at {_place(ordered[worst])} is "
        f"{distance[worst]:.2f} mm off its place."
    )


def _place(header: Header) -> str:
    return f"{_text(header.position)} mm"


def _text(numbers: Sequence[float] | FloatArray) -> str:
    return f"({', '.join(f'{number:.6g}' for number in numbers)})"
