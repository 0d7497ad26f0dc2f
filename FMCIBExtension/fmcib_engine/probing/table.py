"""A feature table: ours, which says what it was computed with, or another's with `pred_0`, `pred_1`, …"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from ..encoders import ENCODERS, feature_names
from ..errors import TableError
from ..texts import finite_number

_FEATURE = re.compile(r"pred_(\d+)")
_SAID = ("encoder_id", "weights_sha256", "recipe_id")
_MOST = 8
"""Row numbers in a message."""


@dataclass(frozen=True)
class Provenance:
    """What features were computed with; empty where the table does not say."""

    encoder_id: str = ""
    weights_sha256: str = ""
    recipe_id: str = ""
    caution: str = ""
    """As of the weights: what their features do not say."""

    @property
    def is_known(self) -> bool:
        return bool(self.encoder_id and self.weights_sha256 and self.recipe_id)


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Rows with features; `rows` are their numbers in the file, from 1, `cells` every other column as text."""

    name: str
    sha256: str
    rows: tuple[int, ...]
    features: NDArray[np.float64]
    cells: Mapping[str, tuple[str, ...]]
    provenance: Provenance
    warnings: tuple[str, ...] = ()

    def column(self, name: str, what: str) -> tuple[str, ...]:
        """Cells of a column, stripped.

        Raises:
            TableError: there is no such column, or it is a feature.
        """
        if _FEATURE.fullmatch(name):
            msg = f"{name} is a feature and cannot be the {what} as well. Name another column of {self.name}."
            raise TableError(msg)
        if name not in self.cells:
            there = ", ".join(list(self.cells)[:40])
            msg = f"{self.name} has no column {name} for the {what}. Its columns beside the features: {there}."
            raise TableError(msg)
        return self.cells[name]


Told = Callable[[int], None]
"""Told now and then how many bytes have been read."""


def _nothing(_: int) -> None:
    pass


