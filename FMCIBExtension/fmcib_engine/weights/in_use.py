"""A file that a process computes with, so that another one does not remove it without a word.

Its numbers are mapped from disk for as long as the encoder lives. The system gives the lock back when the process ends,
however it ends. On Windows there are none of this kind, and none is needed: a file that is open cannot be removed.
"""

from __future__ import annotations

import os
import sys
import weakref
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def hold(path: Path, owner: object) -> None:
    """Let others know that the file is in use while `owner` lives. Where the disk has no locks, nobody will know."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(owner, os.close, descriptor)
        if sys.platform != "win32":
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_in_use(path: Path) -> bool:
    """Whether a process holds it, as far as that can be known without trying to remove it."""
    if sys.platform == "win32":
        return False
    mode = "r+b" if os.access(path, os.W_OK) else "rb"  # on network disks (NFS) only who may write can lock for writing
    try:
        with path.open(mode) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # gone, or a disk without locks
        return False
    return False
