"""The standard streams of a process that answers another one: the worker's frames, the lines of a task."""

from __future__ import annotations

import os
import sys
from threading import Lock
from typing import NoReturn

PARENT_GONE = 1
"""Exit code when a standard stream has no other end any more; nobody is left to be told anything."""

_LARGEST_READ = 1 << 20


class Channel:
    """Bytes from file descriptor 0, and to a private copy of 1; 1 itself becomes 2, because native libraries print.

    One thread reads, any thread writes. To be made once in a process, before anything else uses its standard streams.
    """

    def __init__(self) -> None:
        try:
            os.fstat(2)
        except OSError:  # a window on Windows may have no stderr to pass on
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        self._replies = os.dup(1)
        os.dup2(2, 1)
        self._writing = Lock()
        if sys.platform == "win32":
            import msvcrt

            msvcrt.setmode(0, os.O_BINARY)
            msvcrt.setmode(self._replies, os.O_BINARY)

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; none at the end of the stream, which a broken one counts as.

        Straight from the descriptor: Python's buffered stdin has a lock, which the reading thread would still hold
        when the interpreter ends.
        """
        try:
            return os.read(0, min(count, _LARGEST_READ))
        except OSError:
            return b""

    def write(self, frame: bytes) -> None:
        """Send a whole frame or line. Without a reader the process ends, quietly."""
        with self._writing:
            self._write(frame)

    def write_last(self, frame: bytes, exit_code: int) -> NoReturn:
        """Send a frame after which there is no other, and end the process whatever its other threads do."""
        with self._writing:
            self._write(frame)
            os._exit(exit_code)

    def _write(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[os.write(self._replies, rest) :]
            except OSError:  # EPIPE; EINVAL on Windows
                os._exit(PARENT_GONE)