def read_features(path: Path, *, any_encoder: bool = False, told: Told = _nothing) -> FeatureTable:
    """The rows of a table that have features.

    Args:
        path: a CSV in UTF-8 with a header.
        any_encoder: take any number of features, where the table does not say whose they are.
        told: how many bytes of it have been read.

    Raises:
        TableError: no such file, no such columns, cells that are no numbers, rows of several encoders or weights.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = _read(_counted(file, told), path.name)
        digest = _sha256(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = getattr(error, "strerror", None) or str(error)
        msg = f"The feature table {path.name} cannot be read ({said}). Give a CSV in UTF-8."
        raise TableError(msg) from error
    header, numbers, rows, features, cells = table
    provenance = _provenance(path.name, cells, rows)
    _require_count(path.name, features.shape[1], provenance, any_encoder=any_encoder)
    without = numbers - len(rows)
    warnings = [f"{without} rows of {path.name} have no features and are left out."] if without else []
    if not provenance.is_known:
        missing = ", ".join(name for name in _SAID if name not in header) or "what they were computed with"
        warnings.append(f"{path.name} does not say {missing}: a head that it gives is marked encoder unverified.")
    return FeatureTable(path.name, digest, rows, features, cells, provenance, tuple(warnings))


_Read = tuple[list[str], int, tuple[int, ...], NDArray[np.float64], dict[str, tuple[str, ...]]]


def _counted(file: TextIO, told: Told) -> Iterator[str]:
    """Its lines; features are written in ASCII, so that letters are bytes near enough."""
    letters = 0
    for line in file:
        yield line
        letters += len(line)
        told(letters)


def _read(file: Iterable[str], name: str) -> _Read:
    reader = csv.reader(file, strict=True)
    header = [each.strip() for each in next(reader, [])]
    if twice := [each for each, count in Counter(header).items() if count > 1 and each]:
        msg = f"{name} has the column {twice[0]} twice, wanted each once. Rename or delete one."
        raise TableError(msg)
    places = _feature_places(header, name)
    others = [(place, each) for place, each in enumerate(header) if not _FEATURE.fullmatch(each)]
    status = header.index("status") if "status" in header else None
    kept: list[int] = []
    features: list[NDArray[np.float64]] = []
    cells: list[list[str]] = []
    number = 0
    for number, row in enumerate(_filled(reader), 1):
        if len(row) != len(header):
            msg = f"Row {number} of {name} has {len(row)} cells, the header {len(header)}. Correct the table."
            raise TableError(msg)
        if status is not None and row[status].strip() == "error":
            continue
        features.append(_numbers([row[place] for place in places], header, places, f"Row {number} of {name}"))
        kept.append(number)
        cells.append([row[place].strip() for place, _ in others])
    if not kept:
        msg = f"{name} has no row with features. Give a table that `extract` wrote, or one like it."
        raise TableError(msg)
    columns = {each: tuple(row[index] for row in cells) for index, (_, each) in enumerate(others) if each}
    matrix = np.stack(features)
    _require_said_something(matrix, kept, name)
    return header, number, tuple(kept), matrix, columns


def _filled(reader: Iterable[list[str]]) -> Iterable[list[str]]:
    return (row for row in reader if any(cell.strip() for cell in row))


def _feature_places(header: list[str], name: str) -> list[int]:
    found = {int(match[1]): place for place, each in enumerate(header) if (match := _FEATURE.fullmatch(each))}
    if not found:
        msg = f"{name} has no column of features (pred_0, pred_1, …). Give a table that `extract` wrote."
        raise TableError(msg)
    wanted = max(found) + 1
    if missing := [index for index in range(wanted) if index not in found]:
        named = ", ".join(f"pred_{index}" for index in missing[:3])
        msg = (
            f"{name} has {len(found)} columns of features up to pred_{wanted - 1}, wanted {wanted}: {named} "
            f"{'is' if len(missing) == 1 else 'are'} missing. Take the whole table."
        )
        raise TableError(msg)
    return [found[index] for index in range(wanted)]


def _numbers(texts: list[str], header: list[str], places: list[int], where: str) -> NDArray[np.float64]:
    try:
        numbers = np.array(texts, dtype=np.float64)
    except ValueError:
        numbers = np.array([finite_number(text.strip()) for text in texts])
    if not np.isfinite(numbers).all():
        bad = int(np.flatnonzero(~np.isfinite(numbers))[0])
        msg = (
            f"{where} has no finite number in {header[places[bad]]}: {texts[bad][:20]!r}. Compute this lesion's "
            "features again, or leave its row out."
        )
        raise TableError(msg)
    return numbers


def _require_said_something(features: NDArray[np.float64], rows: list[int], name: str) -> None:
    """Features that are all zero, or the same in all rows, are a network that did not compute."""
    zero = [number for number, row in zip(rows, features, strict=True) if not row.any()]
    if zero:
        msg = (
            f"All features are 0 in {len(zero)} rows of {name} (row {rows_named(zero)}): nothing was computed there. "
            "Compute their features again, or leave these rows out."
        )
        raise TableError(msg)
    if len(rows) > 1 and not np.ptp(features, axis=0).any():
        msg = f"All rows of {name} have the same features: nothing can be told from them. Compute them again."
        raise TableError(msg)


def rows_named(numbers: Iterable[int]) -> str:
    """The first of them, for a message."""
    listed = list(numbers)
    return ", ".join(map(str, listed[:_MOST])) + (", …" if len(listed) > _MOST else "")


def _provenance(name: str, cells: Mapping[str, tuple[str, ...]], rows: tuple[int, ...]) -> Provenance:
    said = {}
    for column in (*_SAID, "weights_caution", "precision"):
        values = cells.get(column, ())
        if len(set(values)) > 1:
            other = next(row for row, value in zip(rows, values, strict=True) if value != values[0])
            msg = (
                f"{name} mixes features: {column} is {values[0] or 'empty'} in row {rows[0]} and another in row "
                f"{other}. Give a table of one encoder, one file of weights, one recipe and one precision."
            )
            raise TableError(msg)
        said[column] = values[0] if values else ""
    return Provenance(*(said[column] for column in (*_SAID, "weights_caution")))


def _require_count(name: str, count: int, provenance: Provenance, *, any_encoder: bool) -> None:
    known = {spec.id: spec.feature_count for spec in ENCODERS.values()}
    wanted = known.get(provenance.encoder_id)
    if wanted is not None and count != wanted:
        msg = f"{name} has {count} features, {provenance.encoder_id} gives {wanted}. Take the whole table."
        raise TableError(msg)
    if not provenance.encoder_id and not any_encoder and count not in known.values():
        each = ", ".join(f"{number} ({encoder})" for encoder, number in known.items())
        msg = (
            f"{name} has {count} features and no column encoder_id. The encoders here give {each}. Take the whole "
            "table, or say whose features these are in a column encoder_id."
        )
        raise TableError(msg)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names_of(table: FeatureTable) -> tuple[str, ...]:
    """Of its features, in order."""
    return feature_names(table.features.shape[1])
