"""The rows of a run in progress, one JSON line each, flushed as they come: what a killed run leaves.

    {"fingerprint": {...}}          the first line: which run this is
    [row number, "ok", "text"]      then a line per finished row, in any order; the text is as it will be written

A line that a kill or a full disk has torn is passed over, and its row computed again. The file is locked while a run
writes it, so that no two runs do; the system gives the lock back when a process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError

_HASHED = {"seed table", "set of columns", "weights SHA-256"}
"""Parts of the fingerprint whose values tell people nothing."""

_LOCKED_BYTE = 0x7FFFFFF0
"""On Windows a locked byte can be read by nobody else, so one beyond the end stands for the file."""


class Journal:
    """The file beside a table that is being made. Raises OSError where the disk does.

    Raises:
        OutputError: another run is writing it, or it is to be resumed and is of another run.
    """

    def __init__(self, path: Path, fingerprint: dict[str, str], *, resume: bool) -> None:
        self.path = path
        self._rows: dict[int, tuple[int, str]] = {}  # row -> where its last line begins, and its status
        self._file = path.open("ab")
        locked = False
        try:
            _lock(self._file, path)
            locked = True
            self._size = path.stat().st_size
            if resume and self._size:
                self._read(fingerprint)
            else:
                if self._size:
                    self._file.truncate(0)
                self._size = 0
                self._append({"fingerprint": fingerprint})
        except (OSError, OutputError):
            if locked and path.is_file() and path.stat().st_size == 0:  # ours, and nothing in it
                with contextlib.suppress(OSError):
                    path.unlink()
            self.close()
            raise

    @property
    def finished_rows(self) -> frozenset[int]:
        """Numbers of the rows without an error."""
        return frozenset(row for row, (_, status) in self._rows.items() if status == "ok")

    def add(self, row: int, status: str, text: str) -> None:
        """One finished row; a later one of the same number replaces it."""
        self._rows[row] = self._append([row, status, text]), status

    def texts(self) -> Iterator[str]:
        """The rows in the order of their numbers.

        Raises:
            OutputError: the file was changed by something else.
        """
        with self.path.open("rb") as file:
            for row, (place, _) in sorted(self._rows.items()):
                file.seek(place)
                line = _row_line(file.readline())
                if line is None or line[0] != row:
                    msg = f"{self.path.name} was changed while it was written. Begin anew (--overwrite)."
                    raise OutputError(msg)
                yield line[2]

    def close(self) -> None:
        """Let go of the file; its rows stay."""
        with contextlib.suppress(OSError):  # every row was flushed when it was added, or its error was told then
            self._file.close()

    def remove(self) -> None:
        """Delete the file: its rows are in the table, or were not worth keeping."""
        with contextlib.suppress(OSError):  # while the lock holds, so that it is ours; Windows deletes no open file
            self.path.unlink()
        self.close()
        self.path.unlink(missing_ok=True)

    def _append(self, value: object) -> int:
        line = json.dumps(value).encode() + b"\n"
        self._file.write(line)
        self._file.flush()
        place, self._size = self._size, self._size + len(line)
        return place

    def _read(self, fingerprint: dict[str, str]) -> None:
        """Take in the rows of an earlier run, and end a torn last line.

        Raises:
            OutputError: it was another run.
        """
        place, line = 0, b""
        with self.path.open("rb") as file:
            for line in file:
                if place == 0:
                    self._require_same(line, fingerprint)
                elif (value := _row_line(line)) is not None:
                    self._rows[value[0]] = place, value[1]
                place += len(line)
        if not line.endswith(b"\n"):
            self._file.write(b"\n")
            self._file.flush()
            self._size += 1

    def _require_same(self, first_line: bytes, fingerprint: dict[str, str]) -> None:
        try:
            earlier = json.loads(first_line)["fingerprint"]
            differing = [name for name, value in fingerprint.items() if earlier.get(name) != value]
        except (ValueError, TypeError, KeyError, AttributeError):
            earlier, differing = {}, list(fingerprint)
        if differing:
            name = differing[0]
            values = f" ({earlier[name]}, now {fingerprint[name]})" if name in earlier and name not in _HASHED else ""
            again = "Give the same table, weights and options as before (--resume)"
            if name.endswith("version"):
                again = "Go on with the version of the program that began it (--resume)"
            msg = f"{self.path.name} is of a run with another {name}{values}. {again}, or begin anew (--overwrite)."
            raise OutputError(msg)


def _row_line(line: bytes) -> tuple[int, str, str] | None:
    """Row number, status and text of a line; nothing if it is torn or damaged."""
    try:
        row, status, text = json.loads(line)
    except (ValueError, TypeError):
        return None
    if isinstance(row, int) and isinstance(status, str) and isinstance(text, str) and line.endswith(b"\n"):
        return row, status, text
    return None


def _lock(file: BinaryIO, path: Path) -> None:
    """Refuse a file that another process has locked; else lock it for as long as it is open."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0, io.SEEK_END)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        msg = f"Another run is writing {path.name}. Wait for it, or choose another name for the table."
        raise OutputError(msg) from error
