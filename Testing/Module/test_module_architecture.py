"""The shape of the Slicer layer: which way knowledge flows, what is shipped, and how it lies inside Slicer."""

from __future__ import annotations

import ast
import graphlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fmcib_engine import errors
from support import ROOT

MODULE = ROOT / "FMCIBModule"
LIB = MODULE / "FMCIBModuleLib"
FILES = sorted(LIB.rglob("*.py"))

_ROOMS = ("Scan", "Lesions", "Patch", "Predictions", "Saliency", "Stability", "Training", "Batch")
PANELS = tuple(f"Window/{name}" for name in _ROOMS)
"""A room for each part of the window. None imports another: what one has to tell another goes through the window."""

MAY_IMPORT = {
    "": (),
    "Worker": ("",),
    "Setup": ("", "Worker"),
    "Scene": ("",),
    "Analysis": ("", "Scene", "Worker"),
    "Window": ("", "Scene", "Analysis", "Setup/Desktop"),
    **dict.fromkeys(PANELS, ("", "Scene", "Analysis", "Window")),
}
"""Room -> the rooms, or single files of them, that its files may import, beside each other."""

EXCEPTIONS = {
    "Window/Window": ("", "Scene", "Setup", "Worker/WorkerProcess", "Analysis/Stability", *PANELS),
    "Window/Stability/StabilityController": ("", "Scene", "Analysis", "Window", "Setup/Desktop"),
    "Window/Training/TrainingController": ("", "Scene", "Analysis", "Window", "Setup/Desktop"),
    "Window/Batch/BatchAsked": ("", "Scene", "Analysis", "Window", "Setup/Desktop"),
    "Window/Batch/BatchController": ("", "Scene", "Analysis", "Window", "Setup/Desktop"),
    "Window/SampleScans": ("Engine", "Scene/SceneBridge", "Setup/Desktop", "Worker/TaskProcess"),
}
"""File -> the same for it alone: what puts the window together, what asks for files, and Sample Data's."""

MAY_USE_QT = {
    *("WorkerConnection", "WorkerDispatcher", "WorkerProcess", "ChildProcess"),
    *(
        "ScanPanel",
        "LesionsPanel",
        "LesionRows",
        "LicenceDialog",
        "ImportDialog",
        "RemovalDialog",
        "PatchPictures",
        "PredictionRows",
        "PredictionsPanel",
        "SaliencyPanel",
        "StabilityRows",
        "BatchRows",
        "SeriesRows",
        "Closing",
        "Desktop",
        "LesionsController",
        "SampleScans",
        "SeriesRows",
        "Soon",
        "Room",
    ),
}
"""Processes, widgets, pictures, timers."""


WIDGETS = ("Panel", "Dialog", "Rows")
PRINT = {"Headless", "HeadlessBatch"}
"""The scripts without a window."""


def nameOf(path: Path) -> str:
    """As above: its room and its name."""
    return path.relative_to(LIB).with_suffix("").as_posix()


def roomOf(name: str) -> str:
    return name.rpartition("/")[0]


