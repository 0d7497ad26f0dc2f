"""Slices of one scan of which each has a series UID of its own, as some programs that remove identities leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .... import affine as plain
from ....errors import SeriesError
from ..header import Header
from ..line import line_of
from .alike import fits

_FEWEST = 3  # images
_OFF = 0.1  # of a step


def join_slices(headers: Sequence[Header]) -> tuple[Sequence[Header], tuple[str, ...], str]:
    """The headers, those of such slices under one empty series UID; notes of that; or why such slices are no one scan.

    They are one if they have one patient, or a patient for each slice too, and one series number, one size, orientation
    and pixel spacing, and lie at places of their own at equal steps, of which some may be empty.
    """
    scans = [header for header in headers if header.is_ct and header.is_slice]
    uids = {header.series_uid for header in scans}
    if len(scans) < _FEWEST or len(uids) < len(scans) or any(header.is_multiframe for header in scans):
        return headers, (), ""
    why = _why_apart(scans)
    if why:
        hint = "Each image has a series UID of its own, as after identities were removed, but they are no one scan:"
        return headers, (), f"{hint} {why}. Give the files of one scan only, or export it again."
    joined = [replace(header, series_uid="") if header.series_uid in uids else header for header in headers]
    note = f"each of {len(scans)} slices has a series UID of its own: they make one regular stack and were read as one"
    return joined, (note,), ""


def _why_apart(scans: Sequence[Header]) -> str:
    """What speaks against one scan; nothing if all speaks for it."""
    patients = [{header.belongs_to[number] for header in scans} - {""} for number in (1, 2)]
    is_placed = all(header.position and header.orientation and header.pixel_spacing for header in scans)
    complaints = (
        (any(1 < len(names) < len(scans) for names in patients), "they do not name one patient"),
        (len({header.series_number for header in scans}) > 1, "they have several series numbers"),
        (not is_placed, "not all say where they lie"),
        (
            is_placed and not all(fits(header, scans[0]) for header in scans),
            "they differ in size, orientation or pixel spacing",
        ),
    )
    found = next((complaint for is_so, complaint in complaints if is_so), "")
    return found or ("" if _is_regular(scans) else "they do not lie at equal steps")


def _is_regular(scans: Sequence[Header]) -> bool:
    """Whether each lies on a place of its own of one line of equal steps."""
    normal = scans[0].normal
    ordered = sorted(scans, key=lambda header: float(plain.dot(header.position, normal)))
    positions = np.array([header.position for header in ordered])
    try:
        _, step = line_of(ordered, positions, normal)
    except SeriesError:
        return False
    steps = np.diff(plain.dot(positions, normal)) / plain.dot(step, normal)
    return bool(np.rint(steps).min() >= 1 and np.abs(steps - np.rint(steps)).max() <= _OFF)
