"""Lesions of a seed table, on CTs: the engine's readers and recipe cut what is trained on.

Upstream draws a new patch away from the lesion each time, anywhere in the scan, and its check for an overlap with the
lesion is commented out (`SSLRadiomicsDataset.get_negative_sample` at 1f1c0c8). Here a few are cut for each lesion, and
none overlaps the patch of any lesion that the table has in that scan.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..batch import Failure, attempt
from ..errors import FmcibError, ImageError, TableError
from ..geometry import PatientPoint
from ..preprocessing import PATCH_SIZE, cut_patch
from ..seeds import LesionSeed, read_seeds
from ..seeds.by_scan import by_scan, place_of, read_scan
from ..volume import Volume
from ..weights.files import file_sha256
from .sources import Cut, Lesion

_TRIES = 200
"""Places that are tried for one patch away from lesions."""


class TableSource:
    """The lesions of a table.

    Args:
        path: a CSV of seeds, as for `extract`.
        recipe_id: by which patches are cut.
        seed: of the places away from lesions.
        elsewhere: how many of these for each lesion.
        columns: names of the table's columns for `label`, `group` and `part`, where there are any.

    Raises:
        TableError: no such table, or one without such a column.
    """

    def __init__(
        self, path: Path, recipe_id: str, seed: int, elsewhere: int, columns: dict[str, str] | None = None
    ) -> None:
        table = read_seeds(path)
        columns = {meaning: name for meaning, name in (columns or {}).items() if name}
        for meaning, name in columns.items():
            if name not in table.extra_columns:
                msg = (
                    f"The table {path.name} should have the column {name!r} ({meaning}), it has "
                    f"{', '.join(table.extra_columns) or 'none beside the seeds'}. Correct the run file or the table."
                )
                raise TableError(msg)
        self._name, self._sha256 = path.name, file_sha256(path)
        self._recipe_id, self._seed, self._elsewhere, self._columns = recipe_id, seed, elsewhere, columns
        kept = [each for each in table.seeds if "label" not in columns or self._cell(each, "label")]
        self._seeds = {each.row: each for each in kept}
        left_out = len(table.seeds) - len(kept)
        more = (f"{left_out} rows of {path.name} have no label and are left out.",) if left_out else ()
        self.warnings: Sequence[str] = (*table.warnings, *more)

    @property
    def facts(self) -> dict[str, str]:
        return {"table": self._name, "table_sha256": self._sha256, "rows": str(len(self._seeds))}

    @cached_property
    def lesions(self) -> Sequence[Lesion]:
        scan_of = self._scan_of
        return [
            Lesion(
                row,
                self._cell(each, "label"),
                self._cell(each, "group") or f"scan {scan_of[row]}",
                self._cell(each, "part").lower(),
            )
            for row, each in self._seeds.items()
        ]

    @cached_property
    def _scan_of(self) -> dict[int, int]:
        """The number of each row's scan: a file's or series', with all its points in time.

        Rows without a series belong to the one series that other rows of the folder name, if it is one.
        """
        names: dict[Hashable, set[str]] = {}
        for each in self._seeds.values():
            names.setdefault(place_of(each.image), set()).add(each.series_uid)
        found: dict[Hashable, int] = {}
        scans = {}
        for row, each in self._seeds.items():
            place = place_of(each.image)
            series = each.series_uid if len(names[place] - {""}) > 1 else ""
            scans[row] = found.setdefault((place, series), len(found))
        return scans

    @cached_property
    def _by_scan(self) -> dict[int, list[LesionSeed]]:
        seeds: dict[int, list[LesionSeed]] = {}
        for row, scan in self._scan_of.items():
            seeds.setdefault(scan, []).append(self._seeds[row])
        return seeds

    @cached_property
    def jobs(self) -> Sequence[Sequence[int]]:
        return [[each.row for each in seeds] for seeds in by_scan(self._seeds.values())]

    def cut(self, numbers: Sequence[int]) -> Iterator[Cut]:
        seeds = [self._seeds[number] for number in numbers]
        usable = [each for each in seeds if not each.problem]
        yield from (Cut(each.row, problem=each.problem) for each in seeds if each.problem)
        if not usable:
            return
        volume = attempt(lambda: read_scan(usable[0]))
        for each in usable:
            cut = volume if isinstance(volume, Failure) else attempt(lambda each=each: self._cut(each, volume))  # type: ignore[misc]
            yield Cut(each.row, problem=cut.sentence) if isinstance(cut, Failure) else Cut(each.row, cut)

    def _cut(self, seed: LesionSeed, volume: Volume) -> NDArray[np.float32]:
        lesion = cut_patch(volume, seed.point(volume.grid), self._recipe_id).array
        lesions = self._points_in_scan(seed, volume)
        random = np.random.default_rng([self._seed, seed.row])
        elsewhere = [self._cut_elsewhere(volume, lesions, random) for _ in range(self._elsewhere)]
        return np.stack([lesion, *elsewhere])

    def _points_in_scan(self, seed: LesionSeed, volume: Volume) -> NDArray[np.float64]:
        """LPS mm of every lesion of the scan that has a place, (lesions, 3)."""
        seeds = [each for each in self._by_scan[self._scan_of[seed.row]] if not each.problem]
        points = [attempt(lambda each=each: each.point(volume.grid).to_array()) for each in seeds]  # type: ignore[misc]
        return np.array([point for point in points if not isinstance(point, Failure)])

    def _cut_elsewhere(
        self, volume: Volume, lesions: NDArray[np.float64], random: np.random.Generator
    ) -> NDArray[np.float32]:
        """A patch that overlaps none around these points, and lies in the scan where the scan is large enough.

        Raises:
            ImageError: there is none.
        """
        size = np.array(volume.grid.size, dtype=float)
        margin = np.minimum(PATCH_SIZE / 2 / volume.grid.spacing, (size - 1) / 2)
        for _ in range(_TRIES):
            index = random.uniform(margin, size - 1 - margin)
            point = volume.grid.to_patient(index)
            if (np.abs(lesions - point).max(axis=1) < PATCH_SIZE + 2).any():  # the recipe truncates
                continue
            try:
                return cut_patch(volume, PatientPoint.from_lps(point), self._recipe_id).array
            except FmcibError:  # slices that cannot be trusted, or voxels that are no numbers
                continue
        msg = (
            f"The scan has no cube of {PATCH_SIZE} mm beside its lesions to hold against them. Give a larger part of "
            "the body, or train with `negatives: none`."
        )
        raise ImageError(msg)

    def _cell(self, seed: LesionSeed, meaning: str) -> str:
        return str(seed.extras.get(self._columns.get(meaning, ""), "")).strip()
