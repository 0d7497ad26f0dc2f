"""What `qt` and `ctk` have that Qt has not, or otherwise."""

from __future__ import annotations

import ctk
import qt
import slicer

from .CollapsibleButton import ctkCollapsibleButton
from .DicomTable import ctkSearchBox
from .DicomTableManager import ctkDICOMTableManager
from .UiLoader import QUiLoader


class QFileDialog(qt.QFileDialog):
    """PythonQt gives the chosen path alone, which is empty after Cancel; PySide6 gives the chosen filter as well.

    In a test nobody would answer: it puts a function of its own in the place of one of these.
    """

    @staticmethod
    def getOpenFileName(parent=None, caption: str = "", folder: str = "", filters: str = "") -> str:
        return _asked(qt.QFileDialog.wrapped.getOpenFileName, parent, caption, folder, filters)[0]

    @staticmethod
    def getSaveFileName(parent=None, caption: str = "", folder: str = "", filters: str = "") -> str:
        return _asked(qt.QFileDialog.wrapped.getSaveFileName, parent, caption, folder, filters)[0]

    @staticmethod
    def getExistingDirectory(parent=None, caption: str = "", folder: str = "") -> str:
        return _asked(qt.QFileDialog.wrapped.getExistingDirectory, parent, caption, folder)


class QInputDialog(qt.QInputDialog):
    """PythonQt gives the text alone, which is empty after Cancel; PySide6 gives a truth value as well."""

    @staticmethod
    def getText(parent=None, title: str = "", label: str = "", mode=None, text: str = "") -> str:
        mode = qt.QLineEdit.Normal if mode is None else mode
        return _asked(qt.QInputDialog.wrapped.getText, parent, title, label, mode, text)[0]


class ctkMessageBox(qt.QMessageBox):  # noqa: N801 - CTK's name
    """`Libs/Widgets/ctkMessageBox.cpp:179` of CTK, asked for by `Base/Python/slicer/util.py:3449` (messageBox).

    Without its check box "Don't show this message again".
    """


def _asked(function, *arguments):
    if slicer.app.testingEnabled():
        msg = f"A test must replace {function.__name__} of qt: nobody answers here"
        raise RuntimeError(msg)
    return function(*arguments)


def start() -> None:
    ctk.ctkCollapsibleButton = ctkCollapsibleButton
    ctk.ctkDICOMTableManager = ctkDICOMTableManager
    ctk.ctkSearchBox = ctkSearchBox
    ctk.ctkMessageBox = ctkMessageBox
    qt.QUiLoader = QUiLoader
    qt.QFileDialog = QFileDialog
    qt.QInputDialog = QInputDialog
