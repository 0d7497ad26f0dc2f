"""`slicer.app`, `slicer.mrmlScene` and `slicer.modules`. To be imported when the module `qt` is there."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import qt
import slicer
from PySide6 import QtCore

from .InputOutput import CoreIOManager
from .Scene import Core

VERSION = "5.13.0"


def start(core: Core, testing: bool) -> None:
    slicer.mrmlScene = core.scene
    slicer.modules = sys.modules["slicer.modules"] = ModuleType("slicer.modules")
    slicer.moduleNames = sys.modules["slicer.moduleNames"] = ModuleType("slicer.moduleNames")
    settings = str(core.temporaryPath / "Settings")
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
    QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, settings)
    slicer.app = Application(core, testing)
    for name, logic in core.logics.items():
        register(CoreModule(name, logic))


def register(module: Any) -> None:
    setattr(slicer.modules, module.name.lower(), module)
    setattr(slicer.moduleNames, module.name, module.name)


class CoreModule:
    """`slicer.modules.<name>` of a module written in C++: `Base/QTCore/qSlicerAbstractCoreModule.h:60`."""

    def __init__(self, name: str, logic: slicer.vtkMRMLAbstractLogic) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> slicer.vtkMRMLAbstractLogic:
        return self._logic

    def widgetRepresentation(self):
        msg = f"The host has no panel of the module {self.name}"
        raise NotImplementedError(msg)


class ModuleManager(qt.QObject):
    """`Base/QTCore/qSlicerModuleManager.h:38`."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)
    moduleUnloaded = QtCore.Signal(str)

    def module(self, name: str) -> Any:
        """None where there is no such module."""
        return getattr(slicer.modules, name.lower(), None)


class Application(getattr(qt, "QApplication", qt.QCoreApplication)):
    """`Base/QTCore/qSlicerCoreApplication.h:65`, as far as our module and `slicer.util` ask for it."""

    startupCompleted = QtCore.Signal()

    majorVersion, minorVersion = (int(part) for part in VERSION.split(".")[:2])
    revision = "host"
    temporaryPath = slicerHome = ""
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"

    def __init__(self, core: Core, testing: bool) -> None:
        super().__init__(["Slicer"])
        self.setOrganizationName("slicer.org")
        self.setApplicationName("Slicer")
        self.setApplicationVersion(VERSION)
        self._core = core
        self._testing = testing
        self._environment = qt.QProcessEnvironment.systemEnvironment()
        self._ioManager = CoreIOManager(core)
        self._moduleManager = ModuleManager()
        self._layoutManager = None
        self._exitCode = None
        self._options = SimpleNamespace(noMainWindow=True, testingEnabled=testing, runPythonAndExit=False)
        self.temporaryPath = self.slicerHome = str(core.temporaryPath)

    def mrmlScene(self) -> slicer.vtkMRMLScene:
        return self._core.scene

    def applicationLogic(self) -> slicer.vtkSlicerApplicationLogic:
        return self._core.applicationLogic

    def moduleLogic(self, name: str) -> slicer.vtkMRMLAbstractLogic:
        return self._core.applicationLogic.GetModuleLogic(name)

    def coreIOManager(self) -> CoreIOManager:
        return self._ioManager

    ioManager = coreIOManager

    def moduleManager(self) -> ModuleManager:
        return self._moduleManager

    def layoutManager(self):
        """None without widgets, as in an application without a main window."""
        if self._layoutManager is None and hasattr(qt, "QWidget"):
            from .SliceViews import LayoutManager

            self._layoutManager = LayoutManager(self._core)
        return self._layoutManager

    def topLevelWidgets(self) -> list:
        """Without widgets there are none: `slicer.util.mainWindow` looks for its window here."""
        return super().topLevelWidgets() if hasattr(qt, "QWidget") else []

    def commandOptions(self) -> SimpleNamespace:
        return self._options

    def testingEnabled(self) -> bool:
        return self._testing

    def settings(self) -> qt.QSettings:
        return qt.QSettings()

    userSettings = revisionUserSettings = settings

    def startupEnvironment(self) -> qt.QProcessEnvironment:
        """What was set when the application was started."""
        return qt.QProcessEnvironment(self._environment)

    def translate(self, context: str, text: str) -> str:  # noqa: ARG002 - Slicer's signature
        """The host speaks English."""
        return text

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def exit(self, code: int = 0) -> None:
        self._exitCode = code
        super().exit(code)

    def pauseRender(self) -> None:
        """Views of the host render only when asked to."""

    resumeRender = pauseRender
