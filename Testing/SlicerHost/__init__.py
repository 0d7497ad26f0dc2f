"""A small 3D Slicer to test our module in: MRML and slice views of slicer-core, Qt of PySide6, stand-ins for the rest.

    import SlicerHost
    SlicerHost.start()              # then: import slicer, qt, ctk, as inside Slicer
    SlicerHost.loadModule(path)     # a scripted module, as Slicer's factory loads it
    SlicerHost.unloadModule(name)
    SlicerHost.openDicomDatabase(folder)     # its DICOM module's database, which is not there before; and leave...
    SlicerHost.runScript(path, *arguments)   # in a process of its own, as Slicer --no-main-window --python-script

What a stand-in does not know raises: an error here means that nothing is known of how Slicer behaves there.
Each stand-in names the file and line of Slicer's sources that it imitates; its names and defaults are compared with
what was measured in the application (`Facts`).
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

    from .Modules import ScriptedModule

_started: list[bool] = []


def start(widgets: bool = True, testing: bool = True) -> None:
    """Become Slicer: `slicer.app`, `slicer.mrmlScene`, `slicer.modules`, and the modules `qt` and `ctk`.

    Args:
        widgets: False gives QtCore only, so that a headless script which touches a widget fails.
        testing: what `slicer.app.testingEnabled()` says, as after `Slicer --testing`.

    Raises:
        RuntimeError: it was started with widgets and is asked to be without, or the other way round.
    """
    if _started:
        if _started[0] != widgets:
            msg = "The host cannot change between with and without widgets: use another process."
            raise RuntimeError(msg)
        return
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["PYSIDE6_OPTION_PYTHON_ENUM"] = "0x2"  # enumerations are subclasses of int, as in PythonQt
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

    import slicer

    from . import PythonQt, Scene

    sys.modules["qt"] = PythonQt.makeQt(widgets)
    sys.modules["ctk"] = ModuleType("ctk", "CTK's widgets that our module uses.")
    if widgets:
        from . import Widgets

        Widgets.start()
        _useSlicersOwnFiles(slicer)
    slicer.__path__.append(str(Path(__file__).parent / "StandIns"))

    from . import Application, DicomLoading

    Application.start(Scene.start(), testing)
    DicomLoading.start()
    if widgets:
        from . import Modules, SampleData

        Modules.start()
        SampleData.start()
    _started.append(widgets)


def loadModule(path: os.PathLike[str] | str) -> ScriptedModule:
    """The scripted module in this file, which is also `slicer.modules.<its name in small letters>` from now on."""
    from . import Modules

    return Modules.load(path)


def unloadModule(name: str) -> None:
    """Let a module go, as at the end of the application: its widget's `cleanup()` is called."""
    from . import Modules

    Modules.unload(name)


def openDicomDatabase(folder: os.PathLike[str] | str) -> Any:
    """The database of this folder as `slicer.dicomDatabase`, which stays the same object when another is opened."""
    from . import DicomDatabase

    return DicomDatabase.openFolder(folder)


def leaveDicomDatabase() -> None:
    """Close it: `slicer.dicomDatabase` is not there any more, as before the application has started."""
    from . import DicomDatabase

    DicomDatabase.leave()


def runScript(
    path: os.PathLike[str] | str, *arguments: object, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a headless script in a fresh process without widgets, see `Script`."""
    from . import Script

    return Script.run(path, arguments, timeout)


def _useSlicersOwnFiles(slicer: ModuleType) -> None:
    """Slicer's own ScriptedLoadableModule, parameterNodeWrapper, i18n where SLICER_BASE_PYTHON names its Base/Python.

    Only with widgets: Slicer's parameterNodeWrapper asks for widget classes when it is imported.
    """
    folder = os.environ.get("SLICER_BASE_PYTHON")
    if folder:
        if not (Path(folder) / "slicer" / "ScriptedLoadableModule.py").is_file():
            msg = f"SLICER_BASE_PYTHON is not Slicer's folder Base/Python: {folder}"
            raise FileNotFoundError(msg)
        slicer.__path__.append(str(Path(folder) / "slicer"))
        _nameAbsentWidgets(slicer, Path(folder) / "slicer" / "parameterNodeWrapper" / "guiConnectors.py")


def _nameAbsentWidgets(slicer: ModuleType, connectors: Path) -> None:
    """Slicer's connectors name every widget that they can connect when they are imported; the host has few of them."""

    def refuse(self, *arguments: object) -> None:
        msg = f"The host has no {type(self).__name__}"
        raise NotImplementedError(msg)

    for owner, name in re.findall(
        r"\b(ctk|slicer)\.((?:ctk|qMRML|qSlicer)\w+)", connectors.read_text(encoding="utf-8")
    ):
        module = sys.modules["ctk"] if owner == "ctk" else slicer
        if not hasattr(module, name):
            setattr(module, name, type(name, (), {"__init__": refuse}))
