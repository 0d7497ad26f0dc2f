"""The parts of a list, computed wherever, become one table: all of them, each whole, of one and the same list."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import OutputError
from ..results.rows import absolute, cells_of, csv_line
from ..results.table import write_lines
from .folder import ERRORS, FEATURES, BatchFolder
from .parts import Parts
from .plan import Plan
from .summary import ERROR_COLUMNS, Cause, causes, error_rows

_PATH = "image_path"


def join(folders: Sequence[Path], output: Path) -> tuple[int, list[Cause]]:
    """Write features.csv and errors.csv of all parts into a new folder; how many rows, and what failed.

    Args:
        folders: one of each part.
        output: of the table; made if it is not there.

    Raises:
        OutputError: a part is missing, there twice, not done, or of another list or settings; or the output is there.
    """
    found = [(folder, _plan_of(folder)) for folder in folders]
    _require_all_parts(found)
    for name in (FEATURES, ERRORS):
        if (output / name).exists():
            msg = f"{name} is in {output.name} already. Choose another folder (--output)."
            raise OutputError(msg)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The folder {output.name} cannot be made ({error.strerror}). Choose another (--output)."
        raise OutputError(msg) from error
    kept = [Parts(folder) for folder, _ in found]
    for (folder, plan), parts in zip(found, kept, strict=True):
        _require_done(folder, plan, parts)
    rows = sorted((row, number) for number, (_, plan) in enumerate(found) for row in plan.order)
    streams = [_rows(folder, plan, parts, output) for (folder, plan), parts in zip(found, kept, strict=True)]
    errors = sorted(
        (cells for (_, plan), parts in zip(found, kept, strict=True) for cells in error_rows(plan, parts.rows)),
        key=lambda cells: int(cells[0]),
    )
    write_lines(output / ERRORS, ERROR_COLUMNS, map(csv_line, errors))
    write_lines(output / FEATURES, list(found[0][1].columns), (next(streams[number]) for _, number in rows))
    return len(rows), causes({row: place for parts in kept for row, place in parts.rows.items()})


def _plan_of(folder: Path) -> Plan:
    plan = BatchFolder(folder).plan() if folder.is_dir() else None
    if plan is None:
        msg = f"{folder.name} should be the folder of a part, and holds no run. Give the folders of all parts."
        raise OutputError(msg)
    return plan


def _require_all_parts(found: Sequence[tuple[Path, Plan]]) -> None:
    first_folder, first = found[0]
    for folder, plan in found[1:]:
        other = [name for name, value in plan.settings.items() if first.settings.get(name) != value]
        if plan.list_digest != first.list_digest:
            other.insert(0, "list of lesions")
        if plan.part[1] != first.part[1]:
            other.insert(0, "number of parts")
        if other:
            msg = (
                f"{folder.name} and {first_folder.name} are no parts of one run: they differ in the {other[0]}. Give "
                "the parts of one list, computed with the same settings."
            )
            raise OutputError(msg)
    numbers = [plan.part[0] for _, plan in found]
    wanted = range(1, first.part[1] + 1)
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        msg = f"Part {twice[0]} of {len(wanted)} is given twice. Give each once."
        raise OutputError(msg)
    if missing := [number for number in wanted if number not in numbers]:
        told = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
        msg = f"Of {len(wanted)} parts {len(missing)} are missing ({told}). Give the folders of all parts."
        raise OutputError(msg)


def _require_done(folder: Path, plan: Plan, parts: Parts) -> None:
    left = [row for row in plan.order if row not in parts.rows]
    if left:
        msg = (
            f"The part in {folder.name} is not done: {len(left)} of {len(plan.order)} rows have no result yet, row "
            f"{left[0]} first. Go on with it (--resume), then join again."
        )
        raise OutputError(msg)


def _rows(folder: Path, plan: Plan, parts: Parts, output: Path) -> Iterator[str]:
    """The rows of a part; their scans' paths as seen from the folder of the whole table."""
    place = plan.columns.index(_PATH)
    is_beside = absolute(folder).parent == absolute(output).parent
    for text in parts.texts(plan.order):
        if is_beside:
            yield text
            continue
        cells = cells_of(text)
        if "/" in cells[place]:
            cells[place] = Path(os.path.relpath(absolute(folder / cells[place]), absolute(output))).as_posix()
        yield csv_line(cells)
