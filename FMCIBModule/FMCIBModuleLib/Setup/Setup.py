"""What must be here before anything can be analysed, wired together: the window makes one and hears a few signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .AdvancedDesk import AdvancedDesk, Facts
from .AdvancedPanel import AdvancedPanel
from .BatchDesk import BatchDesk
from .Desktop import Desktop, Slot
from .HeadsDesk import HeadsDesk
from .ImportDialog import ImportDialog
from .Installer import Installer
from .LicenceDialog import LicenceDialog
from .RemovalDesk import RemovalDesk
from .RemovalDialog import RemovalDialog
from .Requirements import Requirement, Requirements
from .RequirementsPanel import RequirementsPanel
from .Settings import Settings
from .TrainingDesk import TrainingDesk
from .WeightsDesk import Dialogs, WeightsDesk


@dataclass(frozen=True)
class Tools:
    """What this works with; tests hand in their own."""

    makeTask: Callable[[], TaskProcess] = TaskProcess
    makeInstaller: Callable[[], Installer] = Installer
    settings: Settings = field(default_factory=Settings)
    desktop: Desktop = field(default_factory=Desktop)


class Setup:
    """Requirements, Installer, weights and the Advanced panel. Nothing happens before `start` but the user's clicks.

    Attributes:
        heads: what predicts, listed, imported and removed.
        training: heads of one's own.
        batch: many scans at once.
        ready: emitted when all that an analysis needs has come to be here.
        installed: emitted when processes that run should be started again: packages, weights or the folder are others.
        packagesInstalled: emitted when packages have come to be here.
        weightsChanged, deviceChanged: emitted with the text that the parameter node should have now.
        noticeChanged: emitted with `notice`.
        failed: emitted with a sentence that names the fix.
    """

    def __init__(
        self,
        requirementsPanel: RequirementsPanel,
        advancedPanel: AdvancedPanel,
        licenceUiPath: str,
        facts: Facts | None = None,
        tools: Tools | None = None,
    ) -> None:
        tools, facts = tools or Tools(), facts or Facts()
        self.ready, self.installed, self.failed, self.packagesInstalled = Signal(), Signal(), Signal(), Signal()
        self.weightsChanged, self.deviceChanged, self.noticeChanged = Signal(), Signal(), Signal()
        self._panel, self._advanced, self._desktop = requirementsPanel, advancedPanel, tools.desktop
        self._settings, self._around = tools.settings, facts.around
        self._settings.apply()
        self._activity = Activity()
        self.requirements = Requirements(tools.makeTask(), facts.around)
        self._installer = tools.makeInstaller()
        self._weights = WeightsDesk(
            tools.makeTask(),
            self._activity,
            tools.desktop,
            Dialogs(
                lambda: LicenceDialog(licenceUiPath, tools.desktop.window()),
                lambda: ImportDialog(str(Path(licenceUiPath).with_name("Import.ui")), tools.desktop.window()),
            ),
            lambda: self.requirements.installedWeights,
            facts.around,
        )
        self._desk = AdvancedDesk(advancedPanel, tools.makeTask(), self._activity, tools.settings, tools.desktop, facts)
        self._removal = RemovalDesk(
            tools.makeTask(),
            self._activity,
            tools.desktop,
            lambda: RemovalDialog(str(Path(licenceUiPath).with_name("Removal.ui")), tools.desktop.window()),
            lambda: not self.batch.isRunning and facts.letGo(),
            facts.around,
        )
        self.heads = HeadsDesk(tools.makeTask(), tools.desktop, facts.around)
        self._desk.logs += [lambda: self._weights.log, lambda: self._installer.lastLog, lambda: self._removal.log]
        self.training = TrainingDesk(tools.makeTask(), tools.desktop, facts.around)
        self.batch = BatchDesk(tools.makeTask(), tools.desktop, facts.letGo, facts.around)
        self._desk.logs += [lambda: self.heads.log, lambda: self.training.log, lambda: self.batch.log]
        self._device, self._notice = "auto", ""
        self._wasReady = self._isStarted = False
        self._connectLogic()
        self._connectPanels()
        self._show()

    @property
    def isReady(self) -> bool:
        """Whether all that an analysis needs is here, as far as the last probe knows."""
        return self.requirements.isReady

    @property
    def notice(self) -> str:
        """One line that must be seen where the chosen weights are used; empty if there is none."""
        return self.requirements.notice

    def start(self) -> None:
        """The user comes: look once what is here; again only when something has changed."""
        self._panel.collapse()
        if not self._isStarted:
            self._isStarted = True
            self.requirements.probe()

    def showWeights(self, text: str) -> None:
        """The parameter `weights` of the scene."""
        self.requirements.weights = text
        self._show()

    def showDevice(self, text: str, engine: str = "auto") -> None:
        """The parameters `device` and `engine` of the scene."""
        self._device = self._desk.device = self.requirements.device = text
        self._desk.engine = self.requirements.engine = engine
        self._show()

    def remember(self, message: str) -> None:
        """A message that the user was shown elsewhere, for the log and *Copy diagnostics*."""
        self._desk.remember(message)

    def showLog(self) -> None:
        """Show the log as it is now, such as when the Advanced part is opened."""
        self._desk.showLog()

    def installForTraining(self, names: list[str]) -> None:
        """Ask, and install what training needs beside an analysis."""
        question = _(
            "These packages will be downloaded into Slicer's Python, with what they need: {names}. Slicer's own numpy, "
            "scipy, SimpleITK and pydicom stay as they are."
        )
        if not self._activity.isBusy and self._desktop.confirm(question.format(names=", ".join(names))):
            self._install(names, "")

    def close(self) -> None:
        """End all processes; nothing is told any more."""
        signals = (self.ready, self.installed, self.failed, self.weightsChanged, self.deviceChanged, self.noticeChanged)
        for signal in (*signals, self.packagesInstalled, self._activity.changed):
            signal.disconnectAll()
        for part in (self.requirements, self._installer, self._weights, self._removal, self._desk, self.heads):
            part.close()
        self.training.close()
        self.batch.close()

    def _connectLogic(self) -> None:
        self._connect(self._activity.changed, self._showActivity)
        self._connect(self.requirements.changed, self._show)
        for part in (self.requirements, self._installer, self._weights, self._removal, self._desk, self.heads):
            self._connect(part.failed, self._fail)
        self._connect(self._installer.progressed, self._activity.show)
        self._connect(self._installer.ended, self._activity.end)
        self._connect(self._installer.installed, self._onInstalled)
        self._connect(self._weights.chosen, self._chooseWeights)
        self._connect(self._weights.replaced, self.installed.emit)
        for part in (self._weights, self._removal):
            self._connect(part.changed, self.requirements.probe)
        self._connect(self._desk.cacheChanged, self._onCacheChanged)
        self._connect(self.heads.changed, self.installed.emit)
        for part in (self.training, self.batch):
            self._connect(part.failed, self.remember)
        for changed in (self._removal.changed, self._desk.cacheChanged):
            self._connect(changed, self.heads.lookAgain)

    def _connectPanels(self) -> None:
        panel, advanced = self._panel, self._advanced
        self._connect(panel.torchClicked, self._installTorch)
        self._connect(panel.extensionsClicked, self._desktop.openExtensions)
        self._connect(panel.packagesClicked, self._installPackages)
        self._connect(panel.wheelsClicked, self._installWheels)
        self._connect(panel.fasterClicked, self._installFaster)
        self._connect(panel.fasterWheelsClicked, self._installFasterFromFolder)
        self._connect(panel.downloadClicked, self._weights.download)
        self._connect(panel.importClicked, self._weights.importFile)
        self._connect(panel.trialClicked, lambda: self._chooseWeights(self.requirements.trial))
        self._connect(panel.checkClicked, self.requirements.probe)
        self._connect(panel.cancelClicked, self._activity.cancel)
        self._connect(advanced.deviceChosen, self._chooseDevice)
        self._connect(advanced.weightsChosen, self._chooseWeights)
        self._connect(advanced.weightsFileWanted, self._weights.chooseFile)
        self._connect(advanced.importClicked, self._weights.importFile)
        self._connect(advanced.downloadClicked, self._weights.download)
        self._connect(advanced.verifyClicked, self._weights.verify)
        self._connect(advanced.removeClicked, self._removal.open)
        self._connect(advanced.diagnosticsClicked, lambda: self._desk.copyDiagnostics(self.requirements))
        self._connect(advanced.cancelClicked, self._activity.cancel)

    def _connect(self, signal: Signal, slot: Slot) -> None:
        """A signal's own listeners are only logged where they raise, and the user is to be told."""
        signal.connect(self._around(slot))

    def _installTorch(self) -> None:
        question = _(
            "PyTorch will be downloaded and installed by the extension PyTorch, which asks once more: 0.2 GB, or some "
            "GB for a GPU. Slicer does not react until it is done, which takes minutes."
        )
        if not self._activity.isBusy and self._desktop.confirm(question):
            text = _("Installing PyTorch: Slicer does not react until it is done")
            self._activity.begin(text, self._installer.installTorch)

    def _installPackages(self) -> None:
        names = self.requirements.missingPackages()
        question = _(
            "These packages will be downloaded into Slicer's Python, with what they need: {names}. Slicer's own numpy, "
            "scipy, SimpleITK and pydicom stay as they are."
        )
        if not names:  # something of Slicer's own does not work, and is not ours to replace
            self._fail(self._requirement("packages").fix)
        elif not self._activity.isBusy and self._desktop.confirm(question.format(names=", ".join(names))):
            self._install(names, "")

    def _installWheels(self) -> None:
        torch = [] if self._requirement("torch").state == "good" else ["torch"]
        names = [*torch, *self.requirements.missingPackages()]
        if self._activity.isBusy:
            return
        if not names:
            self._fail(self._requirement("packages").fix)
            return
        folder = self._desktop.folder(_("Folder of wheels"))
        question = _(
            "These packages will be installed into Slicer's Python from that folder, without network: {names}."
        )
        if folder and self._desktop.confirm(question.format(names=", ".join(names))):
            self._install(names, folder)

    def _installFaster(self) -> None:
        question = _(
            "OpenVINO will be downloaded into Slicer's Python, with its own small package for statistics, which is "
            "never used here. It computes the same features to rounding, faster. Slicer's own packages stay."
        )
        if not self._activity.isBusy and self._desktop.confirm(question):
            self._install(["openvino"], "")

    def _installFasterFromFolder(self) -> None:
        if self._activity.isBusy:
            return
        folder = self._desktop.folder(_("Folder of wheels"))
        question = _("OpenVINO will be installed into Slicer's Python from that folder, without network.")
        if folder and self._desktop.confirm(question):
            self._install(["openvino"], folder)

    def _requirement(self, name: str) -> Requirement:
        return next(each for each in self.requirements.list() if each.name == name)

    def _install(self, names: list[str], folder: str) -> None:
        text = _("Installing {names}").format(names=", ".join(names))
        start = partial(self._installer.install, names, folder)
        self._activity.begin(text, start, self._cancelInstallation, lambda: self._installer.canCancel)

    def _cancelInstallation(self) -> None:
        self._installer.cancel()
        self._activity.tell(_("Cancelled. Nothing was installed."))

    def _onInstalled(self) -> None:
        self._activity.tell(_("Installed."))
        self.requirements.probe()
        self.installed.emit()
        self.packagesInstalled.emit()

    def _onCacheChanged(self) -> None:
        self.requirements.probe()
        self.installed.emit()

    def _chooseWeights(self, text: str) -> None:
        self.showWeights(text)
        self.weightsChanged.emit(text)

    def _chooseDevice(self, text: str) -> None:
        self.showDevice(text, self.requirements.engine)
        self.deviceChanged.emit(text)

    def _fail(self, message: str) -> None:
        self._desk.remember(message)
        self.failed.emit(message)

    def _showActivity(self) -> None:
        for panel in (self._panel, self._advanced):
            panel.showActivity(self._activity.text, self._activity.fraction, self._activity.canCancel)
            panel.showNote(self._activity.note)

    def _show(self) -> None:
        requirements, result = self.requirements, self.requirements.result
        self._panel.showRequirements(
            requirements.list(), self._installer.hasTorchExtension, self._desktop.canOpenExtensions
        )
        self._panel.showFaster(requirements.faster())
        isKnown = result is not None
        self._advanced.showDevices(requirements.deviceTitles(), self._device, isKnown)
        self._advanced.showWeights(requirements.weightsTitles(), requirements.weights, isKnown)
        folder = self._settings.cacheFolder or (result or {}).get("cache_folder") or ""
        self._advanced.showCache(folder, self._settings.whyFixed)
        if requirements.isReady != self._wasReady:
            self._wasReady = requirements.isReady
            if self._wasReady:
                self.ready.emit()
        if self.notice != self._notice:
            self._notice = self.notice
            self.noticeChanged.emit(self._notice)
