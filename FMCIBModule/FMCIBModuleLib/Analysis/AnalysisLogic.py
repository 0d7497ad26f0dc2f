"""All that the window does, without widgets: seeds in, rows of a table node and boxes in the scene out."""

from __future__ import annotations

from dataclasses import replace

import slicer
from fmcib_engine.errors import FmcibError
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..Errors import AnalysisError, sentenceOf
from ..Scene.HeadTable import HeadTable
from ..Scene.ImportedScene import ImportWatcher
from ..Scene.LesionInScene import LesionInScene
from ..Scene.LesionTable import LesionTable
from ..Scene.ScanNode import isInScene
from ..Scene.ScanRemoval import ScanRemovalWatcher
from ..Scene.SceneBridge import volumeFromNode
from ..Scene.Seeds import accept, clickedOn, removeSeed, seedsOf, swapSeeds
from ..Scene.SeedSources import SceneSeed
from ..Scene.SeedWatcher import Listener, SeedWatcher
from ..Scene.StabilityInScene import STABILITY_ROLES
from ..Signal import Signal
from ..Worker.WorkerProcess import EncoderSettings, WorkerProcess
from .AnalysisQueue import AnalysisQueue
from .AnalysisTask import Answer, Task
from .FedPatch import FedPatches
from .Freshness import Freshness
from .HeaderFindings import HeaderFindings
from .Results import VersionsHere, cellsOf, isStale, runOf

_LOADING = 0.1
"""The share of loading the network in the progress of an analysis."""


