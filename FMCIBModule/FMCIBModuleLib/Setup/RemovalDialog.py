"""What lies in the cache folder, with its size, and a box to tick for what is to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..Room import unformatted
from ..Signal import Signal

_MOST_NAMED = 5


class RemovalDialog:
    """What was imported by the user is not ticked at first. It does not block: `agreed` tells.

    Attributes:
        widget: the dialog.
        agreed: emitted with the names of what is to go.
    """

    def __init__(self, uiPath: str, parent: Any = None) -> None:
        self.agreed = Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        if parent is not None:
            self.widget.setParent(parent, qt.Qt.Dialog)
        self._items: Sequence[Mapping[str, Any]] = ()
        self.boxes: list[Any] = []
        ui.removeButton.connect("clicked(bool)", self._onRemove)
        ui.keepButton.connect("clicked(bool)", lambda *_values: self.widget.reject())

    def open(self, folder: str, items: Sequence[Mapping[str, Any]], strange: Sequence[str]) -> None:
        """Show these; as the engine's task `contents` tells them."""
        self._items = items
        self.ui.folderText.text = _("In {folder}:").format(folder=folder)
        self.ui.strangeText.text = _strangeText(strange)
        self.ui.strangeText.visible = bool(strange)
        self._fill()
        self._showSum()
        self.widget.open()

    def close(self) -> None:
        """Nobody is told."""
        self.agreed.disconnectAll()
        self.widget.reject()

    def _fill(self) -> None:
        table = self.ui.itemTable
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels([_("Remove"), _("Size"), _("What it is")])
        table.setRowCount(len(self._items))
        self.boxes = []
        for row, each in enumerate(self._items):
            box = qt.QCheckBox(each["name"])
            box.checked = each["comes_back"]
            box.toolTip = _("Tick what is to be removed. {again}").format(again=each["again"])
            box.connect("toggled(bool)", lambda *_values: self._showSum())
            self.boxes.append(box)
            table.setCellWidget(row, 0, box)
            for column, text in ((1, sizeText(each["size"])), (2, f"{each['title']}. {each['again']}")):
                item = qt.QTableWidgetItem(text)
                item.setFlags(item.flags() ^ qt.Qt.ItemIsEditable)
                item.setToolTip(unformatted(text))
                table.setItem(row, column, item)
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setStretchLastSection(True)
        table.resizeColumnsToContents()

    def _names(self) -> list[str]:
        return [each["name"] for each, box in zip(self._items, self.boxes, strict=True) if box.checked]

    def _showSum(self) -> None:
        names = self._names()
        size = sum(each["size"] for each in self._items if each["name"] in names)
        self.ui.sumText.text = _("{size} will be freed.").format(size=sizeText(size))
        self.ui.removeButton.enabled = bool(names)

    def _onRemove(self, *_values: object) -> None:
        names = self._names()
        if names:
            self.widget.accept()
            self.agreed.emit(names)


def sizeText(size: int) -> str:
    return _("{size:.1f} MB").format(size=size / 1e6)


def _strangeText(strange: Sequence[str]) -> str:
    more = _(" and {count} more").format(count=len(strange) - _MOST_NAMED) if len(strange) > _MOST_NAMED else ""
    text = _("Not of this program, or not known to be, and never touched: {names}{more}.")
    return text.format(names=", ".join(strange[:_MOST_NAMED]), more=more)
