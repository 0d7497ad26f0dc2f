"""A run in chunks for other machines: whole groups, which the plan alone decides, and mostly whole scans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .plan import PlannedScan

Groups = tuple[tuple[int, ...], ...]
"""Rows that are computed together."""


def chunks_of(scans: Sequence[PlannedScan], groups: Sequence[Sequence[int]], rows: int) -> Iterator[Groups]:
    """The groups in their order, so many rows at a time.

    A group is never cut, so that its features have the bits of a run on one machine. A chunk ends where a scan does,
    else it is read twice; where none ends before twice the rows, that must be.
    """
    scan_of = {each.row: number for number, scan in enumerate(scans) for each in scan.rows}
    chunk: list[tuple[int, ...]] = []
    count = 0
    for number, group in enumerate(groups):
        chunk.append(tuple(group))
        count += len(group)
        is_last = number + 1 == len(groups)
        is_whole = is_last or scan_of[group[-1]] != scan_of[groups[number + 1][0]]
        if (count >= rows and is_whole) or count >= 2 * rows:
            yield tuple(chunk)
            chunk, count = [], 0
    if chunk:
        yield tuple(chunk)
