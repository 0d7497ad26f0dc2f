"""What a user does in a panel: events of mouse and keyboard, which Qt delivers; in the host as in Slicer.

A widget gets events only while it is shown: begin with `shown(widget)`. Slicer has no QTest: the events are made here.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import qt
import slicer

Key = Modifier = qt.Qt
"""Names of keys and of keys that are held: `Key.Key_Tab`, `Modifier.ShiftModifier`."""

PATIENCE = 60.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""

TEXTS = {Key.Key_Return: "\r", Key.Key_Tab: "\t", Key.Key_Space: " ", Key.Key_Escape: "\x1b", Key.Key_Delete: "\x7f"}


def shown(widget, width: int = 480):
    """Show the widget, of this width unless it is part of another, and let its layout settle. Gives the widget."""
    if widget.isWindow():
        widget.resize(width, max(valueOf(widget, "sizeHint").height(), 200))
    widget.show()
    window = widget.window()
    window.activateWindow()
    _waitUntil(lambda: window.isVisible() and window.windowHandle() is not None and window.windowHandle().isExposed())
    slicer.app.processEvents()
    return widget


def click(widget, modifiers: int = Modifier.NoModifier) -> None:
    """Where a user would click on it: a check box or collapsible button at its left, anything else in its middle.

    Raises:
        AssertionError: nobody could click there, because it is hidden, disabled or covered by something else.
    """
    point = valueOf(widget, "rect").center()
    if widget.inherits("QCheckBox"):
        point.setX(min(point.x(), 10))
    _press(widget, point, modifiers)


def _press(widget, point, modifiers: int = Modifier.NoModifier) -> None:
    _assertReachable(widget, point)
    _takeFocus(widget)
    _mouse(widget, qt.QEvent.MouseButtonPress, point, modifiers)
    _mouse(widget, qt.QEvent.MouseButtonRelease, point, modifiers)
    slicer.app.processEvents()


def _mouse(widget, kind: int, point, modifiers: int = Modifier.NoModifier) -> None:
    """One event of the left button, or of a mouse that moves without one."""
    isPressed = kind in (qt.QEvent.MouseButtonPress, qt.QEvent.MouseButtonDblClick)
    button = qt.Qt.NoButton if kind == qt.QEvent.MouseMove else qt.Qt.LeftButton
    held = qt.Qt.LeftButton if isPressed else qt.Qt.NoButton
    there = widget.mapToGlobal(point)
    places = qt.QPointF(point.x(), point.y()), qt.QPointF(there.x(), there.y())
    qt.QCoreApplication.sendEvent(widget, qt.QMouseEvent(kind, *places, button, held, modifiers))


def _takeFocus(widget) -> None:
    """As Qt does for a press of the system's mouse, and not for one of ours."""
    while widget is not None and not int(valueOf(widget, "focusPolicy")) & int(qt.Qt.ClickFocus):
        widget = None if widget.isWindow() else widget.parentWidget()
    if widget is not None and widget.isEnabled():
        widget.setFocus(qt.Qt.MouseFocusReason)


def _assertReachable(widget, point) -> None:
    name = f"{_classOf(widget)} {widget.property('objectName')!r}"
    assert widget.isVisible(), f"{name} is not shown"
    assert widget.isEnabled(), f"{name} is disabled"
    window = widget.window()
    there = window.childAt(widget.mapTo(window, point))
    there = window if there is None else there
    isReached = there == widget or there.isAncestorOf(widget) or widget.isAncestorOf(there)
    assert isReached, f"{name} is covered by {there.property('objectName')!r}"


def _classOf(widget) -> str:
    """In PythonQt each object tells its own class; so its meta object says that it is one."""
    return widget.className() if hasattr(widget, "className") else widget.metaObject().className()


def clickCell(table, row: int, column: int, modifiers: int = Modifier.NoModifier) -> None:
    _press(table.viewport(), _cell(table, row, column), modifiers)


def doubleClickCell(table, row: int, column: int) -> None:
    point = _cell(table, row, column)
    _press(table.viewport(), point)
    _mouse(table.viewport(), qt.QEvent.MouseButtonDblClick, point)
    _mouse(table.viewport(), qt.QEvent.MouseButtonRelease, point)
    slicer.app.processEvents()


def _cell(table, row: int, column: int):
    """The middle of the cell, after scrolling there."""
    index = table.model().index(row, column)
    assert index.isValid(), f"the table has no cell {row}, {column}"
    table.scrollTo(index)
    return table.visualRect(index).center()


def clickUid(table, uid: str, modifiers: int = Modifier.NoModifier) -> None:
    """Click on the row of this UID in a table of patients, studies or series of Slicer's DICOM database."""
    view, row, column = _placeOfUid(table, uid)
    clickCell(view, row, column, modifiers)


def doubleClickUid(table, uid: str) -> None:
    doubleClickCell(*_placeOfUid(table, uid))


