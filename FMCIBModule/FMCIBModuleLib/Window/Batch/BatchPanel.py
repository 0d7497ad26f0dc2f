"""Which scans and seeds a batch takes, what would be done with them, how far it is, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...Room import breakable, reserveTexts
from ...Signal import Signal
from .BatchRows import BatchRows, ListedRow
from .SeriesRows import SeriesRows

DATABASE, FOLDER, TABLE = range(3)
SEEDS_FILE, SEEDS_FOLDER, SEEDS_STORED = range(3)
"""Places in the lists of sources and of seeds."""
_SELECTED = 0
"""Place in the list of ranges."""
_FRAMES = ("", "lps", "ras", "ijk")
_TABLES_HEIGHT = 420
"""Pixels of Slicer's three tables, one above the other: each has a search field and room for some rows."""


@dataclass(frozen=True)
class Choices:
    """What the widgets say.

    Attributes:
        source: one of `DATABASE`, `FOLDER`, `TABLE`.
        onlySelected: of the database's series those that are selected, or all that are shown.
        seeds: one of `SEEDS_FILE`, `SEEDS_FOLDER`, `SEEDS_STORED`.
        frame: lps, ras, ijk, or empty.
        rois, kernels: patterns.
        thickness: of slices, mm, as it was typed.
        allSeries: each that fits, instead of one of each study.
        draws: for stability; 0 for none.
        identifiers: whether what identifies patients is kept.
    """

    source: int
    onlySelected: bool
    seeds: int
    frame: str
    rois: list[str]
    thickness: str
    kernels: list[str]
    allSeries: bool
    draws: int
    identifiers: bool


@dataclass(frozen=True)
class PlanShown:
    """What a dry run has told, in words; each may be empty."""

    done: str = ""
    rules: str = ""
    notDone: str = ""
    notes: str = ""


@dataclass(frozen=True)
class ResultShown:
    """What came of a run, in words, and whether lesions without features can be tried again."""

    rows: str
    times: str
    canRetry: bool


class BatchPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window.
        rows: the lesions of the run.
        series: the database's tables.
        changed: emitted when the user has chosen otherwise.
        databaseOpened: emitted when Slicer's database is opened or closed.
        sourceClicked, seedsClicked, outputClicked, dryClicked, startClicked, cancelClicked, saveClicked, retryClicked,
            tableClicked, openFolderClicked: emitted without values.
        rowChosen: emitted with what was told of a row.
    """

    def __init__(self, uiPath: str) -> None:
        self.changed, self.rowChosen, self.cancelClicked = Signal(), Signal(), Signal()
        self.sourceClicked, self.seedsClicked, self.outputClicked = Signal(), Signal(), Signal()
        self.dryClicked, self.startClicked, self.saveClicked = Signal(), Signal(), Signal()
        self.retryClicked, self.tableClicked, self.openFolderClicked = Signal(), Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self.rows = BatchRows(ui.rowsTable)
        self.series = SeriesRows(ui.tablesPlace)
        self._isRunning = self._isLooking = False
        reserveTexts(ui.startButton, _("Cancel"))
        reserveTexts(ui.dryButton, _("Cancel"))
        self._alignTitles()
        ui.tablesPlace.minimumHeight = ui.tablesPlace.maximumHeight = _TABLES_HEIGHT
        self._connect()
        self.showDatabase(None, "")
        self.showNames("", "", "")
        self.showNetwork("")
        self.showProblem("")
        self.showPlan(PlanShown())
        self.showActivity("", None, isRunning=False)
        self.showCaution("")
        self.clearRows()
        self._onChange()

    def close(self) -> None:
        """What is Slicer's own outlives the panel."""
        self.rows.close()
        self.series.close()

    @property
    def choices(self) -> Choices:
        ui = self.ui
        return Choices(
            ui.sourceCombo.currentIndex,
            ui.rangeCombo.currentIndex == _SELECTED,
            ui.seedsCombo.currentIndex,
            _FRAMES[ui.frameCombo.currentIndex] if ui.seedsCombo.currentIndex == SEEDS_FILE else "",
            _names(ui.roiEdit.text),
            ui.thicknessEdit.text.strip(),
            _names(ui.kernelEdit.text),
            ui.studyCombo.currentIndex > 0,
            ui.drawsSpin.value,
            ui.identifiersCheckBox.checked,
        )

    @property
    def seriesUids(self) -> list[str]:
        """Of the database's series those that are to be taken."""
        return self.series.selected() if self.choices.onlySelected else self.series.shown()

    def showDatabase(self, database: Any, problem: str) -> None:
        """Slicer's DICOM database; None with a sentence why it cannot be used."""
        ui = self.ui
        if database is not None:
            self.series.show(database)
        ui.databaseLabel.text = breakable(problem)
        ui.databaseLabel.visible = bool(problem)
        ui.tablesPlace.visible = database is not None
        self.showSeriesCount()

    def showSeriesCount(self) -> None:
        """How many series of the database are selected."""
        count = len(self.series.selected())
        one, several = _("1 CT series is selected."), _("{count} CT series are selected.")
        self.ui.seriesLabel.text = one if count == 1 else several.format(count=count)
        self.ui.seriesLabel.visible = self.choices.onlySelected

    def showNames(self, source: str, seeds: str, output: str) -> None:
        """Names of the folder or table of scans, of the seeds, and of the run's folder."""
        none = _("none is chosen yet")
        self.ui.sourceLabel.text = breakable(source or none)
        self.ui.seedsLabel.text = breakable(seeds or none)
        self.ui.outputLabel.text = breakable(output or _("asked for at Start"))

    def showNetwork(self, text: str) -> None:
        """What computes, as it is chosen elsewhere in the window."""
        self.ui.networkLabel.text = breakable(text)
        self.ui.networkLabel.visible = bool(text)

    def showProblem(self, text: str) -> None:
        """Why nothing could be begun, or what went wrong."""
        self.ui.problemLabel.text = breakable(text)
        self.ui.problemLabel.visible = bool(text)

    def showCaution(self, text: str) -> None:
        """What stands wherever numbers of the run's weights appear."""
        self.ui.batchCautionLabel.text = breakable(text)
        self.ui.batchCautionLabel.visible = bool(text)

    def showPlan(self, plan: PlanShown) -> None:
        """What a dry run has told; nothing where none was made of what is chosen now."""
        ui = self.ui
        for label, text in (
            (ui.planLabel, plan.done),
            (ui.rulesLabel, plan.rules),
            (ui.notDoneLabel, plan.notDone),
            (ui.notesLabel, plan.notes),
        ):
            label.text = breakable(text)
            label.visible = bool(text)
        ui.planPlace.visible = bool(plan.done)

    def showActivity(self, text: str, fraction: float | None, *, isRunning: bool, note: str = "") -> None:
        """What runs now, and how far it is (0 to 1; None: nobody knows); or what came of the last thing.

        While `isRunning` lesions are being computed; a look computes none.
        """
        ui = self.ui
        self._isRunning, self._isLooking = isRunning, bool(text) and not isRunning
        ui.startButton.text = _("Cancel") if isRunning else _("Start")
        ui.dryButton.text = _("Cancel") if self._isLooking else _("Dry run")
        bar = ui.batchProgressBar
        bar.visible = bool(text)
        bar.maximum = 0 if fraction is None else 100
        bar.value = 0 if fraction is None else round(100 * fraction)
        ui.statusLabel.text = breakable(text or note)
        ui.statusLabel.visible = bool(text or note)
        self._enable()

    def clearRows(self) -> None:
        """A run begins."""
        self.rows.clear()
        self.ui.problemsCheckBox.checked = False
        self.ui.rowsPlace.visible = False
        self.showDetail("")
        self.showCauses("")
        self.showResult(None)

    def addRow(self, row: ListedRow) -> None:
        self.ui.rowsPlace.visible = True
        self.rows.add(row)

    def showCount(self, text: str) -> None:
        """How many rows there are, of which kinds."""
        self.ui.countLabel.text = breakable(text)

    def showDetail(self, text: str) -> None:
        """All that is known of the row that is chosen, and what happens to it."""
        self.ui.rowLabel.text = breakable(text)
        self.ui.rowLabel.visible = bool(text)

    def showCauses(self, text: str) -> None:
        """Why rows have no features, one cause a line."""
        self.ui.causesLabel.text = breakable(text)
        self.ui.causesLabel.visible = bool(text)

    def showResult(self, result: ResultShown | None) -> None:
        """What came of a run; None as long as it is not known."""
        ui = self.ui
        ui.resultPlace.visible = result is not None
        if result is not None:
            ui.resultLabel.text = breakable(result.rows)
            ui.timesLabel.text = breakable(result.times)
            ui.timesLabel.visible = bool(result.times)
            ui.retryButton.visible = result.canRetry

    def _alignTitles(self) -> None:
        """Those of several forms."""
        titles = [getattr(self.ui, f"{name}Title") for name in _TITLES]
        width = max(each.property("minimumSizeHint").width() for each in titles)
        for each in titles:
            each.minimumWidth = width

    def _connect(self) -> None:
        ui = self.ui
        for name in ("source", "range", "seeds", "frame", "study"):
            getattr(ui, f"{name}Combo").connect("currentIndexChanged(int)", self._onChange)
        for name in ("roi", "thickness", "kernel"):
            getattr(ui, f"{name}Edit").connect("textChanged(QString)", self._onChange)
        self.series.changed.connect(self._onChange)
        self.databaseOpened = self.series.opened
        for name in ("source", "seeds", "output", "save", "retry", "table", "openFolder"):
            signal: Signal = getattr(self, f"{name}Clicked")
            getattr(ui, f"{name}Button").connect("clicked(bool)", lambda *_values, signal=signal: signal.emit())
        ui.dryButton.connect("clicked(bool)", self._onDry)
        ui.startButton.connect("clicked(bool)", self._onStart)
        ui.problemsCheckBox.connect("toggled(bool)", self.rows.showProblems)
        self.rows.chosen.connect(self.rowChosen.emit)

    def _onDry(self, *_values: object) -> None:
        (self.cancelClicked if self._isLooking else self.dryClicked).emit()

    def _onStart(self, *_values: object) -> None:
        (self.cancelClicked if self._isRunning else self.startClicked).emit()

    def _onChange(self, *_values: object) -> None:
        ui, chosen = self.ui, self.choices
        ui.databasePlace.visible = chosen.source == DATABASE
        ui.sourcePathTitle.text = _("Folder:") if chosen.source == FOLDER else _("Table:")
        ui.seedsPathTitle.text = _("Folder:") if chosen.seeds == SEEDS_FOLDER else _("File:")
        for widget in (ui.sourcePathTitle, ui.sourcePlace):
            widget.visible = chosen.source != DATABASE
        for widget in (ui.seedsPathTitle, ui.seedsPlace):
            widget.visible = chosen.seeds != SEEDS_STORED
        for widget in (ui.frameTitle, ui.frameCombo):
            widget.visible = chosen.seeds == SEEDS_FILE
        self.showSeriesCount()
        self.changed.emit()

    def _enable(self) -> None:
        ui, isBusy = self.ui, self._isRunning or self._isLooking
        for name in _CHOICES:
            getattr(ui, name).enabled = not isBusy
        ui.startButton.enabled = not self._isLooking
        ui.dryButton.enabled = not self._isRunning
        for button in (ui.saveButton, ui.retryButton):
            button.enabled = not isBusy


_TITLES = ("source", "sourcePath", "range", "seeds", "frame", "roi", "thickness", "kernel", "study", "output", "draws")

_CHOICES = (
    *("sourceCombo", "sourcePlace", "tablesPlace", "rangeCombo", "seedsCombo", "seedsPlace", "frameCombo", "roiEdit"),
    *("thicknessEdit", "kernelEdit", "studyCombo", "outputPlace", "drawsSpin", "identifiersCheckBox"),
)
"""What cannot be changed while something runs."""


def _names(text: str) -> Sequence[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