class AnalysisLogic(VTKObservationMixin):
    """Analyses lesions one after another and writes what comes of them to the scene.

    Attributes:
        settings: which network computes, and where; may be changed at any time.
        worker: the process that computes.
        patches: the last that it was fed.
        freshness: tells whether rows are about another place, or other voxels, than now.
        changed: emitted with (volume node, lesion key) when a lesion's row or state is another.
        placed: emitted with (volume node, seeds) when seeds that are followed were placed, or have been moved.
        progressed: emitted with (text, fraction from 0 to 1), which does not fall before all is done.
        failed: emitted with one sentence for the user.
        finished: emitted when nothing is left to do.
    """

    def __init__(self, worker: WorkerProcess | None = None, settings: EncoderSettings | None = None) -> None:
        VTKObservationMixin.__init__(self)
        self.settings = settings or EncoderSettings("fmcib")
        self.worker = worker or WorkerProcess()
        self._queue = AnalysisQueue(self.worker, self._onAnswer)
        self._imports = ImportWatcher()
        self._removals = ScanRemovalWatcher(self._onScanRemoved)
        self.patches = FedPatches()
        self.freshness = Freshness(self.patches)
        self._versions = VersionsHere()
        self._isClosed, self._done, self._toldFraction = False, 0, 0.0
        self._watchers: dict[str, SeedWatcher] = {}  # of each CT, by its node's ID
        self.changed, self.progressed, self.placed = Signal(), Signal(), Signal()
        self.failed, self.finished = self._queue.failed, self._queue.finished
        self._findings = HeaderFindings(self.changed.emit, self.failed.emit)
        self._queue.loading.connect(lambda text, fraction: self._progress(text, _LOADING * fraction))
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onSceneClose)

    def close(self) -> None:
        """Let go of everything: no observer and no process stays. Nothing can be analysed any more."""
        self._isClosed = True
        self.removeObservers()
        self._imports.stop()
        self._removals.stop()
        self.unwatch()
        self._queue.drop()
        self._findings.looks.close()
        for signal in (self.changed, self.placed, self.progressed, self.failed, self.finished):
            signal.disconnectAll()
        self.worker.close()

    def analyse(self, volumeNode, seeds=None, wait: bool = False, timeoutSeconds: float | None = None):
        """Analyse lesions of a CT.

        Args:
            volumeNode: the CT.
            seeds: a markups node (points, or an ROI), a list of `SceneSeed`, or None for the CT's own lesions.
            wait: for scripts: return when all is done, a look at the headers of the CT's series included. Else this
                returns at once, and signals tell.
            timeoutSeconds: give up after so long; what is not done is cancelled.

        Returns:
            The table node of the CT's lesions; with `wait=False` it may not be there yet, and is None then.

        Raises:
            ImageError: not a CT that can be analysed.
            SeedError: a markups node that is not of points.
            AnalysisError: this is closed, no seed, or the CT is not in the scene; with `wait`, nothing could be
                analysed, or time ran out.
        """
        if self._isClosed:
            raise AnalysisError(_("This analysis was closed. Make a new one."))
        volumeFromNode(volumeNode)
        if not isInScene(volumeNode):
            raise AnalysisError(_("The scan is not in the scene any more. Load it again."))
        found = seedsOf(volumeNode, seeds)
        if not found:
            raise AnalysisError(_("There is no seed on this scan. Place a point in a lesion first."))
        accept(volumeNode, found)
        self._analyseSeeds(volumeNode, found)
        if wait:
            self._wait(timeoutSeconds)
        return LesionTable(volumeNode).node

    def analysePlaced(self, volumeNode, seeds: list[SceneSeed]) -> None:
        """The same for seeds of the user's clicks, to which no errors could be raised: `failed` tells them."""
        try:
            volumeFromNode(volumeNode)
            order = tuple(seed.key for seed in seedsOf(volumeNode))  # one that is back after undo is not the last
        except FmcibError as error:
            self.failed.emit(sentenceOf(error))
            return
        own, problem = clickedOn(volumeNode, seeds)
        if problem:
            self.failed.emit(problem)
        if own:
            self._analyseSeeds(volumeNode, own, order)

    def watch(self, volumeNode, seedsNode, analyseOnPlacing: bool = True) -> None:
        """Follow what the user does to the seeds of a CT, in the place of those of it that were followed before.

        A seed that is removed takes its row and nodes along; a new name goes to the row; one that is placed or moved
        is analysed, unless `analyseOnPlacing` is off.
        """
        self.unwatch(volumeNode.GetID())
        self._watchers[volumeNode.GetID()] = SeedWatcher(
            volumeNode,
            seedsNode,
            Listener(
                onPlaced=lambda seeds: self._onPlaced(volumeNode, seeds, analyseOnPlacing),
                onMoving=lambda seed: self.changed.emit(volumeNode, seed.key),
                onRenamed=lambda seed: self.renameLesion(volumeNode, seed.key, seed.label),
                onRemoved=lambda key: self._forget(LesionInScene(volumeNode, key)),
                onScanChanged=lambda: self._onScanChanged(volumeNode),
                onProblem=self.failed.emit,
            ),
        )

    def unwatch(self, volumeId: str | None = None) -> None:
        """Follow no seeds of the CT with this ID, which may be gone from the scene; or none at all."""
        for each in list(self._watchers) if volumeId is None else [volumeId]:
            if each in self._watchers:
                self._watchers.pop(each).stop()

    def warm(self) -> None:
        """Load the network before it is needed. What fails is told when it is needed."""
        self.worker.warm(self.settings)

    def resumeLooks(self) -> None:
        """Look at the series of rows that were saved, or left by a window before this one, while they waited for it."""
        self._findings.resume()

    @property
    def isBusy(self) -> bool:
        return bool(self._queue.tasks)

    def isWaiting(self, volumeNode, key: str) -> bool:
        """Whether a lesion is being analysed or waits for it."""
        return any(task.lesion == LesionInScene(volumeNode, key) for task in self._queue.tasks)

    def cancel(self) -> None:
        """Drop what is not done. Rows that were there stay as they are."""
        for task in self._queue.cancel():
            self.changed.emit(task.volumeNode, task.seed.key)

    def renameLesion(self, volumeNode, key: str, name: str) -> None:
        """Row, box and patch follow the seed's name."""
        lesion = LesionInScene(volumeNode, key)
        for task in self._queue.tasks:
            if task.lesion == lesion:
                task.seed = replace(task.seed, label=name)
        lesion.rename(name)
        self.changed.emit(volumeNode, key)

    def removeLesion(self, volumeNode, key: str) -> None:
        """Remove a lesion with its seed, row, box and patch."""
        removeSeed(key)
        self._forget(LesionInScene(volumeNode, key))

    def forgetLesions(self, volumeNode, seedsId: str) -> None:
        """Remove all that is known, or asked, of the lesions of a seeds node that is gone."""
        asked = [task.seed.key for task in self._queue.tasks if task.volumeNode is volumeNode]
        for key in {*LesionTable(volumeNode).keys(), *asked}:
            if key.startswith(f"{seedsId}-"):
                self._forget(LesionInScene(volumeNode, key))

    def swapLesions(self, volumeNode, key: str, other: str) -> None:
        """Change the places of two lesions of a CT, in the table and among the seeds."""
        LesionTable(volumeNode).swap(key, other)
        swapSeeds(key, other)
        self.changed.emit(volumeNode, key)

    def showPatch(self, volumeNode, key: str):
        """The very patch that was fed for a lesion, as a volume node.

        Raises:
            AnalysisError: the lesion has no features, or its patch would be another one now.
            FmcibError: the scan cannot be read any more.
        """
        lesion = LesionInScene(volumeNode, key)
        patch = self.patches.fed(lesion)
        return lesion.showPatch(lesion.row["lesion_id"], patch)

    def _analyseSeeds(self, volumeNode, seeds: list[SceneSeed], order: tuple[str, ...] = ()) -> None:
        if not self.isBusy:
            self._done, self._toldFraction = 0, 0.0
        for seed in seeds:
            self._queue.add(Task(volumeNode, seed, order or [each.key for each in seeds]))
            self.changed.emit(volumeNode, seed.key)
        self._queue.start(self.settings)

    def _onPlaced(self, volumeNode, seeds: list[SceneSeed], analyse: bool) -> None:
        self.placed.emit(volumeNode, seeds)
        if analyse:
            self.analysePlaced(volumeNode, seeds)

    def _onScanChanged(self, volumeNode) -> None:
        for key in LesionTable(volumeNode).keys():  # noqa: SIM118  not a dictionary
            self.changed.emit(volumeNode, key)

    def _forget(self, lesion: LesionInScene) -> None:
        self._queue.drop(lesion)
        lesion.remove()
        self.changed.emit(lesion.volumeNode, lesion.key)

    def _wait(self, timeoutSeconds: float | None) -> None:
        try:
            self._queue.wait(timeoutSeconds)
            self._findings.looks.wait(timeoutSeconds)
        except TimeoutError as error:
            self.cancel()
            msg = _("The analysis was not done after {seconds:.0f} seconds, and was cancelled.")
            raise AnalysisError(msg.format(seconds=timeoutSeconds)) from error
        if self._queue.problem:
            raise AnalysisError(self._queue.problem.message, self._queue.problem.code)

    def _onAnswer(self, task: Task, answer: Answer) -> None:
        """Write what came of a lesion. A failure does not undo what is known about the very same place."""
        self._done += 1
        former = task.lesion.row
        isKnown = former is not None and former["status"] == "ok"
        if not (answer.error and isKnown and task.scan and not isStale(former, task.seed, task.scan)):
            self._write(task, answer)
            self._findings.follow(task)
        self.changed.emit(task.volumeNode, task.seed.key)
        total = self._done + len(self._queue.tasks)
        text = _("Lesion {done} of {total}").format(done=self._done, total=total)
        self._progress(text, _LOADING + (1 - _LOADING) * self._done / total)

    def _progress(self, text: str, fraction: float) -> None:
        """Never less than before: lesions may be added while others are analysed, and weights be loaded again."""
        self._toldFraction = max(self._toldFraction, fraction)
        self.progressed.emit(text, self._toldFraction)

    def _write(self, task: Task, answer: Answer) -> None:
        run = runOf(answer.loaded, task.recipeId, self._versions.during(answer.loaded))
        task.lesion.write(*cellsOf(task, answer, run), task.order)
        task.lesion.removePatch()
        if answer.error:
            task.lesion.removeNodes(besides=STABILITY_ROLES)
        else:
            HeadTable(task.volumeNode).write(answer.loaded["heads"])
            self.freshness.remember(task)
            task.lesion.showBox(task.seed.label, task.patch)

    def _onScanRemoved(self, volumeNode) -> None:
        """Nothing is asked about it any more."""
        self.unwatch(volumeNode.GetID())
        self._findings.looks.drop(volumeNode)
        for task in self._queue.tasks:
            if task.volumeNode is volumeNode:
                self._queue.drop(task.lesion)

    def _onSceneClose(self, *_: object) -> None:
        """Forget what was asked; the worker stays warm for the next scene."""
        self.unwatch()
        self._queue.drop()
        self._findings.looks.drop()
        self.freshness.clear()
