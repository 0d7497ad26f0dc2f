"""Where the draws of one number lie: a strip with a mark for each, an interval, and the undisturbed value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import qt
from slicer.i18n import tr as _

from ...Room import breakable

STRIP_WIDTH, STRIP_HEIGHT = 240, 32
"""Pixels of the picture, which is shown in half its height and as wide as there is room."""
DRAW_COLOUR, CHANGE_COLOUR, OWN_COLOUR, BAR_COLOUR = "#4f8fc0", "#9a70b8", "#d98200", "#7d8fa6"
"""With 3:1 on the panels of the light and of the dark style; what is what differs in shape as well."""
_MARK, _OWN, _MARGIN = 5, 5, 3


@dataclass(frozen=True)
class Strip:
    """One number of a head, or the head's name above its numbers.

    Attributes:
        label: what it is, in words.
        text: the number, and the interval of the draws; empty of a head's name.
        value: of the undisturbed lesion; None of a head's name.
        draws, changes: of the moved seeds, and of the changed patches.
        low, high: between these lie 95 % of the draws.
        ends: what the left and right end of the strip are.
        about: for the tool tip.
    """

    label: str
    text: str = ""
    value: float | None = None
    draws: Sequence[float] = ()
    changes: Sequence[float] = ()
    low: float = 0.0
    high: float = 0.0
    ends: tuple[float, float] = (0.0, 1.0)
    about: str = ""


class StabilityRows:
    """Strips below each other in a widget with a grid layout."""

    def __init__(self, place: Any) -> None:
        self._place = place
        self.rows: list[tuple[Any, Any, Any]] = []
        """Of each strip: the labels of its name, its picture, its number."""

    def show(self, strips: Sequence[Strip], isSettled: bool) -> None:
        """These and no others; shown as not valid where they may not be of now."""
        while len(self.rows) < len(strips):
            self.rows.append(self._addRow(len(self.rows)))
        for number, row in enumerate(self.rows):
            for label in row:
                label.visible = number < len(strips)
                label.enabled = isSettled
        for (name, picture, text), strip in zip(self.rows, strips, strict=False):
            name.text, text.text = breakable(strip.label), strip.text
            isHead = strip.value is None
            picture.visible = text.visible = not isHead
            self._span(name, isHead)
            if not isHead:
                picture.setPixmap(stripPicture(strip, isSettled))
                picture.accessibleName = f"{strip.label}: {strip.text}"
                picture.toolTip = strip.about
        self._place.visible = bool(strips)

    def _span(self, name: Any, isHead: bool) -> None:  # noqa: FBT001  a fact of the row
        """A head's name is bold and has the whole width."""
        font = qt.QFont()
        font.setBold(isHead)
        name.setFont(font)
        layout, row = self._place.layout(), [each[0] for each in self.rows].index(name)
        layout.removeWidget(name)
        layout.addWidget(name, row, 0, 1, 3 if isHead else 1)

    def _addRow(self, number: int) -> tuple[Any, Any, Any]:
        name, picture, text = qt.QLabel(), qt.QLabel(), qt.QLabel()
        for label in (name, text):
            label.textFormat = qt.Qt.PlainText
        name.wordWrap = True
        name.toolTip = _("A head, or one of its numbers.")
        text.toolTip = _("The number at the seed itself, and between which 95 % of the draws lie.")
        picture.scaledContents = True
        picture.minimumHeight = picture.maximumHeight = STRIP_HEIGHT // 2
        picture.minimumWidth = 40
        picture.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
        layout = self._place.layout()
        for column, (label, stretch) in enumerate(((name, 3), (picture, 4), (text, 0))):
            layout.addWidget(label, number, column)
            layout.setColumnStretch(column, stretch)
        return name, picture, text


def stripPicture(strip: Strip, isSettled: bool = True) -> Any:
    """A strip as a `qt.QPixmap`: a bar for the interval, marks in two rows, a line at the undisturbed value."""
    pixmap = qt.QPixmap(STRIP_WIDTH, STRIP_HEIGHT)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter()
    painter.begin(pixmap)
    left, right = placeOf(strip, strip.low), placeOf(strip, strip.high)
    _fill(painter, left - 1, STRIP_HEIGHT // 4 - 6, right - left + 3, 12, BAR_COLOUR, 110 if isSettled else 50)
    for value in strip.draws:
        _fill(painter, placeOf(strip, value) - 1, STRIP_HEIGHT // 4 - 6, 3, 12, DRAW_COLOUR, 130 if isSettled else 60)
    for value in strip.changes:
        top = 3 * STRIP_HEIGHT // 4 - _MARK // 2
        _fill(painter, placeOf(strip, value) - _MARK // 2, top, _MARK, _MARK, CHANGE_COLOUR, 255 if isSettled else 90)
    own = placeOf(strip, strip.value) - _OWN // 2
    _fill(painter, own, 0, _OWN, STRIP_HEIGHT, OWN_COLOUR, 255 if isSettled else 90)
    painter.end()
    return pixmap


def placeOf(strip: Strip, value: float) -> int:
    """The column of a value in the picture."""
    low, high = strip.ends
    share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
    return _MARGIN + round(share * (STRIP_WIDTH - 1 - 2 * _MARGIN))


def _fill(painter: Any, left: int, top: int, width: int, height: int, colour: str, alpha: int) -> None:
    shade = qt.QColor(colour)
    shade.setAlpha(alpha)
    painter.fillRect(left, top, width, height, shade)
