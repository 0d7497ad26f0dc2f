"""Not in the midst of an import, nor while the scene is being closed: its nodes are not those that stay."""

from __future__ import annotations

from collections.abc import Callable

import slicer


def whenSettled(function: Callable[[], object]) -> Callable[[], None]:
    """The function, to be called at any time: it does nothing in between, the end of which asks again."""

    def call() -> None:
        if not (slicer.mrmlScene.IsImporting() or slicer.mrmlScene.IsClosing()):
            function()

    return call
