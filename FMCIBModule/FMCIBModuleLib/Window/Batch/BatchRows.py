"""The rows of a batch as they come: which lesion, whether it has features, what is predicted, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import qt
from slicer.i18n import tr as _

from ...Room import oneLineRows, unformatted
from ...Signal import Signal
from ...Soon import Soon

MOST_ROWS = 10_000
"""Rows that are listed; of a longer run the others are in its table, and those with a problem here as well."""
MOST_PROBLEMS = 2_000
"""Beyond these."""
_LESION, _STATUS = 0, 1


@dataclass(frozen=True)
class BatchLine:
    """What a row shows."""

    lesion: str
    status: str
    prediction: str
    problem: str


@dataclass(frozen=True)
class ListedRow:
    """A row.

    Attributes:
        line: its cells.
        isGood: whether it has features.
        told: the row as whoever computed it has told it.
    """

    line: BatchLine
    isGood: bool
    told: Mapping[str, Any]


class BatchRows:
    """A table in, a signal out.

    Attributes:
        chosen: emitted with what was told of a row when the user clicks on it, or presses Enter.
        counted: emitted without values when rows have been added.
    """

    def __init__(self, table: Any) -> None:
        self.chosen, self.counted = Signal(), Signal()
        self.unlisted = 0
        """Rows for which there is no room."""
        self._table = table
        self._rows: list[ListedRow] = []
        self._waiting: list[ListedRow] = []
        self._onlyProblems = False
        self._showSoon = Soon(self._showWaiting)
        self._setUp()
        for signal in ("cellClicked(int,int)", "cellActivated(int,int)"):  # the latter by a key
            table.connect(signal, lambda row, _column: self.chosen.emit(self._rows[row].told))

    def clear(self) -> None:
        self._waiting.clear()
        self._rows.clear()
        self.unlisted = 0
        self._table.setRowCount(0)

    def add(self, row: ListedRow) -> None:
        """Below the others, with the next turn of the event loop: some come a thousand at once."""
        self._waiting.append(row)
        self._showSoon()

    def showProblems(self, only: bool) -> None:  # noqa: FBT001  a check box's value
        """Only rows that have no features, or all."""
        self._onlyProblems = only
        for number, row in enumerate(self._rows):
            self._table.setRowHidden(number, only and row.isGood)

    def close(self) -> None:
        self._showSoon.close()

    def _showWaiting(self) -> None:
        table, waiting, self._waiting = self._table, self._waiting, []
        room = [MOST_ROWS, MOST_ROWS + MOST_PROBLEMS]
        listed = []
        for row in waiting:
            if len(self._rows) + len(listed) < room[not row.isGood]:
                listed.append(row)
            else:
                self.unlisted += 1
        first = len(self._rows)
        self._rows += listed
        table.setRowCount(len(self._rows))
        for number, row in enumerate(listed, first):
            for column, text in enumerate(astuple(row.line)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(unformatted(text))
                if column == _STATUS and not row.isGood:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                table.setItem(number, column, item)
            if self._onlyProblems and row.isGood:
                table.setRowHidden(number, True)  # noqa: FBT003  a method of Qt
        self.counted.emit()

    def _setUp(self) -> None:
        """One line a row; what does not fit ends in dots, and is whole in the tool tip and below the list."""
        titles = [_("Lesion"), _("Status"), _("Predictions"), _("Problem")]
        oneLineRows(self._table, titles, narrow={_STATUS})
