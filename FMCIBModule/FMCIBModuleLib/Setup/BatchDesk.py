"""Looks what a batch would do, and runs it: each in a process beside Slicer. What was done is kept, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.RequestFile import writeRequest
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .Closing import Closing
from .Desktop import Desktop, Slot, tellFaults
from .TaskDesk import TaskDesk

Wanted = Mapping[str, Any]
"""What is asked of the engine's tasks `plan_batch` and `batch`."""


class BatchDesk(TaskDesk):
    """
    Attributes:
        activity: what runs here; others go on beside it.
        planned, finished: emitted with the result of the engine's task `plan_batch` or `batch`.
        began: emitted with what is asked when a run begins: its rows come from the first on.
        rowDone: emitted with each row, as the engine's task tells it.
    """

    def __init__(
        self,
        task: TaskProcess,
        desktop: Desktop,
        letGo: Callable[[], bool] = lambda: True,
        around: Callable[[Slot], Slot] = tellFaults,
    ) -> None:
        """
        Args:
            task: runs the engine's tasks.
            desktop: asks whether a run goes on, and whether Slicer may be closed in its midst.
            letGo: ends the process that has the window's own network; false while that is needed.
            around: gives the function to connect in place of a slot, which tells what that raises.
        """
        self.activity = Activity()
        super().__init__(task, self.activity, desktop, around)
        self.planned, self.finished, self.began, self.rowDone = Signal(), Signal(), Signal(), Signal()
        self._letGo = letGo
        self._closing = Closing(desktop, self._mayClose)
        self._request: Path | None = None
        self._running: Wanted | None = None
        self._last: Wanted = {}
        self._isCancelled = False
        self.done = 0
        """Rows that the run has told of, those of before included."""
        task.rowDone.connect(around(self._onRow))

    @property
    def isRunning(self) -> bool:
        """Whether lesions are being computed; a look is none."""
        return self._running is not None

    def plan(self, wanted: Wanted) -> None:
        """Look what would be done, unless something runs."""
        if not self.isRunning:
            self.done = 0
        self._ask("plan_batch", wanted, _("Looking what would be done"), self.planned.emit)

    def start(self, wanted: Wanted) -> None:
        """Run it, unless something runs. In a folder with a run the user is asked whether that goes on."""
        if self._task.isRunning or self.activity.isBusy:
            return
        self._letGo()  # the run has a network of its own: two may be more than a GPU has room for
        self._running = self._last = wanted
        self.done = 0
        self._closing.watch()
        self.began.emit(wanted)
        self._ask("batch", wanted, _("Beginning"), self._onFinished)

    def cancel(self) -> None:
        """End what runs at once."""
        if self._task.isRunning:
            self._isCancelled = True
            self._task.cancel()

    def close(self) -> None:
        for signal in (self.planned, self.finished, self.began, self.rowDone, self.activity.changed):
            signal.disconnectAll()
        super().close()
        self._tidyUp()

    def _ask(self, name: str, wanted: Wanted, text: str, onResult: Callable[..., Any]) -> None:
        if self._task.isRunning or self.activity.isBusy:
            return
        self._isCancelled = False
        try:
            self._request = writeRequest(name.replace("_", "-"), wanted)
        except OSError as error:
            self._tidyUp()
            text = _("Nothing was begun: a file for the question cannot be written ({reason}). Make room on the disk.")
            self.failed.emit(text.format(reason=error.strerror or type(error).__name__))
            return
        self._cancels[name] = self.cancel
        self._run(name, {"request": str(self._request)}, text, onResult)

    def _onRow(self, row: Mapping[str, Any]) -> None:
        self.done += 1
        self.rowDone.emit(row)

    def _onEnded(self) -> None:
        wasRunning = self.isRunning
        self._tidyUp()
        note = _("Cancelled.") if self._isCancelled else ""
        self.activity.tell(f"{note} {self._kept()}" if note and wasRunning else note)

    def _tidyUp(self) -> None:
        """The task removes its question, unless it was ended before."""
        self._running = None
        self._closing.forget()
        request, self._request = self._request, None
        if request is not None:
            request.unlink(missing_ok=True)

    def _onFinished(self, result: Mapping[str, Any]) -> None:
        self.finished.emit(result)

    def _onFailed(self, code: str, message: str) -> None:
        if code == "resumes":
            self._askWhetherToGoOn(message)
            return
        self.failed.emit(f"{message} {self._kept()}" if self.done else message)

    def _askWhetherToGoOn(self, message: str) -> None:
        if self._desktop.confirm(_("{problem} Go on with that run now?").format(problem=message)):
            self.start({**self._last, "resume": True})
        else:
            self.activity.tell(_("Nothing was begun. The run in that folder is as it was."))

    def _kept(self) -> str:
        if not self.done:
            return _("Nothing was done yet.")
        one = _("The row that was done is kept in {folder}. Start goes on from there.")
        several = _("The {done} rows that were done are kept in {folder}. Start goes on from there.")
        folder = Path(self._last["output"]).name
        return (one if self.done == 1 else several).format(done=f"{self.done:,}", folder=folder)

    def _mayClose(self) -> bool:
        question = _("Slicer is about to close while a batch runs. It will end. {kept} Close Slicer?")
        return self._desktop.confirm(question.format(kept=self._kept()))
