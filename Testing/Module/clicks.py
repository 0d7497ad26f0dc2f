"""What a user does in a panel, by real events of mouse and keyboard.

A widget gets events only while it is shown: begin with `shown(widget)`. Inside Slicer there is no QTest, and tests that
use this are skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer

pytest.importorskip("SlicerHost", reason="no QTest inside Slicer")

from PySide6 import QtCore, QtGui, QtTest, QtWidgets  # noqa: E402

Key, Modifier = QtCore.Qt.Key, QtCore.Qt.KeyboardModifier
LEFT = QtCore.Qt.MouseButton.LeftButton


def shown(widget: QtWidgets.QWidget, width: int = 480):
    """Show the widget, of this width unless it is part of another, and let its layout settle. Gives the widget."""
    if widget.isWindow():
        widget.resize(width, max(widget.sizeHint().height(), 200))
    widget.show()
    QtTest.QTest.qWaitForWindowExposed(widget.window())
    widget.window().activateWindow()
    slicer.app.processEvents()
    return widget


def click(widget: QtWidgets.QWidget, modifiers: Modifier = Modifier.NoModifier) -> None:
    """Where a user would click on it: a check box or collapsible button at its left, anything else in its middle.

    Raises:
        AssertionError: nobody could click there, because it is hidden, disabled or covered by something else.
    """
    area = widget.rect() if callable(widget.rect) else widget.rect
    point = area.center()
    if isinstance(widget, QtWidgets.QCheckBox):
        point.setX(min(point.x(), 10))
    _press(widget, point, modifiers)


def _press(widget: QtWidgets.QWidget, point: QtCore.QPoint, modifiers: Modifier = Modifier.NoModifier) -> None:
    _assertReachable(widget, point)
    QtTest.QTest.mouseClick(widget, LEFT, modifiers, point)
    slicer.app.processEvents()


def _assertReachable(widget: QtWidgets.QWidget, point: QtCore.QPoint) -> None:
    name = f"{type(widget).__name__} {widget.property('objectName')!r}"
    assert widget.isVisible(), f"{name} is not shown"
    assert widget.isEnabled(), f"{name} is disabled"
    window = widget.window()
    there = window.childAt(widget.mapTo(window, point)) or window
    assert there is widget or there.isAncestorOf(widget) or widget.isAncestorOf(there), f"{name} is covered by {there}"


def clickCell(table, row: int, column: int, modifiers: Modifier = Modifier.NoModifier) -> None:
    _press(table.viewport(), _cell(table, row, column), modifiers)


def doubleClickCell(table, row: int, column: int) -> None:
    point = _cell(table, row, column)
    _press(table.viewport(), point)
    QtTest.QTest.mouseDClick(table.viewport(), LEFT, Modifier.NoModifier, point)
    slicer.app.processEvents()


def _cell(table, row: int, column: int) -> QtCore.QPoint:
    """The middle of the cell, after scrolling there."""
    index = table.model().index(row, column)
    assert index.isValid(), f"the table has no cell {row}, {column}"
    table.scrollTo(index)
    return table.visualRect(index).center()


def typeText(widget: QtWidgets.QWidget, text: str) -> None:
    """Click into the widget and type after what is there."""
    click(widget)
    QtTest.QTest.keyClicks(widget, text)
    slicer.app.processEvents()


def pressKey(widget: QtWidgets.QWidget, key: Key, modifiers: Modifier = Modifier.NoModifier) -> None:
    QtTest.QTest.keyClick(widget, key, modifiers)
    slicer.app.processEvents()


def chooseItem(combo: QtWidgets.QComboBox, text: str) -> None:
    """Open the list and click on the item of this text."""
    index = combo.findText(text)
    texts = [combo.itemText(row) for row in range(combo.model().rowCount())]
    assert index >= 0, f"{text!r} is not one of {texts}"
    interval = QtWidgets.QApplication.doubleClickInterval()
    QtWidgets.QApplication.setDoubleClickInterval(1)  # for so long a list that was just opened ignores the mouse
    click(combo)
    view = combo.view()
    QtTest.QTest.qWaitForWindowExposed(view.window())
    QtTest.QTest.qWait(2)
    view.scrollTo(combo.model().index(index, 0))
    point = view.visualRect(combo.model().index(index, 0)).center()
    QtTest.QTest.mouseMove(view.viewport(), point)
    QtTest.QTest.mouseClick(view.viewport(), LEFT, Modifier.NoModifier, point)
    QtWidgets.QApplication.setDoubleClickInterval(interval)
    slicer.app.processEvents()


def chooseNode(nodeCombo, node) -> None:
    """Choose this node of the list, or with None the item for no node."""
    combo = nodeCombo.findChildren(QtWidgets.QComboBox)[0]
    chooseItem(combo, nodeCombo.noneDisplay if node is None else node.GetName())


def toggleSection(button) -> None:
    """Click on a collapsible button's header."""
    _press(button, QtCore.QPoint(40, 8))


def grab(widget: QtWidgets.QWidget) -> QtGui.QPixmap:
    slicer.app.processEvents()
    return widget.grab()


def savePng(widget: QtWidgets.QWidget, path: Path) -> None:
    assert grab(widget).save(str(path), "PNG")
