"""Which images of a series are the scan: one stack of it, and one time point."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....errors import SeriesError
from ..header import Header
from ..stack import problem_of
from .alike import alike, is_parallel
from .joined import join_slices
from .origin import BELONGING, require_one_origin
from .series import choose_series
from .time_points import choose_time_point


@dataclass(frozen=True)
class Choice:
    """The images of one time point of one stack, in any order."""

    images: list[Header]
    time_point: int | None
    left_out: int
    notes: tuple[str, ...]
    beside: list[Header]
    """Images of the same orientation that were left out: those of other time points, sizes or pixel spacings."""


def choose_images(
    headers: Sequence[Header], series_uid: str | None, time_point: int | None, shown: Collection[Path] = ()
) -> Choice:
    """The images of the scan that is meant.

    Localizers, and the few images of another orientation, size or pixel spacing, are left out and noted; where they
    leave a hole in the stack, that is a fault of the stack. `shown`: of several time points without a choice, the one
    that has one of these files is meant.

    Raises:
        SeriesError: no CT, several series or time points and no choice, or images of several patients.
    """
    headers, of_series, hint = join_slices(headers) if series_uid is None else (headers, (), "")
    series = choose_series(headers, series_uid, hint)
    require_one_origin(series, BELONGING[:3])
    scans = [header for header in series if header.is_slice]
    if pages := [header for header in series if header.is_page and not scans]:
        why = (
            problem_of(pages[0]) or "A CT scan is needed, but {} is a page of text or a picture. Choose another series."
        )
        raise SeriesError(why.format(repr(pages[0].path.name)))
    if not scans:
        msg = f"A CT scan is needed, but the series holds localizers (scouts) only, {len(series)} of them."
        raise SeriesError(msg)
    of_origin = require_one_origin(scans)
    same = alike(scans)
    once, time_point, of_time = choose_time_point(same, time_point, shown)
    now = same if time_point is None else once  # the copies as well
    uids = [header.instance_uid for header in once if header.instance_uid and not header.is_multiframe]
    counts = (
        (sum(header.is_localizer for header in series), "are localizers and were left out"),
        (
            sum(header.is_page and not header.is_localizer for header in series),
            "are pages or pictures, no slices, and were left out",
        ),
        (len(scans) - len(same), "have another orientation, size or pixel spacing and were left out"),
        (len(now) - len(once), "are copies of others and were left out"),
        (len(uids) - len(set(uids)), "repeat the SOP instance UID of others, and their positions tell them apart"),
    )
    of_images = tuple(f"{count} of the series' {len(series)} images {what}" for count, what in counts if count)
    chosen = {id(header) for header in now}
    beside = [header for header in scans if id(header) not in chosen and is_parallel(header, now[0])]
    left_out = sum(count for count, _ in counts[:4])
    return Choice(once, time_point, left_out, (*of_series, *of_origin, *of_images, *of_time), beside)
