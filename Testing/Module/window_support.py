"""What the tests of the window share: the window with its outside world pretended, and what a user does in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer
from analysis_support import rowsOf
from clicks import click, shown
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Setup.Settings import Settings
from FMCIBModuleLib.Setup.Setup import Tools
from FMCIBModuleLib.Signal import Signal
from FMCIBModuleLib.Window import UndoSteps
from FMCIBModuleLib.Window.Window import Window
from FMCIBModuleLib.Worker.WorkerProcess import WorkerFailure
from hand_worker import HandLogic, HandWorker
from setup_support import PretendDesktop, Store, probed
from support import ROOT
from views import clickAt, showAt, sliceView

UI = ROOT / "FMCIBModule" / "Resources" / "UI"
NODULE = pointToRas(PHANTOM_SEED)
"""RAS mm."""


def near(*offset: float) -> tuple[float, float, float]:
    """A point beside the middle of the nodule, RAS mm."""
    right, front, up = (a + b for a, b in zip(NODULE, offset, strict=True))
    return right, front, up


class Asked:
    """What tasks were asked: names and arguments, in their order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, Any]]] = []

    @property
    def last(self) -> tuple[str, dict[str, Any]]:
        return self.all[-1]

    def names(self) -> list[str]:
        return [name for name, _ in self.all]


