"""What runs now at the user's wish: an installation, a download, a self-test. One at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..Signal import Signal


class Activity:
    """
    Attributes:
        changed: emitted when any of this is another.
        text: what happens now; empty if nothing.
        fraction: how far it is (0 to 1), or None where nobody knows.
        note: what came of the last thing, until the next begins.
    """

    def __init__(self) -> None:
        self.changed = Signal()
        self.text, self.note = "", ""
        self.fraction: float | None = None
        self._cancel: Callable[[], Any] | None = None
        self._canCancel: Callable[[], bool] = lambda: True

    @property
    def isBusy(self) -> bool:
        return bool(self.text)

    @property
    def canCancel(self) -> bool:
        return self.isBusy and self._cancel is not None and self._canCancel()

    def begin(
        self,
        text: str,
        start: Callable[[], Any],
        cancel: Callable[[], Any] | None = None,
        canCancel: Callable[[], bool] = lambda: True,
    ) -> None:
        """`start` begins something, which `cancel` ends, as long as `canCancel` says so. If it raises, nothing runs."""
        self.text, self.fraction, self.note = text, None, ""
        self._cancel, self._canCancel = cancel, canCancel
        self.changed.emit()
        try:
            start()
        except Exception:
            self.end()
            raise
        self.changed.emit()  # it runs now, and can be cancelled

    def show(self, text: str, fraction: float | None = None) -> None:
        if self.isBusy:
            self.text, self.fraction = text or self.text, fraction
            self.changed.emit()

    def end(self) -> None:
        self.text, self.fraction, self._cancel = "", None, None
        self.changed.emit()

    def cancel(self) -> None:
        """End what runs; the note says that it was cancelled, and anybody may say more."""
        if self.canCancel:
            self._cancel()

    def tell(self, note: str) -> None:
        """What came of it, in words."""
        self.note = note
        self.changed.emit()
