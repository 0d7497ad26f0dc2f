"""Room that a panel keeps for what comes and goes in it: what people are about to press must not move under the mouse.

Heights are pixels. `place` is a widget with a layout of its own around the parts that are shown and hidden.
"""

from __future__ import annotations

import re
from typing import Any

import qt

_LONGEST_WORD = 24
"""Letters that the narrowest panel has room for."""
_ROW_MARGIN = 6
"""Above and below the text of a row of a table together."""


def reserve(place: Any, lines: int = 0) -> None:
    """As much as all of its parts need together, and `lines` more of text. To be called before any part is hidden."""
    place.minimumHeight = place.layout().sizeHint().height() + lines * qt.QFontMetrics(place.font).lineSpacing()


def reserveLines(place: Any, count: int) -> None:
    """As much as so many lines of text need."""
    place.minimumHeight = count * qt.QFontMetrics(place.font).lineSpacing()


def keep(place: Any) -> None:
    """No less than it has now, whatever is hidden in it next. One that is not seen keeps what it had."""
    if place.visible:
        place.minimumHeight = place.height


def release(place: Any) -> None:
    """As much as it needs, and no more."""
    place.minimumHeight = 0


def reserveTexts(button: Any, *texts: str) -> None:
    """A width in which each of these texts fits: what stands beside the button stays when its text is another."""
    own, widths = button.text, []
    for text in (own, *texts):
        button.text = text
        widths.append(button.property("minimumSizeHint").width())
    button.text = own
    button.minimumWidth = max(widths)


def oneLineRows(table: Any, titles: list[str], narrow: set[int]) -> None:
    """The columns of a QTableWidget, those at the `narrow` places as wide as their text; one line of text a row."""
    table.setColumnCount(len(titles))
    table.setHorizontalHeaderLabels(titles)
    rows, columns = table.verticalHeader(), table.horizontalHeader()
    rows.setVisible(False)
    rows.setSectionResizeMode(qt.QHeaderView.Fixed)
    height = qt.QFontMetrics(table.font).height() + _ROW_MARGIN
    rows.setMinimumSectionSize(height)
    rows.setDefaultSectionSize(height)
    columns.setHighlightSections(False)
    for column in range(len(titles)):
        mode = qt.QHeaderView.ResizeToContents if column in narrow else qt.QHeaderView.Stretch
        columns.setSectionResizeMode(column, mode)


def unformatted(text: str) -> str:
    """The text for tool tips and questions, which cannot be told that it is no HTML: names come from files.

    A letter that nobody sees stands where Qt would take a mark for a tag's (`Qt::mightBeRichText`).
    """
    return re.sub(r"<(?=\s*[A-Za-z!?/])|&(?=lt;)", "\\g<0>\u200b", text)


def breakable(text: str) -> str:
    """The text with places, which nobody sees, where a word breaks that would make the panel wider."""
    return re.sub(rf"\S{{{_LONGEST_WORD}}}(?=\S)", lambda found: found[0] + "\u200b", text)
