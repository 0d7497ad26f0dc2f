"""Fetches, imports and checks weights: each after the user's click, a download after their consent as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .Desktop import Desktop, Slot, tellFaults
from .ImportDialog import ImportDialog
from .LicenceDialog import LicenceDialog
from .TaskDesk import TaskDesk


@dataclass(frozen=True)
class Dialogs:
    """Each makes a fresh one: for licence and consent; and for what a file is that does not tell."""

    licence: Callable[[], LicenceDialog]
    whatItIs: Callable[[], ImportDialog]


class WeightsDesk(TaskDesk):
    """
    Attributes:
        chosen: emitted with a text for the parameter `weights`, when there are new ones to compute with.
        replaced: emitted, after `chosen`, when there were others of that name before, which a process may have still.
    """

    def __init__(
        self,
        task: TaskProcess,
        activity: Activity,
        desktop: Desktop,
        dialogs: Dialogs,
        installed: Callable[[], Any],
        around: Callable[[Slot], Slot] = tellFaults,
    ) -> None:
        """
        Args:
            task: runs the engine's tasks.
            activity: is told what runs.
            desktop: asks for files.
            dialogs: what is asked.
            installed: gives the records of the weights that are here.
            around: gives the function to connect in place of a slot, which tells what that raises.
        """
        super().__init__(task, activity, desktop, around)
        self.chosen, self.replaced = Signal(), Signal()
        self._dialogs, self._installed = dialogs, installed
        self._cancels["download"] = self._cancelDownload
        self._import: Mapping[str, Any] = {}

    def download(self) -> None:
        """Show licence, size and hosts; nothing is fetched before the user agrees."""
        self._run("catalogue", {}, _("Looking up licence and size"), self._askConsent)

    def importFile(self, ownName: str = "") -> None:
        """Ask for a file and copy it into the store: the published one, or under a name of the user's own.

        What the file does not tell by itself is asked: which one it is, and whether another may be replaced.
        """
        if self._activity.isBusy:
            return
        path = self._desktop.file(_("Import weights"), _("Weights (*.torch *.pt *.pth *.safetensors);;All files (*)"))
        if path:
            self._importAs(path=path, id="", own_name=ownName, overwrite=False)

    def chooseFile(self) -> None:
        """Compute with a file where it lies."""
        path = self._desktop.file(_("Choose weights"), _("Weights (*.torch *.pt *.pth *.safetensors);;All files (*)"))
        if path:
            self.chosen.emit(path)

    def verify(self) -> None:
        """Compare the files that are here with their checksums."""
        self._run("verify", {}, _("Reading the weights"), self._onVerified)

    def close(self) -> None:
        for signal in (self.chosen, self.replaced):
            signal.disconnectAll()
        super().close()

    def _importAs(self, **arguments: Any) -> None:
        self._import = {**self._import, **arguments}
        self._run("import", self._import, _("Importing weights"), self._onRecord)

    def _askWhatItIs(self, message: str, catalogue: Mapping[str, Any]) -> None:
        """Of published files, only one whose size nobody knew can be meant."""
        offered = [
            entry
            for entry in catalogue["entries"]
            if entry["size"] is None and entry["kind"] != "tables" and not entry["refused"]
        ]
        self._closeDialog()
        self._dialog = dialog = self._dialogs.whatItIs()
        dialog.chosen.connect(self._around(lambda entry, name: self._importAs(id=entry, own_name=name)))
        dialog.open(message, self._import["path"], offered)

    def _askWhetherToReplace(self, message: str) -> None:
        question = _("{message} Replace what is here? Features of both cannot be compared.")
        if self._desktop.confirm(question.format(message=message)):
            self._importAs(overwrite=True)
        else:
            self._activity.tell(_("Nothing was imported."))

    def _cancelDownload(self) -> None:
        self._task.cancel()
        self._activity.tell(_("Cancelled. What is here already is kept: Download goes on from there."))

    def _askConsent(self, catalogue: Mapping[str, Any]) -> None:
        offered = [entry for entry in catalogue["entries"] if entry["kind"] == "encoder" and not entry["refused"]]
        if not offered:
            self.failed.emit(_("The catalogue offers no weights to download. Import a file instead."))
            return
        self._closeDialog()
        self._dialog = dialog = self._dialogs.licence()
        dialog.agreed.connect(self._around(self._fetch))
        dialog.asked.connect(self._around(self._askLicences))
        dialog.open(offered, catalogue["hosts"])

    def _askLicences(self, entryId: str) -> None:
        """At the user's wish: this contacts the repositories."""
        show = partial(self._showLicences, entryId)
        self._run("licences", {"id": entryId}, _("Asking the repositories"), show)

    def _showLicences(self, entryId: str, result: Mapping[str, Any]) -> None:
        if isinstance(self._dialog, LicenceDialog):
            self._dialog.showLicences(entryId, result["licences"])

    def _onEnded(self) -> None:
        if isinstance(self._dialog, LicenceDialog):
            self._dialog.endAsking()

    def _fetch(self, entryId: str, mirror: str) -> None:
        arguments = {"id": entryId, "mirror": mirror}
        self._run("download", arguments, _("Downloading {name}").format(name=entryId), self._onRecord)

    def _onRecord(self, result: Mapping[str, Any]) -> None:
        record = result["record"]
        text = _("The weights {name} are here, and are used from now on.").format(name=record["id"])
        agreements = "; ".join(result.get("agreements", ()))
        self._activity.tell(f"{text} {agreements[0].upper()}{agreements[1:]}." if agreements else text)
        self.chosen.emit(record["id"])
        if self._isHere(record["id"]):  # as it was before: nobody has looked again yet
            self.replaced.emit()
        self._tellDoubts(result)
        self.changed.emit()

    def _tellDoubts(self, *told: Mapping[str, Any]) -> None:
        """What others say otherwise than what is here: loud, and no reason to refuse."""
        doubts = [doubt for each in told for doubt in each.get("doubts", ())]
        if doubts:
            self.failed.emit(" ".join(doubts))

    def _isHere(self, name: str) -> bool:
        return name in [record["id"] for record in self._installed()]

    def _onVerified(self, result: Mapping[str, Any]) -> None:
        bad = [each for each in result["files"] if each["problem"]]
        if bad:
            self._activity.tell(_("Not all weights are as they were fetched."))
            self.failed.emit(" ".join(each["problem"] for each in bad))
        elif result["files"]:
            names = ", ".join(each["id"] for each in result["files"])
            self._activity.tell(_("Checked, and as they were fetched: {names}.").format(names=names))
        else:
            self._activity.tell(_("No weights are installed."))
        if not bad:
            self._tellDoubts(*result["files"])
        self.changed.emit()

    def _onFailed(self, code: str, message: str) -> None:
        if code == "unidentified":
            self._run("catalogue", {}, _("Looking up what it may be"), partial(self._askWhatItIs, message))
        elif code == "replaces":
            self._askWhetherToReplace(message)
        else:
            super()._onFailed(code, message)
