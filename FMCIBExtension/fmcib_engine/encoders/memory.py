"""How much memory this process may still take."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

_PAGES = ("active_file", "inactive_file")
"""What a container holds of files, which it gives back when it needs the room."""


def free_bytes(
    machine: Path = Path("/proc/meminfo"),
    groups: Path = Path("/sys/fs/cgroup"),
    own: Path = Path("/proc/self/cgroup"),
) -> int | None:
    """By Linux, which gives out memory that it does not have, and ends the process that uses it.

    The least of what the machine has, and what containers and batch systems, such as Slurm, leave to this process.
    None where nobody needs to ask: other systems refuse what they cannot give.
    """
    found = [_of_machine(machine), *(_of_group(group) for group in _groups(groups, own))]
    return min((free for free in found if free is not None), default=None)


def _of_machine(path: Path) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError):
        return None


def _groups(groups: Path, own: Path) -> list[Path]:
    """The control groups (version 2) that this process is in, each inside the next; of a container the outermost."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    inner = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    parts = PurePosixPath(inner).parts
    return [groups.joinpath(*parts[:count]) for count in range(len(parts), -1, -1)]


def _of_group(group: Path) -> int | None:
    try:
        limit = int((group / "memory.max").read_text(encoding="utf-8"))
        used = int((group / "memory.current").read_text(encoding="utf-8"))
        facts = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
        return limit - used + sum(int(facts.get(name, 0)) for name in _PAGES)
    except (OSError, ValueError):  # none, or without a limit
        return None
