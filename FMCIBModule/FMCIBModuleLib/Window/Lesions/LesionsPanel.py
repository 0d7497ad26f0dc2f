"""The panel's list of lesions: one a row, with what is known of it in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import qt
import slicer
from slicer.i18n import tr as _

from ...Room import reserveLines
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


_NAME, _SCAN, _QUALITY = 0, 1, 3
_ROW_MARGIN = 6
"""Pixels above and below the text of a row together."""
_DETAIL_LINES = 11
"""That are kept free below the list: other details of the same length move nothing."""


class LesionsPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window.
        selected: emitted without values when other rows are chosen, or none.
        chosen: emitted with a lesion's id when the user goes to its row.
        renamed: emitted with (id, name).
        removeClicked: emitted with the ids of the rows that are chosen.
        moveClicked: emitted with (id, -1 for up or 1 for down).
        undoClicked, redoClicked: without values.
        exportClicked: emitted with whether identifiers are to be written.
    """

    def __init__(self, uiPath: str) -> None:
        self.chosen, self.renamed, self.removeClicked, self.moveClicked = Signal(), Signal(), Signal(), Signal()
        self.undoClicked, self.redoClicked, self.exportClicked = Signal(), Signal(), Signal()
        self.selected = Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._lesions: list[ListedLesion] = []
        self._isUpdating = False
        self._setUpTable()
        reserveLines(self.ui.detailPlace, _DETAIL_LINES)
        ui, table = self.ui, self.ui.lesionTable
        table.connect("itemSelectionChanged()", self._onSelection)
        table.connect("cellClicked(int,int)", lambda row, _column: self.chosen.emit(self._lesions[row].id))
        table.connect("cellChanged(int,int)", self._onCellChanged)
        self._deleteKey = qt.QShortcut(qt.QKeySequence("Del"), table)
        self._deleteKey.context = qt.Qt.WidgetShortcut
        self._deleteKey.connect("activated()", self._onRemove)
        ui.filterEdit.connect("textChanged(QString)", lambda _text: self._onFilter())
        ui.removeButton.connect("clicked(bool)", self._onRemove)
        ui.upButton.connect("clicked(bool)", lambda *_: self.moveClicked.emit(self.currentId, -1))
        ui.downButton.connect("clicked(bool)", lambda *_: self.moveClicked.emit(self.currentId, 1))
        ui.undoButton.connect("clicked(bool)", lambda *_: self.undoClicked.emit())
        ui.redoButton.connect("clicked(bool)", lambda *_: self.redoClicked.emit())
        ui.exportButton.connect("clicked(bool)", lambda *_: self.exportClicked.emit(ui.identifiersCheckBox.checked))
        self.showLesions([])
        self.showUndo(False, False)

    @property
    def currentId(self) -> str:
        """The lesion whose row is chosen, the uppermost of several; empty where none is."""
        ids = self.chosenIds
        return ids[0] if ids else ""

    @property
    def chosenIds(self) -> list[str]:
        """In the order of the rows."""
        rows = sorted({item.row() for item in self.ui.lesionTable.selectedItems()})
        return [self._lesions[row].id for row in rows if row < len(self._lesions)]

    @property
    def shownIds(self) -> list[str]:
        """Those that the filter lets through, in the order of the rows."""
        table = self.ui.lesionTable
        return [lesion.id for row, lesion in enumerate(self._lesions) if not table.isRowHidden(row)]

    def showLesions(self, lesions: Sequence[ListedLesion]) -> None:
        """The list. Rows that are chosen stay so; a name that is being edited does while no row comes or goes."""
        ids = [lesion.id for lesion in lesions]
        isSame = ids == [lesion.id for lesion in self._lesions]
        former = self.chosenIds
        self._lesions = list(lesions)
        self._isUpdating = True
        if not isSame:
            self.ui.lesionTable.setRowCount(0)  # or what is being typed would become the name of another lesion
            self.ui.lesionTable.setRowCount(len(lesions))
        for row, lesion in enumerate(lesions):
            self._showRow(row, lesion)
        self.ui.lesionTable.setColumnHidden(_SCAN, len({lesion.line.scan for lesion in lesions}) < 2)
        self._isUpdating = False
        self._filter()
        if not isSame:
            self._select(former)
        self._showChoice()

    def choose(self, lesionId: str) -> None:
        """Choose a lesion's row without telling, unless the filter hides it, or a name is being edited."""
        if self._editedRow() < 0:
            self._select([lesionId])
            self._showChoice()

    def showUndo(self, canUndo: bool, canRedo: bool) -> None:
        """Whether there is a step to take back, and one to do again."""
        self.ui.undoButton.enabled = canUndo
        self.ui.redoButton.enabled = canRedo

    def _setUpTable(self) -> None:
        """One line a row; what does not fit into a name ends in dots, and is whole in the tool tip and the details."""
        table = self.ui.lesionTable
        titles = [_("Lesion"), _("Scan"), _("Predictions"), _("Quality")]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.horizontalHeaderItem(_QUALITY).setToolTip(
            _("✓ whole, ! with a warning, ✗ no numbers, ↻ changed since, … being analysed, ○ not analysed yet")
        )
        rows, columns = table.verticalHeader(), table.horizontalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(qt.QHeaderView.Fixed)
        height = qt.QFontMetrics(table.font).height() + _ROW_MARGIN
        rows.setMinimumSectionSize(height)
        rows.setDefaultSectionSize(height)
        columns.setHighlightSections(False)
        for column in range(len(titles)):
            mode = qt.QHeaderView.Stretch if column in (_NAME, _SCAN) else qt.QHeaderView.ResizeToContents
            columns.setSectionResizeMode(column, mode)

    def _showRow(self, row: int, lesion: ListedLesion) -> None:
        """Cells are changed where they differ."""
        table, editedRow = self.ui.lesionTable, self._editedRow()
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
            if item.toolTip() != toolTip:
                item.setToolTip(toolTip)
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
        self.ui.lesionTable.setItem(row, column, item)
        return item

    def _editedRow(self) -> int:
        """The row whose name is being edited, or -1."""
        table = self.ui.lesionTable
        isEditing = any(editor.isVisible() for editor in table.findChildren(qt.QLineEdit))
        return table.currentRow() if isEditing else -1

    def _select(self, ids: Sequence[str]) -> None:
        self._isUpdating = True
        table = self.ui.lesionTable
        table.clearSelection()
        rows = [row for row, each in enumerate(self._lesions) if each.id in ids and not table.isRowHidden(row)]
        if rows:
            table.setCurrentCell(rows[0], _NAME)  # where the arrow keys go on from
        for row in rows:
            self._setSelected(row, True)
        self._isUpdating = False

    def _setSelected(self, row: int, isSelected: bool) -> None:
        for column in range(self.ui.lesionTable.columnCount):
            self.ui.lesionTable.item(row, column).setSelected(isSelected)

    def _filter(self) -> None:
        """Show the rows that have all the words. One that is hidden is not chosen: nobody deletes what is not seen."""
        words = self.ui.filterEdit.text.casefold().split()
        self._isUpdating, count = True, 0
        for row, lesion in enumerate(self._lesions):
            text = f"{lesion.line.name} {lesion.line.scan} {lesion.toolTips.quality}".casefold()
            isHidden = not all(word in text for word in words)
            self.ui.lesionTable.setRowHidden(row, isHidden)
            count += isHidden
            if isHidden:
                self._setSelected(row, False)
        self._isUpdating = False
        several = _("{count} lesions are hidden by the filter.").format(count=count)
        self.ui.hiddenLabel.text = _("1 lesion is hidden by the filter.") if count == 1 else several
        self.ui.hiddenLabel.visible = count > 0

    def _showChoice(self) -> None:
        """What can be done with the rows that are chosen, and their details."""
        ids = self.chosenIds
        one = next((lesion for lesion in self._lesions if len(ids) == 1 and lesion.id == ids[0]), None)
        self.ui.detailLabel.text = one.details if one else ""
        self.ui.detailLabel.visible = one is not None
        self.ui.removeButton.enabled = bool(ids)
        self.ui.upButton.enabled = self.ui.downButton.enabled = one is not None
        self.ui.exportButton.enabled = bool(self._lesions)

    def _onFilter(self) -> None:
        self._filter()
        self._onSelection()

    def _onSelection(self) -> None:
        if not self._isUpdating:
            self._showChoice()
            self.selected.emit()
            if len(self.chosenIds) == 1:
                self.chosen.emit(self.currentId)

    def _onCellChanged(self, row: int, column: int) -> None:
        if self._isUpdating or column != _NAME:
            return
        lesion, name = self._lesions[row], self.ui.lesionTable.item(row, column).text().strip()
        if name and name != lesion.line.name:
            self.renamed.emit(lesion.id, name)
        else:
            self._isUpdating = True
            self.ui.lesionTable.item(row, column).setText(lesion.line.name)
            self._isUpdating = False

    def _onRemove(self, *_: object) -> None:
        if self.chosenIds:
            self.removeClicked.emit(self.chosenIds)


def _paint(item, colour: str | None) -> None:
    """In a colour, or in that of all texts."""
    if colour is None:
        item.setData(qt.Qt.ForegroundRole, None)
    else:
        item.setForeground(qt.QBrush(qt.QColor(colour)))
