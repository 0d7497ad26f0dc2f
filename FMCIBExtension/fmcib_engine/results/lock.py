"""One process at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DependencyError, OutputError

LOCK = ".lock"


@contextmanager
def only_one(folder: Path, doing: str, extra: str) -> Iterator[None]:
    """Make the folder and hold its lock, which the system gives back when a process ends, however it ends.

    Args:
        folder: of the run.
        doing: what another process would be doing there, such as "training".
        extra: of the package, with which what is needed comes.

    Raises:
        OutputError: another process has it, or it cannot be written to.
        DependencyError: filelock is not installed.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        msg = f"To be alone in a folder, filelock is needed, which cannot be imported ({error}). Install {extra}."
        raise DependencyError(msg) from error
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        msg = f"Another process is {doing} in {folder.name}. Wait for it, or choose another folder (--output)."
        raise OutputError(msg) from error
    except (OSError, NotImplementedError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        msg = f"The folder {folder.name} cannot be written to ({said}). Choose another (--output)."
        raise OutputError(msg) from error
    try:
        yield
    finally:
        lock.release()
