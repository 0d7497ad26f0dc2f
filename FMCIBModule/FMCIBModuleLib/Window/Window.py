"""The module's panel: its parts, put together, and kept in step with the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from fmcib_engine.preprocessing import DEFAULT_RECIPE
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..Analysis.Stability import Stability
from ..Room import reserveLines
from ..Scene.Lesions import namesInScene, volumesWithLesions
from ..Setup.AdvancedDesk import Facts
from ..Setup.AdvancedPanel import AdvancedPanel
from ..Setup.RequirementsPanel import RequirementsPanel
from ..Setup.Setup import Setup, Tools
from ..Soon import Soon
from ..Worker.WorkerProcess import EncoderSettings
from .Batch.BatchController import BatchController
from .Batch.BatchPanel import BatchPanel
from .ErrorBoundary import ErrorBoundary
from .Lesions.LesionsController import LesionsController
from .Lesions.LesionsPanel import LesionsPanel
from .MarksInView import MarksInView
from .OverlayInViews import OverlayInViews
from .Patch.PatchController import PatchController
from .Patch.PatchPanel import PatchPanel
from .Predictions.PredictionsController import PredictionsController
from .Predictions.PredictionsPanel import PredictionsPanel
from .Saliency.SaliencyController import SaliencyController
from .Saliency.SaliencyPanel import SaliencyPanel
from .Scan.ScanController import ScanController
from .Scan.ScanPanel import ScanPanel
from .SeedFollower import SeedFollower
from .SliceViews import backgrounds, refill, volumeToBeginWith
from .Stability.StabilityController import StabilityController
from .Stability.StabilityPanel import StabilityPanel
from .Training.TrainingController import TrainingController
from .Training.TrainingPanel import TrainingPanel
from .UndoSteps import forgetSteps


class Window(VTKObservationMixin):
    """What the user sees of the module.

    Attributes:
        widget: to be put into the module's layout.
        logic: the module's logic.
        setup: what is installed, and what is missing.
    """

    def __init__(self, logic, uiPath: Callable[[str], str], tools: Tools | None = None) -> None:
        """
        Args:
            logic: an `FMCIBModuleLogic`; the window closes it.
            uiPath: gives the path of a .ui file by its name.
            tools: what `setup` works with; tests hand in their own.
        """
        VTKObservationMixin.__init__(self)
        tools = tools or Tools()
        self.logic = logic
        self._parameters = None
        self._guiTag = self._observer = 0
        self._isEntered, self._why = False, ""
        self._before: set[str] = set()
        self._shownBefore: dict[str, str] = {}
        self._refillSoon = Soon(self._refillViews)
        self.widget = slicer.util.loadUI(uiPath("Window"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._makePanels(uiPath)
        self._layOut()
        analysis, tell = logic.analysis, self._scanPanel.showMessage
        self._boundary = ErrorBoundary(tell)
        worker, around = analysis.worker, self._boundary.around
        facts = Facts(lambda: worker.lastLog, namesInScene, self._settings, around, worker.letGo)
        self.setup = Setup(self._requirementsPanel, self._advancedPanel, uiPath("Licence"), facts, tools)
        self._follower = SeedFollower(analysis)
        self._scan = ScanController(self._scanPanel, analysis, self._follower, self._whyNotReady, tools.desktop.confirm)
        self._patches = PatchController(self._patchPanel, analysis, self._boundary)
        self._predictions = PredictionsController(self._predictionsPanel, analysis, self._boundary)
        self._overlays = OverlayInViews()
        self._saliency = SaliencyController(self._saliencyPanel, analysis, self._overlays, self._boundary)
        self._stability = StabilityController(
            self._stabilityPanel, Stability(analysis), analysis, self._overlays, self._boundary, tools.desktop
        )
        self._training = TrainingController(self._trainingPanel, self._boundary, tools.desktop)
        self._batch = BatchController(self._batchPanel, analysis, tools.desktop, self._whyNotReady)
        self._lesions = LesionsController(self._lesionsPanel, analysis, self._follower, tell)
        self._marks = MarksInView(self._boxesWanted)
        self._connect()
        self._lesions.refresh()

    def _makePanels(self, uiPath: Callable[[str], str]) -> None:
        self._scanPanel = ScanPanel(uiPath("Scan"))
        self._lesionsPanel = LesionsPanel(uiPath("Lesions"))
        self._patchPanel = PatchPanel(uiPath("Patch"))
        self._predictionsPanel = PredictionsPanel(uiPath("Predictions"))
        self._saliencyPanel = SaliencyPanel(uiPath("Saliency"))
        self._stabilityPanel = StabilityPanel(uiPath("Stability"))
        self._trainingPanel = TrainingPanel(uiPath("Training"))
        self._batchPanel = BatchPanel(uiPath("Batch"))
        self._advancedPanel = AdvancedPanel(uiPath("Advanced"))
        self._requirementsPanel = RequirementsPanel(uiPath("Requirements"))

    def enter(self) -> None:
        """The user comes to the module."""
        self._isEntered = True
        self._followParameters()  # the first look is at the weights that are chosen
        self.setup.start()
        self.logic.analysis.resumeLooks()

    def exit(self) -> None:
        """The user goes to another module: seeds are still followed."""
        self._isEntered = False

    def close(self) -> None:
        """Let go of everything: no observer, no process and no CT stays, and the widgets go with the next event."""
        self._forgetParameters()
        self._refillSoon.close()
        self.removeObservers()
        self._lesions.close()
        self.logic.analysis.worker.stateChanged.disconnect(self._onWorker)
        self._predictions.close()
        self._saliency.close()
        self._stability.close()
        self._overlays.close()
        self._training.close()
        self._batch.close()
        self._marks.close()
        self._scan.close()
        self._follower.close()
        self.setup.close()
        self.logic.close()
        self._scanPanel.widget.setMRMLScene(None)
        self.widget.deleteLater()  # *Reload* only hides the panels of before, and their signals would keep all of this

    def _layOut(self) -> None:
        """By the widgets of the .ui file: an empty layout is false in PythonQt, and none of `childWidgetVariables`."""
        ui = self.ui
        ui.requirementsPlace.layout().addWidget(self._requirementsPanel.widget)
        ui.scanSection.layout().addWidget(self._scanPanel.widget)
        ui.scanSection.layout().addWidget(self._lesionsPanel.widget)
        ui.patchSection.layout().addWidget(self._patchPanel.widget)
        ui.predictionsSection.layout().addWidget(self._predictionsPanel.widget)
        ui.saliencySection.layout().addWidget(self._saliencyPanel.widget)
        ui.stabilitySection.layout().addWidget(self._stabilityPanel.widget)
        ui.trainingSection.layout().addWidget(self._trainingPanel.widget)
        ui.batchSection.layout().addWidget(self._batchPanel.widget)
        ui.advancedSection.layout().addWidget(self._advancedPanel.widget)
        # what is told stands in the list's own room: nothing moves while somebody is about to press it
        self._lesionsPanel.ui.listPlace.layout().addWidget(self._scanPanel.ui.messageFrame)
        reserveLines(ui.noticePlace, 2)
        self._scanPanel.widget.setMRMLScene(slicer.mrmlScene)

    def _connect(self) -> None:
        around = self._boundary.around
        setup, scene = self.setup, slicer.mrmlScene
        setup.failed.connect(self._scanPanel.showMessage)
        setup.noticeChanged.connect(self._showNotice)
        setup.ready.connect(around(self._onReady))
        setup.installed.connect(around(self.logic.analysis.worker.restart))
        setup.weightsChanged.connect(around(lambda text: self._setParameter("weights", text)))
        setup.deviceChanged.connect(around(lambda text: self._setParameter("device", text)))
        self.logic.analysis.failed.connect(setup.remember)
        self.logic.analysis.changed.connect(self._marks.updateSoon)
        self._lesions.choiceChanged.connect(around(self._patches.show))
        self._lesions.choiceChanged.connect(self._marks.updateSoon)
        self._follower.changed.connect(self._marks.updateSoon)
        self.ui.advancedSection.connect("contentsCollapsed(bool)", lambda *_: setup.showLog())
        self._showNotice(setup.notice)
        self._connectHeads()
        self._connectTraining()
        self._connectBatch()
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneClosed)
        # a selector of nodes chooses none while a scene is imported, and the parameter node must not hear of that
        self.addObserver(scene, scene.StartImportEvent, self._onSceneStartImport)
        self.addObserver(scene, scene.EndImportEvent, self._onSceneChanged)
        self.addObserver(scene, scene.EndRestoreEvent, self._onSceneChanged)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeGoes)

    def _connectHeads(self) -> None:
        around, panel, heads = self._boundary.around, self._predictionsPanel, self.setup.heads
        self._lesions.choiceChanged.connect(around(self._predictions.show))
        self._lesions.choiceChanged.connect(around(self._saliency.show))
        self._lesions.choiceChanged.connect(around(self._stability.show))
        self.logic.analysis.worker.stateChanged.connect(self._onWorker)
        self._predictions.chosen.connect(around(self._setParameter))
        self._predictions.removeWanted.connect(around(heads.remove))
        self._predictions.exportWanted.connect(around(heads.exportFile))
        self._predictions.renameWanted.connect(around(heads.rename))
        heads.renamed.connect(around(self._predictions.followRename))
        panel.importClicked.connect(around(heads.importFile))
        panel.headsOpened.connect(around(heads.look))
        heads.listed.connect(around(self._predictions.showHeads))
        activity = heads.activity
        activity.changed.connect(lambda: panel.showStatus(activity.text or activity.note, isBusy=activity.isBusy))

    def _connectTraining(self) -> None:
        """Heads of the user's own are trained by `setup`; the one that is used is taken in as any other."""
        around, training, desk = self._boundary.around, self._training, self.setup.training
        activity = desk.activity
        training.checkWanted.connect(around(desk.check))
        training.trainWanted.connect(around(desk.train))
        training.cancelWanted.connect(around(desk.cancel))
        training.packagesWanted.connect(around(self.setup.installForTraining))
        training.useWanted.connect(around(self.setup.heads.takeIn))
        desk.checked.connect(around(training.showChecked))
        desk.trained.connect(around(training.showTrained))
        desk.failed.connect(around(training.showFailed))
        activity.changed.connect(
            lambda: training.showActivity(activity.text, activity.fraction, activity.note, desk.isTraining)
        )
        self.setup.packagesInstalled.connect(around(training.look))
        heads = self.setup.heads.activity
        heads.changed.connect(lambda: training.showUse(heads.text or heads.note))
        self.logic.analysis.changed.connect(training.sceneChanged)
        self.ui.trainingSection.connect(
            "contentsCollapsed(bool)", around(lambda isCollapsed: training.open(not isCollapsed))
        )

    def _connectBatch(self) -> None:
        """A run goes on when the module is left, and when the scene is closed."""
        around, batch, desk = self._boundary.around, self._batch, self.setup.batch
        activity = desk.activity
        batch.planWanted.connect(around(desk.plan))
        batch.startWanted.connect(around(desk.start))
        batch.cancelWanted.connect(around(desk.cancel))
        batch.scanWanted.connect(around(lambda node: self._setParameter("volume", node)))
        desk.planned.connect(around(batch.showPlanned))
        desk.began.connect(around(batch.showBegan))
        desk.rowDone.connect(around(batch.showRow))
        desk.finished.connect(around(batch.showFinished))
        desk.failed.connect(around(batch.showFailed))
        activity.changed.connect(
            lambda: batch.showActivity(activity.text, activity.fraction, activity.note, desk.isRunning)
        )
        self.setup.noticeChanged.connect(batch.showCaution)
        batch.showCaution(self.setup.notice)
        self.ui.batchSection.connect("contentsCollapsed(bool)", around(lambda isCollapsed: batch.open(not isCollapsed)))

    def _followParameters(self) -> None:
        """Widgets and parameter node say the same from now on; the CT in view is chosen where none is."""
        if self._parameters is None:
            self._parameters = self.logic.getParameterNode()
            self._guiTag = self._parameters.connectGui(self.widget)
            self._observer = self._parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onParameters)
        if self._parameters.volume is None:
            self._parameters.volume = volumeToBeginWith()
        self._onParameters()

    def _forgetParameters(self) -> None:
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self._parameters.RemoveObserver(self._observer)
            self._parameters = None

    def _onParameters(self, *_values: object) -> None:
        """The user, a script or a scene that was loaded has changed a choice."""
        chosen = self._parameters
        with self._boundary.guard():
            self.logic.analysis.settings = EncoderSettings(
                chosen.weights, chosen.device, chosen.precision, engine=chosen.engine, heads=chosen.heads
            )
            self._predictions.showChoices(chosen.heads, chosen.hiddenHeads, chosen.headThresholds)
            self._lesions.hideHeads(chosen.hiddenHeads)
            self.setup.showWeights(chosen.weights)
            self.setup.showDevice(chosen.device, chosen.engine)
            self._scan.show(chosen.volume, chosen.analyseOnPlacing, chosen.jumpOnPlacing, mayTurnTo=self._isEntered)
            self._batch.refresh()
            self._marks.updateSoon()
            self._warm()

    def _setParameter(self, name: str, value: Any) -> None:
        if self._parameters is None:
            self._followParameters()
        setattr(self._parameters, name, value)

    def _onReady(self) -> None:
        self._scanPanel.takeBack(self._why)
        self._scan.followSeeds()
        self._warm()

    def _warm(self) -> None:
        """Load the network before the first click, once there is something to click on; beside a batch only for one."""
        isWanted = self._isEntered and self._scan.volumeNode is not None and not self.setup.batch.isRunning
        if isWanted and self.setup.isReady:
            self.logic.analysis.warm()

    def _boxesWanted(self) -> list[str] | None:
        """Of which lesions; None for all."""
        isAll = self._parameters is not None and self._parameters.showAllBoxes
        return None if isAll else self._lesionsPanel.chosenIds

    def _whyNotReady(self) -> str:
        """What the last look at the requirements says; while nobody knows, an analysis will find out."""
        for each in self.setup.requirements.list():
            if each.state in ("missing", "wrong"):
                msg = _("Nothing can be analysed yet: {problem}. See the top of this panel.")
                self._why = msg.format(problem=each.text)
                return self._why
        return ""

    def _onWorker(self, _state: str) -> None:
        """It may have loaded other heads."""
        with self._boundary.guard():
            self._predictions.refresh()
            self._stability.refresh()

    def _settings(self) -> dict[str, object]:
        """What diagnostics say of the choices."""
        settings = self.logic.analysis.settings
        names = ("precision", "engine", "encoder")
        return {"recipe": DEFAULT_RECIPE, **{name: getattr(settings, name) for name in names}}

    def _showNotice(self, text: str) -> None:
        self.ui.weightsNotice.text = text
        self.ui.weightsNotice.visible = bool(text)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeGoes(self, _scene, _event, node) -> None:
        """In the place of a CT that is deleted a selector chooses another: the next seed would be another patient's."""
        if self._parameters is not None and node is self._parameters.volume:
            self._parameters.volume = None

    def _onSceneStartClose(self, *_values: object) -> None:
        self._forgetParameters()
        self._predictions.show(None)
        self._saliency.show(None)
        self._stability.show(None)
        self._scan.show(None, True)
        self._follower.forget()

    def _onSceneStartImport(self, *_values: object) -> None:
        """The end of an import is told by EndImportEvent; some command line modules import their results, too."""
        self._before, self._shownBefore = _idsWithLesions(), backgrounds()
        self._forgetParameters()

    def _onSceneChanged(self, *_values: object) -> None:
        """A scene was loaded or brought back: its seeds are followed with its own choices, wherever the user is."""
        self._lesions.refreshSoon()
        self._training.sceneChanged()
        if _idsWithLesions() - self._before:  # else something was imported beside the user's work
            self._scan.stopPlacing()
            forgetSteps()
        self._followParameters()
        self._follower.update()
        self.logic.analysis.resumeLooks()
        refill(self._shownBefore)
        self._refillSoon()

    def _refillViews(self) -> None:
        """An import leaves views empty that showed a scan, before or after its end is told: they show it again."""
        former, self._shownBefore = self._shownBefore, {}
        refill(former)

    def _onSceneClosed(self, *_values: object) -> None:
        if self._isEntered:
            self._followParameters()
        self._lesions.refreshSoon()
        self._training.sceneChanged()


def _idsWithLesions() -> set[str]:
    return {node.GetID() for node in volumesWithLesions()}
