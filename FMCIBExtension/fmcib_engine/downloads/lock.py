"""One process at a time in a folder: a second one waits, and then finds what the first has fetched."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DependencyError, OutputError

_log = logging.getLogger(__name__)
_LOCK = ".lock"

ANOTHER_FOLDER = "choose another cache folder (in the window: Advanced; or by FMCIB_HOME)"
"""Ends the advice where a file cannot be written."""


@contextmanager
def only_one(folder: Path, *, waits: bool = True) -> Iterator[None]:
    """Make the folder, and hold its lock. The system gives a lock back when a process ends, however it ends.

    Raises:
        DependencyError: filelock is not installed.
        OutputError: the folder cannot be made or written to; unless it `waits`, also where another process has it.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        msg = (
            "Fetching, importing and removing files needs filelock. "
            "Install it (in the window: Install; or the engine's extra [download])."
        )
        raise DependencyError(msg) from error
    lock = FileLock(folder / _LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            if not waits:
                msg = f"Another process is at work in {folder.name}, such as a download. Wait for it or end it."
                raise OutputError(msg) from error
            _log.info("Another process is at work in %s: waiting for it.", folder.name)
            lock.acquire(poll_interval=0.2)
    except (OSError, NotImplementedError) as error:  # the latter where a file system has no locks
        said = getattr(error, "strerror", None) or type(error).__name__
        msg = f"The folder {folder.name} cannot be written to ({said}). Make it writable, or {ANOTHER_FOLDER}."
        raise OutputError(msg) from error
    try:
        yield
    finally:
        lock.release()
