"""What this module asks of the desktop: questions, files, the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..Room import unformatted

Slot = Callable[..., Any]


def tellFaults(slot: Slot) -> Slot:
    """The function to connect in place of `slot`: what that raises is shown with details, and goes on into the log."""

    def guarded(*values: Any) -> None:
        with faultsAreTold():
            slot(*values)

    return guarded


def faultsAreTold() -> AbstractContextManager:
    """What is raised inside is shown with details, and goes on into the log."""
    return slicer.util.tryWithErrorDisplay(_("This is a fault of the FMCIB module. Please report it."))


class Desktop:
    """Each method blocks until the user has answered, as Slicer's own dialogs do. Tests have another one."""

    def confirm(self, text: str) -> bool:
        return bool(slicer.util.confirmOkCancelDisplay(unformatted(text), windowTitle=_("FMCIB")))

    def file(self, title: str, kinds: str) -> str:
        """A file that exists; empty if the user does not want to."""
        return str(qt.QFileDialog.getOpenFileName(self.window(), title, str(Path.home()), kinds))

    def saveFile(self, title: str, name: str, kinds: str) -> str:
        """A file to write; of one that exists, the dialog has asked. Empty if the user does not want to."""
        return str(qt.QFileDialog.getSaveFileName(self.window(), title, str(Path.home() / name), kinds))

    def text(self, title: str, label: str, text: str) -> str:
        """A line of text; empty if the user does not want to."""
        return str(qt.QInputDialog.getText(self.window(), title, unformatted(label), qt.QLineEdit.Normal, text))

    def folder(self, title: str) -> str:
        """A folder that exists; empty if the user does not want to."""
        return str(qt.QFileDialog.getExistingDirectory(self.window(), title, str(Path.home())))

    def newFile(self, title: str, name: str, kinds: str) -> str:
        """A file that may be written, after the dialog's own question if it exists; empty if the user does not want."""
        return str(qt.QFileDialog.getSaveFileName(self.window(), title, str(Path.home() / name), kinds))

    def open(self, path: str) -> bool:
        """Open a file with the system's program for it, such as a page in the browser; False where there is none."""
        return bool(qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(path)))

    def copy(self, text: str) -> None:
        qt.QApplication.clipboard().setText(text)

    @property
    def canOpenExtensions(self) -> bool:
        """Whether this Slicer was built with an Extensions Manager."""
        return hasattr(slicer.app, "openExtensionsManagerDialog")

    def openExtensions(self) -> None:
        slicer.app.openExtensionsManagerDialog()

    def window(self):
        """To put dialogs in front of; None where there is no main window."""
        return slicer.util.mainWindow()
