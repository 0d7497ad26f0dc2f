"""What desks have in common that run the engine's tasks, one at a time, and ask by a dialog in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .Desktop import Desktop, Slot


class TaskDesk:
    """
    Attributes:
        changed: emitted when what is in the cache folder may be another.
        failed: emitted with sentences that name the fix.
    """

    def __init__(self, task: TaskProcess, activity: Activity, desktop: Desktop, around: Callable[[Slot], Slot]) -> None:
        """
        Args:
            task: runs the engine's tasks.
            activity: is told what runs.
            desktop: asks the user.
            around: gives the function to connect in place of a slot, which tells what that raises.
        """
        self.changed, self.failed = Signal(), Signal()
        self._task, self._activity, self._desktop, self._around = task, activity, desktop, around
        self._cancels: dict[str, Callable[[], Any]] = {}
        """By the name of a task: what ends it, where more is to be done than to end it."""
        self._onResult: Callable[[Mapping[str, Any]], Any] = lambda _result: None
        self._dialog: Any = None
        task.progressed.connect(activity.show)
        task.ended.connect(activity.end)
        task.ended.connect(around(self._onEnded))
        task.done.connect(around(self._onDone))
        task.failed.connect(around(self._onFailed))

    @property
    def log(self) -> str:
        return self._task.lastLog

    def close(self) -> None:
        for signal in (self.changed, self.failed):
            signal.disconnectAll()
        self._task.close()
        self._closeDialog()

    def _run(self, name: str, arguments: Mapping[str, Any], text: str, onResult: Callable[..., Any]) -> None:
        if self._activity.isBusy or self._task.isRunning:
            return
        self._onResult = onResult
        cancel = self._cancels.get(name, self._task.cancel)
        self._activity.begin(text, partial(self._task.start, name, arguments), cancel)

    def _onDone(self, result: Mapping[str, Any]) -> None:
        self._onResult(result)

    def _onEnded(self) -> None:
        """A task has ended, in whatever way; its result or failure is told apart from this."""

    def _onFailed(self, _code: str, message: str) -> None:
        self.failed.emit(message)
        self.changed.emit()

    def _closeDialog(self) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.close()
            dialog.widget.deleteLater()
