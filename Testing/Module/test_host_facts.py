"""What the host offers, against what was measured in the application and what Slicer's sources say."""

from __future__ import annotations

import inspect
import json
import os
import re
from pathlib import Path

import pytest
import qt
import slicer
from support import ROOT

SlicerHost = pytest.importorskip("SlicerHost", reason="compares the host with the application")

import ctk  # noqa: E402
from PySide6 import QtCore  # noqa: E402
from SlicerHost import (  # noqa: E402
    Application,
    CollapsibleButton,
    DicomDatabase,
    DicomTable,
    DicomTableManager,
    Facts,
    NodeComboBox,
    SliceViews,
    Widgets,
)

FACTS = json.loads(Facts.EXTRACT.read_text(encoding="utf-8"))
HOST = Path(SlicerHost.__file__).parent
SHARED = ROOT.parent / "shared" / "slicer_facts"
SLICER_SOURCES = os.environ.get("SLICER_BASE_PYTHON")

ABSENT_FROM_QT_6 = {
    "qt.QComboBox": {"activated(QString)", "currentIndexChanged(QString)", "highlighted(QString)"},
    "qt.QDoubleSpinBox": {"valueChanged(QString)"},
    "qt.QProcess": {"error(QProcess::ProcessError)"},
    "qt.QSpinBox": {"valueChanged(QString)"},
}
"""Signals that Qt 6 has no more: Slicer is built with Qt 5.15 and with Qt 6, so the module must not use them."""

ABSENT_PROPERTIES = {
    "qt.QComboBox": {"autoCompletion", "autoCompletionCaseSensitivity"},
    "qt.QTextEdit": {"tabStopWidth"},
}
"""Properties that Qt 6 has no more."""

DIFFERENT_DEFAULTS: dict[str, dict[str, object]] = {}
"""Defaults of Qt 6 that are not those of Qt 5.15."""

OFFERED_UNMEASURED = {"slicer.qMRMLWidget": {"mrmlSceneChanged(vtkMRMLScene*)"}}
"""In `Libs/MRML/Widgets/qMRMLWidget.h`; of the base of all widgets with a scene no signals were measured."""

OVERRIDDEN = {"changeEvent", "childEvent", "eventFilter", "hitButton", "minimumSizeHint", "paintEvent", "showEvent"}
OVERRIDDEN |= {"sizeHint"}
"""What Qt calls."""

INVOKABLE = {
    "slicer.qMRMLWidget": {"mrmlScene", "setMRMLScene"},
    "slicer.qMRMLNodeComboBox": {
        *("addAttribute", "currentNode", "mrmlScene", "nodeCount", "nodeFromIndex", "removeAttribute", "setMRMLScene"),
    },
    "ctk.ctkCollapsibleButton": {"setCollapsed", "setCollapsedHeight", "setFlat"},
    "ctk.ctkDICOMTableManager": {
        *("currentPatientsSelection", "currentSeriesSelection", "currentStudiesSelection", "patientsTable"),
        *("seriesTable", "setBatchUpdate", "setCurrentPatientsSelection", "setCurrentSeriesSelection"),
        *("setCurrentStudiesSelection", "setDICOMDatabase", "studiesTable"),
    },
}
"""Methods that PythonQt offers as well: marked Q_INVOKABLE, or setters of properties."""


def _offered(cls: type) -> set[str]:
    """Public names that the class itself brings, beyond Qt's."""
    return {
        name
        for name in vars(cls)
        if not name.startswith("_") and name not in {"connect", "disconnect", "staticMetaObject"}
    }


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Application.Application, "slicer.app"),
        (SliceViews.LayoutManager, "slicer.app.layoutManager()"),
        (SliceViews.SliceWidget, "sliceWidget"),
        (SliceViews.SliceView, "sliceView"),
        (DicomDatabase.ctkDICOMDatabase, "slicer.dicomDatabase"),
    ],
)
def test_the_host_offers_no_name_that_slicer_does_not_have(cls, names):
    assert _offered(cls) <= set(FACTS[names])


