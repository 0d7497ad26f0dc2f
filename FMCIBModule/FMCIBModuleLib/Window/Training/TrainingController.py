"""Takes what the user wants to be learned, has it looked at and trained by others, and shows what came of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fmcib_engine.errors import FmcibError
from slicer.i18n import tr as _

from ...Analysis.TrainingTable import writeListToFillIn, writeTrainingTable
from ...Errors import AnalysisError, sentenceOf
from ...Scene.HeadPlots import chartsInScene, showChart, writePlots
from ...Setup.Desktop import Desktop
from ...Signal import Signal
from ...Soon import Soon
from ..ErrorBoundary import ErrorBoundary
from .TrainingPanel import Facts, TrainingPanel
from .TrainingWords import factsOf, groupColumns, labelColumns, numbersInWords, paragraphOf, titleOf


class TrainingController:
    """Between the panel and the scene; the engine's tasks are run by others.

    Attributes:
        checkWanted, trainWanted: emitted with the arguments of the engine's task.
        cancelWanted: emitted without values.
        packagesWanted: emitted with names of packages to be installed.
        useWanted: emitted with the path of a head.
    """

    def __init__(self, panel: TrainingPanel, boundary: ErrorBoundary, desktop: Desktop) -> None:
        self.checkWanted, self.trainWanted, self.cancelWanted = Signal(), Signal(), Signal()
        self.packagesWanted, self.useWanted = Signal(), Signal()
        self._panel, self._desktop = panel, desktop
        self._isOpen = self._isUsing = False
        self._file = self._labels = self._folder = ""
        self._told: Mapping[str, Any] = {}
        self._facts = Facts()
        self._temporary: tempfile.TemporaryDirectory | None = None
        self._around = boundary.around
        self._refreshSoon = Soon(self._around(self._showPlots))
        for signal, slot in (
            (panel.changed, self._onChange),
            (panel.fileClicked, self._onFile),
            (panel.joinClicked, self._onJoin),
            (panel.listClicked, self._onList),
            (panel.folderClicked, self._askForFolder),
            (panel.lookClicked, self.look),
            (panel.trainClicked, self._onTrain),
            (panel.cancelClicked, self.cancelWanted.emit),
            (panel.packagesClicked, lambda: self.packagesWanted.emit(list(self._facts.missingPackages))),
            (panel.reportClicked, self._onReport),
            (panel.useClicked, self._onUse),
            (panel.plotClicked, self._onPlot),
        ):
            signal.connect(self._around(slot))

    def close(self) -> None:
        """Nobody is told anything any more."""
        for signal in (self.checkWanted, self.trainWanted, self.cancelWanted, self.packagesWanted, self.useWanted):
            signal.disconnectAll()
        self._refreshSoon.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def open(self, isOpen: bool) -> None:  # noqa: FBT001  a signal's value
        """The user opens or closes the section; it looks at nothing while it is closed."""
        self._isOpen = isOpen
        if isOpen:
            self._showPlots()
            self.look()

    def look(self) -> None:
        """Have it looked at what could be learned as things are now."""
        if not self._isOpen or not (self._panel.isOfScene or self._file):
            self._show(Facts())
            return
        self._show(replace(self._facts, canTrain=False))
        try:
            wanted = self._wanted()
        except AnalysisError as error:  # nothing is analysed yet: no reason to raise the voice
            self._show(Facts(about=sentenceOf(error)))
            return
        except FmcibError as error:
            self._show(Facts(problem=sentenceOf(error)))
            return
        self.checkWanted.emit(wanted)

    def sceneChanged(self, *_values: object) -> None:
        """Lesions are others: what was told of them may not be so. Other plots may be there."""
        self._refreshSoon()
        if self._isOpen and self._panel.isOfScene and self._facts.about:
            about = _("The lesions are others than when they were looked at. Press Look again.")
            self._show(Facts(about=about))

    def showActivity(self, text: str, fraction: float | None, note: str, isTraining: bool) -> None:  # noqa: FBT001
        """What runs now, or came of it."""
        self._isUsing = self._isUsing and not text
        self._panel.showActivity(text, fraction, isTraining=isTraining, note=note)

    def showUse(self, text: str) -> None:
        """What happens to the head that the user wants to use, among those that are here."""
        if self._isUsing and text:
            self._panel.showActivity("", None, isTraining=False, note=text)

    def showChecked(self, told: Mapping[str, Any]) -> None:
        """What the engine's task `check_head` tells."""
        by = told["joined_by"]
        self._panel.showColumns(labelColumns(told), groupColumns(told), by)
        self._panel.showClasses([name for name, _count in told["counts"]])
        self._show(factsOf(told))

    def showTrained(self, told: Mapping[str, Any]) -> None:
        """What the engine's task `train_head` tells."""
        self._told = told
        self._panel.showResult(titleOf(told), numbersInWords(told["numbers"]), paragraphOf(told))
        charts = json.loads(Path(told["charts"]).read_text(encoding="utf-8"))
        writePlots(told["head"]["id"], charts)
        self._showPlots()

    def showFailed(self, message: str) -> None:
        """Why a look came to nothing, or a training, which may be tried again."""
        self._show(replace(self._facts if self._facts.canTrain else Facts(), problem=message))

    def _show(self, facts: Facts) -> None:
        self._facts = facts
        self._panel.showFacts(facts)

    def _showPlots(self) -> None:
        self._panel.showPlots([node.GetName() for node in chartsInScene()])

    def _wanted(self) -> dict[str, Any]:
        """The arguments of a look; the lesions of the scene are written as they are now."""
        if self._panel.isOfScene:
            self._temporary = self._temporary or tempfile.TemporaryDirectory(prefix="fmcib", ignore_cleanup_errors=True)
            features = str(writeTrainingTable(Path(self._temporary.name)))
        else:
            features = self._file
        wanted = {**self._panel.wanted, "features": features, "labels": self._labels}
        return wanted if self._labels else {**wanted, "by": ""}

    def _onChange(self) -> None:
        self._showNames()
        self.look()

    def _showNames(self) -> None:
        self._panel.showSource(labels=Path(self._labels).name, table=Path(self._file).name)

    def _onFile(self) -> None:
        path = self._desktop.file(_("Features to learn from"), _("Feature table") + " (*.csv)")
        if path:
            self._file = path
            self._onChange()

    def _onJoin(self) -> None:
        path = self._desktop.file(_("Labels to join"), _("Table") + " (*.csv *.tsv *.txt)")
        if path:
            self._labels = path
            self._onChange()

    def _onList(self) -> None:
        path = self._desktop.newFile(_("List to fill in"), "labels.csv", _("Table") + " (*.csv)")
        if path:
            count = writeListToFillIn(Path(path))
            text = _("{count} lesions are in {file}. Fill in the column label, then join the table.")
            self._panel.showActivity("", None, isTraining=False, note=text.format(count=count, file=Path(path).name))

    def _askForFolder(self) -> None:
        folder = self._desktop.folder(_("Folder for the head and its report"))
        if folder:
            self._folder = folder
            self._panel.showFolder(folder)

    def _onTrain(self) -> None:
        if not self._folder:
            self._askForFolder()
        if self._folder:
            self.trainWanted.emit({**self._wanted(), **self._panel.about, "folder": self._folder})

    def _onReport(self) -> None:
        if not self._desktop.open(self._told["report"]):
            raise AnalysisError(_("No program opens {file} here.").format(file=self._told["report"]))

    def _onUse(self) -> None:
        self._isUsing = True
        self.useWanted.emit(self._told["path"])

    def _onPlot(self, index: int) -> None:
        charts = chartsInScene()
        if 0 <= index < len(charts):
            showChart(charts[index])
