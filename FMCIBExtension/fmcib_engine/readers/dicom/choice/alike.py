"""Images of one size, orientation and pixel spacing."""

from __future__ import annotations

import numpy as np

from ....errors import SeriesError
from ..header import Header, shown

_DIRECTION = 5e-4  # of a direction: 0.1 mm across half a field of 400 mm
_PIXEL_SPACING = 1e-4  # as a share: 0.05 mm across a field of 500 mm


def alike(scans: list[Header]) -> list[Header]:
    """The largest group of images of one size, orientation and pixel spacing; those without are left to the stack.

    Raises:
        SeriesError: no group is larger than all others together.
    """
    groups: list[list[Header]] = []
    for header in scans:
        if not (header.orientation and header.pixel_spacing):
            continue
        group = next((group for group in groups if fits(header, group[0])), None)
        if group is None:
            groups.append([header])
        else:
            group.append(header)
    if not groups:
        return scans
    largest = max(groups, key=len)
    if len(largest) * 2 <= sum(map(len, groups)) and len(groups) > 1:
        kinds = "; ".join(
            f"{len(group)} of {group[0].columns} x {group[0].rows}, {shown(group[0].pixel_spacing)} mm, directions "
            f"{shown(group[0].orientation)}"
            for group in groups[:4]
        )
        msg = (
            f"The slices of a series must share one size, orientation and pixel spacing; these do not: {kinds}. "
            "Give only the files that belong together."
        )
        raise SeriesError(msg)
    vague = [header for header in scans if not (header.orientation and header.pixel_spacing)]
    return [*largest, *vague]


def fits(one: Header, other: Header) -> bool:
    """Whether two images, whose headers say so, may be slices of one stack."""
    return (
        (one.rows, one.columns) == (other.rows, other.columns)
        and is_parallel(one, other)
        and bool(
            np.abs(np.subtract(one.pixel_spacing, other.pixel_spacing)).max()
            <= _PIXEL_SPACING * min(map(abs, other.pixel_spacing))
        )
    )


def is_parallel(one: Header, other: Header) -> bool:
    """Whether both say which way they lie, and lie the same way."""
    if not (one.orientation and other.orientation):
        return False
    return bool(np.abs(np.subtract(one.orientation, other.orientation)).max() <= _DIRECTION)
