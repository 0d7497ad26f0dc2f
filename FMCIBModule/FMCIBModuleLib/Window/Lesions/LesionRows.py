"""The rows of the list of lesions: shown, chosen, edited, and hidden by a filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import qt
from slicer.i18n import tr as _

from ...Room import oneLineRows, unformatted
from ...Signal import Signal

MARKS = {"whole": "✓", "warned": "!", "failed": "✗", "stale": "↻", "waiting": "…", "new": "○"}
"""Of quality: all is well, a warning, no numbers, not as it was since, being analysed, not analysed yet."""
COLOURS = {"whole": "#2fa25f", "warned": "#c67d10", "failed": "#e8635e"}
"""Of marks, each with 3:1 on the rows of the light and of the dark style. The symbols say the same."""


@dataclass(frozen=True)
class LesionLine:
    """What a row shows, or the tool tip of each of its cells; `quality` is one of `MARKS`, or words in a tool tip."""

    name: str
    scan: str
    prediction: str
    quality: str


@dataclass(frozen=True)
class ListedLesion:
    """A row.

    Attributes:
        id: of the lesion among all.
        line: its cells.
        toolTips: one for each cell.
        details: what is shown below the list while the row is chosen.
        isSettled: False while the row is stale or waits; it is shown in italics then.
    """

    id: str
    line: LesionLine
    toolTips: LesionLine
    details: str
    isSettled: bool = True


_NAME, _SCAN, _PREDICTIONS, _QUALITY = range(4)


class LesionRows:
    """A table in, signals out.

    Attributes:
        selected: emitted without values when other rows are chosen, or none.
        chosen: emitted with a lesion's id when the user goes to its row.
        renamed: emitted with (id, name).
        hidden: how many rows the filter hides.
    """

    def __init__(self, table: Any) -> None:
        self.selected, self.chosen, self.renamed = Signal(), Signal(), Signal()
        self.hidden = 0
        self._table = table
        self._lesions: list[ListedLesion] = []
        self._words: list[str] = []
        self._isUpdating = False
        self._setUp()
        table.connect("itemSelectionChanged()", self._onSelection)
        table.connect("cellClicked(int,int)", lambda row, _column: self.chosen.emit(self._lesions[row].id))
        table.connect("cellChanged(int,int)", self._onCellChanged)

    @property
    def all(self) -> list[ListedLesion]:
        """Hidden ones as well."""
        return list(self._lesions)

    @property
    def chosenIds(self) -> list[str]:
        """In the order of the rows."""
        rows = sorted({item.row() for item in self._table.selectedItems()})
        return [self._lesions[row].id for row in rows if row < len(self._lesions)]

    @property
    def shownIds(self) -> list[str]:
        """Those that the filter lets through, in the order of the rows."""
        return [lesion.id for row, lesion in enumerate(self._lesions) if not self._table.isRowHidden(row)]

    def show(self, lesions: Sequence[ListedLesion]) -> None:
        """These. Rows that are chosen stay so; a name that is being edited does while no row comes or goes."""
        ids = [lesion.id for lesion in lesions]
        isSame = ids == [lesion.id for lesion in self._lesions]
        former = self.chosenIds
        self._lesions = list(lesions)
        self._isUpdating = True
        if not isSame:
            self._table.setRowCount(0)  # or what is being typed would become the name of another lesion
            self._table.setRowCount(len(lesions))
        for row, lesion in enumerate(lesions):
            self._showRow(row, lesion)
        self._table.setColumnHidden(_SCAN, len({lesion.line.scan for lesion in lesions}) < 2)
        self._isUpdating = False
        self._hide()
        if not isSame:
            self._select(former)

    def choose(self, lesionId: str) -> None:
        """Choose a lesion's row without telling, unless the filter hides it, or a name is being edited."""
        if self._editedRow() < 0:
            self._select([lesionId])

    def filter(self, text: str) -> None:
        """Show the rows that have all the words of a text."""
        self._words = text.casefold().split()
        self._hide()
        self._onSelection()

    def _setUp(self) -> None:
        """One line a row; what does not fit into a name ends in dots, and is whole in the tool tip and the details."""
        titles = [_("Lesion"), _("Scan"), _("Predictions"), _("Quality")]
        oneLineRows(self._table, titles, narrow={_PREDICTIONS, _QUALITY})
        self._table.horizontalHeaderItem(_QUALITY).setToolTip(
            _("✓ whole, ! with a warning, ✗ no numbers, ↻ changed since, … being analysed, ○ not analysed yet")
        )

    def _showRow(self, row: int, lesion: ListedLesion) -> None:
        """Cells are changed where they differ."""
        table, editedRow = self._table, self._editedRow()
        texts = astuple(replace(lesion.line, quality=MARKS[lesion.line.quality]))
        for column, (text, toolTip) in enumerate(zip(texts, astuple(lesion.toolTips), strict=True)):
            item = table.item(row, column)
            if item is None:
                item = self._addItem(row, column)
            # or the view would put the former name over what is being typed
            table.model().blockSignals(row == editedRow and column == _NAME)
            if item.text() != text:
                item.setText(text)
                if column == _QUALITY:
                    _paint(item, COLOURS.get(lesion.line.quality))
            if item.toolTip() != unformatted(toolTip):
                item.setToolTip(unformatted(toolTip))
                if column == _QUALITY:
                    item.setData(qt.Qt.AccessibleTextRole, toolTip)  # a screen reader says words, not a mark
            font = item.font()
            if font.italic() == lesion.isSettled:
                font.setItalic(not lesion.isSettled)
                item.setFont(font)
        table.model().blockSignals(False)  # noqa: FBT003  a method of Qt

    def _addItem(self, row: int, column: int):
        item = qt.QTableWidgetItem()
        if column != _NAME:
            item.setFlags(item.flags() ^ qt.Qt.ItemIsEditable)
        if column == _QUALITY:
            item.setTextAlignment(qt.Qt.AlignCenter)
            font = item.font()
            font.setBold(True)
            item.setFont(font)
        self._table.setItem(row, column, item)
        return item

    def _editedRow(self) -> int:
        """The row whose name is being edited, or -1."""
        table = self._table
        isEditing = any(editor.isVisible() for editor in table.findChildren(qt.QLineEdit))
        return table.currentRow() if isEditing else -1

    def _select(self, ids: Sequence[str]) -> None:
        self._isUpdating = True
        table = self._table
        table.clearSelection()
        rows = [row for row, each in enumerate(self._lesions) if each.id in ids and not table.isRowHidden(row)]
        if rows:
            table.setCurrentCell(rows[0], _NAME)  # where the arrow keys go on from
        for row in rows:
            self._setSelected(row, True)
        self._isUpdating = False

    def _setSelected(self, row: int, isSelected: bool) -> None:
        for column in range(self._table.columnCount):
            self._table.item(row, column).setSelected(isSelected)

    def _hide(self) -> None:
        """One that is hidden is not chosen: nobody deletes what is not seen."""
        self._isUpdating, self.hidden = True, 0
        for row, lesion in enumerate(self._lesions):
            text = f"{lesion.line.name} {lesion.line.scan} {lesion.toolTips.quality}".casefold()
            isHidden = not all(word in text for word in self._words)
            self._table.setRowHidden(row, isHidden)
            self.hidden += isHidden
            if isHidden:
                self._setSelected(row, False)
        self._isUpdating = False

    def _onSelection(self) -> None:
        if not self._isUpdating:
            self.selected.emit()
            if len(self.chosenIds) == 1:
                self.chosen.emit(self.chosenIds[0])

    def _onCellChanged(self, row: int, column: int) -> None:
        if self._isUpdating or column != _NAME:
            return
        lesion, name = self._lesions[row], self._table.item(row, column).text().strip()
        if name and name != lesion.line.name:
            self.renamed.emit(lesion.id, name)
        else:
            self._isUpdating = True
            self._table.item(row, column).setText(lesion.line.name)
            self._isUpdating = False


def _paint(item, colour: str | None) -> None:
    """In a colour, or in that of all texts."""
    if colour is None:
        item.setData(qt.Qt.ForegroundRole, None)
    else:
        item.setForeground(qt.QBrush(qt.QColor(colour)))
