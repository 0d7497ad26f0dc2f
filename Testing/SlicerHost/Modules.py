"""Scripted modules: how Slicer loads one, makes its panel, reloads it and lets it go."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import qt
import slicer
from PySide6 import QtCore

from . import NodeComboBox
from .Application import register


class qMRMLWidget(qt.QWidget):  # noqa: N801 - Slicer's name
    """`Libs/MRML/Widgets/qMRMLWidget.h:35`: a widget that knows the scene."""

    mrmlSceneChanged = QtCore.Signal(object)
    _vtkSignals = frozenset({"mrmlSceneChanged(vtkMRMLScene*)"})

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class ScriptedModule(qt.QObject):
    """A module's parent and `slicer.modules.<name>`: `Base/QTGUI/qSlicerScriptedLoadableModule.h:34`.

    It has these attributes and no others, as in Slicer.
    """

    name = path = title = helpText = acknowledgementText = ""
    categories = dependencies = contributors = associatedNodeTypes = ()
    icon = None
    hidden = False
    index = -1
    widgetRepresentationCreationEnabled = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.name, self.path = path.stem, str(path)
        self._logic = slicer.vtkSlicerScriptedLoadableModuleLogic()
        self._widget = None

    def logic(self) -> slicer.vtkSlicerScriptedLoadableModuleLogic:
        return self._logic

    def widgetRepresentation(self) -> ScriptedModuleWidget | None:
        """The module's panel, made at the first call; None where the file has no class for it."""
        if self._widget is None:
            self._widget = self.createNewWidgetRepresentation()
        return self._widget

    def createNewWidgetRepresentation(self) -> ScriptedModuleWidget | None:
        """`Base/QTCore/qSlicerAbstractCoreModule.cxx:246`: the widget gets its scene after its setup."""
        if not self.widgetRepresentationCreationEnabled:
            return None
        widget = ScriptedModuleWidget(self.name)
        widget.reload()
        widget.setMRMLScene(slicer.mrmlScene)
        return widget


class ScriptedModuleWidget(qMRMLWidget):
    """The parent of a module's widget class: `Base/QTGUI/qSlicerScriptedLoadableModuleWidget.cxx:79`."""

    def __init__(self, moduleName: str) -> None:
        super().__init__()
        qt.QVBoxLayout(self)
        self._moduleName = moduleName
        self._python = None
        self._entered = False

    def self(self) -> Any:
        return self._python

    def reload(self) -> None:
        """A new object of the class as it is now: `Base/QTGUI/qSlicerScriptedLoadableModuleWidget.cxx:189`."""
        className = self._moduleName + "Widget"
        self._python = getattr(sys.modules[self._moduleName], className)(self)
        setattr(slicer.modules, className, self._python)
        self._python.setup()

    def enter(self) -> None:
        """The user comes to the module. A class without `enter` is not told."""
        self._entered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self) -> None:
        self._entered = False
        if hasattr(self._python, "exit"):
            self._python.exit()

    isEntered = QtCore.Property(bool, lambda self: self._entered)


def start() -> None:
    slicer.qMRMLWidget = qMRMLWidget
    slicer.qMRMLNodeComboBox = NodeComboBox.qMRMLNodeComboBox
    NodeComboBox.start(slicer.mrmlScene)
    slicer.qSlicerScriptedLoadableModule = ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = ScriptedModuleWidget


def load(path: os.PathLike[str] | str) -> ScriptedModule:
    """`Base/QTGUI/qSlicerScriptedLoadableModule.cxx:106`: import the file, make an object of the class of its name."""
    path = Path(path).resolve()
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    code = importlib.import_module(path.stem)
    module = ScriptedModule(path)
    instance = getattr(code, path.stem)(module)
    module.widgetRepresentationCreationEnabled = hasattr(code, path.stem + "Widget")
    register(module)
    setattr(slicer.modules, path.stem + "Instance", instance)
    slicer.app.moduleManager().moduleLoaded.emit(path.stem)
    return module


def unload(name: str) -> None:
    """What happens to a module when the application ends: its widget's cleanup, then it is gone."""
    slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(name)
    for attribute in (name.lower(), name + "Instance", name + "Widget"):
        if hasattr(slicer.modules, attribute):
            delattr(slicer.modules, attribute)
    delattr(slicer.moduleNames, name)
    sys.modules.pop(name, None)
    getattr(slicer, "selfTests", {}).pop(name, None)
    slicer.app.moduleManager().moduleUnloaded.emit(name)
