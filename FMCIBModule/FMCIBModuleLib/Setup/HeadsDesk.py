"""Lists, imports and removes heads: each after the user's click, a removal after their consent as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .Desktop import Desktop, Slot, tellFaults
from .TaskDesk import TaskDesk


class HeadsDesk(TaskDesk):
    """
    Attributes:
        activity: what runs here; others go on beside it.
        listed: emitted with the result of the engine's task `heads`.
        changed: emitted when there are other heads: processes that have loaded those of before should begin anew.
    """

    def __init__(self, task: TaskProcess, desktop: Desktop, around: Slot = tellFaults) -> None:
        """
        Args:
            task: runs the engine's tasks.
            desktop: asks for files, and for consent.
            around: gives the function to connect in place of a slot, which tells what that raises.
        """
        self.activity = Activity()
        super().__init__(task, self.activity, desktop, around)
        self.listed = Signal()
        self._hasLooked, self._importing, self._note = False, "", ""

    def look(self) -> None:
        """Look which heads are here."""
        self._hasLooked = True
        self._run("heads", {}, _("Looking which heads are here"), self._onListed)

    def lookAgain(self) -> None:
        """The same where somebody has looked before."""
        if self._hasLooked:
            self.look()

    def importFile(self) -> None:
        """Ask for a file, and take it in."""
        path = "" if self.activity.isBusy else self._desktop.file(_("Import a head"), _("Heads") + " (*.head)")
        if path:
            self._import(path, overwrite=False)

    def takeIn(self, path: str) -> None:
        """Take in the head of a file that the user has named otherwise, such as one that was just trained."""
        if not self.activity.isBusy:
            self._import(path, overwrite=False)

    def remove(self, head: Mapping[str, Any]) -> None:
        """Ask, and remove.

        Args:
            head: as the task `heads` tells it.
        """
        question = _(
            "The head {name} will be removed: {title}. It must be imported or trained again then: keep the file from "
            "which it came. What it said of lesions stays in the scene."
        )
        if not self.activity.isBusy and self._desktop.confirm(question.format(name=head["id"], title=head["title"])):
            self._run("remove", {"names": [head["removed_as"]]}, _("Removing a head"), self._onRemoved)

    def close(self) -> None:
        self.listed.disconnectAll()
        self.activity.changed.disconnectAll()
        super().close()

    def _import(self, path: str, *, overwrite: bool) -> None:
        self._importing = path
        arguments = {"path": path, "overwrite": overwrite}
        self._run("import_head", arguments, _("Importing {name}").format(name=Path(path).name), self._onImported)

    def _onListed(self, result: Mapping[str, Any]) -> None:
        note, self._note = self._note, ""
        self.activity.tell(note)
        self.listed.emit(result)

    def _onImported(self, result: Mapping[str, Any]) -> None:
        self._importing = ""
        self._onChanged(_("Imported: {name}. Analyse lesions again to see what it says.").format(**_named(result)))

    def _onRemoved(self, result: Mapping[str, Any]) -> None:
        if result["stayed"]:
            self.failed.emit(" ".join(each["problem"] for each in result["stayed"]))
        names = ", ".join(Path(each).stem for each in result["gone"]) or _("nothing")
        self._onChanged(_("Removed: {names}.").format(names=names))

    def _onChanged(self, note: str) -> None:
        self._note = note
        self.changed.emit()
        self.look()

    def _onFailed(self, code: str, message: str) -> None:
        path, self._importing, self._note = self._importing, "", ""
        if code == "replaces" and path:
            if self._desktop.confirm(_("{problem} Replace it now?").format(problem=message)):
                self._import(path, overwrite=True)
            return
        self.failed.emit(message)


def _named(result: Mapping[str, Any]) -> dict[str, str]:
    return {"name": result["head"]["id"]}
