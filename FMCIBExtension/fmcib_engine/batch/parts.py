"""The rows of a run as they come, in files that are only ever appended to: what a kill or a full disk leaves.

    results-00001.jsonl     of the first start; each start, and each 64 MB, begin another

Each line is one record, the rows of patches that were computed together: 16 hexadecimal digits of the SHA-256 of the
rest, a space, and JSON. A record is there whole or not at all: where a line was torn or damaged, its rows are computed
again. A later record of a row replaces an earlier one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import OutputError

_PATTERN = "results-*.jsonl"
_MOST_BYTES = 64 << 20
_DIGITS = 16


@dataclass(frozen=True)
class KeptRow:
    """One row of a record: its text as it will stand in the table, or why there are no features."""

    row: int
    status: str
    text: str
    step: str = ""
    error: str = ""


@dataclass(frozen=True)
class Place:
    """Where a row's record is, and what a summary needs of it."""

    part: int
    offset: int
    status: str
    step: str = ""
    error: str = ""


class Parts:
    """All records of a run's folder; `append` writes more.

    Attributes:
        rows: where each row's last record is.
        damaged: how many lines were passed over.

    Raises:
        OutputError: a part cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._size = 0
        self._last = 0
        self.rows: dict[int, Place] = {}
        self.damaged = 0
        try:
            for path in sorted(folder.glob(_PATTERN)):
                self._last = int(path.stem.rpartition("-")[2])
                self._read(path)
        except (OSError, ValueError) as error:
            msg = f"The results in {folder.name} cannot be read ({error}). Check the disk, or begin anew (--output)."
            raise OutputError(msg) from error

    def append(self, rows: Sequence[KeptRow]) -> None:
        """Keep the rows of one record, at once and for good: they are on the disk when this returns.

        Raises:
            OSError: the disk is full or gone. What was kept before is still there.
        """
        content = [[each.row, each.status, each.text, each.step, each.error] for each in rows]
        line = line_of(content)
        if self._file is None or self._size > _MOST_BYTES:
            self._begin()
        assert self._file is not None  # noqa: S101  for mypy
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        for each in rows:
            self.rows[each.row] = Place(self._last, self._size, each.status, each.step, each.error)
        self._size += len(line)

    def texts(self, order: Iterable[int]) -> Iterator[str]:
        """The rows of these numbers, as they will stand in the table, in that order.

        Raises:
            OutputError: a record was changed since it was read.
        """
        known: dict[tuple[int, int], dict[int, str]] = {}
        for row in order:
            place = self.rows[row]
            key = place.part, place.offset
            if key not in known:
                if len(known) >= 16:  # rows of one record mostly follow each other
                    known.pop(next(iter(known)))
                known[key] = self._texts_at(place)
            yield known[key][row]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self.close()
        self._last += 1
        self._file = self._path(self._last).open("xb")
        self._size = 0

    def _path(self, part: int) -> Path:
        return self._folder / f"results-{part:05}.jsonl"

    def _read(self, path: Path) -> None:
        offset = 0
        with path.open("rb") as file:
            for line in file:
                records = value_of(line)
                if records is None:
                    self.damaged += 1
                else:
                    for row, status, _, step, error in records:
                        self.rows[row] = Place(self._last, offset, status, step, error)
                offset += len(line)

    def _texts_at(self, place: Place) -> dict[int, str]:
        with self._path(place.part).open("rb") as file:
            file.seek(place.offset)
            records = value_of(file.readline())
        if records is None:
            name = self._path(place.part).name
            msg = f"{name} was damaged meanwhile. Go on with the run: what is lost is computed again (--resume)."
            raise OutputError(msg)
        return {record[0]: record[2] for record in records}


def line_of(content: object) -> bytes:
    """One record with what tells whether it is whole."""
    text = json.dumps(content, separators=(",", ":")).encode()
    return _digest(text) + b" " + text + b"\n"


def value_of(line: bytes) -> list[list[Any]] | None:
    """The rows of a line; None if it is torn or damaged."""
    digest, _, text = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or digest != _digest(text):
        return None
    found: list[list[Any]] = json.loads(text)
    return found


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_DIGITS].encode()
