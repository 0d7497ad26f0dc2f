"""Where heads lie: `cache_folder()/heads/NAME.head`, and those that came with the engine. Needs no package."""

from __future__ import annotations

from pathlib import Path

from ..cache import cache_folder

SUFFIX = ".head"

SHIPPED = Path(__file__).with_name("shipped")


def heads_folder() -> Path:
    """The folder of the user's heads; it may not exist yet.

    Raises:
        DependencyError: as `cache_folder`.
    """
    return cache_folder() / "heads"
