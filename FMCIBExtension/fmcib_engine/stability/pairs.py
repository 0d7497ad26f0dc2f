"""Lesions that were measured once in each condition: from rows of a table to an array, strictly."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import TableError
from ..probing.table import Provenance, read_features
from ..texts import finite_number

_SEPARATOR = ":"
_NOT_OUTPUTS = {"note", "sha256"}


@dataclass(frozen=True, eq=False)
class Group:
    """Numbers of one kind: the features, a head's predictions, PyRadiomics' features."""

    title: str
    names: tuple[str, ...]
    values: NDArray[np.float64]
    """(lesions, conditions, names)."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A cohort: each lesion once in each condition."""

    lesions: tuple[str, ...]
    conditions: tuple[str, ...]
    """In the order in which the table has them: the first is what CCC and differences are against."""
    groups: tuple[Group, ...]
    provenance: Provenance
    left_out: tuple[str, ...] = ()
    """Lesions without one of the conditions, each with a word why."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Row:
    """One measurement."""

    lesion: str
    condition: str
    features: NDArray[np.float64]
    predictions: Mapping[str, float]
    """By `head:output`."""
    radiomics: Mapping[str, float]


def arrange(
    rows: Sequence[Row], provenance: Provenance, warnings: Sequence[str] = (), failed: Sequence[str] = ()
) -> Measured:
    """The rows as lesions by conditions; `failed` are rows without numbers, each with a word why.

    Raises:
        TableError: a lesion twice in one condition, fewer than two conditions, or than two whole lesions.
    """
    conditions = tuple(dict.fromkeys(row.condition for row in rows))
    if len(conditions) < 2 or "" in conditions:
        named = ", ".join(each or "nothing" for each in conditions)
        msg = f"The table says the conditions {named}, wanted two or more, none empty. Name their column (--condition)."
        raise TableError(msg)
    by_place: dict[tuple[str, str], Row] = {}
    for row in rows:
        if (row.lesion, row.condition) in by_place:
            msg = (
                f"The lesion {row.lesion} comes twice in the condition {row.condition}, wanted once. Give different "
                "lesions different lesion_id, and repeats different conditions."
            )
            raise TableError(msg)
        by_place[row.lesion, row.condition] = row
    lesions = tuple(dict.fromkeys(row.lesion for row in rows))
    whole = tuple(each for each in lesions if all((each, condition) in by_place for condition in conditions))
    left_out = tuple(f"{each}: not in each condition" for each in lesions if each not in whole)
    if len(whole) < 2:
        msg = f"{len(whole)} lesions are in each of the conditions {', '.join(conditions)}, wanted two at least."
        raise TableError(msg)
    table = [[by_place[lesion, condition] for condition in conditions] for lesion in whole]
    return Measured(whole, conditions, tuple(_groups(table)), provenance, (*left_out, *failed), tuple(warnings))


def _groups(table: list[list[Row]]) -> list[Group]:
    features = np.array([[row.features for row in line] for line in table])
    names = tuple(f"pred_{index}" for index in range(features.shape[2]))
    found = [Group("features", names, features)]
    for title, attribute in (("predictions", "predictions"), ("PyRadiomics", "radiomics")):
        known = [getattr(row, attribute) for line in table for row in line]
        names = tuple(name for name in known[0] if all(name in each for each in known))
        if names:
            values = [[[getattr(row, attribute)[name] for name in names] for row in line] for line in table]
            found.append(Group(title, names, np.array(values, np.float64)))
    return found


def has_features(path: Path) -> bool:
    """Whether a table has features already (pred_0); what cannot be read has not.

    Raises:
        TableError: no such file.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return "pred_0" in next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    except OSError as error:
        msg = f"The table {path.name} cannot be read ({error.strerror}). Check its path and rights (--table)."
        raise TableError(msg) from error


def of_feature_table(path: Path, condition: str) -> Measured:
    """A cohort whose features are computed: a table of `extract` with a column of conditions.

    Raises:
        TableError: as `read_features` and `arrange`; no such column.
    """
    table = read_features(path, any_encoder=True)
    lesions, conditions = table.column("lesion_id", "lesion"), table.column(condition, "condition")
    outputs = _output_columns(table.cells)
    rows = []
    for index, (lesion, where) in enumerate(zip(lesions, conditions, strict=True)):
        predictions = {name: finite_number(table.cells[name][index]) for name in outputs}
        known = {name: value for name, value in predictions.items() if np.isfinite(value)}
        rows.append(Row(lesion, where, table.features[index], known, {}))
    return arrange(rows, table.provenance, [*table.warnings, "PyRadiomics was not asked for: features were given"])


def _output_columns(cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Columns `head:output`; not what stands beside them, nor what `extract --stability` adds."""
    names = [name for name in cells if name.count(_SEPARATOR) == 1]
    return [name for name in names if name.partition(_SEPARATOR)[2] not in _NOT_OUTPUTS]
