"""These tests as the application would run them, as far as that can be had here: started by `run_in_slicer.py`.

    python pretend_application.py WIDTH HEIGHT [ARGUMENTS OF PYTEST]

`slicer.app` says that it is the application's, the module is loaded already, the DICOM database is open, the slice
views have this size, and what the tests import of the host or of PySide6 is not there: Slicer has neither.
"""

from __future__ import annotations

import builtins
import importlib
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ABSENT = frozenset({"SlicerHost", "PySide6", "shiboken6"})
MAY_IMPORT_THEM = ABSENT | {"slicer"}


def hideFromTests() -> None:
    """Only the host's own files go on finding what Slicer has not."""
    wholeImport, wholeImportModule = builtins.__import__, importlib.import_module

    def importAsInSlicer(name, namespace=None, *others, **named):
        refuse(name, (namespace or {}).get("__name__", ""))
        return wholeImport(name, namespace, *others, **named)

    def importModuleAsInSlicer(name, package=None):
        refuse(name, sys._getframe(1).f_globals.get("__name__", ""))
        return wholeImportModule(name, package)

    builtins.__import__, importlib.import_module = importAsInSlicer, importModuleAsInSlicer


def refuse(name: str, importer: str) -> None:
    if name.partition(".")[0] in ABSENT and str(importer).partition(".")[0] not in MAY_IMPORT_THEM:
        msg = f"No module named {name!r} inside Slicer"
        raise ModuleNotFoundError(msg, name=name)


def main(width: int, height: int, *arguments: str) -> int:
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    host = importlib.import_module("SlicerHost")
    host.start()
    import slicer

    for name in slicer.app.layoutManager().sliceViewNames():
        slicer.app.layoutManager().sliceWidget(name).sliceView()._resize(width, height)
    sys.path[:0] = [str(HERE.parent.parent / "FMCIBExtension"), str(HERE.parent / "Engine")]
    database = importlib.import_module("ctk_database").Database(Path(slicer.app.temporaryPath) / "Users")
    host.openDicomDatabase(database.path.parent)
    host.loadModule(HERE.parent.parent / "FMCIBModule" / "FMCIBModule.py")
    type(slicer.app).__name__ = "qSlicerApplication"
    hideFromTests()
    sys.argv = [str(HERE / "run_in_slicer.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")
    return slicer.app._exitCode


if __name__ == "__main__":
    code = main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
    sys.stdout.flush()
    sys.exit(code)
