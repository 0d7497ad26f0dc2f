"""Which Slicer the tests run in: the application itself, or the host outside of it; and what differs between them."""

from __future__ import annotations

import slicer

INSIDE_SLICER = type(getattr(slicer, "app", None)).__name__ == "qSlicerApplication"
"""The host is not started where the application is there, and nothing of it may be imported."""

FACTS_OF_PYTHONQT = "test_host_pythonqt.py"
"""Of the files about the host the one that holds in the application as well."""


def enterModule(name: str = "FMCIBModule") -> None:
    """Go to a module, as by the menu of modules."""
    if slicer.util.mainWindow() is None:
        getattr(slicer.modules, name.lower()).widgetRepresentation().enter()
    else:
        slicer.util.selectModule(name)


def leaveModule(name: str = "FMCIBModule") -> None:
    """Go to another module."""
    if slicer.util.mainWindow() is None:
        getattr(slicer.modules, name.lower()).widgetRepresentation().exit()
    else:
        slicer.util.selectModule("Data")


def deleteWhatIsDue() -> None:
    """What the application's event loop does with objects that were given to `deleteLater`."""
    import qt

    slicer.app.processEvents()
    qt.QCoreApplication.sendPostedEvents(None, int(qt.QEvent.DeferredDelete))
