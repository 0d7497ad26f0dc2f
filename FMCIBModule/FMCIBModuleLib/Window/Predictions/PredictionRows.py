"""What one head says of a lesion: a card with a bar for each class, the user's threshold, and what the numbers mean.

All bars have one neutral colour, whatever they stand for: a colour that means something would be somebody's verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...Room import breakable
from ...Signal import Signal

BAR_COLOUR = "#7d8fa6"
"""A blue grey, with 3:1 on the panels of the light and of the dark style."""
LINE_COLOUR = "#d98200"
"""Of the user's threshold; its number stands beside the bar as well."""
BAR_WIDTH, BAR_HEIGHT, LINE_WIDTH = 240, 24, 7
"""Pixels of the picture, which is shown in half its height and as wide as there is room: a fifth of it, or twice."""
_FRAME = 2


@dataclass(frozen=True)
class Bar:
    """One number of a head.

    Attributes:
        output: its name in the table.
        label: what it is, in words.
        text: the number.
        share: from 0 to 1; None of a number that is none, which has no bar.
        threshold: the user's, from above 0 to 1; None where there is none.
    """

    output: str
    label: str
    text: str
    share: float | None
    threshold: float | None = None


@dataclass(frozen=True)
class Card:
    """One head.

    Attributes:
        head: its ID.
        sha256: of its file; empty where the scene lost that: then no threshold can be set.
        group: the same for heads that stand side by side.
        title, caution: in words; the caution is empty where there is none.
        alarms: sentences that belong beside the numbers; why there are none, where there are none.
        facts: what the numbers mean, one fact a line.
        bars: in their order.
        isShown: whether the user wants to see it.
        isSettled: False where the numbers are of before something was changed: they are shown as not valid.
    """

    head: str
    sha256: str
    group: str
    title: str
    caution: str
    alarms: str
    facts: str
    bars: Sequence[Bar]
    isShown: bool = True
    isSettled: bool = True


