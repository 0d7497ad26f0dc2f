"""A table of scans and their masks -> LesionSeed: `image_path, mask_path`, and no coordinates. A row for each mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from .gathered import EXTRA_COLUMNS
from .lesion import GivenScan, LesionSeed, SeedTable
from .masks import read_mask
from .row import Row, cell_of
from .scans import ScansByPath
from .table import MASK, RawTable
from .wanted import Wanted

_SERIES, _TIME_POINT, _LESION = "series_uid", "time_point", "lesion_id"


def read_mask_table(
    path: Path, table: RawTable, *, image_column: str, scan: GivenScan | None, wanted: Wanted
) -> SeedTable:
    """The lesions of the mask of each row; a row that cannot be read becomes a seed with a `problem`.

    Args:
        path: of the table; its paths are seen from there.
        table: its cells.
        image_column: the column of scans.
        scan: of all rows, where the table has no such column.
        wanted: which lesions of each mask.
    """
    masks = ScansByPath([cell_of(row, MASK) for _, row in table.rows], path.parent)
    images = ScansByPath([cell_of(row, image_column) for _, row in table.rows], path.parent)
    own = {MASK, image_column, _SERIES, _TIME_POINT, _LESION, *EXTRA_COLUMNS}
    extras = tuple(name for name in table.names if name and name not in own)
    seeds: list[LesionSeed] = []
    warnings = [*masks.warnings]
    for number, row in table.rows:
        try:
            given = _scan_of(row, images, image_column, scan)
            found = read_mask(masks.find(_filled(row, MASK)), given, wanted)
        except (InputError, ValueError) as error:
            seeds.append(_problem(number, row, str(error).rstrip(".")))
            continue
        except MemoryError:
            seeds.append(_problem(number, row, "there is not enough memory for the mask"))
            continue
        warnings += found.warnings
        users = {name: str(row.get(name) or "") for name in extras}
        seeds += [_named(seed, cell_of(row, _LESION), found.seeds, users) for seed in found.seeds]
    numbered = tuple(replace(seed, row=number) for number, seed in enumerate(seeds, 1))
    return SeedTable(numbered, (*EXTRA_COLUMNS, *extras), tuple(warnings))


def _scan_of(row: Row, images: ScansByPath, image_column: str, scan: GivenScan | None) -> GivenScan:
    if scan is not None and not cell_of(row, image_column):
        return scan
    point = cell_of(row, _TIME_POINT)
    if point and not point.isdecimal():
        msg = f"{_TIME_POINT} should be a whole number from 0, got {point[:40]!r}"
        raise ValueError(msg)
    image = images.find(_filled(row, image_column))
    return GivenScan(image, cell_of(row, _SERIES), int(point) if point else None)


def _filled(row: Row, name: str) -> str:
    if not (cell := cell_of(row, name)):
        msg = f"{name} is empty"
        raise ValueError(msg)
    return cell


def _named(seed: LesionSeed, name: str, beside: Sequence[LesionSeed], users: dict[str, str]) -> LesionSeed:
    """A seed with the row's name for the lesion, and which of the mask's it is where that has several."""
    lesion_id = name if name and len(beside) == 1 else f"{name} {seed.lesion_id}".strip()
    return replace(seed, lesion_id=lesion_id, extras={**seed.extras, **users})


def _problem(number: int, row: Row, reason: str) -> LesionSeed:
    return LesionSeed(
        row=number,
        lesion_id=cell_of(row, _LESION) or str(number),
        image=Path(),
        coordinates=(math.nan,) * 3,
        problem=f"Row {number} of the table of masks: {reason}.",
    )
