"""What happens when the user looks at lesions, renames, reorders, removes and exports them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from fmcib_engine.errors import OutputError
from slicer.i18n import tr as _

from ...Analysis.AnalysisLogic import AnalysisLogic
from ...Analysis.Export import exportTable
from ...Scene.LesionInScene import LesionInScene
from ...Scene.Lesions import Lesion, allLesions, lesionsOf, scanNames, seedOrders
from ...Scene.LesionTable import LesionTable
from ...Scene.Predictions import hiddenIn
from ...Scene.Seeds import findSeed, renameSeed
from ...Scene.SeedSources import SceneSeed
from ...Scene.Settled import whenSettled
from ...Signal import Signal
from ...Soon import Soon
from ..ErrorBoundary import ErrorBoundary
from ..LesionWords import (
    detailsInWords,
    exportInWords,
    markOf,
    ofOtherWeights,
    predictionInWords,
    predictionsInWords,
    qualityInWords,
    withoutBreaks,
)
from ..SeedFollower import SeedFollower
from ..SliceViews import jumpToSeed
from ..UndoSteps import canRedo, canUndo, redo, undo, undoStep
from .LesionNodesInScene import LesionNodesInScene
from .LesionRows import LesionLine, ListedLesion
from .LesionsPanel import LesionsPanel


class LesionsController:
    """Between the list of lesions, the scene and the analysis.

    Attributes:
        choiceChanged: emitted when other lesions may be chosen, or they may be others, with the uppermost or None.
    """

    def __init__(
        self,
        panel: LesionsPanel,
        logic: AnalysisLogic,
        follower: SeedFollower,
        tell: Callable[[str], Any],
    ) -> None:
        self._panel, self._logic, self._follower, self._tell = panel, logic, follower, tell
        self._lesions: dict[str, Lesion] = {}
        self._boundary = ErrorBoundary(tell)
        around = self._boundary.around
        self._isRefreshing = False
        self.refreshSoon = Soon(whenSettled(self._refreshAlone))
        self._nodes = LesionNodesInScene(self.refreshSoon)
        self.choiceChanged = Signal()
        self._placedId = ""
        self._hidden: list[str] = []
        panel.selected.connect(around(self._showChoice))
        panel.chosen.connect(around(self._onChosen))
        panel.renamed.connect(around(self._onRenamed))
        panel.removeClicked.connect(around(self._onRemove))
        panel.moveClicked.connect(around(self._onMove))
        panel.undoClicked.connect(around(lambda: self._onUndo(undo)))
        panel.redoClicked.connect(around(lambda: self._onUndo(redo)))
        panel.exportClicked.connect(around(self._onExport))
        logic.placed.connect(around(self._onPlaced))
        logic.changed.connect(self.refreshSoon)
        logic.finished.connect(self.refreshSoon)
        follower.changed.connect(self.refreshSoon)

    def hideHeads(self, parameter: str) -> None:
        """Show nothing of what these heads predict (`hiddenIn`)."""
        if hiddenIn(parameter) != self._hidden:
            self._hidden = hiddenIn(parameter)
            self.refreshSoon()

    def close(self) -> None:
        """Observe nothing any more."""
        self.refreshSoon.close()
        self.choiceChanged.disconnectAll()
        self._nodes.close()

    def _refreshAlone(self) -> None:
        """Not beside a dialog about the last try."""
        if not self._isRefreshing:
            self._isRefreshing = True
            try:
                with self._boundary.guard():
                    self.refresh()
            finally:
                self._isRefreshing = False

    def refresh(self) -> None:
        """The list as the scene is now.

        A lesion that was just placed or moved is chosen; where none is, one that has its first row.
        """
        former, self._lesions = self._lesions, {lesion.id: lesion for lesion in allLesions()}
        self._nodes.update()
        stale = dict.fromkeys(self._staleIds(), _("seed or scan is not as it was when this was computed"))
        stale = ofOtherWeights(self._lesions.values()) | stale
        names = scanNames()
        self._panel.showLesions(
            [self._listed(each, names[each.volumeNode], stale.get(each.id, "")) for each in self._lesions.values()]
        )
        self._panel.showUndo(canUndo(), canRedo())
        unknown = {each.id for each in former.values() if not each.row}
        news = [each.id for each in self._lesions.values() if each.row and each.id in unknown]
        if self._placedId in self._lesions:
            self._panel.choose(self._placedId)
            self._placedId = ""
        elif news and not self._panel.chosenIds:
            self._panel.choose(news[-1])
        self._showChoice()

    def _onPlaced(self, volumeNode, seeds: list[SceneSeed]) -> None:
        self._placedId = LesionInScene(volumeNode, seeds[-1].key).id
        self.refreshSoon()

    def _showChoice(self) -> None:
        self.choiceChanged.emit(self._lesions.get(self._panel.currentId))

    def _listed(self, lesion: Lesion, scan: str, whyStale: str) -> ListedLesion:
        isWaiting = self._logic.isWaiting(lesion.volumeNode, lesion.key)
        quality, mark = qualityInWords(lesion), markOf(lesion)
        if whyStale:
            quality.insert(0, whyStale)
            mark = "stale"
        if isWaiting:
            quality.insert(0, _("being analysed"))
            mark = "waiting"
        name = withoutBreaks(lesion.name)
        return ListedLesion(
            lesion.id,
            LesionLine(name, scan, predictionInWords(lesion, self._hidden), mark),
            LesionLine(
                _("{name}. Double-click to rename.").format(name=name),
                scan,
                predictionsInWords(lesion, self._hidden),
                "\n".join(quality),
            ),
            detailsInWords(lesion, quality, bool(whyStale)),
            isSettled=not (isWaiting or whyStale),
        )

    def _onChosen(self, lesionId: str) -> None:
        lesion = self._lesions[lesionId]
        seedsNode, index = findSeed(lesion.key)
        if seedsNode is not None:
            jumpToSeed(lesion.volumeNode, seedsNode, index)

    def _onRenamed(self, lesionId: str, name: str) -> None:
        lesion = self._lesions[lesionId]
        with undoStep():
            renameSeed(lesion.key, name)
        self._logic.renameLesion(lesion.volumeNode, lesion.key, name)

    def _onRemove(self, ids: list[str]) -> None:
        with undoStep():
            for lesion in [self._lesions[each] for each in ids]:
                self._logic.removeLesion(lesion.volumeNode, lesion.key)

    def _onMove(self, lesionId: str, step: int) -> None:
        """Within its scan, whose table has an order of its own, and past rows that the filter hides."""
        lesion = self._lesions[lesionId]
        shown = [self._lesions[each] for each in self._panel.shownIds]
        keys = [each.key for each in shown if each.volumeNode is lesion.volumeNode]
        index = keys.index(lesion.key) + step
        if 0 <= index < len(keys):
            with undoStep():
                self._logic.swapLesions(lesion.volumeNode, lesion.key, keys[index])

    def _onUndo(self, step: Callable[[], None]) -> None:
        former = seedOrders()
        step()
        self._follower.update()
        for volumeNode, keys in seedOrders().items():
            before = [key for key in former.get(volumeNode, []) if key in keys]
            if before != [key for key in keys if key in before]:  # rows are no part of undo, and follow the seeds
                LesionTable(volumeNode).reorder(keys)
            if volumeNode not in former and self._follower.isAnalysing:  # a list is back, whose seeds nobody saw come
                back = [each.seed for each in lesionsOf(volumeNode) if each.key in keys and each.row is None]
                self._logic.analysePlaced(volumeNode, back)
        self.refreshSoon()

    def _onExport(self, identifiers: bool) -> None:
        name = qt.QFileDialog.getSaveFileName(
            slicer.util.mainWindow(), _("Export features"), "features.csv", _("Feature table") + " (*.csv)"
        )
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() != ".csv":  # a name may have a point
            path = path.with_name(f"{path.name}.csv")
        self.refresh()  # while the dialog was open, lesions were analysed
        lesions = list(self._lesions.values())
        volumes = list(dict.fromkeys(lesion.volumeNode for lesion in lesions))
        if path != Path(name) and path.exists():  # the dialog has asked about the name that was typed, and no other
            raise OutputError(
                _("{file} is there already. Choose it in the dialog to replace it.").format(file=path.name)
            )
        count = exportTable(volumes, path, identifiers=identifiers, overwrite=True)
        waiting = {each.id for each in lesions if self._logic.isWaiting(each.volumeNode, each.key)}
        self._tell(exportInWords(count, path.name, lesions, self._staleIds(), waiting))

    def _staleIds(self) -> set[str]:
        """Of lesions whose row is about another place or other voxels than now, with one look at each scan."""
        found = {lesion.id for lesion in self._lesions.values() if lesion.mark is None}  # its row is damaged
        for volumeNode in dict.fromkeys(lesion.volumeNode for lesion in self._lesions.values()):
            lesions = [each for each in self._lesions.values() if each.volumeNode is volumeNode and each.mark]
            keys = self._logic.freshness.staleKeys(volumeNode, [lesion.mark for lesion in lesions])
            found |= {lesion.id for lesion in lesions if lesion.key in keys}
        return found
