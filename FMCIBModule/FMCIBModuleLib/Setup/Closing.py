"""Asks the user before Slicer's main window is closed, while something runs that would end with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from .Desktop import Desktop


class _Filter(qt.QWidget):
    """Keeps a window open that its user does not want to close after all."""

    def __init__(self, mayClose: Callable[[], bool]) -> None:
        qt.QWidget.__init__(self)
        self._mayClose = mayClose

    def eventFilter(self, _watched: Any, event: Any) -> bool:
        """Qt's: true where nobody else is to hear of the event."""
        if event.type() == qt.QEvent.Close and not self._mayClose():
            event.ignore()
            return True
        return False


class Closing:
    """Watches the main window from `watch` to `forget`. Without one nobody is asked."""

    def __init__(self, desktop: Desktop, mayClose: Callable[[], bool]) -> None:
        """
        Args:
            desktop: knows the main window.
            mayClose: asks.
        """
        self._desktop, self._mayClose = desktop, mayClose
        self._watched: Any = None
        self._filter: Any = None

    def watch(self) -> None:
        window = self._desktop.window()
        if self._watched is None and window is not None:
            self._watched, self._filter = window, _Filter(self._mayClose)
            window.installEventFilter(self._filter)

    def forget(self) -> None:
        window, filter_ = self._watched, self._filter
        self._watched = self._filter = None
        if window is not None:
            window.removeEventFilter(filter_)
            filter_.deleteLater()
