"""The rows that a head learns from: with an outcome, a group, and what may mislead it; what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, TableError
from ..heads.checks import LONGEST_NAME, MOST_CLASSES
from ..heads.terms import NOTE, SHA256
from ..texts import finite_number
from .folds import Codes
from .outcomes import Classes, Outcome, Survival
from .patients import repeated, shared_groups, torn_patients
from .table import FeatureTable, rows_named
from .wanted import Columns

LEAST = 10
"""Groups with each class: with fewer, five folds have less than two to be judged on."""
_FEW = 100
_MISSING = {"", "na", "n/a", "nan", "none", "null", "missing"}
_EVENT = {"1": True, "true": True, "yes": True, "dead": True, "0": False, "false": False, "no": False, "alive": False}
_IS_LABEL = 0.9999
"""Correlation from which on a feature is no more than the label in other words."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Rows with an outcome.

    Attributes:
        table: these rows alone.
        outcome: of each row.
        groups: of each row, from 0.
        origins: by column, the code of each row and the names.
        covariates: (n, columns); NaN where a cell is empty.
        warnings: sentences about the table and these rows, for the report.
        cautions: those of them that belong beside each number that a head of these rows will ever give.
    """

    table: FeatureTable
    columns: Columns
    outcome: Outcome
    groups: Codes
    origins: dict[str, Classes]
    covariates: NDArray[np.float64]
    warnings: tuple[str, ...]
    cautions: tuple[str, ...]

    @property
    def group_count(self) -> int:
        return int(self.groups.max()) + 1


def gather(table: FeatureTable, columns: Columns) -> Cohort:
    """The rows of a table that can be learned from.

    Raises:
        TableError: a column is missing, or a cell cannot be understood.
        InputError: there is nothing to learn, too little, or what would be learned is not what was meant.
    """
    kept, told = _with_outcome(table, columns)
    table = _only(table, kept)
    warnings = [*table.warnings, *told]
    outcome = _outcome(table, columns)
    groups, without_groups = _groups(table, columns)
    _require_enough(outcome, groups, table.name)
    warnings += _twins(table, groups)
    covariates, more = _covariates(table, columns)
    _require_no_label(table, outcome, covariates, columns.covariates)
    cautions = (*without_groups, *torn_patients(table, columns), *_few_patients(table, groups))
    warnings += [*more, *shared_groups(table, columns), *cautions]
    origins = {name: _origin(table, name) for name in columns.origins}
    return Cohort(table, columns, outcome, groups, origins, covariates, tuple(warnings), cautions)


def _only(table: FeatureTable, kept: NDArray[np.bool_]) -> FeatureTable:
    places = np.flatnonzero(kept).tolist()
    cells = {name: tuple(column[place] for place in places) for name, column in table.cells.items()}
    rows = tuple(table.rows[place] for place in places)
    return replace(table, rows=rows, features=table.features[kept], cells=cells)


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in _MISSING


def _with_outcome(table: FeatureTable, columns: Columns) -> tuple[NDArray[np.bool_], list[str]]:
    """Which rows say what they are, and a sentence about the others."""
    names = [columns.label] if columns.task == "classification" else [columns.time, columns.event]
    what = "label" if columns.task == "classification" else "survival"
    cells = [table.column(name, what) for name in names]
    kept = np.array([not any(map(_is_missing, row)) for row in zip(*cells, strict=True)])
    lost = [row for row, there in zip(table.rows, kept.tolist(), strict=True) if not there]
    if not kept.any():
        msg = f"Every cell of {' and '.join(names)} in {table.name} is empty. Fill in what is to be learned."
        raise InputError(msg)
    if not lost:
        return kept, []
    return kept, [f"{len(lost)} rows have no {' or no '.join(names)} and are left out (row {rows_named(lost)})."]


def _outcome(table: FeatureTable, columns: Columns) -> Outcome:
    if columns.task == "survival":
        return _survival(table, columns)
    cells = [_same_spelling(cell) for cell in table.column(columns.label, "label")]
    names = _in_order(set(cells))
    if len(names) < 2:
        msg = f"Every row of {table.name} has {columns.label} {names[0]}: there is nothing to tell apart. Add others."
        raise InputError(msg)
    _require_names(columns.label, names)
    if columns.positive:
        positive = _same_spelling(columns.positive)
        if len(names) != 2 or positive not in names:
            msg = f"The class that is looked for is one of two, got {positive!r} of {', '.join(names[:10])}."
            raise InputError(msg)
        names = sorted(names, key=lambda name: name == positive)
    return Classes(np.array([names.index(cell) for cell in cells], dtype=np.intp), tuple(names))


def _require_names(label: str, names: Sequence[str]) -> None:
    """Refuse, before any work is done, classes that a head and its columns cannot have."""
    odd = [name for name in names if name in {NOTE, SHA256} or len(name) > LONGEST_NAME or not name.isprintable()]
    if odd or len(names) > MOST_CLASSES:
        what = f"a class {odd[0][:40]!r}" if odd else f"{len(names)} classes"
        msg = (
            f"{label} has {what}. A head has at most {MOST_CLASSES} classes, whose names are not {NOTE} or {SHA256}, "
            f"and have at most {LONGEST_NAME} letters. Rename or merge them."
        )
        raise InputError(msg)


def _same_spelling(cell: str) -> str:
    """`1.0`, as pandas writes a column with empty cells, is `1`."""
    number = finite_number(cell)
    return f"{number:.0f}" if math.isfinite(number) and number == round(number) and abs(number) < 1e9 else cell


def _in_order(names: set[str]) -> list[str]:
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def _survival(table: FeatureTable, columns: Columns) -> Survival:
    times = _numbers(table, columns.time, "time")
    cells = table.column(columns.event, "event")
    events = []
    for row, cell in zip(table.rows, cells, strict=True):
        told = _EVENT.get(_same_spelling(cell).lower())
        if told is None:
            msg = (
                f"{columns.event} in row {row} of {table.name} is 1 (died) or 0 (was last seen alive), it is "
                f"{cell[:20]!r}. Correct it."
            )
            raise TableError(msg)
        events.append(told)
    if bad := [row for row, time in zip(table.rows, times, strict=True) if not time > 0]:
        msg = f"{columns.time} is above 0, in row {rows_named(bad)} of {table.name} it is not. Correct it."
        raise TableError(msg)
    return Survival(times, np.array(events, dtype=np.bool_))


def _numbers(table: FeatureTable, name: str, what: str) -> NDArray[np.float64]:
    """A column as numbers; NaN where a cell is empty."""
    numbers = []
    for row, cell in zip(table.rows, table.column(name, what), strict=True):
        number = math.nan if _is_missing(cell) else finite_number(cell)
        if math.isnan(number) and not _is_missing(cell):
            msg = f"{name} in row {row} of {table.name} is a number, it is {cell[:20]!r}. Correct it, or code it."
            raise TableError(msg)
        numbers.append(number)
    return np.array(numbers)


def _groups(table: FeatureTable, columns: Columns) -> tuple[Codes, list[str]]:
    if columns.group:
        cells = table.column(columns.group, "group")
        if empty := [row for row, cell in zip(table.rows, cells, strict=True) if not cell]:
            msg = f"{columns.group} is empty in row {rows_named(empty)} of {table.name}. Say whose rows these are."
            raise InputError(msg)
        _, codes = np.unique(cells, return_inverse=True)
        return codes.astype(np.intp), []
    for name, again in repeated(table):
        msg = (
            f"{name} comes again in {again} rows of {table.name}, and no column says which rows belong to one patient. "
            "A head would be judged on patients that it has learned, and look better than it is. Name the column "
            f"(--group {name}, or another)."
        )
        raise InputError(msg)
    told = "No column of groups was named: each row counts as a patient of its own."
    return np.arange(len(table.rows)), [told]


def _require_enough(outcome: Outcome, groups: Codes, name: str) -> None:
    names = outcome.names if isinstance(outcome, Classes) else ("last seen alive", "died")
    for code, each in enumerate(names):
        count = len(np.unique(groups[outcome.kinds == code]))
        if count < LEAST and (isinstance(outcome, Classes) or code == 1):
            msg = (
                f"{each} is in {count} groups (patients) of {name}, wanted at least {LEAST} of each class: with fewer, "
                "a good number is chance. Add such rows, or merge classes."
            )
            raise InputError(msg)


def _twins(table: FeatureTable, groups: Codes) -> list[str]:
    """A sentence about rows with the same features; refused where they would be both learned and judged."""
    _, first, place = np.unique(table.features, axis=0, return_index=True, return_inverse=True)
    place = place.reshape(-1)
    again = np.flatnonzero(first[place] != np.arange(len(place)))
    if not len(again):
        return []
    rows = [table.rows[index] for index in again]
    if (groups[again] != groups[first[place[again]]]).any():
        msg = (
            f"{len(again)} rows of {table.name} have all the features of an earlier row, of another group (row "
            f"{rows_named(rows)}): one lesion would be both learned and judged. Delete the copies, or give them one "
            "group."
        )
        raise InputError(msg)
    return [f"{len(again)} rows have all the features of an earlier row (row {rows_named(rows)}): they count twice."]


def _covariates(table: FeatureTable, columns: Columns) -> tuple[NDArray[np.float64], list[str]]:
    taken = {columns.label, columns.time, columns.event} - {""}
    warnings, found = [], []
    for name in columns.covariates:
        if name in taken:
            msg = f"{name} is what is to be learned and cannot be joined to the features. Leave it out."
            raise InputError(msg)
        numbers = _numbers(table, name, "joined column")
        if not np.isfinite(numbers).any():
            msg = f"{name} is empty in every row of {table.name}. Leave it out."
            raise InputError(msg)
        if missing := int(np.isnan(numbers).sum()):
            warnings.append(f"{name} is empty in {missing} rows, where the mean of those learned from stands for it.")
        found.append(numbers)
    return np.array(found).T.reshape(len(table.rows), len(found)), warnings


def _require_no_label(
    table: FeatureTable, outcome: Outcome, covariates: NDArray[np.float64], names: Sequence[str]
) -> None:
    """Refuse a column that is the outcome in other words: a head of it would be right, and useless."""
    columns = np.concatenate([table.features, covariates], axis=1)
    if isinstance(outcome, Classes):
        _require_no_class(table, outcome, columns, names)
        return
    for target in (outcome.times, outcome.events.astype(float)):
        both = np.isfinite(columns)
        filled = np.where(both, columns - np.nanmean(columns, axis=0), 0.0)
        wanted = np.where(both, (target - target.mean())[:, None], 0.0)
        length = np.sqrt((filled**2).sum(axis=0) * (wanted**2).sum(axis=0))
        likeness = np.abs((filled * wanted).sum(axis=0)) / np.maximum(length, 1e-300)
        _refuse_label(table, int(likeness.argmax()), float(likeness.max()), names)


def _refuse_label(table: FeatureTable, place: int, likeness: float, names: Sequence[str]) -> None:
    if likeness > _IS_LABEL:
        count = table.features.shape[1]
        name = f"pred_{place}" if place < count else names[place - count]
        msg = (
            f"{name} of {table.name} is what is to be learned, in other numbers (correlation {likeness:.4f}). Take it "
            "out of the table."
        )
        raise InputError(msg)


def _require_no_class(
    table: FeatureTable, outcome: Classes, columns: NDArray[np.float64], names: Sequence[str]
) -> None:
    """By the correlation ratio (Fisher 1925), which is 1 whatever number stands for which class."""
    there = np.isfinite(columns)
    away = np.where(there, columns - np.nanmean(columns, axis=0), 0.0)
    total = (away**2).sum(axis=0)
    between = np.zeros_like(total)
    for code in range(len(outcome.names)):
        here = outcome.codes == code
        between += away[here].sum(axis=0) ** 2 / np.maximum(there[here].sum(axis=0), 1)
    rounding = len(columns) * (1e-9 * np.abs(np.nanmean(columns, axis=0))) ** 2  # of a constant column
    ratio = np.where(total > rounding, np.sqrt(between / np.maximum(total, 1e-300)), 0.0)
    # Two patients with a number are told apart by it whatever it is.
    ratio[there.sum(axis=0) < LEAST * len(outcome.names)] = 0.0
    _refuse_label(table, int(ratio.argmax()), float(ratio.max()), names)


def _few_patients(table: FeatureTable, groups: Codes) -> list[str]:
    count, width = len(np.unique(groups)), table.features.shape[1]
    if count >= _FEW or count >= width:
        return []
    told = (
        f"{count} patients and {width:,} numbers of each: these numbers can tell any {count} patients apart, by "
        "whatever label, so how well the head fits them says nothing. Only what it says of patients that it has not "
        f"seen counts; of {count} that is uncertain, as the intervals show, and other {count} may give another head."
    )
    return [told]


def _origin(table: FeatureTable, name: str) -> Classes:
    cells = [cell or "(empty)" for cell in table.column(name, "site or scanner")]
    names = _in_order(set(cells))
    if len(names) < 2:
        msg = f"Every row of {table.name} has {name} {names[0]}: nothing can be asked of it. Leave it out (--site)."
        raise InputError(msg)
    if len(names) > len(cells) // 2:
        msg = f"{name} has {len(names)} values in {len(cells)} rows: it names rows, not sites. Name another column."
        raise InputError(msg)
    return Classes(np.array([names.index(cell) for cell in cells], dtype=np.intp), tuple(names))
