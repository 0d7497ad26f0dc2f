"""A window for people: the module's panel at the left, the three slice views at the right. For trying and for pictures.

    import SlicerHost
    SlicerHost.start(testing=False)
    from SlicerHost.Desktop import openDesktop, useStyle
    useStyle("dark")
    desktop = openDesktop("FMCIBModule/FMCIBModule.py", "FMCIB")
    slicer.app.exec()                # on a display; or offscreen: desktop.savePng(path)
    desktop.close()
    SlicerHost.unloadModule("FMCIBModule")    # ends the processes of the module

For a display set QT_QPA_PLATFORM to the system's platform before `start`, which otherwise chooses `offscreen`.
"""

from __future__ import annotations

import os
from pathlib import Path

import qt
import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from . import Modules
from .SliceWindow import SliceWindow

BANNER = "This is not 3D Slicer: a stand-in for trying the FMCIB module"
PANEL_WIDTH = 480
DARK = {
    "Window": "#323232",
    "WindowText": "#ffffff",
    "Base": "#2a2a2a",
    "AlternateBase": "#424242",
    "ToolTipBase": "#424242",
    "ToolTipText": "#ffffff",
    "Text": "#ffffff",
    "PlaceholderText": "#9a9a9a",
    "Button": "#3c3c3c",
    "ButtonText": "#ffffff",
    "BrightText": "#ff5c5c",
    "Link": "#5fa8e8",
    "Highlight": "#2a82da",
    "HighlightedText": "#ffffff",
}
"""Greys as in Slicer's dark style, not its very colours."""


def useStyle(name: str) -> None:
    """Qt's style Fusion with a `light` or `dark` palette, for the whole application."""
    if name not in {"light", "dark"}:
        msg = f"No style {name!r}: light or dark"
        raise ValueError(msg)
    slicer.app.setStyle("Fusion")
    palette = QtGui.QPalette()
    light = {"Window": "#efefef", "Base": "#ffffff", "Button": "#efefef"}
    light |= dict.fromkeys(("WindowText", "Text", "ButtonText"), "#000000")
    disabled = QtGui.QPalette.ColorGroup.Disabled
    for role, colour in (DARK if name == "dark" else light).items():
        palette.setColor(getattr(QtGui.QPalette.ColorRole, role), QtGui.QColor(colour))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(disabled, getattr(QtGui.QPalette.ColorRole, role), QtGui.QColor("#8c8c8c"))
    slicer.app.setPalette(palette)


class Desktop(qt.QWidget):
    """The window. `panel` is the module's widget, `views` the slice views by their names."""

    def __init__(self, panel: qt.QWidget, title: str) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")  # so that `slicer.util.mainWindow()` and its messages find a window
        self._panel = panel
        manager = slicer.app.layoutManager()
        self._views = {name: SliceWindow(manager.sliceWidget(name), name) for name in manager.sliceViewNames()}
        self.setWindowTitle(f"{title} - {BANNER}")
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._banner())
        splitter = qt.QSplitter(QtCore.Qt.Orientation.Horizontal)
        splitter.addWidget(self._scrolled())
        splitter.addWidget(self._grid())
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([PANEL_WIDTH, 960])
        layout.addWidget(splitter, 1)
        self.resize(1440, 900)

    def panel(self) -> qt.QWidget:
        return self._panel

    def view(self, name: str) -> SliceWindow:
        return self._views[name]

    def _banner(self) -> qt.QLabel:
        label = qt.QLabel(BANNER)
        label.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        label.setStyleSheet("background: #8a5a00; color: white; padding: 3px; font-weight: bold;")
        return label

    def _scrolled(self) -> qt.QScrollArea:
        area = qt.QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumWidth(320)
        place = qt.QWidget()
        layout = qt.QVBoxLayout(place)
        layout.setContentsMargins(0, 0, 0, 0)
        self._panel.layout().setContentsMargins(0, 0, 0, 0)  # as `Base/QTGUI/qSlicerModulePanel.cxx:131`
        layout.addWidget(self._panel)
        layout.addStretch(1)
        area.setWidget(place)
        return area

    def _grid(self) -> qt.QWidget:
        """Red above, Yellow and Green below."""
        place = qt.QWidget()
        grid = qt.QGridLayout(place)
        grid.setContentsMargins(2, 2, 2, 2)
        grid.setSpacing(2)
        grid.addWidget(self._views["Red"], 0, 0, 1, 2)
        grid.addWidget(self._views["Yellow"], 1, 0)
        grid.addWidget(self._views["Green"], 1, 1)
        grid.setRowStretch(0, 1)
        grid.setRowStretch(1, 1)
        return place

    def renderNow(self) -> None:
        """Settle the layout and draw every view, without waiting for its timer."""
        for _ in range(3):
            slicer.app.processEvents()
        for view in self._views.values():
            view.renderNow()

    def savePng(self, path: os.PathLike[str] | str) -> None:
        """A picture of the whole window as it is now. Raises OSError where it cannot be written."""
        self.renderNow()
        if not QtWidgets.QWidget.grab(self).save(str(path), "PNG"):
            msg = f"Could not write {Path(path).name}"
            raise OSError(msg)

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """The views go back to what they are without a window; the module is told that it is left."""
        for view in self._views.values():
            view.release()
        if self._panel.isEntered:
            self._panel.exit()
        self.setObjectName("")
        super().closeEvent(event)


def openDesktop(modulePath: os.PathLike[str] | str, title: str) -> Desktop:
    """Load the scripted module, unless it is loaded already, and show its panel as after a choice in Slicer's menu.

    The module's panel is the desktop's from then on: a second desktop of the same module needs it loaded again.
    """
    name = Path(modulePath).stem
    module = getattr(slicer.modules, name.lower(), None) or Modules.load(modulePath)
    panel = module.widgetRepresentation()
    desktop = Desktop(panel, title)
    desktop.show()
    desktop.renderNow()
    if not panel.isEntered:
        panel.enter()
    desktop.renderNow()
    return desktop
