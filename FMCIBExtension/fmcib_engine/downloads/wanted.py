"""What is asked of a transfer, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .repositories import Mirror

Progress = Callable[[int, int | None], None]
"""Is given the bytes that are here, and how many there will be, if that is known."""


@dataclass(frozen=True)
class Wanted:
    """A file to be had."""

    title: str
    mirrors: tuple[Mirror, ...]
    hosts: tuple[str, ...]
    """Names that may be contacted, as for `host_is_listed`."""
    size: int | None = None
    sha256: str = ""
    """If it is known."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """SHA-256, by name here, of earlier copies that were right: a new one must be the same."""
    file: str = ""
    """The user's choice, where a mirror has several."""
    name: str = ""
    """Its name here, whatever a mirror calls it; else the mirror's."""
    largest: int = 4 * 10**9
    """Bytes that are taken at most."""
    by_hand: str = "Check the network and try again."
    """What to do when every mirror has failed."""


@dataclass(frozen=True)
class Fetched:
    """A file that is here, and what was checked."""

    path: Path
    size: int
    sha256: str
    checksum: str
    """The repository's own, with which it agrees: `md5:…`, `sha256:…` or `git:…`."""
    url: str
    """Without what follows a question mark."""
