"""The panel's list of lesions: its rows, what is known of the one that is chosen, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import qt
import slicer
from slicer.i18n import tr as _

from ...Room import reserveLines
from ...Signal import Signal
from .LesionRows import LesionRows, ListedLesion

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
        self.removeClicked, self.moveClicked = Signal(), Signal()
        self.undoClicked, self.redoClicked, self.exportClicked = Signal(), Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._rows = LesionRows(self.ui.lesionTable)
        self.selected, self.chosen, self.renamed = self._rows.selected, self._rows.chosen, self._rows.renamed
        self.selected.connect(self._showChoice)
        reserveLines(self.ui.detailPlace, _DETAIL_LINES)
        self._connect()
        self.showLesions([])
        self.showUndo(False, False)

    def _connect(self) -> None:
        ui = self.ui
        self._deleteKey = qt.QShortcut(qt.QKeySequence("Del"), ui.lesionTable)
        self._deleteKey.context = qt.Qt.WidgetShortcut
        self._deleteKey.connect("activated()", self._onRemove)
        ui.filterEdit.connect("textChanged(QString)", self._onFilter)
        ui.removeButton.connect("clicked(bool)", self._onRemove)
        ui.upButton.connect("clicked(bool)", lambda *_: self.moveClicked.emit(self.currentId, -1))
        ui.downButton.connect("clicked(bool)", lambda *_: self.moveClicked.emit(self.currentId, 1))
        ui.undoButton.connect("clicked(bool)", lambda *_: self.undoClicked.emit())
        ui.redoButton.connect("clicked(bool)", lambda *_: self.redoClicked.emit())
        ui.exportButton.connect("clicked(bool)", lambda *_: self.exportClicked.emit(ui.identifiersCheckBox.checked))

    @property
    def currentId(self) -> str:
        """The lesion whose row is chosen, the uppermost of several; empty where none is."""
        ids = self.chosenIds
        return ids[0] if ids else ""

    @property
    def chosenIds(self) -> list[str]:
        """In the order of the rows."""
        return self._rows.chosenIds

    @property
    def shownIds(self) -> list[str]:
        """Those that the filter lets through, in the order of the rows."""
        return self._rows.shownIds

    def showLesions(self, lesions: Sequence[ListedLesion]) -> None:
        """The list, as `LesionRows.show`."""
        self._rows.show(lesions)
        self._showHidden()
        self._showChoice()

    def choose(self, lesionId: str) -> None:
        """As `LesionRows.choose`."""
        self._rows.choose(lesionId)
        self._showChoice()

    def showUndo(self, canUndo: bool, canRedo: bool) -> None:
        """Whether there is a step to take back, and one to do again."""
        self.ui.undoButton.enabled = canUndo
        self.ui.redoButton.enabled = canRedo

    def _showChoice(self) -> None:
        """What can be done with the rows that are chosen, and their details."""
        ids, every = self.chosenIds, self._rows.all
        one = next((lesion for lesion in every if ids == [lesion.id]), None)
        self.ui.detailLabel.text = one.details if one else ""
        self.ui.detailLabel.visible = one is not None
        self.ui.removeButton.enabled = bool(ids)
        self.ui.upButton.enabled = self.ui.downButton.enabled = one is not None
        self.ui.exportButton.enabled = bool(every)

    def _showHidden(self) -> None:
        count = self._rows.hidden
        several = _("{count} lesions are hidden by the filter.").format(count=count)
        self.ui.hiddenLabel.text = _("1 lesion is hidden by the filter.") if count == 1 else several
        self.ui.hiddenLabel.visible = count > 0

    def _onFilter(self, text: str) -> None:
        self._rows.filter(text)
        self._showHidden()

    def _onRemove(self, *_: object) -> None:
        if self.chosenIds:
            self.removeClicked.emit(self.chosenIds)
