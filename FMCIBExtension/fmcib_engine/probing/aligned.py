"""The rows of another table of the same lesions, in the order of the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .cohort import Cohort
from .table import FeatureTable, rows_named

_KEYS = ("lesion_id", "coordX", "coordY", "coordZ")
_MERGED = "_x"
"""That pandas appends to a column of the left of two tables, such as in the published negative controls."""


def aligned(cohort: Cohort, other: FeatureTable) -> NDArray[np.float64]:
    """Its features (n, p), row by row those of the cohort's lesions.

    Rows are found by the column of groups if that names each row, else with the lesion's name and the seed. The scan's
    path does not count: where something was destroyed in a scan, that is another file.

    Raises:
        InputError: the tables have no columns by which to find each row, or rows are missing in the other.
    """
    mine = cohort.table
    names: list[str] = []
    for name in (cohort.columns.group, *_KEYS):
        if name and name in mine.cells and _theirs(other, name) and name not in names:
            names.append(name)
            keys = list(zip(*(mine.cells[each] for each in names), strict=True))
            if len(set(keys)) == len(keys):
                return _found(mine, other, names, keys)
    msg = (
        f"The rows of {other.name} cannot be found by those of {mine.name}: no columns of both name each row. Give "
        "both a column lesion_id, or name the column of patients (--group)."
    )
    raise InputError(msg)


def _theirs(other: FeatureTable, name: str) -> str:
    return next((each for each in (name, name + _MERGED) if each in other.cells), "")


def _found(
    mine: FeatureTable, other: FeatureTable, names: list[str], keys: list[tuple[str, ...]]
) -> NDArray[np.float64]:
    theirs = list(zip(*(other.cells[_theirs(other, name)] for name in names), strict=True))
    if len(set(theirs)) != len(theirs):
        msg = f"{' and '.join(names)} come twice in {other.name}, wanted one row of each lesion. Delete the others."
        raise InputError(msg)
    places = {key: place for place, key in enumerate(theirs)}
    if missing := [row for row, key in zip(mine.rows, keys, strict=True) if key not in places]:
        msg = (
            f"{len(missing)} lesions of {mine.name} are not in {other.name} (row {rows_named(missing)}), wanted the "
            f"same in both, by {' and '.join(names)}. Leave their rows out, or compute their features."
        )
        raise InputError(msg)
    return other.features[[places[key] for key in keys]]
