"""One call from the event loop instead of many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt


class Soon:
    """Calls a function once when the event loop comes round, however often it is asked to before that."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function: Callable[[], Any] | None = function
        self._isDue = False

    def __call__(self, *_: object) -> None:
        """Whatever a signal or an event tells is not looked at."""
        if not self._isDue:
            self._isDue = True
            qt.QTimer.singleShot(0, self._onDue)

    def close(self) -> None:
        """It is not called any more, nor is what it holds kept."""
        self._function = None

    def _onDue(self) -> None:
        self._isDue = False
        if self._function is not None:
            self._function()
