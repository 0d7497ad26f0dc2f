"""Device, precision, weights, folder, self-test, log and diagnostics."""

from __future__ import annotations

from collections.abc import Sequence

import slicer
from slicer.i18n import tr as _

from ..Room import reserve
from ..Signal import Signal
from .RequirementsPanel import clicks, showBusy, showFraction

_FILE = "choose a file"
"""Data of the entry that opens a file dialog. Not a name of weights: it has blanks."""


class AdvancedPanel:
    """Widgets in, signals out. The combo of precisions is bound by its SlicerParameterName.

    Attributes:
        widget: to be put into the window.
        deviceChosen: emitted with the text of the parameter `device`.
        weightsChosen: emitted with the text of the parameter `weights`.
        importClicked: emitted with the name that the user gives weights of their own, or an empty text.
        weightsFileWanted, downloadClicked, verifyClicked, cacheClicked, cacheResetClicked, removeClicked,
        selfTestClicked, diagnosticsClicked, logRefreshClicked, logCopyClicked, cancelClicked: emitted without values.
    """

    def __init__(self, uiPath: str) -> None:
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self.deviceChosen, self.weightsChosen, self.weightsFileWanted = Signal(), Signal(), Signal()
        self.importClicked = Signal()
        self.downloadClicked = clicks(ui.downloadWeightsButton)
        self.verifyClicked = clicks(ui.verifyButton)
        self.cacheClicked, self.cacheResetClicked = clicks(ui.cacheButton), clicks(ui.cacheResetButton)
        self.removeClicked = clicks(ui.removeFilesButton)
        self.selfTestClicked = clicks(ui.selfTestButton)
        self.diagnosticsClicked = clicks(ui.diagnosticsButton)
        self.logRefreshClicked, self.logCopyClicked = clicks(ui.logRefreshButton), clicks(ui.logCopyButton)
        self.cancelClicked = clicks(ui.advancedCancelButton)
        ui.importFileButton.connect("clicked(bool)", lambda *_values: self.importClicked.emit(self._ownName()))
        ui.deviceCombo.connect("activated(int)", self._onDevice)
        ui.weightsCombo.connect("activated(int)", self._onWeights)
        self._workers = (
            *(ui.weightsCombo, ui.ownNameEdit, ui.importFileButton, ui.downloadWeightsButton, ui.verifyButton),
            *(ui.removeFilesButton, ui.selfTestButton),
        )
        self._isFixed = self._isBusy = False
        self._chosen = {"device": "auto", "weights": ""}
        reserve(ui.advancedBusyWidget, 1)
        ui.advancedActivityPlace.minimumHeight = ui.advancedBusyWidget.minimumHeight
        self.showActivity("", None, canCancel=False)
        self.showNote("")
        self.showCache("", "")

    def showDevices(self, devices: Sequence[tuple[str, str]], chosen: str, isKnown: bool) -> None:
        """
        Args:
            devices: (text of the parameter, title) of those that are here.
            chosen: the parameter's text; one that is not here is shown as such.
            isKnown: whether it is known what is here.
        """
        self._fill("device", self.ui.deviceCombo, devices, chosen, isKnown)

    def showWeights(self, weights: Sequence[tuple[str, str]], chosen: str, isKnown: bool) -> None:
        """The same for the parameter `weights`; the last entry opens a file dialog."""
        entries = [*weights, (_FILE, _("Choose a file…"))]
        self._fill("weights", self.ui.weightsCombo, entries, chosen, isKnown)

    def showCache(self, folder: str, whyFixed: str) -> None:
        """The folder for weights, and why it cannot be changed, or an empty text."""
        self.ui.cacheEdit.text = folder
        self.ui.cacheEdit.cursorPosition = 0
        self.ui.cacheNote.text = whyFixed
        self.ui.cacheNote.visible = bool(whyFixed)
        self._isFixed = bool(whyFixed)
        self._enable()

    def showActivity(self, text: str, fraction: float | None, canCancel: bool) -> None:
        """What runs now, and how far it is (0 to 1; None: nobody knows); an empty text if nothing does."""
        showBusy(self.ui.advancedBusyWidget, self.ui.advancedBusyLabel, text)
        showFraction(self.ui.advancedProgressBar, fraction)
        self.ui.advancedCancelButton.enabled = canCancel
        self._isBusy = bool(text)
        self.showNote(self.ui.advancedNote.text)
        self._enable()

    def showNote(self, text: str) -> None:
        """What came of the last thing, such as a self-test, when nothing runs any more; empty hides it."""
        self.ui.advancedNote.text = text
        self.ui.advancedNote.visible = bool(text) and not self._isBusy

    def showLog(self, text: str) -> None:
        self.ui.logEdit.setPlainText(text)

    @property
    def log(self) -> str:
        """As it is shown."""
        return self.ui.logEdit.plainText

    def _ownName(self) -> str:
        return self.ui.ownNameEdit.text.strip()

    def _enable(self) -> None:
        for widget in self._workers:
            widget.enabled = not self._isBusy
        for widget in (self.ui.cacheButton, self.ui.cacheResetButton):
            widget.enabled = not self._isBusy and not self._isFixed

    def _fill(self, name: str, combo, entries: Sequence[tuple[str, str]], chosen: str, isKnown: bool) -> None:
        """What is chosen stays chosen, also where it is not here: nothing is replaced silently."""
        self._chosen[name] = chosen
        found = list(entries)
        if chosen not in [data for data, _title in found]:
            title = _("{name} (not here)") if isKnown else "{name}"
            short = chosen.replace("\\", "/").rpartition("/")[2] or _("(none)")
            found.insert(0, (chosen, title.format(name=short)))
        combo.clear()
        for data, title in found:
            combo.addItem(title, data)
        combo.currentIndex = [data for data, _title in found].index(chosen)

    def _onDevice(self, index: int) -> None:
        chosen = self.ui.deviceCombo.itemData(index)
        if chosen != self._chosen["device"]:
            self.deviceChosen.emit(chosen)

    def _onWeights(self, index: int) -> None:
        combo = self.ui.weightsCombo
        chosen = combo.itemData(index)
        if chosen == _FILE:
            combo.currentIndex = combo.findData(self._chosen["weights"])  # until a file is chosen
            self.weightsFileWanted.emit()
        elif chosen != self._chosen["weights"]:
            self.weightsChosen.emit(chosen)
