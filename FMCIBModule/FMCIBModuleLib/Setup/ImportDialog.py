"""What a file of weights is, asked where it does not tell by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..Signal import Signal

_OWN = ""
"""In the place of an entry's ID."""


class ImportDialog:
    """Weights of the user's own, under a name, or a published file. It does not block: `chosen` tells.

    Attributes:
        widget: the dialog.
        chosen: emitted with (ID of the entry, own name), one of which is an empty text.
    """

    def __init__(self, uiPath: str, parent: Any = None) -> None:
        self.chosen = Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        if parent is not None:
            self.widget.setParent(parent, qt.Qt.Dialog)
        ui.whatCombo.connect("currentIndexChanged(int)", lambda *_values: self._enable())
        ui.nameEdit.connect("textChanged(QString)", lambda *_values: self._enable())
        ui.importAsButton.connect("clicked(bool)", self._onImport)
        ui.cancelImportButton.connect("clicked(bool)", lambda *_values: self.widget.reject())

    def open(self, message: str, fileName: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Ask.

        Args:
            message: why, in the engine's words.
            fileName: from which a name is proposed.
            entries: published files that it may be, as the engine's task `catalogue` tells them.
        """
        self.ui.fileText.text = message
        self.ui.whatCombo.clear()
        self.ui.whatCombo.addItem(_("Weights of my own"), _OWN)
        for entry in entries:
            self.ui.whatCombo.addItem(f"{entry['id']}: {entry['title']}", entry["id"])
        self.ui.nameEdit.text = _proposed(fileName)
        self._enable()
        self.widget.open()

    def close(self) -> None:
        """Nobody is told."""
        self.chosen.disconnectAll()
        self.widget.reject()

    def _entry(self) -> str:
        return self.ui.whatCombo.itemData(max(self.ui.whatCombo.currentIndex, 0)) or _OWN

    def _enable(self) -> None:
        isOwn = self._entry() == _OWN
        self.ui.nameEdit.enabled = isOwn
        self.ui.importAsButton.enabled = not isOwn or bool(self.ui.nameEdit.text.strip())

    def _onImport(self, *_values: object) -> None:
        entry, name = self._entry(), self.ui.nameEdit.text.strip()
        self.widget.accept()
        self.chosen.emit(entry, name if entry == _OWN else "")


def _proposed(fileName: str) -> str:
    """A name such as the engine takes them."""
    return re.sub(r"[^a-z0-9_-]+", "-", Path(fileName).stem.lower()).strip("-_")
