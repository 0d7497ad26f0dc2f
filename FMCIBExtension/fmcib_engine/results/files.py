"""Files that are there whole or not at all, also after a kill or a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import OutputError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file beside `path`, which then takes its place in one step.

    Raises:
        OutputError: it cannot be written.
    """
    unfinished = path.with_name(unfinished_name(path.name))
    try:
        write(unfinished)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (OSError, RuntimeError) as error:  # torch says a full disk as the latter
        said = getattr(error, "strerror", None) or type(error).__name__
        msg = f"{path.name} cannot be written ({said}). Make room; what was there before it is still there."
        raise OutputError(msg) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def unfinished_name(name: str) -> str:
    """What a file is called before it is whole; a process that is killed meanwhile leaves it."""
    return f".{name}.part"


def keep_text(path: Path, text: str) -> None:
    """Likewise, a text in UTF-8.

    Raises:
        OutputError: as `write_whole`.
    """
    write_whole(path, lambda unfinished: _write(unfinished, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