class PretendTask:
    """Answers each task at once with what `answers` says: a result by the task's name, or (code, message)."""

    def __init__(self, answers: Mapping[str, Any], asked: Asked) -> None:
        self._asked = asked
        self.progressed, self.ended, self.done, self.failed = Signal(), Signal(), Signal(), Signal()
        self.rowDone = Signal()
        self.isRunning, self.lastLog = False, ""
        self._answers = answers

    def start(self, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        self._asked.all.append((name, dict(arguments or {})))
        answer = self._answers[name]
        self.ended.emit()
        if isinstance(answer, tuple):
            self.failed.emit(*answer)
        else:
            self.done.emit(answer)

    def cancel(self) -> None:
        pass

    close = cancel


class WindowWorker(HandWorker):
    """Offers what the window asks as well: it writes down what was warmed, and how often it began anew, was let go."""

    lastLog = "a line of the log"
    state = "ready"

    def __init__(self) -> None:
        super().__init__()
        self.warmed: list[Any] = []
        self.restarts = self.letGoes = 0

    def warm(self, settings: Any) -> None:
        self.warmed.append(settings)

    def restart(self) -> None:
        self.restarts += 1

    def letGo(self) -> bool:
        self.letGoes += not self.open
        return not self.open


class WindowLogic(HandLogic):
    """An analysis with that worker."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = self.worker = self._queue._worker = WindowWorker()


class Stage:
    """A window that is shown, and its parts by short names.

    Attributes:
        window: the `Window`.
        analysis: its `AnalysisLogic`.
        answers: what its tasks tell, by their names; may be changed.
        tasks: what they were asked.
        scan, lesions, patch, predictions, saliency, stability, training, batch, advanced, requirements: the widgets of
            its panels by their names.
    """

    def __init__(
        self, logic: Any, answers: dict[str, Any] | None = None, desktop: Any = None, makeTask: Any = None
    ) -> None:
        self.answers, self._isClosed = answers, False
        self.tasks = Asked()
        self.desktop = desktop or PretendDesktop()
        tools = Tools(settings=Settings(Store(), {}), desktop=self.desktop)
        if answers is not None:
            made = makeTask or (lambda: PretendTask(answers, self.tasks))
            tools = Tools(made, settings=tools.settings, desktop=self.desktop)
        self.window = Window(logic, lambda name: str(UI / f"{name}.ui"), tools)
        self.logic, self.analysis = logic, logic.analysis
        panels = (
            self.window._scanPanel,
            self.window._lesionsPanel,
            self.window._patchPanel,
            self.window._predictionsPanel,
            self.window._saliencyPanel,
            self.window._stabilityPanel,
            self.window._trainingPanel,
            self.window._batchPanel,
            self.window._advancedPanel,
            self.window._requirementsPanel,
        )
        uis = [each.ui for each in panels]
        self.scan, self.lesions, self.patch, self.predictions, self.saliency, self.stability, *others = uis
        self.training, self.batch, self.advanced, self.requirements = others
        self.table = self.lesions.lesionTable

    def show(self, width: int = 480) -> Stage:
        shown(self.window.widget, width)
        self.window.enter()
        settle()
        return self

    def close(self) -> None:
        """Once: the fixture does so, where the test has not."""
        if not self._isClosed:
            self._isClosed = True
            self.window.close()
            self.window.widget.close()
            self.window.widget.deleteLater()
            settle()

    @property
    def parameters(self):
        return self.logic.getParameterNode()

    @property
    def message(self) -> str:
        """What the panel says; empty where it says nothing."""
        return self.scan.messageLabel.text if self.scan.messageFrame.isVisible() else ""

    def place(self, *points: Any, view: str = "Red") -> None:
        """Press *Place seed* and click, at each of these points (RAS mm)."""
        for point in points:
            showAt(view, point)
            click(self.scan.placeButton)
            clickAt(view, point)
            settle()

    def answer(self, failure: WorkerFailure | None = None) -> None:
        """All that the hand-turned worker was asked; the first request with `failure`."""
        while self.analysis.hand.open:
            self.analysis.hand.answer(failure)
            failure = None
        settle()

    def analysed(self, *points: Any) -> Stage:
        """With lesions that are analysed, one at each point."""
        self.place(*points)
        self.answer()
        return self

    def cell(self, row: int, column: int) -> str:
        return self.table.item(row, column).text()

    def quality(self, row: int) -> str:
        """The first of the words that the mark stands for."""
        return self.table.item(row, 3).toolTip().splitlines()[0]

    @property
    def details(self) -> str:
        """What is read below the list."""
        return self.lesions.detailLabel.text if self.lesions.detailLabel.isVisible() else ""

    def names(self) -> list[str]:
        return [self.cell(row, 0) for row in range(self.table.rowCount)]

    def shownRows(self) -> list[str]:
        return [self.cell(row, 0) for row in range(self.table.rowCount) if not self.table.isRowHidden(row)]

    def isItalic(self, row: int) -> bool:
        return self.table.item(row, 0).font().italic()

    def selected(self) -> list[str]:
        return [self.cell(row, 0) for row in sorted({item.row() for item in self.table.selectedItems()})]


def goodAnswers(**changes: Any) -> dict[str, Any]:
    """Of tasks where all is good."""
    return {"probe": probed(**changes)}


def settle() -> None:
    for _ in range(4):
        slicer.app.processEvents()


def forgetSteps() -> None:
    """No undo in the next test."""
    UndoSteps.forgetSteps()
    slicer.mrmlScene.SetUndoOff()


def reloadScene(folder: Path) -> None:
    """Save the scene, close it, load it."""
    assert slicer.util.saveScene(str(folder / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    settle()
    slicer.util.loadScene(str(folder / "scene.mrb"))
    settle()


def statuses(volumeNode) -> list[tuple[str, str]]:
    """Of the rows in the scene: name and status."""
    return [(row["lesion_id"], row["status"]) for row in rowsOf(volumeNode)]


class Remembered:
    """A function to be called in place of another, which writes down its calls and gives one answer."""

    def __init__(self, answer: Any = None) -> None:
        self.calls: list[tuple] = []
        self.answer = answer

    def __call__(self, *values: Any, **named: Any) -> Any:
        self.calls.append((*values, *named.values()))
        return self.answer


class Drag:
    """A control point under the left button in a slice view, until `release`."""

    def __init__(self, view: str, ras: Any) -> None:
        self._view = view
        self._send(ras, "EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent")

    def to(self, ras: Any) -> None:
        self._at = ras
        self._send(ras, "MouseMoveEvent")

    def release(self) -> None:
        self._send(self._at, "LeftButtonReleaseEvent")

    def _send(self, ras: Any, *events: str) -> None:
        interact(self._view, ras, *events)


def interact(view: str, ras: Any, *events: str) -> None:
    """Events of VTK at the pixel of a view that shows a point (RAS mm)."""
    x, y = (round(each) for each in sliceView(view).convertRASToXYZ(list(ras))[:2])
    interactor = sliceView(view).interactor()
    interactor.SetEventInformation(x, y, 0, 0)
    for event in events:
        interactor.InvokeEvent(event)
    settle()
