"""Lists, imports, exports, renames and removes heads after the user's click; nothing is replaced or removed unasked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .Desktop import Desktop, Slot, tellFaults
from .TaskDesk import TaskDesk

_SUFFIX = ".head"


class HeadsDesk(TaskDesk):
    """
    Attributes:
        activity: what runs here; others go on beside it.
        listed: emitted with the result of the engine's task `heads`.
        renamed: emitted with a head as it was, and as it is now, before `changed`.
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
        self.listed, self.renamed = Signal(), Signal()
        self._hasLooked, self._importing, self._note = False, "", ""
        self._isOfList = False
        """Whether what runs is about a head of the list, which may be of before."""

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
        path = "" if self.activity.isBusy else self._desktop.file(_("Import a head"), _kinds())
        if path:
            self._import(path, overwrite=False)

    def takeIn(self, path: str) -> None:
        """Take in the head of a file that the user has named otherwise, such as one that was just trained."""
        if not self.activity.isBusy:
            self._import(path, overwrite=False)

    def exportFile(self, head: Mapping[str, Any]) -> None:
        """Ask for a file, and copy a head's into it.

        Args:
            head: as the task `heads` tells it; exported is that very one, and no other of its name.
        """
        title = _("Export the head {name}").format(name=head["id"])
        named = "" if self.activity.isBusy else self._desktop.saveFile(title, head["id"] + _SUFFIX, _kinds())
        if not named:
            return
        path = Path(named)
        if path.suffix.lower() != _SUFFIX:  # a name may have a point
            path = path.with_name(path.name + _SUFFIX)
            question = _("{file} is there already. Replace it?").format(file=path.name)
            if path.exists() and not self._desktop.confirm(question):  # the dialog asked about the name that was typed
                return
        arguments = {"name": head["id"], "path": str(path), "sha256": head["sha256"], "overwrite": True}
        self._isOfList = True
        self._run("export_head", arguments, _("Exporting {name}").format(name=head["id"]), self._onExported)

    def rename(self, head: Mapping[str, Any]) -> None:
        """Ask for a name, and give it to a head of the user's.

        Args:
            head: as the task `heads` tells it.
        """
        label = _(
            "New name of {name}: small letters, digits, - and _.\nWhat it said of lesions stays in the scene under its "
            "former name, until they are analysed again."
        )
        if self.activity.isBusy:
            return
        name = self._desktop.text(_("Rename a head"), label.format(name=head["id"]), head["id"]).strip()
        if name and name != head["id"]:
            arguments = {"name": head["id"], "new_name": name, "sha256": head["sha256"]}
            self._isOfList = True
            self._run("rename_head", arguments, _("Renaming a head"), partial(self._onRenamed, head))

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
        self.renamed.disconnectAll()
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

    def _onExported(self, result: Mapping[str, Any]) -> None:
        self._isOfList = False
        self.activity.tell(_("Exported: {name}, into {file}.").format(file=result["file"], **_named(result)))

    def _onRenamed(self, former: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        self._isOfList = False
        self.renamed.emit(former, result["head"])
        text = _("Renamed: {former} is called {name} now. Analyse lesions again to see its numbers under this name.")
        self._onChanged(text.format(former=former["id"], **_named(result)))

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
        isOfList, self._isOfList = self._isOfList, False
        if code == "replaces" and path:
            if self._desktop.confirm(_("{problem} Replace it now?").format(problem=message)):
                self._import(path, overwrite=True)
            return
        self.failed.emit(message)
        if isOfList:
            self.look()


def _kinds() -> str:
    return _("Heads") + f" (*{_SUFFIX})"


def _named(result: Mapping[str, Any]) -> dict[str, str]:
    return {"name": result["head"]["id"]}