def _placeOfUid(table, uid: str):
    """The view inside such a table, the row whose first column is the UID, and a column that is seen."""
    (view,) = table.findChildren(qt.QTableView)
    model = view.model()
    uids = [str(model.index(row, 0).data()) for row in range(model.rowCount())]
    assert uid in uids, f"{uid} is none of the {len(uids)} rows that are shown"
    return view, uids.index(uid), next(each for each in range(model.columnCount()) if not view.isColumnHidden(each))


def searchIn(table, text: str) -> None:
    """Type into the search field of such a table, in the place of what is there."""
    (field,) = table.findChildren(qt.QLineEdit)
    click(field)
    field.selectAll()
    if text:
        typeKeys(field, text)
    else:
        pressKey(field, Key.Key_Delete)


def typeText(widget, text: str) -> None:
    """Click into the widget and type after what is there."""
    click(widget)
    typeKeys(widget, text)


def typeKeys(widget, text: str) -> None:
    """Type into a widget that has the focus already, such as the editor of a cell."""
    for letter in text:
        _key(widget, ord(letter.upper()) if letter.isascii() else 0, Modifier.NoModifier, letter)
    slicer.app.processEvents()


def pressKey(widget, key: int, modifiers: int = Modifier.NoModifier) -> None:
    """Press and release a key while this widget has the focus; a shortcut of its window comes first."""
    shortcut = _shortcut(widget, key, modifiers)
    if shortcut is not None:
        shortcut.activated.emit()
    else:
        _key(widget, key, modifiers, TEXTS.get(key, ""))
    slicer.app.processEvents()


def _key(widget, key: int, modifiers: int, text: str) -> None:
    for kind in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease):
        qt.QCoreApplication.sendEvent(widget, qt.QKeyEvent(kind, int(key), modifiers, text))


def _shortcut(widget, key: int, modifiers: int):
    """The shortcut of these keys that is active where this widget has the focus; None where there is none.

    Qt looks for it before it sends a key of the system's keyboard, and not for an event of ours.
    """
    wanted = qt.QKeySequence(int(key) | int(modifiers)).toString()
    found = [
        each
        for each in widget.window().findChildren(qt.QShortcut)
        if each.key.toString() == wanted and each.enabled and _isActive(each, widget)
    ]
    assert len(found) < 2, f"{wanted} is ambiguous"
    return found[0] if found else None


def _isActive(shortcut, widget) -> bool:
    owner = shortcut.parent()
    if not (owner.isVisible() and owner.isEnabled()):
        return False
    return owner == widget if shortcut.context == qt.Qt.WidgetShortcut else True


def chooseItem(combo, text: str) -> None:
    """Open the list and click on the item of this text."""
    row = combo.findText(text)
    texts = [combo.itemText(each) for each in range(combo.count)]
    assert row >= 0, f"{text!r} is not one of {texts}"
    interval = slicer.app.doubleClickInterval
    slicer.app.doubleClickInterval = 1  # for so long a list that was just opened ignores the mouse
    click(combo)
    view = combo.view()
    _waitUntil(view.isVisible)
    time.sleep(0.002)
    slicer.app.processEvents()
    index = combo.model().index(row, combo.modelColumn, combo.rootModelIndex())
    view.scrollTo(index)
    point = view.visualRect(index).center()
    for kind in (qt.QEvent.MouseMove, qt.QEvent.MouseButtonPress, qt.QEvent.MouseButtonRelease):
        _mouse(view.viewport(), kind, point)
    slicer.app.doubleClickInterval = interval
    slicer.app.processEvents()


def chooseNode(nodeCombo, node) -> None:
    """Choose this node of the list, or with None the item for no node."""
    combo = nodeCombo.findChildren(qt.QComboBox)[0]
    chooseItem(combo, nodeCombo.noneDisplay if node is None else node.GetName())


def toggleSection(button) -> None:
    """Click on a collapsible button's header."""
    _press(button, qt.QPoint(40, 8))


def grab(widget):
    slicer.app.processEvents()
    return widget.grab()


def savePng(widget, path: Path) -> None:
    assert grab(widget).save(str(path), "PNG")


def rgbOf(picture) -> np.ndarray:
    """The pixels of a QPixmap or QImage, (rows, columns, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.ppm"
        assert picture.save(str(path), "PPM")
        kind, size, most, pixels = path.read_bytes().split(b"\n", 3)
    assert (kind, most) == (b"P6", b"255")
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3).copy()


def valueOf(widget, name: str):
    """Of a property, which is a method of what the host has not made itself."""
    found = getattr(widget, name)
    return found() if callable(found) else found


def _waitUntil(isDone) -> None:
    end = time.monotonic() + PATIENCE
    while not isDone():
        assert time.monotonic() < end, "this did not happen"
        slicer.app.processEvents()


def onWhite(pixmap) -> np.ndarray:
    """A picture that is transparent in part, as it is seen on a white panel."""
    panel = qt.QPixmap(pixmap.width(), pixmap.height())
    panel.fill(qt.QColor("#ffffff"))
    painter = qt.QPainter()
    painter.begin(panel)
    painter.drawPixmap(0, 0, pixmap)
    painter.end()
    return rgbOf(panel)