def test_the_command_options_are_slicers():
    assert set(vars(slicer.app.commandOptions())) <= set(FACTS["slicer.app.commandOptions()"])


def test_the_classes_of_scripted_modules_have_slicers_methods_alone():
    import slicer.ScriptedLoadableModule as module

    for name, methods in FACTS["ScriptedLoadableModule"].items():
        assert _offered(getattr(module, name)) - {"tearDown_exceptions"} <= set(methods)  # that one is unittest's


def test_the_parameter_node_wrapper_has_slicers_names_alone():
    import slicer.parameterNodeWrapper as module

    assert set(module.__all__ if hasattr(module, "__all__") else ()) <= set(FACTS["parameterNodeWrapper"])


def test_the_functions_of_slicer_util_take_what_they_take_in_slicer():
    measured = {name: _withoutValues(text) for name, text in FACTS["slicer.util"].items() if text.startswith("(")}
    assert {name: _withoutValues(str(inspect.signature(getattr(slicer.util, name)))) for name in measured} == measured


def test_the_functions_of_dicomutils_take_what_they_take_in_slicer():
    from DICOMLib import DICOMUtils

    own = {name: str(inspect.signature(each)) for name, each in vars(DICOMUtils).items() if inspect.isfunction(each)}
    assert own
    assert own.items() <= FACTS["DICOMLib.DICOMUtils"].items()


def _withoutValues(signature: str) -> str:
    """Without a function's address, and what former calls have left in the dictionaries that are defaults."""
    return re.sub(r" at 0x[0-9A-Fa-f]+|(?<=={)[^}]*", "", signature)


@pytest.mark.parametrize(
    ("cls", "events"),
    [(slicer.vtkMRMLScene, "slicer.mrmlScene events"), (slicer.vtkMRMLMarkupsNode, "vtkMRMLMarkupsNode events")],
)
def test_events_have_slicers_numbers(cls, events):
    assert {name: getattr(cls, name) for name in FACTS[events]} == FACTS[events]


def _class(name: str) -> type:
    module, name = name.split(".")
    return getattr({"qt": qt, "ctk": ctk, "slicer": slicer}[module], name)


OF_QT = [name for name in Facts.WIDGETS if name.startswith("qt.")]
STAND_INS = [name for name in Facts.WIDGETS if not name.startswith("qt.")]


@pytest.mark.parametrize("name", OF_QT)
def test_a_class_of_qt_has_slicers_signals(name):
    missing = {signal for signal in FACTS[name]["signals"] if not _isSignal(_class(name), signal)}
    assert missing == ABSENT_FROM_QT_6.get(name, set())


def _isSignal(cls: type, wanted: str) -> bool:
    """By PySide6's own text of a signal; one whose arguments have defaults may be had without them.

    Not by `staticMetaObject`, which PySide6 takes for deleted after some thousand tests.
    """
    name = wanted.partition("(")[0]
    offered = str(getattr(cls, name, "")).split("; ")
    return wanted in offered or (wanted == f"{name}()" and offered != [""])


@pytest.mark.parametrize("name", OF_QT)
def test_a_class_of_qt_has_slicers_slots(name):
    public = {slot.partition("(")[0] for slot in FACTS[name]["slots"] if not slot.startswith("_")}
    assert {slot for slot in public if not hasattr(_class(name), slot)} <= {"setPicture"}


@pytest.mark.parametrize("name", OF_QT)
def test_properties_of_a_class_of_qt_have_slicers_defaults(name):
    widget = _class(name)()
    measured = {key: value for key, value in FACTS[name]["properties"].items() if not str(value).startswith("<")}
    absent = ABSENT_PROPERTIES.get(name, set())
    assert {key for key in measured if not hasattr(type(widget), key)} == absent
    found = {key: _plain(getattr(widget, key)) for key in measured if key not in absent}
    assert {key: value for key, value in found.items() if value != measured[key]} == DIFFERENT_DEFAULTS.get(name, {})