class PredictionRows:
    """A card on the screen: what is in it may change, its head does not.

    Attributes:
        widget: to be put into the panel.
        shownChanged: emitted with (head, whether it is to be seen) when the user says so.
        thresholdChanged: emitted with (SHA-256 of the head's file, output, threshold, or None for none).
    """

    def __init__(self, uiPath: str) -> None:
        self.shownChanged, self.thresholdChanged = Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self.rows: list[tuple[Any, Any, Any]] = []
        """Of each bar: the labels of its name, its picture, its number."""
        self._card: Card | None = None
        self._isUpdating = False
        ui.headCheckBox.connect("toggled(bool)", self._onShown)
        ui.thresholdCombo.connect("currentIndexChanged(int)", lambda _index: self._showThreshold())
        ui.thresholdSpin.connect("valueChanged(double)", self._onThreshold)

    def show(self, card: Card) -> None:
        """What the head says now."""
        ui, self._isUpdating = self.ui, True
        former, self._card = self._card, card
        ui.headCheckBox.text = card.head
        ui.headCheckBox.checked = card.isShown
        ui.bodyPlace.visible = card.isShown
        for label, text in (
            (ui.titleLabel, card.title),
            (ui.cautionLabel, card.caution),
            (ui.alarmLabel, card.alarms),
            (ui.factsLabel, card.facts),
        ):
            label.text = breakable(text)
            label.visible = bool(text)
        self._showBars(card)
        outputs = [bar.output for bar in card.bars if bar.share is not None]
        if former is None or sorted(outputs) != sorted(self._outputs):
            ui.thresholdCombo.clear()
            for bar in card.bars:
                if bar.share is not None:
                    ui.thresholdCombo.addItem(bar.label, bar.output)
        ui.thresholdPlace.visible = bool(outputs) and bool(card.sha256)
        self._isUpdating = False
        self._showThreshold()

    @property
    def _outputs(self) -> list[str]:
        combo = self.ui.thresholdCombo
        return [combo.itemData(index) for index in range(combo.count)]

    def _showBars(self, card: Card) -> None:
        while len(self.rows) < len(card.bars):
            self.rows.append(self._addRow(len(self.rows)))
        for number, (name, picture, text) in enumerate(self.rows):
            isThere = number < len(card.bars)
            for label in (name, picture, text):
                label.visible = isThere
                label.enabled = card.isSettled
            if isThere:
                bar = card.bars[number]
                name.text, text.text = breakable(bar.label), bar.text
                picture.setPixmap(barPicture(bar.share, bar.threshold, card.isSettled))
                picture.accessibleName = f"{bar.label}: {bar.text}"
        self.ui.barsPlace.visible = bool(card.bars)

    def _addRow(self, number: int) -> tuple[Any, Any, Any]:
        name, picture, text = qt.QLabel(), qt.QLabel(), qt.QLabel()
        for label in (name, text):
            label.textFormat = qt.Qt.PlainText
        name.wordWrap = True
        name.toolTip = _("A class of this head, or what its number is.")
        picture.toolTip = _(
            "The length is the number beside it, from 0 to 1. All bars have one colour, which means nothing."
        )
        text.toolTip = _("What the head gives, and how that compares with your threshold, if you have set one.")
        picture.scaledContents = True
        picture.minimumHeight = picture.maximumHeight = BAR_HEIGHT // 2
        picture.minimumWidth = 40
        picture.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
        layout = self.ui.barsPlace.layout()
        for column, (label, stretch) in enumerate(((name, 3), (picture, 4), (text, 0))):
            layout.addWidget(label, number, column)
            layout.setColumnStretch(column, stretch)
        return name, picture, text

    def _chosen(self) -> Bar | None:
        """The bar whose threshold is shown."""
        output = self.ui.thresholdCombo.itemData(max(self.ui.thresholdCombo.currentIndex, 0))
        return next((bar for bar in self._card.bars if bar.output == output), None)

    def _showThreshold(self) -> None:
        bar = self._chosen() if self._card and not self._isUpdating else None
        if bar is not None:
            self._isUpdating = True
            self.ui.thresholdSpin.value = bar.threshold or 0.0
            self._isUpdating = False

    def _onShown(self, isShown: bool) -> None:  # noqa: FBT001  a signal of Qt
        if not self._isUpdating:
            self.shownChanged.emit(self._card.head, isShown)

    def _onThreshold(self, value: float) -> None:
        if not self._isUpdating and (bar := self._chosen()) is not None:
            self.thresholdChanged.emit(self._card.sha256, bar.output, round(value, 2) or None)


def barPicture(share: float | None, threshold: float | None, isSettled: bool = True) -> Any:
    """A bar as a `qt.QPixmap`: filled from the left by `share`, 0 to 1, with a line at the threshold; empty of None."""
    pixmap = qt.QPixmap(BAR_WIDTH, BAR_HEIGHT)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    if share is None:
        return pixmap
    painter = qt.QPainter()
    painter.begin(pixmap)
    colour = qt.QColor(BAR_COLOUR)
    filled = round(min(max(share, 0.0), 1.0) * BAR_WIDTH)
    colour.setAlpha(255 if isSettled else 90)
    painter.fillRect(0, 0, filled, BAR_HEIGHT, colour)
    colour.setAlpha(120)
    for left, top, width, height in (
        (0, 0, BAR_WIDTH, _FRAME),
        (0, BAR_HEIGHT - _FRAME, BAR_WIDTH, _FRAME),
        (0, 0, _FRAME, BAR_HEIGHT),
        (BAR_WIDTH - _FRAME, 0, _FRAME, BAR_HEIGHT),
    ):
        painter.fillRect(left, top, width, height, colour)
    if threshold is not None:
        middle = round(threshold * BAR_WIDTH)
        left = min(max(middle - LINE_WIDTH // 2, 0), BAR_WIDTH - LINE_WIDTH)
        painter.fillRect(left, 0, LINE_WIDTH, BAR_HEIGHT, qt.QColor(LINE_COLOUR))
    painter.end()
    return pixmap
