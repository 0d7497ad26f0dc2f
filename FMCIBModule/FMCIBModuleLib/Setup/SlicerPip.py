"""pip through `slicer.packaging`, which keeps two extensions from installing at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import slicer

from .PipProcess import BUSY


class SlicerPip:
    """Slicer 5.12 and newer. It cannot be cancelled: Slicer keeps the process to itself.

    Slicer 5.10 has `slicer.util.pip_install` only, which freezes the window: there `PipProcess` is used instead.
    """

    canCancel = False

    def __init__(self) -> None:
        self._isClosed = False

    @staticmethod
    def isThere() -> bool:
        """Whether this Slicer has it. In testing mode it would block, and tell nobody."""
        return importlib.util.find_spec("slicer.packaging") is not None and not slicer.app.testingEnabled()

    def run(self, arguments: Sequence[str], onLine: Callable[[str], Any], onEnd: Callable[[int], Any]) -> None:
        """Run `pip install ARGUMENTS`."""
        import slicer.packaging

        if slicer.packaging.isPipInstallInProgress():
            onLine(f"ERROR: {BUSY}")
            onEnd(-1)
            return
        command, *requirements = arguments
        if command != "install":
            msg = f"slicer.packaging installs; it does not {command}"
            raise ValueError(msg)
        try:
            slicer.packaging.pip_install(
                requirements,
                blocking=False,
                show_progress=False,  # the panel shows it; Slicer's would turn the whole window's cursor to busy
                requester="FMCIB",
                logCallback=lambda line: None if self._isClosed else onLine(line),
                completedCallback=lambda code: None if self._isClosed else onEnd(code),
            )
        except (RuntimeError, OSError) as error:  # somebody else was quicker, or there is no PythonSlicer
            onLine(f"ERROR: {error}")
            onEnd(-1)

    def cancel(self) -> None:
        """Nothing: see `canCancel`."""

    def close(self) -> None:
        """Tell nobody any more; pip itself goes on to its end, so that no package is left half."""
        self._isClosed = True
