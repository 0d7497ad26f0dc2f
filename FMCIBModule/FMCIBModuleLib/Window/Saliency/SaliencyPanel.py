"""What a saliency map is to be of, how far it is, how it is shown, and how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from ...Room import breakable, reserveLines, reserveTexts
from ...Signal import Signal

_BAR_PIXELS = 12
_FEWEST_LINES = 2


@dataclass(frozen=True)
class ShownMap:
    """A map as the panel shows it.

    Attributes:
        legend: one fact a line.
        cautions: what must stand beside it.
        colours: of its table, n x 4, 0 to 1.
        low, high: raw values of the first and the last colour, as text.
        threshold: the same for what is shown.
        share, opacity: 0 to 1.
        isVisible: in the slice views.
        hasContour: in 3D.
    """

    legend: str
    cautions: str
    colours: np.ndarray
    low: str
    high: str
    threshold: str
    share: float
    opacity: float
    isVisible: bool
    hasContour: bool


class SaliencyPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window.
        targetChosen, methodChosen: emitted without values, when the user has.
        showClicked, cancelClicked, foregroundClicked, removeClicked: emitted without values.
        shareChanged, opacityChanged: emitted with a number from 0 to 1.
        visibleChanged, contourChanged: emitted with whether the map, or its contour in 3D, is to be seen.
    """

    def __init__(self, uiPath: str) -> None:
        self.targetChosen, self.methodChosen = Signal(), Signal()
        self.showClicked, self.cancelClicked = Signal(), Signal()
        self.foregroundClicked, self.removeClicked = Signal(), Signal()
        self.shareChanged, self.opacityChanged, self.visibleChanged = Signal(), Signal(), Signal()
        self.contourChanged = Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._isUpdating = self._isBusy = False
        self._targets: list[tuple[str, str]] = []
        reserveTexts(self.ui.makeMapButton, _("Cancel"))
        reserveLines(self.ui.mapStatusLabel, 1)
        reserveLines(self.ui.mapStaleLabel, 1)
        self._connect()
        self.showAbout("", "", "", canMake=False)
        self.showActivity("", None)
        self.showMap(None)
        self.showForeground(isTaken=False)

    @property
    def target(self) -> str:
        """The name of the target that is chosen; empty for none."""
        return self.ui.targetCombo.itemData(self.ui.targetCombo.currentIndex) or ""

    @property
    def method(self) -> str:
        return self.ui.methodCombo.itemData(self.ui.methodCombo.currentIndex) or ""

    @property
    def samples(self) -> int:
        return int(self.ui.samplesSpin.value)

    @property
    def randomSeed(self) -> int:
        return int(self.ui.randomSeedSpin.value)

    def showAbout(self, about: str, whyStale: str, caution: str, *, canMake: bool) -> None:
        """Of which lesion, why its map may not be of now, and what its weights do not say."""
        ui = self.ui
        ui.mapAboutLabel.text = breakable(about)
        ui.mapStaleLabel.text = breakable(whyStale)
        ui.mapWeightsLabel.text = breakable(caution)
        ui.mapWeightsLabel.visible = bool(caution)
        self._canMake = canMake
        self._enable()

    def showTargets(self, targets: Sequence[tuple[str, str]]) -> None:
        """Those that can be chosen; the one that is chosen stays so, if it is among them."""
        if list(targets) != self._targets:
            self._targets = list(targets)
            _fill(self.ui.targetCombo, targets)

    def chooseTarget(self, name: str) -> None:
        """As if the user had; nobody is told."""
        index = next((number for number, (each, _called) in enumerate(self._targets) if each == name), -1)
        if index >= 0 and index != self.ui.targetCombo.currentIndex:
            former, self._isUpdating = self._isUpdating, True
            self.ui.targetCombo.currentIndex = index
            self._isUpdating = former

    def showMethods(self, methods: Sequence[tuple[str, str]]) -> None:
        _fill(self.ui.methodCombo, methods)

    def showWords(self, target: str, method: str, samples: int | None) -> None:
        """What target and method mean; the number of samples that the method begins with, None where it has none."""
        ui = self.ui
        ui.targetLabel.text = breakable(target)
        ui.methodLabel.text = breakable(method)
        for each in (ui.samplesLabel, ui.samplesSpin, ui.randomSeedLabel, ui.randomSeedSpin):
            each.enabled = samples is not None
        if samples is not None:
            ui.samplesSpin.value = samples

    def showActivity(self, text: str, fraction: float | None, *, isBusy: bool = False) -> None:
        """What happens now, and how far it is; None where nobody knows."""
        ui, self._isBusy = self.ui, isBusy
        ui.mapStatusLabel.text = breakable(text)
        ui.mapProgressBar.visible = isBusy
        ui.mapProgressBar.maximum = 0 if fraction is None else 100
        ui.mapProgressBar.value = 0 if fraction is None else round(100 * fraction)
        ui.makeMapButton.text = _("Cancel") if isBusy else _("Show map")
        self._enable()

    def showMap(self, shown: ShownMap | None) -> None:
        """The map of the lesion and target that are chosen; None for none."""
        ui, self._isUpdating = self.ui, True
        ui.mapPlace.visible = shown is not None
        if shown is not None:
            ui.legendLabel.text = breakable(shown.legend)
            ui.mapCautionLabel.text = breakable(shown.cautions)
            ui.mapCautionLabel.visible = bool(shown.cautions)
            ui.colourBar.setPixmap(barOf(shown.colours, shown.share))
            ui.lowLabel.text, ui.highLabel.text = shown.low, shown.high
            ui.thresholdValueLabel.text = shown.threshold
            ui.opacityValueLabel.text = f"{shown.opacity:.0%}"
            for slider, value in ((ui.thresholdSlider, shown.share), (ui.opacitySlider, shown.opacity)):
                if not slider.property("sliderDown"):
                    slider.value = round(100 * value)
            ui.visibleCheckBox.checked = shown.isVisible
            ui.contourCheckBox.checked = shown.hasContour
        self._isUpdating = False

    def showForeground(self, *, isTaken: bool) -> None:
        """Whether the map has no place in the views, as the user's foreground is there."""
        self.ui.foregroundPlace.visible = isTaken

    def _connect(self) -> None:
        ui = self.ui
        ui.targetCombo.connect("currentIndexChanged(int)", lambda _index: self._tell(self.targetChosen))
        ui.methodCombo.connect("currentIndexChanged(int)", lambda _index: self._tell(self.methodChosen))
        ui.makeMapButton.connect("clicked(bool)", self._onButton)
        ui.removeMapButton.connect("clicked(bool)", lambda *_: self.removeClicked.emit())
        ui.foregroundButton.connect("clicked(bool)", lambda *_: self.foregroundClicked.emit())
        ui.thresholdSlider.connect("valueChanged(int)", lambda value: self._tell(self.shareChanged, value / 100))
        ui.opacitySlider.connect("valueChanged(int)", lambda value: self._tell(self.opacityChanged, value / 100))
        ui.visibleCheckBox.connect("toggled(bool)", lambda isOn: self._tell(self.visibleChanged, isOn))
        ui.contourCheckBox.connect("toggled(bool)", lambda isOn: self._tell(self.contourChanged, isOn))

    def _tell(self, signal: Signal, *values: object) -> None:
        if not self._isUpdating:
            signal.emit(*values)

    def _onButton(self, *_values: object) -> None:
        (self.cancelClicked if self._isBusy else self.showClicked).emit()

    def _enable(self) -> None:
        self.ui.makeMapButton.enabled = self._isBusy or self._canMake


def barOf(colours: np.ndarray, share: float):
    """The colours of a map from the smallest to the largest value, as a `qt.QPixmap`; grey where nothing is shown."""
    rgb, isShown = colours[:, :3].copy(), colours[:, 3] > 0
    if isShown.all():  # a map of one sign: what is below the threshold is not shown
        isShown = np.linspace(0, 1, len(colours)) >= share
    rgb[~isShown] = 0.5
    row = np.round(255 * rgb).astype(np.uint8)
    pixmap = qt.QPixmap()
    head = b"P6 %d %d 255\n" % (len(row), _BAR_PIXELS)
    pixmap.loadFromData(head + np.tile(row, (_BAR_PIXELS, 1)).tobytes(), "PPM")
    return pixmap


def _fill(combo, items: Sequence[tuple[str, str]]) -> None:
    """Keeps what is chosen, and tells of a change only if that is gone."""
    former = combo.itemData(combo.currentIndex)
    was = combo.blockSignals(True)  # noqa: FBT003  a method of Qt
    combo.clear()
    for name, called in items:
        combo.addItem(called, name)
    index = next((number for number, (name, _called) in enumerate(items) if name == former), 0)
    combo.currentIndex = index
    combo.blockSignals(was)
