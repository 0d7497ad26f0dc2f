"""What belongs to this computer and not to a scene: the folder for what is fetched once."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

_KEY = "FMCIB/CacheFolder"
_HOME = "FMCIB_HOME"
_OURS = "FMCIB_HOME_OF_SLICER"
"""Has the value that we gave FMCIB_HOME, also for a Slicer that this one starts: another value came from outside."""


class Settings:
    """The cache folder as a setting of Slicer, given to the engine's processes as the environment variable FMCIB_HOME.

    Where that was set outside, as an administrator does, it holds, and nothing can be chosen here.
    """

    def __init__(self, store: Any = None, environment: MutableMapping[str, str] = os.environ) -> None:
        """
        Args:
            store: with `value`, `setValue` and `remove`, as QSettings; by default Slicer's.
            environment: of this process, which its processes inherit.
        """
        self._givenStore = store
        self._environment = environment

    @property
    def isFixed(self) -> bool:
        """Whether FMCIB_HOME was set outside."""
        home = self._environment.get(_HOME)
        return bool(home) and home != self._environment.get(_OURS)

    @property
    def whyFixed(self) -> str:
        """A sentence for the user; empty if the folder can be chosen."""
        if not self.isFixed:
            return ""
        return _(
            "The environment variable FMCIB_HOME names this folder; it was set before Slicer started. To choose here, "
            "remove it and restart Slicer."
        )

    @property
    def cacheFolder(self) -> str:
        """The folder that was chosen, here or outside; empty for the system's own."""
        return self._environment.get(_HOME, "") if self.isFixed else self._stored

    def apply(self) -> None:
        """Let all processes that start from now on have the folder."""
        if self.isFixed:
            return
        folder = self._stored
        for name in (_HOME, _OURS):
            if folder:
                self._environment[name] = folder
            else:
                self._environment.pop(name, None)

    def chooseCacheFolder(self, folder: str) -> None:
        """Choose another folder, or the system's own by an empty text. What lies in the former stays there.

        Raises:
            ValueError: FMCIB_HOME was set outside, or nothing can be written into this folder.
        """
        if self.isFixed:
            raise ValueError(self.whyFixed)
        if folder:
            _requireWritable(Path(folder))
            self._store.setValue(_KEY, folder)
        else:
            self._store.remove(_KEY)
        self.apply()

    @property
    def _store(self) -> Any:
        if self._givenStore is not None:
            return self._givenStore
        import slicer

        return slicer.app.settings()

    @property
    def _stored(self) -> str:
        return str(self._store.value(_KEY) or "")


def _requireWritable(folder: Path) -> None:
    probe = folder / ".fmcib-can-write"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        text = _("Nothing can be written into the folder {name} ({reason}). Choose another.")
        raise ValueError(text.format(name=folder.name, reason=error.strerror)) from error
