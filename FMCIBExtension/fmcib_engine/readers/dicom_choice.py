"""Which images of a series are the scan: one stack of it, and one time point."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..errors import SeriesError
from .dicom_header import TIMES, Header, shown
from .dicom_series import choose_series
from .dicom_stack import problem_of
from .dicom_values import damage, quiet_pydicom
from .itk import import_package

Key = TypeVar("Key", bound=Hashable)

_DIRECTION = 5e-4  # of a direction: 0.1 mm across half a field of 400 mm
_PIXEL_SPACING = 1e-4  # as a share: 0.05 mm across a field of 500 mm
_COMPLETE = 0.7  # of the places of a scan: less is no time point of it, but a part
_BELONGING = ("studies", "patients (by PatientID)", "patients (by PatientName)", "frames of reference")


@dataclass(frozen=True)
class Choice:
    """The images of one time point of one stack, in any order."""

    images: list[Header]
    time_point: int | None
    left_out: int
    notes: tuple[str, ...]
    beside: list[Header]
    """Images of the same orientation that were left out: those of other time points, sizes or pixel spacings."""


def choose_images(headers: Sequence[Header], series_uid: str | None, time_point: int | None) -> Choice:
    """The images of the scan that is meant.

    Localizers, and the few images of another orientation, size or pixel spacing, are left out and noted; where they
    leave a hole in the stack, that is a fault of the stack.

    Raises:
        SeriesError: no CT, several series or time points and no choice, or images of several patients.
    """
    series = choose_series(headers, series_uid)
    _require_one_origin(series, _BELONGING[:3])
    scans = [header for header in series if header.is_slice]
    if pages := [header for header in series if header.is_page and not scans]:
        why = (
            problem_of(pages[0]) or "A CT scan is needed, but {} is a page of text or a picture. Choose another series."
        )
        raise SeriesError(why.format(repr(pages[0].path.name)))
    if not scans:
        msg = f"A CT scan is needed, but the series holds localizers (scouts) only, {len(series)} of them."
        raise SeriesError(msg)
    _require_one_origin(scans, _BELONGING)
    alike = _alike(scans)
    now, time_point = _choose_time(alike, time_point)
    once = _without_copies(now)
    uids = [header.instance_uid for header in once if header.instance_uid and not header.is_multiframe]
    counts = (
        (sum(header.is_localizer for header in series), "are localizers and were left out"),
        (
            sum(header.is_page and not header.is_localizer for header in series),
            "are pages or pictures, no slices, and were left out",
        ),
        (len(scans) - len(alike), "have another orientation, size or pixel spacing and were left out"),
        (len(now) - len(once), "are copies of others and were left out"),
        (len(uids) - len(set(uids)), "repeat the SOP instance UID of others, and their positions tell them apart"),
    )
    notes = tuple(f"{count} of the series' {len(series)} images {what}" for count, what in counts if count)
    chosen = {id(header) for header in now}
    beside = [header for header in scans if id(header) not in chosen and _is_parallel(header, now[0])]
    return Choice(once, time_point, sum(count for count, _ in counts[:4]), notes, beside)


def _require_one_origin(series: Sequence[Header], belonging: Sequence[str]) -> None:
    """Refuse images under one series UID that cannot belong together. Who they belong to is not said."""
    for what, digests in zip(belonging, zip(*(header.belongs_to for header in series), strict=True), strict=False):
        count = len(set(digests) - {""})
        if count > 1:
            msg = (
                f"A series is of one patient, one study and one frame of reference; these {len(series)} images share a "
                f"series UID and are of {count} {what}. Separate the files, or export the series again."
            )
            raise SeriesError(msg)


def _alike(scans: list[Header]) -> list[Header]:
    """The largest group of images of one size, orientation and pixel spacing; those without are left to the stack.

    Raises:
        SeriesError: no group is larger than all others together.
    """
    groups: list[list[Header]] = []
    for header in scans:
        if not (header.orientation and header.pixel_spacing):
            continue
        group = next((group for group in groups if _fits(header, group[0])), None)
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


def _fits(one: Header, other: Header) -> bool:
    return (
        (one.rows, one.columns) == (other.rows, other.columns)
        and _is_parallel(one, other)
        and bool(
            np.abs(np.subtract(one.pixel_spacing, other.pixel_spacing)).max()
            <= _PIXEL_SPACING * min(map(abs, other.pixel_spacing))
        )
    )


def _is_parallel(one: Header, other: Header) -> bool:
    if not (one.orientation and other.orientation):
        return False
    return bool(np.abs(np.subtract(one.orientation, other.orientation)).max() <= _DIRECTION)


def _choose_time(images: list[Header], time_point: int | None) -> tuple[list[Header], int | None]:
    """The images of one time point, where several images at each place can be told apart.

    Raises:
        SeriesError: several and no choice, or a choice that is not there.
    """
    name, points = _time_points(images)
    if not points:
        if time_point is None:
            return images, None
        is_single = len({_place(image) for image in images}) == len(images)
        why = "the series has one" if is_single else "nothing tells the images that lie at one place apart"
        msg = f"A time point ({time_point}) chooses among several, but {why}. Leave it out."
        raise SeriesError(msg)
    if time_point is None or not 0 <= time_point < len(points):
        wanted = "One time point is read at a time" if time_point is None else f"There is no time point {time_point}"
        msg = (
            f"{wanted}; the series has {len(points)}, told apart by their {name}. Choose one from 0 to "
            f"{len(points) - 1} (--time-point, or the column time_point)."
        )
        raise SeriesError(msg)
    return points[time_point], time_point


def _time_points(images: list[Header]) -> tuple[str, list[list[Header]]]:
    """What tells time points apart, and the images of each in ascending order; nothing where there is one only."""
    places = {_place(image) for image in images}
    if len(places) == len(images):
        return "", []
    for number, name in enumerate(TIMES):
        groups = _grouped(images, lambda image, number=number: image.times[number])  # type: ignore[misc]
        enough = max(2, _COMPLETE * len(places))
        whole = all(len(group) == len({_place(image) for image in group}) >= enough for group in groups.values())
        if len(groups) > 1 and "" not in groups and whole:
            return name, [groups[value] for value in sorted(groups, key=_in_time)]
    return "", []


def _in_time(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return 0.0, value


def _without_copies(images: list[Header]) -> list[Header]:
    """One image of those that lie at one place and have the same pixels."""
    digests: dict[Path, bytes] = {}
    kept: list[Header] = []
    for group in _grouped(images, _place).values():
        if len(group) == 1 or not group[0].position:
            kept += group
            continue
        digests |= {image.path: _pixel_digest(image.path) for image in group if image.path not in digests}
        kept += {(image.frame, image.stored_as, digests[image.path]): image for image in reversed(group)}.values()
    return kept


def _pixel_digest(path: Path) -> bytes:
    """Of the pixels as they are stored; of pixels that end early, one that no other file has."""
    pydicom = import_package("pydicom")
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(path, specific_tags=["PixelData"], force=True)
        return hashlib.sha256(dataset.PixelData).digest()
    except damage():
        return str(path).encode()


def _place(image: Header) -> tuple[float, ...]:
    return tuple(round(value, 2) for value in image.position)


def _grouped(images: list[Header], key: Callable[[Header], Key]) -> dict[Key, list[Header]]:
    groups: dict[Key, list[Header]] = defaultdict(list)
    for image in images:
        groups[key(image)].append(image)
    return groups
