"""Takes which scans and seeds the user wants, has others look and compute, shows the rows, and opens their lesions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import slicer
from fmcib_engine.errors import FmcibError
from fmcib_engine.results.privacy import without_uids
from fmcib_engine.results.rows import csv_line
from fmcib_engine.results.table import write_lines
from slicer.i18n import tr as _

from ...Analysis.AnalysisLogic import AnalysisLogic
from ...Errors import AnalysisError, sentenceOf
from ...Scene.DicomSeries import dicomDatabase, requireHolds
from ...Scene.SceneBridge import pointToRas
from ...Setup.Desktop import Desktop
from ...Signal import Signal
from ..ErrorBoundary import ErrorBoundary
from ..SliceViews import jumpToPoint
from ..TimeLeft import TimeLeft, timeLeft
from .BatchAsked import BatchAsked
from .BatchPanel import BatchPanel, PlanShown
from .BatchWords import (
    causesOf,
    causesSoFar,
    countOf,
    detailOf,
    listOf,
    networkOf,
    planOf,
    questionOf,
    resultOf,
    rowOf,
)
from .RowScans import placeOf, volumeOf


class BatchController:
    """Between the panel and the scene; the engine's tasks are run by others.

    Attributes:
        planWanted, startWanted: emitted with the question to the engine's task.
        cancelWanted: emitted without values.
        scanWanted: emitted with a volume node that is to be the chosen CT.
    """

    def __init__(
        self,
        panel: BatchPanel,
        analysis: AnalysisLogic,
        desktop: Desktop,
        whyNotReady: Callable[[], str],
    ) -> None:
        """
        Args:
            panel: its widgets.
            analysis: knows which network is chosen.
            desktop: asks for files.
            whyNotReady: a sentence where nothing can be computed yet, else empty.
        """
        self.planWanted, self.startWanted, self.cancelWanted = Signal(), Signal(), Signal()
        self.scanWanted = Signal()
        self._panel, self._analysis, self._desktop, self._whyNotReady = panel, analysis, desktop, whyNotReady
        self._asking = BatchAsked(panel, desktop)
        self._caution = self._ranCaution = ""
        """Of the weights that are chosen, and of those of the run whose rows are shown."""
        self._isOpen = False
        self._asked: Mapping[str, Any] | None = None
        """What was last looked at, or is."""
        self._plan: Mapping[str, Any] | None = None
        """What that has told, as long as it holds."""
        self._startsNext = self._isUnfinished = False
        self._ran: Mapping[str, Any] = {}
        """What the run whose rows are shown was asked."""
        self._good = 0
        """Rows of the run that have features."""
        self._problems: Counter[tuple[str, str]] = Counter()
        self._result: Mapping[str, Any] | None = None
        self._total = 0
        """Rows of the run, as the look before it told; 0 where it goes on, or nobody knows."""
        self._left = TimeLeft()
        self._activity: tuple[str, float | None, str, bool] = ("", None, "", False)
        around = ErrorBoundary(panel.showProblem).around
        for signal, slot in (
            (panel.changed, self._onChange),
            (panel.databaseOpened, self._onDatabase),
            (panel.sourceClicked, lambda: self._onPath(self._asking.chooseSource)),
            (panel.seedsClicked, lambda: self._onPath(self._asking.chooseSeeds)),
            (panel.outputClicked, self._asking.chooseOutput),
            (panel.dryClicked, self._onDry),
            (panel.startClicked, self._onStart),
            (panel.cancelClicked, self._onCancel),
            (panel.saveClicked, self._onSave),
            (panel.retryClicked, self._onRetry),
            (panel.tableClicked, lambda: self._openFile(self._result["table"])),
            (panel.openFolderClicked, lambda: self._openFile(str(Path(self._result["table"]).parent))),
            (panel.rowChosen, self._onRow),
            (panel.rows.counted, self._showCount),
        ):
            signal.connect(around(slot))

    def close(self) -> None:
        """Nobody is told anything any more."""
        for signal in (self.planWanted, self.startWanted, self.cancelWanted, self.scanWanted):
            signal.disconnectAll()
        self._panel.close()

    def open(self, isOpen: bool) -> None:  # noqa: FBT001  a signal's value
        """The user opens or closes the section."""
        self._isOpen = isOpen
        self.refresh()

    def refresh(self, *_values: object) -> None:
        """As Slicer's database, and the choices of the window, are now."""
        if not self._isOpen:
            return
        settings = self._analysis.settings
        self._panel.showNetwork(networkOf(Path(settings.weights).name, settings.device, settings.heads))
        try:
            database, problem = dicomDatabase(), ""
        except AnalysisError as error:
            database, problem = None, sentenceOf(error)
        self._panel.showDatabase(database, problem)

    def showCaution(self, text: str) -> None:
        """What stands wherever numbers of the chosen weights appear; rows that are shown keep that of theirs."""
        self._caution = text
        if not self._ran:
            self._panel.showCaution(text)

    def showActivity(self, text: str, fraction: float | None, note: str, isRunning: bool) -> None:  # noqa: FBT001
        """What runs now, or came of it."""
        self._activity = text, fraction, note, isRunning
        self._showActivity()

    def _showActivity(self) -> None:
        """Of lesions as many are done as rows have come: the engine tells that, too, but not for each of a group."""
        text, fraction, note, isRunning = self._activity
        done = self._good + sum(self._problems.values())
        if isRunning and 0 < done <= self._total:
            fraction = done / self._total
            text = _("Lesions: {done} of {total}").format(done=f"{done:,}", total=f"{self._total:,}")
        left = timeLeft(self._left.seconds(fraction)) if isRunning else ""
        self._panel.showActivity(f"{text}, {left}" if left else text, fraction, isRunning=isRunning, note=note)

    def showPlanned(self, told: Mapping[str, Any]) -> None:
        """What the engine's task `plan_batch` tells."""
        self._plan = told
        self._panel.showPlan(planOf(told))
        startsNext, self._startsNext = self._startsNext, False
        if not told["rows"]:
            self._panel.showProblem(_("Nothing would be done: no seed lies in a scan that is suitable."))
        elif startsNext and self._desktop.confirm(questionOf(told)):
            self._start()

    def showBegan(self, asked: Mapping[str, Any]) -> None:
        """A run begins, or goes on with the list that it was begun with: its rows are told from the first on."""
        if not self._ran or asked["weights"] != self._ran["weights"]:  # one that goes on has those of before
            self._ranCaution = self._caution
        self._ran, self._isUnfinished = asked, True
        self._panel.showCaution(self._ranCaution)
        goesOn = asked.get("resume") or asked.get("retry")
        self._total = self._plan["rows"] if self._plan and not goesOn else 0
        self._good, self._result = 0, None
        self._problems.clear()
        self._left.begin()
        self._panel.clearRows()
        self._panel.showProblem("")

    def showRow(self, told: Mapping[str, Any]) -> None:
        """What the engine's task `batch` tells of a row; those of before took no time now."""
        if told["kept"]:
            self._left.begin()
        if told["status"] == "ok":
            self._good += 1
        else:
            self._problems[told["problem"], told["step"]] += 1
        self._panel.addRow(rowOf(told, self._ranCaution))

    def showFinished(self, told: Mapping[str, Any]) -> None:
        """What the engine's task `batch` tells at its end."""
        self._result, self._isUnfinished = told, False
        self._panel.showResult(resultOf(told, self._total))
        self._panel.showCauses(causesOf(told["causes"]))

    def showFailed(self, message: str) -> None:
        """Why a look or a run came to nothing."""
        self._startsNext = False
        self._panel.showProblem(message)

    def _showCount(self) -> None:
        failed = sum(self._problems.values())
        self._showActivity()
        self._panel.showCount(countOf(self._good, failed, self._panel.rows.unlisted))
        if self._result is None:
            self._panel.showCauses(causesSoFar(self._problems))

    def _onDatabase(self) -> None:
        self.refresh()
        self._onChange()

    def _onChange(self) -> None:
        """Perhaps what was looked at was something else."""
        try:
            isSame = self._asking.wanted() == self._asked
        except AnalysisError:
            isSame = False
        if not isSame:
            self._plan = None
            self._panel.showPlan(PlanShown())
        self._panel.showProblem("")
        self._asking.showNames()

    def _onPath(self, choose: Callable[[], bool]) -> None:
        if choose():
            self._onChange()

    def _onDry(self) -> None:
        if (asked := self._askedNow()) is not None:
            self._look(asked)

    def _look(self, asked: Mapping[str, Any]) -> None:
        self._asked, self._plan = asked, None
        self._panel.showPlan(PlanShown())
        self.planWanted.emit(asked)

    def _onStart(self) -> None:
        """What nobody has looked at is looked at first, and told before anything is computed."""
        if self._isNotReady() or self._goesOn():
            return
        asked = self._askedNow()
        if asked is None:
            return
        if not self._asking.output:
            self._asking.chooseOutput()
        if not self._asking.output:
            return
        if self._plan is not None and asked == self._asked and self._plan["rows"]:
            self._start()
        else:
            self._startsNext = True
            self._look(asked)

    def _onRetry(self) -> None:
        """Of the run that is shown, whatever is chosen now."""
        if not self._isNotReady():
            self.startWanted.emit({**self._ran, "retry": True})

    def _isNotReady(self) -> bool:
        why = self._whyNotReady()
        self._panel.showProblem(why)
        return bool(why)

    def _goesOn(self) -> bool:
        """Go on with a run that was ended, where what it was begun with is not chosen any more, as after an import."""
        try:
            self._asking.wanted()
        except AnalysisError:
            if self._isUnfinished and self._asking.output == self._ran["output"]:
                asked = {name: value for name, value in self._ran.items() if name != "resume"}
                self.startWanted.emit(asked)  # whether it goes on is asked
                return True
        return False

    def _start(self) -> None:
        settings, chosen = self._analysis.settings, self._panel.choices
        asked = {
            **(self._asked or {}),
            "output": self._asking.output,
            "weights": settings.weights,
            "encoder": settings.encoder,
            "device": settings.device,
            "engine": settings.engine,
            "precision": settings.precision,
            "heads": settings.heads,
            "draws": chosen.draws,
            "identifiers": chosen.identifiers,
        }
        self.startWanted.emit(asked)

    def _onCancel(self) -> None:
        self._startsNext = False
        self.cancelWanted.emit()

    def _askedNow(self) -> Mapping[str, Any] | None:
        """The question to a dry run; None where something is missing, which is told."""
        self._panel.showProblem("")
        try:
            return self._asking.wanted()
        except (AnalysisError, FmcibError) as error:
            self._panel.showProblem(sentenceOf(error))
            return None

    def _onSave(self) -> None:
        if self._plan is None:
            return
        path = self._desktop.newFile(_("Save the list"), "worklist.csv", _("Table") + " (*.csv)")
        if path:
            header, *lines = listOf(self._plan["lines"], self._panel.choices.identifiers)
            write_lines(Path(path), header, (csv_line(line) for line in lines))
            text = _("{count} lines were written to {file}.").format(count=f"{len(lines):,}", file=Path(path).name)
            self._panel.showActivity("", None, isRunning=False, note=text)

    def _openFile(self, path: str) -> None:
        if not self._desktop.open(path):
            raise AnalysisError(_("No program opens {file} here.").format(file=Path(path).name))

    def _onRow(self, told: Mapping[str, Any]) -> None:
        """Show the lesion in its scan, which is loaded where the scene does not have it."""
        detail = detailOf(told)
        self._panel.showDetail(detail)
        try:
            with slicer.util.WaitCursor():
                self._open(told)
        except (AnalysisError, FmcibError) as error:
            text = _("It cannot be shown: {problem}").format(problem=without_uids(sentenceOf(error).splitlines()[0]))
            self._panel.showDetail(f"{detail}\n{text}")
        except OSError as error:  # as Slicer's own functions raise it
            text = _("It cannot be shown: {problem}").format(problem=error.strerror or str(error))
            self._panel.showDetail(f"{detail}\n{text}")

    def _open(self, told: Mapping[str, Any]) -> None:
        """
        Raises:
            AnalysisError, FmcibError, OSError: it cannot be loaded, or its place is not known, or not in it.
        """
        volumeNode, point = volumeOf(told, self._ran["series"] is not None), placeOf(told)
        self.scanWanted.emit(volumeNode)
        if point is None:
            raise AnalysisError(_("the scan is here, but where in it the lesion lies is not known."))
        requireHolds(volumeNode, point)
        jumpToPoint(volumeNode, pointToRas(point))
