"""Run as a script: shows the whole window with a lesion, and writes what does not fit, as JSON.

QT_SCALE_FACTOR=2 python window_scaled.py WIDTH
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "Engine")]

import SlicerHost  # noqa: E402


def texts(widget) -> list[str]:
    """What does not fit into the widgets that show text."""
    from PySide6 import QtCore, QtWidgets

    found = []
    for each in widget.findChildren(QtWidgets.QWidget):
        name = each.objectName() if callable(each.objectName) else each.objectName
        if not each.isVisible() or not isinstance(each, QtWidgets.QLabel | QtWidgets.QAbstractButton):
            continue
        hint, size = QtWidgets.QWidget.minimumSizeHint(each), QtWidgets.QWidget.size(each)
        if isinstance(each, QtWidgets.QAbstractButton):
            hint = each.sizeHint() if callable(each.sizeHint) else each.sizeHint
        elif QtWidgets.QLabel.wordWrap(each):
            hint = QtCore.QSize(0, QtWidgets.QLabel.heightForWidth(each, size.width()))
        if hint.width() > size.width() or hint.height() > size.height():
            found.append(f"{name}: {hint.width()} x {hint.height()} in {size.width()} x {size.height()}")
    return found


def main(width: int) -> None:
    SlicerHost.start()
    SlicerHost.loadModule(HERE.parent.parent / "FMCIBModule" / "FMCIBModule.py")
    import slicer
    from fmcib_engine.phantom import chest_phantom
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
    from window_support import NODULE, Stage, WindowLogic, goodAnswers, settle

    from FMCIBModule import FMCIBModuleLogic

    node = nodeFromVolume(chest_phantom((2.8, 2.8, 5.0)), "Chest phantom")
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    logic = FMCIBModuleLogic()
    logic.analysis.close()
    logic.analysis = WindowLogic()
    logic.getParameterNode().weights = "demonstration"
    stage = Stage(logic, goodAnswers()).show(width)
    stage.analysed(NODULE)
    stage.window.ui.advancedSection.collapsed = False
    stage.window._scanPanel.showMessage("A sentence that is long enough to need more than one line of the panel. " * 2)
    settle()
    widget = stage.window.widget
    least = widget.minimumSizeHint() if callable(widget.minimumSizeHint) else widget.minimumSizeHint
    widget.resize(width, 3000)
    settle()
    size = type(widget).wrapped.size(widget)
    found = {
        "least": least.width(),
        "width": size.width(),
        "ratio": widget.devicePixelRatioF(),
        "clipped": texts(widget),
    }
    if len(sys.argv) > 2:
        widget.grab().save(sys.argv[2])
    stage.close()
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
