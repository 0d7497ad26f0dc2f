"""The rows of a run in progress, one JSON line each, flushed as they come: what a killed run leaves.

    {"fingerprint": {...}}          the first line: which run this is
    [row number, "ok", "text"]      then a line per finished row, in any order; the text is as it will be written

A torn last line, as a kill or a full disk leaves it, is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutputError


class Journal:
    """The file beside a table that is being made. Raises OSError where the disk does."""

    def __init__(self, path: Path, fingerprint: dict[str, str], *, resume: bool) -> None:
        self.path = path
        self._places: dict[int, int] = {}  # row -> where its last line begins
        self._status: dict[int, str] = {}
        if resume and path.exists():
            end = self._read(fingerprint)
            os.truncate(path, end)
            self._file = path.open("ab")
        else:
            self._file = path.open("wb")
            try:
                self._append({"fingerprint": fingerprint})
            except OSError:
                self.close()
                raise

    @property
    def finished_rows(self) -> frozenset[int]:
        """Numbers of the rows without an error."""
        return frozenset(row for row, status in self._status.items() if status == "ok")

    def __len__(self) -> int:
        return len(self._places)

    def add(self, row: int, status: str, text: str) -> None:
        """One finished row; a later one of the same number replaces it."""
        self._places[row] = self._append([row, status, text])
        self._status[row] = status

    def texts(self) -> Iterator[str]:
        """The rows in the order of their numbers."""
        with self.path.open("rb") as file:
            for row in sorted(self._places):
                file.seek(self._places[row])
                yield json.loads(file.readline())[2]

    def close(self) -> None:
        with contextlib.suppress(OSError):  # every row was flushed when it was added, or its error was told then
            self._file.close()

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    def _append(self, value: object) -> int:
        place = self._file.tell()
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()
        return place

    def _read(self, fingerprint: dict[str, str]) -> int:
        """Take in the rows of an earlier run; where its last whole line ends.

        Raises:
            OutputError: it was another run.
        """
        end = 0
        with self.path.open("rb") as file:
            for line in file:
                try:
                    value = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    value = None
                if value is None:
                    break
                if end == 0:
                    self._require_same(value, fingerprint)
                else:
                    row, self._status[row], _ = value
                    self._places[row] = end
                end += len(line)
        if end == 0:
            self._require_same({}, fingerprint)
        return end

    def _require_same(self, first_line: object, fingerprint: dict[str, str]) -> None:
        earlier = first_line.get("fingerprint", {}) if isinstance(first_line, dict) else {}
        for name, value in fingerprint.items():
            if earlier.get(name) != value:
                msg = (
                    f"{self.path.name} is of a run with another {name} ({earlier.get(name)}, now {value}). Give the "
                    "same table, weights and options as before (--resume), or begin anew (--overwrite)."
                )
                raise OutputError(msg)