@pytest.mark.parametrize("name", STAND_INS)
def test_a_stand_in_has_no_signal_that_slicer_does_not_have(name):
    cls = _class(name)
    own = set(getattr(cls, "_vtkSignals", ()))
    for key, value in vars(cls).items():
        if isinstance(value, QtCore.Signal):
            own |= {signal for signal in str(value).split("; ") if "PyObject" not in signal}
            own |= {f"{key}(?)"} if "PyObject" in str(value) and not any(key in each for each in own) else set()
    assert own - set(FACTS[name]["signals"]) <= OFFERED_UNMEASURED.get(name, set())


@pytest.mark.parametrize("name", STAND_INS)
def test_a_stand_ins_properties_are_slicers_with_their_defaults(name):
    widget = _class(name)()
    own = {key for key, value in vars(type(widget)).items() if isinstance(value, QtCore.Property)}
    assert own <= set(FACTS[name]["properties"])
    measured = {key: value for key, value in FACTS[name]["properties"].items() if not str(value).startswith("<")}
    found = {key: _plain(getattr(widget, key)) for key in measured if hasattr(type(widget), key)}
    assert {key: value for key, value in found.items() if value != measured[key]} == DIFFERENT_DEFAULTS.get(name, {})


@pytest.mark.parametrize("name", STAND_INS)
def test_a_stand_ins_methods_are_slicers(name):
    """Those that are slots were measured; the others are named in the header of its class."""
    slots = {slot.partition("(")[0] for slot in FACTS[name]["slots"]}
    own = {key for key in _offered(_class(name)) if inspect.isfunction(vars(_class(name))[key])}
    assert own - slots - OVERRIDDEN - INVOKABLE.get(name, set()) == set()


def _plain(value):
    """An enumeration's number, as PythonQt gives it."""
    value = list(value) if isinstance(value, tuple) else value
    return getattr(value, "value", value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the measured facts beside the checkout")
def test_the_stored_facts_are_those_that_were_measured():
    assert Facts.extract(SHARED) == FACTS


def _citations() -> list[tuple[str, int]]:
    sources = sorted(HOST.rglob("*.py"))
    pattern = re.compile(r"`((?:Base|Libs|Modules)/[\w/.]+?\.\w+):(\d+)`")
    return [
        (file, int(line))
        for source in sources
        for file, line in pattern.findall(source.read_text(encoding="utf-8"))
        if not file.startswith("Libs/Widgets/")  # CTK's, whose sources are elsewhere
    ]


def test_each_class_of_the_host_that_stands_for_one_of_slicers_says_which():
    classes = [Application.Application, Application.ModuleManager, Application.CoreModule, *_standIns()]
    assert [cls.__name__ for cls in classes if not re.search(r"`[\w/.]+:\d+`", cls.__doc__ or "")] == []


def test_each_class_that_was_made_after_measurements_alone_says_after_which():
    classes = [DicomTable.ctkDICOMTableView, DicomTable.ctkSearchBox, DicomTableManager.ctkDICOMTableManager]
    assert [each.__name__ for each in classes if not re.search(r"`[\w/]+\.(json|md)`", each.__doc__ or "")] == []


def _standIns() -> list[type]:
    from SlicerHost import InputOutput, Modules

    modules = [SliceViews.LayoutManager, SliceViews.SliceWidget, SliceViews.SliceView, InputOutput.CoreIOManager]
    modules += [CollapsibleButton.ctkCollapsibleButton, NodeComboBox.qMRMLNodeComboBox, Widgets.ctkMessageBox]
    return [*modules, Modules.qMRMLWidget, Modules.ScriptedModule, Modules.ScriptedModuleWidget]


@pytest.mark.skipif(not SLICER_SOURCES, reason="needs Slicer's sources (SLICER_BASE_PYTHON)")
@pytest.mark.parametrize(("file", "line"), _citations())
def test_a_cited_line_of_slicers_sources_is_a_definition(file, line):
    path = Path(SLICER_SOURCES).parents[1] / file
    if not path.is_file() and file.startswith("Libs/"):
        pytest.skip(f"not among these sources: {file}")
    text = path.read_text(encoding="utf-8").splitlines()[line - 1]
    assert re.match(r"\s*(class |def |[\w:*<>]+ ?\*? ?\w+::\w+\(|\w+::\w+\()", text)
