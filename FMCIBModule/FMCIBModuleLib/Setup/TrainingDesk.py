"""Looks at what a head could learn from a table, and trains it: each in a process, which ends at a click."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmcib_engine.probing.places import places_in
from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .Desktop import Desktop, Slot, tellFaults
from .TaskDesk import TaskDesk

Wanted = Mapping[str, Any]
"""Arguments of the engine's tasks `check_head` and `train_head`."""


class TrainingDesk(TaskDesk):
    """
    Attributes:
        activity: what runs here; others go on beside it.
        checked, trained: emitted with the result of the engine's task of that name.
    """

    def __init__(self, task: TaskProcess, desktop: Desktop, around: Slot = tellFaults) -> None:
        """
        Args:
            task: runs the engine's tasks.
            desktop: asks whether a head is replaced.
            around: gives the function to connect in place of a slot, which tells what that raises.
        """
        self.activity = Activity()
        super().__init__(task, self.activity, desktop, around)
        self.checked, self.trained = Signal(), Signal()
        self._next: Wanted | None = None
        self._training: Wanted | None = None
        self._last: Wanted = {}

    @property
    def isTraining(self) -> bool:
        return self._training is not None

    def check(self, wanted: Wanted) -> None:
        """Look what could be learned, in the place of a look that is going on; nothing while a head is trained."""
        if self.isTraining:
            return
        if self._task.isRunning:
            self._next = wanted
            self._task.cancel()
        else:
            self._run("check_head", wanted, _("Looking at the table"), self.checked.emit)

    def train(self, wanted: Wanted) -> None:
        """Train a head, unless something runs; one of that name is replaced after a question."""
        if not self._task.isRunning and not self.activity.isBusy:
            self._training = wanted
            self._run("train_head", wanted, _("Training the head {name}").format(name=wanted["name"]), self._onTrained)

    def cancel(self) -> None:
        """End the training at once. Nothing of it is left, and what was there before is there."""
        if self.isTraining:
            self._task.cancel()

    def close(self) -> None:
        for signal in (self.checked, self.trained, self.activity.changed):
            signal.disconnectAll()
        super().close()
        self._tidyUp()

    def _onEnded(self) -> None:
        """However it came: it may have been killed while it wrote."""
        wasTraining, next_ = self.isTraining, self._next
        self._next = None
        self._tidyUp()
        if wasTraining:
            self.activity.tell(_("No head was trained. What was there before is there."))
        if next_ is not None:
            self.check(next_)

    def _tidyUp(self) -> None:
        wanted, self._training = self._training, None
        if wanted is not None:
            self._last = wanted
            places_in(Path(wanted["folder"]), wanted["name"]).tidy_up()

    def _onTrained(self, result: Mapping[str, Any]) -> None:
        self.activity.tell(_("Trained: {name}.").format(name=result["head"]["id"]))
        self.trained.emit(result)

    def _onFailed(self, code: str, message: str) -> None:
        if code == "replaces":
            if self._desktop.confirm(_("{problem} Replace it now?").format(problem=message)):
                self.train({**self._last, "overwrite": True})
            return
        self.failed.emit(message)
