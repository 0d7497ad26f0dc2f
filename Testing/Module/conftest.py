"""Every test of the module runs in one Slicer (the host outside, the application inside) and leaves it as it was."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from pathlib import Path
from typing import Self

import pytest
from support import DATA

try:
    from application import FACTS_OF_PYTHONQT, INSIDE_SLICER

    if INSIDE_SLICER:
        sys.modules.setdefault("SlicerHost", None)  # so that `pytest.importorskip` skips what is about the host
    else:
        import SlicerHost

        SlicerHost.start()
    import qt
    import slicer
    import vtk
except ImportError as error:  # a system library of Qt or EGL; CI installs them, and says that they must be there
    if "FMCIB_TEST_HOST" in os.environ:
        raise
    HOST_PROBLEM = f"The module's tests are NOT run: {error}. See Testing/README.md for what they need."
    collect_ignore_glob = ["test_*.py"]
else:
    HOST_PROBLEM = ""


def pytest_report_header() -> str:
    return HOST_PROBLEM


def pytest_terminal_summary(terminalreporter) -> None:
    if HOST_PROBLEM:
        terminalreporter.write_line(HOST_PROBLEM, yellow=True)


class _OfTheHost(pytest.Module):
    """A file of tests that is not even imported where there is no host."""

    def collect(self):
        pytest.skip("is about the host, which is not there inside Slicer", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    isOfTheHost = module_path.name.startswith("test_host_") and module_path.name != FACTS_OF_PYTHONQT
    return _OfTheHost.from_parent(parent, path=module_path) if isOfTheHost and INSIDE_SLICER else None


@pytest.fixture(autouse=True)
def _emptyScene(_noErrorsOfVtk):
    """An empty scene before and after, and afterwards no observer of it and no process more than before."""
    slicer.mrmlScene.Clear(0)
    _straightenViews()
    processes = _children()
    with _SceneObservers() as observers:
        yield
        slicer.mrmlScene.Clear(0)
        slicer.app.processEvents()
        _deleteWhatWaitsForIt()
        gc.collect()
    assert not observers.left, "observers left on the scene, added here:\n" + "\n".join(observers.left.values())
    assert INSIDE_SLICER or not hasattr(slicer, "dicomDatabase"), "a DICOM database is still there"
    # counted, not compared one by one: a worker that several tests share may have been replaced
    assert len(_children()) <= len(processes), "a process is still there"


@pytest.fixture(scope="session")
def ownerOfShared():
    """The parent of what the tests of several files share, such as a warm worker: its timers go on ticking."""
    return qt.QObject(qt.QCoreApplication.instance())


@pytest.fixture(scope="module", autouse=True)
def _noTimers(ownerOfShared):
    """No test of a file leaves a timer that ticks. Once a file, because it looks at every object there is.

    Those of before the file are set aside meanwhile, so that the garbage of each test is found quickly.
    """
    before = _activeTimers(ownerOfShared)
    gc.freeze()
    yield
    slicer.app.processEvents()
    gc.unfreeze()
    gc.collect()
    assert len(_activeTimers(ownerOfShared)) <= len(before), "a timer is still active"


def _deleteWhatWaitsForIt() -> None:
    """What `deleteLater` was asked for, which Qt does in the loop of an application, and not in `processEvents`.

    Without it each window of a test stays, with 20 MB, and each process that has ended.
    """
    qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)


def _straightenViews() -> None:
    """Closing the scene leaves views as they were turned; a scene saved with an oblique one complains when read."""
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.SetOrientation({"Yellow": "Sagittal", "Green": "Coronal"}.get(node.GetLayoutName(), "Axial"))


@pytest.fixture
def vtkErrors() -> list[str]:
    """What VTK and MRML said was an error or a warning; a test that asks for this list may cause some."""
    return []


@pytest.fixture
def unknownSignals() -> list[str]:
    """What was connected to signals that do not exist; a test that asks for this list may do so.

    Empty inside Slicer, where PythonQt prints it and gives False.
    """
    if INSIDE_SLICER:
        return []
    from SlicerHost import PythonQt

    return PythonQt.unknownSignals


@pytest.fixture(autouse=True)
def _everySignalExists(request):
    """In Slicer `connect` only gives False where there is no such signal, and nobody hears anything."""
    if INSIDE_SLICER:
        yield
        return
    from SlicerHost import PythonQt

    PythonQt.unknownSignals.clear()
    yield
    assert "unknownSignals" in request.fixturenames or not PythonQt.unknownSignals, PythonQt.unknownSignals


@pytest.fixture
def _noErrorsOfVtk(request):
    asked = "vtkErrors" in request.fixturenames
    messages: list[str] = request.getfixturevalue("vtkErrors") if asked else []
    window = vtk.vtkOutputWindow.GetInstance()

    @vtk.calldata_type(vtk.VTK_STRING)
    def remember(caller, event, text):
        messages.append(text)

    tags = [window.AddObserver(event, remember) for event in ("ErrorEvent", "WarningEvent")]
    yield
    for tag in tags:
        window.RemoveObserver(tag)
    assert asked or not messages, "VTK complained:\n" + "\n".join(messages)


class _SceneObservers:
    """Counts what Python code adds to and removes from the scene's observers, with the place that added it."""

    def __init__(self) -> None:
        self.left: dict[int, str] = {}

    def __enter__(self) -> Self:
        scene = slicer.mrmlScene

        def add(*arguments):
            tag = type(scene).AddObserver(scene, *arguments)
            self.left[tag] = "".join(traceback.format_stack(limit=4)[:-1])
            return tag

        def remove(tag):
            self.left.pop(tag, None)
            return type(scene).RemoveObserver(scene, tag)

        scene.AddObserver, scene.RemoveObserver = add, remove
        return self

    def __exit__(self, *failure: object) -> None:
        del slicer.mrmlScene.AddObserver, slicer.mrmlScene.RemoveObserver


def _activeTimers(ownerOfShared: qt.QObject) -> set[int]:
    timers = [each for each in gc.get_objects() if type(each) is qt.QTimer]
    return {id(each) for each in timers if _isActive(each) and not _belongsTo(ownerOfShared, each)}


def _isActive(timer: qt.QTimer) -> bool:
    try:
        return bool(timer.active)
    except (RuntimeError, ValueError):  # Qt has deleted it already
        return False


def _belongsTo(owner: qt.QObject, each: qt.QObject | None) -> bool:
    while each is not None and each != owner:
        each = each.parent()
    return each is not None


def _children() -> set[int]:
    """Ids of the processes that this one has started; empty where the system has no /proc."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(number) for each in lists for number in each.read_text(encoding="utf-8").split()}


@pytest.fixture(scope="session")
def scanPath(scan_path):
    """Path of a scan of the test data by its name in `golden_cases.csv`; skips without data."""

    def path(name: str) -> Path:
        if not DATA.is_dir():
            pytest.skip("needs the test CTs (FMCIB_TEST_DATA)")
        return scan_path(name)

    return path
