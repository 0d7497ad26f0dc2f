"""What happens when the user chooses a CT, places seeds on it, and has them analysed."""

from __future__ import annotations

from collections.abc import Callable

from fmcib_engine.errors import SeedError
from slicer.i18n import tr as _

from ...Analysis.AnalysisLogic import AnalysisLogic
from ...Scene.Places import isSamePlace
from ...Scene.SceneBridge import gridFromNode
from ...Scene.Seeds import addSeed, ensureSeedsNode, findSeed, seedsIn
from ...Scene.SeedSources import SceneSeed
from ...Soon import Soon
from ..ErrorBoundary import ErrorBoundary
from ..SeedFollower import SeedFollower
from ..SliceViews import followSeed, showVolume
from ..UndoSteps import undoStep
from .Placing import Placing
from .ScanPanel import ScanPanel
from .SeedChoices import SeedChoice, seedChoices


class ScanController:
    """Between the scan panel, the scene and the analysis.

    Attributes:
        volumeNode: the CT that is chosen; None without.
    """

    def __init__(
        self,
        panel: ScanPanel,
        logic: AnalysisLogic,
        follower: SeedFollower,
        whyNotReady: Callable[[], str],
        confirm: Callable[[str], bool],
    ) -> None:
        """
        Args:
            panel: its widgets.
            logic: analyses.
            follower: has the logic follow seeds.
            whyNotReady: a sentence where nothing can be analysed yet, else empty.
            confirm: asks the user a question.
        """
        self.volumeNode = None
        self._panel, self._logic, self._follower, self._whyNotReady = panel, logic, follower, whyNotReady
        self._confirm = confirm
        self._placing = Placing()
        self._choices: list[SeedChoice] = []
        self._analyseOnPlacing = self._jumpOnPlacing = True
        self._placed: tuple | None = None
        self._followSoon = Soon(self._follow)
        self._told = ""
        around = ErrorBoundary(self._tell).around
        panel.placeToggled.connect(around(self._onPlace))
        panel.sourcesWanted.connect(around(self._onSourcesWanted))
        panel.sourceChosen.connect(around(self._onSource))
        panel.analyseClicked.connect(around(self._onAnalyse))
        panel.cancelClicked.connect(around(logic.cancel))
        self._placing.changed.connect(panel.showPlacing)
        self._placing.otherScanShown.connect(self._onOtherScan)
        logic.placed.connect(self._onPlaced)
        logic.failed.connect(self._tell)
        logic.progressed.connect(panel.showProgress)
        logic.changed.connect(lambda *_: self._showBusy())
        logic.finished.connect(self._showBusy)

    def close(self) -> None:
        """End place mode, and observe nothing any more."""
        self._followSoon.close()
        self._placing.close()

    def show(self, volumeNode, analyseOnPlacing: bool, jumpOnPlacing: bool = True, mayTurnTo: bool = True) -> None:
        """
        Args:
            volumeNode: the CT that is chosen now.
            analyseOnPlacing: whether seeds are analysed as they come.
            jumpOnPlacing: whether other views go to a seed that was placed or has been moved.
            mayTurnTo: whether the CT may be shown in the slice views.
        """
        if volumeNode is not self.volumeNode:
            self._placing.stop()
            self._panel.takeBack(self._told)
            self.volumeNode = volumeNode
            if volumeNode is not None and mayTurnTo:
                showVolume(volumeNode)
        self._analyseOnPlacing, self._jumpOnPlacing = analyseOnPlacing, jumpOnPlacing
        self._panel.showVolume(volumeNode is not None)
        self.followSeeds()

    def stopPlacing(self) -> None:
        """A scene was loaded: nobody has pressed the button in it."""
        self._placing.stopForeign()

    def followSeeds(self) -> None:
        """Seeds are analysed as they come where that is wanted, and possible."""
        self._follower.update(self._analyseOnPlacing and not self._whyNotReady())

    def _onPlaced(self, volumeNode, seeds: list[SceneSeed]) -> None:
        self._placed = (volumeNode, seeds[-1].key)
        self._followSoon()

    def _follow(self) -> None:
        """After the click, and once for many seeds of a script."""
        volumeNode, key = self._placed
        seedsNode, index = findSeed(key)
        if self._jumpOnPlacing and seedsNode is not None and volumeNode.GetScene() is not None:
            followSeed(volumeNode, seedsNode, index)
        self._placed = None

    def _showBusy(self) -> None:
        if self._logic.isBusy != self._panel.isBusy:
            self._panel.showBusy(self._logic.isBusy)
            self._panel.showVolume(self.volumeNode is not None)

    def _onPlace(self, wanted: bool, several: bool) -> None:
        if not wanted:
            self._placing.stop()
            return
        self._panel.showPlacing(self._placing.isOn)  # the button shows what is, not what is wanted
        gridFromNode(self.volumeNode)  # a volume that cannot be analysed is refused before the click, not after it
        showVolume(self.volumeNode)
        seedsNode = ensureSeedsNode(self.volumeNode)
        self.followSeeds()
        self._panel.showMessage(self._whyNotReady())
        self._placing.start(seedsNode, self.volumeNode, several)

    def _onOtherScan(self, name: str) -> None:
        msg = _("Placing has ended, because a slice view does not show {name} any more. Press Place seed again.")
        self._tell(msg.format(name=name))

    def _tell(self, text: str) -> None:
        """A sentence about the CT that is chosen, to be taken back with it."""
        self._told = text
        self._panel.showMessage(text)

    def _onSourcesWanted(self) -> None:
        self._choices = seedChoices()
        self._panel.showSources([(choice.id, choice.text) for choice in self._choices])

    def _onSource(self, choiceId: str) -> None:
        (choice,) = [each for each in self._choices if each.id == choiceId]
        grid = gridFromNode(self.volumeNode)
        question = self._doubt(choice)
        if question and not self._confirm(question):
            return
        seeds = choice.seeds()
        for seed in seeds:
            grid.require_inside(seed.point)
        self._addSeeds(seeds)

    def _doubt(self, choice: SeedChoice) -> str:
        """A question where a mark may be of another patient."""
        scan = self.volumeNode.GetName()
        if choice.drawnOn is None:
            question = _("It is not known on which scan {mark} was drawn. Was it on {scan}?")
            return question.format(mark=choice.text, scan=scan)
        others = [name for each, name in choice.drawnOn.items() if each != self.volumeNode.GetID()]
        question = _("{mark} was drawn on {other}, not on {scan}. Is that the same patient in the same place?")
        return question.format(mark=choice.text, other=", ".join(others), scan=scan) if others else ""

    def _addSeeds(self, seeds: list[SceneSeed]) -> None:
        """All or none of them, as one step to undo."""
        seedsNode = ensureSeedsNode(self.volumeNode)
        known = seedsIn(seedsNode)
        for seed in seeds:
            same = next((each for each in known if isSamePlace(each.point, seed.point)), None)
            if same is not None:
                msg = _("There is a seed at this place already: {name}. Move that one, or delete it first.")
                raise SeedError(msg.format(name=same.label))
        self.followSeeds()
        with undoStep():
            self._follower.pause(self.volumeNode)  # the watcher would see a point before its diameter is noted
            added = [addSeed(self.volumeNode, seed) for seed in seeds]
        self.followSeeds()
        self._logic.placed.emit(self.volumeNode, added)
        if self._analyseOnPlacing and not self._whyNotReady():
            self._panel.showMessage("")
            self._logic.analyse(self.volumeNode, added)
        else:
            self._panel.showMessage(self._whyNotReady())
            for seed in added:
                self._logic.changed.emit(self.volumeNode, seed.key)

    def _onAnalyse(self) -> None:
        if why := self._whyNotReady():
            self._panel.showMessage(why)
            return
        self._panel.showMessage("")
        self._logic.analyse(self.volumeNode)
