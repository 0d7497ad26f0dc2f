"""How much memory this process may still take."""

from __future__ import annotations

from pathlib import Path

_PAGES = ("active_file", "inactive_file")
"""What a container holds of files, which it gives back when it needs the room."""


def free_bytes(machine: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """By Linux, which gives out memory that it does not have, and ends the process that uses it.

    None where nobody needs to ask: other systems refuse what they cannot give.
    """
    return min((free for free in (_of_machine(machine), _of_container(group)) if free is not None), default=None)


def _of_machine(path: Path) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError):
        return None


def _of_container(group: Path) -> int | None:
    try:
        limit = int((group / "memory.max").read_text(encoding="utf-8"))
        used = int((group / "memory.current").read_text(encoding="utf-8"))
        facts = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
        return limit - used + sum(int(facts.get(name, 0)) for name in _PAGES)
    except (OSError, ValueError):  # none, or without a limit
        return None
