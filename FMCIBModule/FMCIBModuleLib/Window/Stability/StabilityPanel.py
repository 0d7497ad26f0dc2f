"""How a lesion is disturbed, how far that is, and how far its numbers moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from ...Room import breakable, reserveTexts
from ...Signal import Signal
from .StabilityRows import StabilityRows, Strip

AROUND, ON_GRID, IN_SEGMENT = range(3)
"""Places in the list of kinds."""


@dataclass(frozen=True)
class Choices:
    """What the widgets say."""

    kind: int
    variance: float
    draws: int
    steps: int
    stepMm: float
    segment: int
    """Its place in the list; below 0 where none is chosen."""
    perturb: bool
    randomSeed: int


@dataclass(frozen=True)
class Shown:
    """What was found, in words."""

    how: str
    caution: str
    strips: Sequence[Strip]
    legend: str
    cosine: str
    changes: str
    notes: str
    maps: Sequence[str]


@dataclass(frozen=True)
class MapShown:
    """The map that is seen over the CT: what it is, where it begins to be shown (0 to 1), and its opacity."""

    words: str
    share: float
    opacity: float


class StabilityPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window.
        runClicked, cancelClicked, saveClicked, segmentsWanted: emitted without values.
        mapClicked: emitted with the place of the map in its list.
        mapHidden: emitted without values.
        shareChanged, opacityChanged: emitted with 0 to 1.
    """

    def __init__(self, uiPath: str) -> None:
        self.runClicked, self.cancelClicked, self.saveClicked = Signal(), Signal(), Signal()
        self.mapClicked, self.segmentsWanted, self.mapHidden = Signal(), Signal(), Signal()
        self.shareChanged, self.opacityChanged = Signal(), Signal()
        self._isUpdating = False
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self.rows = StabilityRows(ui.stripsPlace)
        self._isRunning, self._canRun, self._canSave = False, False, False
        reserveTexts(ui.runButton, _("Cancel"))
        ui.kindCombo.connect("currentIndexChanged(int)", lambda _index: self._onKind())
        for spin in (ui.stepsSpin, ui.drawsSpin):
            spin.connect("valueChanged(int)", lambda _value: self._showCount())
        ui.runButton.connect("clicked(bool)", lambda *_: self._onRun())
        ui.saveButton.connect("clicked(bool)", lambda *_: self.saveClicked.emit())
        ui.mapButton.connect("clicked(bool)", lambda *_: self.mapClicked.emit(ui.mapCombo.currentIndex))
        ui.mapHideButton.connect("clicked(bool)", lambda *_: self.mapHidden.emit())
        for slider, changed in ((ui.shareSlider, self.shareChanged), (ui.opacitySlider, self.opacityChanged)):
            slider.connect("valueChanged(int)", lambda value, changed=changed: self._onSlider(changed, value))
        self.showLesion("", canRun=False)
        self.showProgress("", 0.0, isRunning=False)
        self.showProblem("")
        self.showSegments([], -1)
        self.showFound(None, "")
        self.showMap(None)
        self._onKind()

    @property
    def choices(self) -> Choices:
        ui = self.ui
        return Choices(
            ui.kindCombo.currentIndex,
            ui.varianceSpin.value,
            ui.drawsSpin.value,
            ui.stepsSpin.value,
            ui.stepSpin.value,
            ui.segmentCombo.currentIndex,
            ui.perturbCheckBox.checked,
            ui.randomSpin.value,
        )

    def showLesion(self, about: str, *, canRun: bool) -> None:
        """Which lesion is disturbed, or why none."""
        self._canRun = canRun
        self.ui.lesionLabel.text = breakable(about)
        self._enable()

    def showSegments(self, names: Sequence[str], chosen: int) -> None:
        """Those that seeds can be drawn in, and the place of the one that is chosen; below 0 for none."""
        combo = self.ui.segmentCombo
        combo.clear()
        for name in names:
            combo.addItem(name)
        combo.currentIndex = chosen if chosen < len(names) else -1

    def showProgress(self, text: str, fraction: float, *, isRunning: bool) -> None:
        """How far it is (0 to 1)."""
        ui, self._isRunning = self.ui, isRunning
        ui.stabilityProgressBar.visible = ui.progressLabel.visible = isRunning
        ui.stabilityProgressBar.value = round(100 * fraction)
        ui.progressLabel.text = breakable(text)
        ui.runButton.text = _("Cancel") if isRunning else _("Run")
        self._enable()

    def showProblem(self, text: str) -> None:
        """Why there is nothing."""
        self.ui.stabilityProblem.text = breakable(text)
        self.ui.stabilityProblem.visible = bool(text)

    def showFound(self, found: Shown | None, whyStale: str) -> None:
        """What was found of the lesion, and why it may not be so any more."""
        ui = self.ui
        ui.foundPlace.visible = self._canSave = found is not None
        ui.stabilityStale.text = breakable(whyStale)
        ui.stabilityStale.visible = bool(whyStale)
        if found is not None:
            for label, text in (
                (ui.howLabel, found.how),
                (ui.stabilityCaution, found.caution),
                (ui.legendLabel, found.legend),
                (ui.cosineLabel, found.cosine),
                (ui.changesLabel, found.changes),
                (ui.notesLabel, found.notes),
            ):
                label.text = breakable(text)
                label.visible = bool(text)
                label.enabled = not whyStale
            self.rows.show(found.strips, not whyStale)
            self._showMaps(found.maps)
        self._enable()
        self.widget.updateGeometry()  # or Qt lays out what the texts were before

    def showMap(self, shown: MapShown | None) -> None:
        """The map that is seen; None where none is."""
        ui, self._isUpdating = self.ui, True
        ui.mapLookPlace.visible = ui.mapHideButton.visible = shown is not None
        if shown is not None:
            ui.mapWords.text = breakable(shown.words)
            ui.shareSlider.value, ui.opacitySlider.value = round(100 * shown.share), round(100 * shown.opacity)
        self._isUpdating = False

    def _onSlider(self, changed: Signal, value: int) -> None:
        if not self._isUpdating:
            changed.emit(value / 100)

    def _showMaps(self, maps: Sequence[str]) -> None:
        combo = self.ui.mapCombo
        if list(maps) != [combo.itemText(index) for index in range(combo.count)]:
            combo.clear()
            for name in maps:
                combo.addItem(name)
        self.ui.mapPlace.visible = bool(maps)

    def _onKind(self) -> None:
        ui, kind = self.ui, self.ui.kindCombo.currentIndex
        for widgets, kinds in (
            ((ui.varianceTitle, ui.varianceSpin), (AROUND,)),
            ((ui.segmentTitle, ui.segmentCombo), (IN_SEGMENT,)),
            ((ui.drawsTitle, ui.drawsSpin), (AROUND, IN_SEGMENT)),
            ((ui.stepsTitle, ui.stepsPlace), (ON_GRID,)),
        ):
            for widget in widgets:
                widget.visible = kind in kinds
        if kind == IN_SEGMENT:
            self.segmentsWanted.emit()
        self._showCount()

    def _showCount(self) -> None:
        edge = 2 * self.ui.stepsSpin.value + 1
        self.ui.gridLabel.text = _("{count} seeds").format(count=edge**3)

    def _onRun(self) -> None:
        (self.cancelClicked if self._isRunning else self.runClicked).emit()

    def _enable(self) -> None:
        ui = self.ui
        ui.runButton.enabled = self._isRunning or self._canRun
        ui.saveButton.enabled = self._canSave and not self._isRunning
