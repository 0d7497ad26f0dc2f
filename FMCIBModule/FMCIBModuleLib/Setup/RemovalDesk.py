"""Removes what was downloaded or imported into the cache folder, after the user has chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slicer.i18n import tr as _

from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .Desktop import Desktop, Slot, tellFaults
from .RemovalDialog import RemovalDialog, sizeText
from .TaskDesk import TaskDesk

_NEVER_OPEN = ("sample", "unfinished")
"""Kinds, as the engine's task `contents` tells them, that no process keeps open."""


class RemovalDesk(TaskDesk):
    """See `TaskDesk` for its signals."""

    def __init__(
        self,
        task: TaskProcess,
        activity: Activity,
        desktop: Desktop,
        makeDialog: Callable[[], RemovalDialog],
        letGo: Callable[[], bool],
        around: Callable[[Slot], Slot] = tellFaults,
    ) -> None:
        """
        Args:
            task: runs the engine's tasks.
            activity: is told what runs.
            desktop: asks once more about what does not come back.
            makeDialog: makes a fresh one.
            letGo: ends the process that has weights open; false while it is needed.
            around: gives the function to connect in place of a slot, which tells what that raises.
        """
        super().__init__(task, activity, desktop, around)
        self._makeDialog, self._letGo = makeDialog, letGo
        self._cancels["remove"] = self._cancelRemoval
        self._items: Sequence[Mapping[str, Any]] = ()
        self._removing: Sequence[str] = ()
        self._unknown: Sequence[str] = ()  # of which a removal was broken off, and nobody has looked yet
        self._isCancelled = False

    def open(self) -> None:
        """Look what lies there, and let the user choose; nothing is removed before they press *Remove*."""
        self._unknown = ()
        self._run("contents", {}, _("Looking what lies in the folder"), self._ask)

    def _ask(self, contents: Mapping[str, Any]) -> None:
        if contents["refused"]:
            self.failed.emit(contents["refused"])
            return
        if not contents["items"]:
            self._activity.tell(_("There is nothing to remove: nothing of this program lies in the folder."))
            return
        self._items = contents["items"]
        self._closeDialog()
        self._dialog = dialog = self._makeDialog()
        dialog.agreed.connect(self._around(self._remove))
        dialog.open(contents["folder"], contents["items"], contents["strange"])

    def _remove(self, names: Sequence[str]) -> None:
        """Whoever has weights open lets them go first."""
        lost = [each["name"] for each in self._items if each["name"] in names and not each["comes_back"]]
        question = _(
            "These were imported, and this program cannot fetch them again: {names}. Remove them all the same?"
        )
        if self._activity.isBusy or (lost and not self._desktop.confirm(question.format(names=", ".join(lost)))):
            return
        if self._areOpen(names) and not self._letGo():
            text = _("Nothing was removed: lesions are being analysed. Wait until they are done, or cancel them.")
            self.failed.emit(text)
            return
        self._removing, self._isCancelled = names, False
        self._run("remove", {"names": [*names]}, _("Removing files"), self._onRemoved)

    def _areOpen(self, names: Sequence[str]) -> bool:
        """Whether the process that computes may have some of these open."""
        chosen = [each for each in self._items if each["name"] in names]
        return any(each["kind"] not in _NEVER_OPEN for each in chosen)

    def _onRemoved(self, result: Mapping[str, Any]) -> None:
        self._removing = ()
        text = _("Removed: {names}. {size} were freed.")
        gone = ", ".join(result["gone"]) or _("nothing")
        self._activity.tell(text.format(names=gone, size=sizeText(result["freed"])))
        if result["stayed"]:
            self.failed.emit(" ".join(each["problem"] for each in result["stayed"]))
        self.changed.emit()

    def _cancelRemoval(self) -> None:
        self._isCancelled = True
        self._task.cancel()

    def _onEnded(self) -> None:
        if self._isCancelled:
            self._isCancelled = False
            self._lookWhatStayed()

    def _onFailed(self, _code: str, message: str) -> None:
        self.failed.emit(message)
        if self._removing:  # it may have ended in the midst
            self._lookWhatStayed()
        elif self._unknown:
            names, self._unknown = self._unknown, ()
            text = _("Nobody could look what stayed of {names}. Look again: Remove downloaded files…")
            self._activity.tell(text.format(names=", ".join(names)))
        self.changed.emit()

    def _lookWhatStayed(self) -> None:
        self._unknown, self._removing = self._removing, ()
        self._run("contents", {}, _("Looking what stayed"), self._tellWhatStayed)

    def _tellWhatStayed(self, contents: Mapping[str, Any]) -> None:
        names, self._unknown = self._unknown, ()
        here = [each["name"] for each in contents["items"]]
        gone, stayed = [name for name in names if name not in here], [name for name in names if name in here]
        text = _("The removal was broken off. Removed: {gone}. Still here: {stayed}.")
        none = _("nothing")
        self._activity.tell(text.format(gone=", ".join(gone) or none, stayed=", ".join(stayed) or none))
        self.changed.emit()
