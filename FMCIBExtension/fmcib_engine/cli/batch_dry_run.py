"""`batch --dry-run`: what would be done, what not, and why."""

from __future__ import annotations

from pathlib import Path

from ..batch.kept_list import require_kept_list
from ..batch.states import scan_state
from ..seeds import SeedTable
from ..seeds.by_scan import by_scan
from ..worklist import table_of
from .batch_given import Given, lesions_of_table, list_given
from .console import err, out, progress
from .extract import ERROR_ROWS, OK
from .worklist import tell_work

_SHOWN = 10


def dry_run(given: Given, folder: Path, part: tuple[int, int], *, identifiers: bool) -> int:
    """What would be done, what not, and why; the exit code."""
    if given.table:
        return _tell_plan(lesions_of_table(given, given.table), part)
    if given.source is None:
        return _tell_plan(require_kept_list(folder), part)
    work = list_given(given, given.source)
    is_all_done = tell_work(work)
    table = table_of(work, identifiers=identifiers)
    if not table.seeds:
        out.print("Nothing was written.", markup=False)
        return ERROR_ROWS
    return _tell_plan(table, part) or (OK if is_all_done else ERROR_ROWS)


def _tell_plan(seeds: SeedTable, part: tuple[int, int]) -> int:
    """What would be done, what not, and why."""
    scans = by_scan(seeds.seeds)
    states: dict[Path, object] = {}
    wrong: list[str] = []
    absent: list[str] = []
    files = size = 0
    with progress("Looking at scans", len(scans)) as advance:
        for same in scans:
            wrong += [seed.problem for seed in same if seed.problem]
            usable = [seed for seed in same if not seed.problem]
            if usable and usable[0].image not in states:
                states[usable[0].image] = state = scan_state(usable[0].image)
                files, size = files + (state.files if state else 0), size + (state.bytes if state else 0)
            if usable and states[usable[0].image] is None:
                absent += [f"Row {seed.row}: there is no {seed.image.name!r}." for seed in usable]
            advance()
    good = len(seeds.seeds) - len(wrong) - len(absent)
    out.print(
        f"{good} of {len(seeds.seeds)} rows would be computed. {len(scans)} scans: {files} files, {size / 1e9:.2f} GB.",
        markup=False,
    )
    if part[1] > 1:
        out.print(f"Part {part[0]} of {part[1]} would have about {len(scans) / part[1]:.0f} scans.", markup=False)
    for sentences, what in (
        (wrong, "rows of the list cannot be understood"),
        (absent, "rows name a scan that is not there"),
    ):
        if sentences:
            err.print(f"{len(sentences)} {what}:", style="red", markup=False)
            for sentence in sentences[:_SHOWN]:
                err.print(sentence, style="red", markup=False)
            if len(sentences) > _SHOWN:
                err.print(f"and {len(sentences) - _SHOWN} more.", style="red", markup=False)
    out.print("Nothing was written.", markup=False)
    return ERROR_ROWS if wrong or absent else OK
