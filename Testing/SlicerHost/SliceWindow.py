"""A slice view of the host as a widget: shows what the view draws, and gives it the mouse and the keyboard."""

from __future__ import annotations

import qt
import vtk
from PySide6 import QtCore, QtGui
from vtk.util.numpy_support import vtk_to_numpy

from .SliceViews import SIZES, SliceWidget

COLOURS = {"Red": "#f34a33", "Yellow": "#edd54c", "Green": "#6eb04b"}
BUTTONS = {
    QtCore.Qt.MouseButton.LeftButton: "LeftButton",
    QtCore.Qt.MouseButton.MiddleButton: "MiddleButton",
    QtCore.Qt.MouseButton.RightButton: "RightButton",
}
KEYS = {
    QtCore.Qt.Key.Key_Escape: "Escape",
    QtCore.Qt.Key.Key_Delete: "Delete",
    QtCore.Qt.Key.Key_Backspace: "BackSpace",
    QtCore.Qt.Key.Key_Left: "Left",
    QtCore.Qt.Key.Key_Right: "Right",
    QtCore.Qt.Key.Key_Up: "Up",
    QtCore.Qt.Key.Key_Down: "Down",
    QtCore.Qt.Key.Key_Return: "Return",
    QtCore.Qt.Key.Key_Space: "space",
}
"""VTK's names of keys that write nothing."""


class SliceWindow(qt.QWidget):
    """Draws a little after anything has changed in the scene; a slider of its own moves through the slices."""

    def __init__(self, widget: SliceWidget, name: str) -> None:
        super().__init__()
        self._widget, self._view = widget, widget.sliceView()
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        bar = qt.QHBoxLayout()
        label = qt.QLabel(f" {name[0]} ")
        label.setStyleSheet(f"background: {COLOURS[name]}; color: black; font-weight: bold;")
        self._slider = qt.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._offset = qt.QLabel()
        for part in (label, self._slider, self._offset):
            bar.addWidget(part)
        layout.addLayout(bar)
        self._canvas = Canvas(self._view, SIZES[name])
        layout.addWidget(self._canvas, 1)
        self._slider.connect("sliderMoved(int)", self._move)
        self._canvas.connect("drawn()", self._showOffset)

    def canvas(self) -> Canvas:
        return self._canvas

    def renderNow(self) -> None:
        self._canvas.renderNow()

    def release(self) -> None:
        self._canvas.release()

    def _move(self, step: int) -> None:
        low, _, spacing = self._bounds()
        self._widget.sliceLogic().SetSliceOffset(low + step * spacing)

    def _showOffset(self) -> None:
        low, high, spacing = self._bounds()
        offset = self._widget.sliceLogic().GetSliceOffset()
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, round((high - low) / spacing)))
        self._slider.setValue(round((offset - low) / spacing))
        self._slider.blockSignals(False)
        self._offset.setText(f"{offset:.1f} mm ")

    def _bounds(self) -> tuple[float, float, float]:
        """Lowest and highest offset of the slice, and the step between two; mm."""
        logic, bounds = self._widget.sliceLogic(), [0.0] * 6
        logic.GetLowestVolumeSliceBounds(bounds)
        spacing = logic.GetLowestVolumeSliceSpacing()[2] or 1.0
        return bounds[4], max(bounds[4], bounds[5]), spacing


class Canvas(qt.QWidget):
    """The picture itself, one pixel of the view for each of the widget's."""

    drawn = QtCore.Signal()

    def __init__(self, view, sizeWithout: tuple[int, int]) -> None:
        super().__init__()
        self._sizeWithout = sizeWithout
        self._view, self._interactor = view, view.interactor()
        self._image: QtGui.QImage | None = None
        self.setMouseTracking(True)
        self.setMinimumSize(120, 120)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self._timer = qt.QTimer()  # without a parent: PySide6 does not always know when Qt deletes a child
        self._timer.setSingleShot(True)
        self._timer.setInterval(20)
        self._timer.connect("timeout()", self.renderNow)
        self._observed = view._observeChanges(self._renderSoon)

    def renderNow(self) -> None:
        self._timer.stop()
        self._view.forceRender()
        window = self._view.renderWindow()
        width, height = window.GetSize()
        data = vtk.vtkUnsignedCharArray()
        window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, data)
        pixels = vtk_to_numpy(data).reshape(height, width, 4)[::-1, :, :3].copy()
        self._image = QtGui.QImage(pixels.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888).copy()
        self.update()
        self.drawn.emit()

    def release(self) -> None:
        """Watch the view no more, and give it its size of without a window."""
        self._timer.stop()
        for what, tag in self._observed:
            what.RemoveObserver(tag)
        self._observed = []
        self._view._resize(*self._sizeWithout)

    def _renderSoon(self, *_) -> None:
        if not self._timer.active:
            self._timer.start()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtGui.QColor("black"))
        if self._image is not None:
            painter.drawImage(0, 0, self._image)
        painter.end()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        if self._observed:
            self._view._resize(max(1, event.size().width()), max(1, event.size().height()))
            self._renderSoon()

    def _invoke(self, event: QtGui.QInputEvent, name: str, point: QtCore.QPointF | None = None) -> None:
        """The event of VTK of this name, where the mouse is; VTK counts from below."""
        if point is not None:
            control = bool(event.modifiers() & QtCore.Qt.KeyboardModifier.ControlModifier)
            shift = bool(event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier)
            self._interactor.SetEventInformation(int(point.x()), int(self.height - 1 - point.y()), control, shift)
        self._interactor.InvokeEvent(name)
        self._renderSoon()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        if event.button() in BUTTONS:
            self._invoke(event, BUTTONS[event.button()] + "PressEvent", event.position())

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        if event.button() in BUTTONS:
            self._invoke(event, BUTTONS[event.button()] + "ReleaseEvent", event.position())

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        if event.button() in BUTTONS:
            self._invoke(event, BUTTONS[event.button()] + "DoubleClickEvent", event.position())

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        self._invoke(event, "MouseMoveEvent", event.position())

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        direction = "Forward" if event.angleDelta().y() > 0 else "Backward"
        self._invoke(event, f"MouseWheel{direction}Event", event.position())

    def enterEvent(self, event: QtGui.QEnterEvent) -> None:
        self._invoke(event, "EnterEvent", event.position())

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        self._invoke(event, "LeaveEvent")

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        self._interactor.SetKeyCode(event.text()[:1] or "\0")
        self._interactor.SetKeySym(KEYS.get(QtCore.Qt.Key(event.key()), event.text()))
        self._invoke(event, "KeyPressEvent")
        self._interactor.InvokeEvent("CharEvent")

    def keyReleaseEvent(self, event: QtGui.QKeyEvent) -> None:
        self._interactor.SetKeySym(KEYS.get(QtCore.Qt.Key(event.key()), event.text()))
        self._invoke(event, "KeyReleaseEvent")
