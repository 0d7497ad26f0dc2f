"""The processes that a process has started, as Linux tells them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

OF_ALL_THREADS = Path("/proc/self/task")


def children(threads: Path = OF_ALL_THREADS) -> set[int]:
    """Ids of the processes that this one, or that of these threads, has started; empty where there is no /proc of it.

    A thread may end while its list is asked for: its children are then told by another thread of this process. So it
    is asked again, until all threads that there were have answered.
    """
    for _ in range(100):
        if not threads.is_dir():
            return set()
        with suppress(FileNotFoundError, ProcessLookupError):
            asked = set(threads.iterdir())
            texts = [(thread / "children").read_text(encoding="utf-8") for thread in asked]
            if asked <= set(threads.iterdir()):
                return {int(number) for text in texts for number in text.split()}
    msg = "threads end faster than they can be asked"
    raise AssertionError(msg)
