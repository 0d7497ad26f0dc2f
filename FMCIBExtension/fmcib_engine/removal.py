"""Removes what `kept` finds, one thing after the other, and tells of each what went and what stayed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .cache import cache_folder
from .downloads import only_one
from .errors import InputError, OutputError
from .kept import Contents, Kept, is_link
from .weights.in_use import is_in_use

_log = logging.getLogger(__name__)

_END_OTHERS = "End other programs that use it, such as another Slicer or a command of the engine, and remove it then."


@dataclass(frozen=True)
class Removed:
    """What came of one thing."""

    kept: Kept
    freed: int
    """Bytes; of a thing that stayed in part, those that went."""
    problem: str
    """Why it stayed, or a part of it, as a sentence; empty if it is gone."""


def choose(found: Contents, names: Iterable[str]) -> list[Kept]:
    """The things of these names; of weights the ID will do.

    Raises:
        InputError: a name of nothing that is there, or that is ours.
    """
    by_name = {each.name: each for each in found.kept}
    chosen = []
    for name in dict.fromkeys(names):
        kept = by_name.get(name) or by_name.get(f"weights/{name}")
        if kept is None:
            here = f"there are {', '.join(by_name)}" if by_name else "nothing is there"
            msg = f"There is no {name!r} to be removed; {here}. Choose one of those."
            raise InputError(msg)
        chosen.append(kept)
    return list({each.name: each for each in chosen}.values())


def why_not_here(folder: Path) -> str:
    """Why nothing is removed in such a folder, as a sentence: it is no folder of ours alone; else empty."""
    with suppress(OSError, RuntimeError):
        folder, home = folder.resolve(), Path.home().resolve()
        if folder == Path(folder.anchor) or any(_is_same(folder, each) for each in (home, *home.parents)):
            return (
                "The cache folder is your home folder, or one above it, and no folder of this program alone: nothing "
                "is removed there. Remove the files by hand, and choose another folder "
                "(in the window: Advanced; or by FMCIB_HOME)."
            )
    return ""


def _is_same(one: Path, other: Path) -> bool:
    """Whether both lead to one folder; some disks know no capitals."""
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return one == other


def remove(
    chosen: Iterable[Kept], progress: Callable[[int, int | None], None] = lambda _, __: None
) -> Iterator[Removed]:
    """Remove these, and tell of each when it is done. Whatever is not told of when this is broken off may be there.

    Raises:
        OutputError: the folder is not of this program alone, and nothing is removed.
        DependencyError: filelock is not installed.
    """
    if problem := why_not_here(cache_folder()):
        raise OutputError(problem)
    chosen = list(chosen)
    total, done = sum(each.size for each in chosen), 0
    for kept in chosen:
        removed = _remove(kept)
        done += kept.size
        progress(done, total)
        yield removed


def _remove(kept: Kept) -> Removed:
    if not kept.lock.is_dir():  # gone meanwhile, and a lock would make it anew
        return Removed(kept, 0, "")
    freed = 0
    try:
        _require_ours(kept.lock)  # before a lock is made in it
        with only_one(kept.lock, waits=False):
            if any(map(is_in_use, kept.files)):
                return Removed(kept, 0, f"{kept.name} is in use. {_END_OTHERS}")
            for path in kept.files:
                _require_ours(path)
                size = path.lstat().st_size if path.exists() else 0
                path.unlink(missing_ok=True)
                freed += size
    except OutputError as error:
        return Removed(kept, freed, f"{kept.name} stays. {error}")
    except OSError as error:  # as on Windows, where a file is in use
        _log.warning("%s cannot be removed: %s", kept.name, error)
        part = f"; {freed / 1e6:.1f} of {kept.size / 1e6:.1f} MB of it are gone" if freed else ""
        problem = f"{kept.name} could not be removed ({error.strerror or type(error).__name__}){part}. {_END_OTHERS}"
        return Removed(kept, freed, problem)
    with suppress(OSError):  # it is not empty: something strange, or the lock
        kept.files[0].parent.rmdir()
    return Removed(kept, freed, "")


def _require_ours(path: Path) -> None:
    """Whoever put a link into its place meanwhile shall not have what lies behind it removed.

    Raises:
        OutputError: a folder between it and ours leads elsewhere.
    """
    if any(is_link(each) for each in (path, *path.parents) if cache_folder() in each.parents):
        msg = f"{path.name} is behind a link that was not there before. Look at the folder, and try again."
        raise OutputError(msg)