def imports(path: Path) -> tuple[set[str], set[str]]:
    """The files of our own, and the other packages, that a file imports anywhere."""
    own, foreign = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            place = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            own |= {place} if place.with_suffix(".py").is_file() else {place / alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            foreign.add(str(node.module).split(".")[0])
    return {nameOf(each) for each in own}, foreign


def test_every_room_has_its_rule_and_every_rule_its_room():
    assert MAY_IMPORT.keys() == {roomOf(nameOf(path)) for path in FILES}
    assert EXCEPTIONS.keys() <= {nameOf(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=nameOf)
def test_knowledge_flows_one_way(path):
    name, (own, foreign) = nameOf(path), imports(path)
    allowed = {roomOf(name), *EXCEPTIONS.get(name, MAY_IMPORT[roomOf(name)])}
    refused = {each for each in own if not {each, roomOf(each)} & allowed}
    assert not refused
    assert "qt" not in foreign or path.stem in MAY_USE_QT
    slicers = {"slicer", "vtk", "qt", "ctk", "SampleData", "DICOMLib", "PyTorchUtils"}
    allowed = {*sys.stdlib_module_names, "numpy", "fmcib_engine", *slicers}
    assert foreign <= allowed, foreign - allowed


def test_no_files_import_each_other_in_a_circle():
    graph = {nameOf(path): imports(path)[0] for path in FILES}
    graphlib.TopologicalSorter(graph).prepare()  # raises, and names the circle


@pytest.mark.parametrize("path", [path for path in FILES if path.stem.endswith(WIDGETS)], ids=nameOf)
def test_a_panel_has_widgets_and_signals_and_knows_neither_the_scene_nor_the_analysis(path):
    assert {each for each in imports(path)[0] if roomOf(each) and not each.endswith(WIDGETS)} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_the_bridge_speaks_ras(path):
    """The engine's conversions, and the signs that turn one frame into the other, are called in one file."""
    source = path.read_text(encoding="utf-8")
    if path.stem != "SceneBridge":
        assert not re.search(r"from_ras|ras_affine|GetIJKToRAS|GetRASToIJK|\(-1, -1, 1|-1\.0, -1\.0, 1", source)


@pytest.mark.parametrize("path", [*FILES, MODULE / "FMCIBModule.py"], ids=lambda path: path.stem)
def test_functions_stay_short_and_print_nothing(path):
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert node.end_lineno - first.lineno < 40, node.name
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print" or path.stem in PRINT
        assert not (isinstance(node, ast.Attribute) and node.attr == "exit" and getattr(node.value, "id", "") == "sys")


SPEAK_OF_OPTIONS = {*PRINT, "BatchArguments", "SeedsFile", "Installer"}
"""All but the last are the scripts', which have some of their own; the last gives them to pip."""


@pytest.mark.parametrize("path", [*FILES, MODULE / "FMCIBModule.py"], ids=lambda path: path.stem)
def test_nobody_in_the_window_is_told_of_the_command_line(path):
    """Not in words of ours, nor by the engine's errors, whose text comes through `sentenceOf`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and path.stem not in SPEAK_OF_OPTIONS:
            assert not re.search(r"--[a-z]|fmcib-engine [a-z]", node.value), node.value
        if isinstance(node, ast.ExceptHandler) and node.type is not None and node.name and path.stem not in PRINT:
            names = {each.id for each in ast.walk(node.type) if isinstance(each, ast.Name)}
            raw = re.search(rf"str\({node.name}\)|{{{node.name}[}}!:]", "\n".join(map(ast.unparse, node.body)))
            assert not (raw and names & ENGINE_ERRORS), node.lineno


ENGINE_ERRORS = {name for name, each in vars(errors).items() if isinstance(each, type)}


@pytest.mark.parametrize("path", [*FILES, MODULE / "FMCIBModule.py"], ids=lambda path: path.stem)
def test_nothing_is_asked_of_qt_that_pythonqt_answers_otherwise(path):
    """Values of enumerations are equal and not the same; an object is an instance of its very class; a layout of a .ui
    file is none of `childWidgetVariables` while it is empty."""
    source = path.read_text(encoding="utf-8")
    layouts = {
        name
        for each in MODULE.rglob("*.ui")
        for name in re.findall(r'<layout [^>]*name="(\w+)"', each.read_text(encoding="utf-8"))
    }
    assert len(layouts) > 30
    assert not re.search(r"\bis (not )?qt\.|isinstance\([^)]*\bqt\.|\.singleShot = ", source)
    assert not layouts & set(re.findall(r"\bui\.(\w+)", source))


def cmakeList(name: str) -> list[str]:
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(rf"set\({name}\n(.*?)\n  \)", text, re.DOTALL).group(1).split()


def test_cmake_lists_every_file_of_the_module_and_no_other():
    onDisk = [path.relative_to(MODULE).as_posix() for path in MODULE.rglob("*") if path.is_file()]
    onDisk = [name for name in onDisk if "_cache" not in name and "__pycache__" not in name]
    onDisk.remove("CMakeLists.txt")
    shipped = [*cmakeList("MODULE_SCRIPTS"), *cmakeList("MODULE_RESOURCES")]
    assert sorted(shipped) == sorted(onDisk)
    topLevel = [name for name in shipped if name.endswith(".py") and "/" not in name]
    assert topLevel == ["FMCIBModule.py"]  # Slicer takes each of these for a module


def test_the_module_and_the_engine_are_of_one_version():
    from fmcib_engine import __version__
    from FMCIBModuleLib.Engine import ENGINE_VERSION

    assert __version__ == ENGINE_VERSION


STAND_IN = """
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/empty.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/empty.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/empty.cmake")
set(BUILD_TESTING ON)
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${file} ${CMAKE_BINARY_DIR}/qt-scripted-modules/${file} COPYONLY)
  endforeach()
endmacro()
macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  message(STATUS "unittest ${MY_SCRIPT}")
endmacro()
macro(slicer_add_python_test)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS;SCRIPT_ARGS" ${ARGN})
  if(NOT EXISTS ${MY_SCRIPT})
    message(FATAL_ERROR "no such script: ${MY_SCRIPT}")
  endif()
  message(STATUS "test ${MY_SCRIPT}")
endmacro()
"""
"""Slicer's build system as far as we use it: files are copied as written into one flat folder."""


@pytest.fixture(scope="module")
def flatFolder(tmp_path_factory):
    """The extension as CMake lays it out beside Slicer's own modules."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    folder = tmp_path_factory.mktemp("slicer")
    (folder / "SlicerConfig.cmake").write_text(STAND_IN, encoding="utf-8")
    (folder / "empty.cmake").touch()
    command = ["cmake", "-S", ROOT, "-B", folder / "build", f"-DSlicer_DIR={folder}", "-DFMCIB_TEST_WITH_PYTEST=ON"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "unittest FMCIBModule.py" in done.stdout
    assert "run_in_slicer.py" in done.stdout
    return folder / "build" / "qt-scripted-modules"


def test_what_cmake_installs_is_a_module_that_finds_its_engine_and_its_worker(flatFolder):
    """From the flat folder alone, in a process that knows nothing of this checkout."""
    pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
    pytest.importorskip("torch")
    script = (
        "import sys\n"
        f"sys.path[:0] = [{str(flatFolder)!r}, {str(ROOT / 'Testing')!r}]\n"
        "import SlicerHost\n"
        "SlicerHost.start()\n"
        f"module = SlicerHost.loadModule({str(flatFolder / 'FMCIBModule.py')!r})\n"
        "assert not module.icon.isNull()\n"
        "from FMCIBModule import FMCIBModuleLogic, FMCIBModuleTest\n"
        "test = FMCIBModuleTest()\n"
        "test.messageDelay = 1\n"
        "test.runTest()\n"
        "import fmcib_engine\n"
        "print('engine', fmcib_engine.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert f"engine {flatFolder / 'fmcib_engine' / '__init__.py'}" in done.stdout


@pytest.mark.parametrize("name", ["analyse.py", "batch.py"])
def test_the_headless_scripts_are_found_where_cmake_puts_them(flatFolder, name):
    SlicerHost = pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
    done = SlicerHost.runScript(flatFolder / "Scripts" / name, "--help", timeout=120)
    assert done.returncode == 0, done.stderr
    assert "--seeds" in done.stdout
