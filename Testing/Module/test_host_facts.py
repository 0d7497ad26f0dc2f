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

from SlicerHost import Application, Facts, SliceViews  # noqa: E402

FACTS = json.loads(Facts.EXTRACT.read_text(encoding="utf-8"))
HOST = Path(SlicerHost.__file__).parent
SHARED = ROOT.parent / "shared" / "slicer_facts"
SLICER_SOURCES = os.environ.get("SLICER_BASE_PYTHON")

ABSENT_FROM_QT_6 = {
    "qt.QProcess": {"error(QProcess::ProcessError)"},
}
"""Signals that Qt 6 has no more: Slicer is built with Qt 5.15 and with Qt 6, so the module must not use them."""


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


def _withoutValues(signature: str) -> str:
    """Without a function's address, and what former calls have left in the dictionaries that are defaults."""
    return re.sub(r" at 0x[0-9A-Fa-f]+|(?<=={)[^}]*", "", signature)


@pytest.mark.parametrize(
    ("cls", "events"),
    [(slicer.vtkMRMLScene, "slicer.mrmlScene events"), (slicer.vtkMRMLMarkupsNode, "vtkMRMLMarkupsNode events")],
)
def test_events_have_slicers_numbers(cls, events):
    assert {name: getattr(cls, name) for name in FACTS[events]} == FACTS[events]


@pytest.mark.parametrize("name", Facts.WIDGETS)
def test_a_class_of_qt_has_slicers_signals(name):
    cls = getattr(qt, name.removeprefix("qt."))
    missing = {signal for signal in FACTS[name]["signals"] if not _isSignal(cls, signal)}
    assert missing == ABSENT_FROM_QT_6.get(name, set())


def _isSignal(cls: type, wanted: str) -> bool:
    """By PySide6's own text of a signal; one whose arguments have defaults may be had without them.

    Not by `staticMetaObject`, which PySide6 takes for deleted after some thousand tests.
    """
    name = wanted.partition("(")[0]
    offered = str(getattr(cls, name, "")).split("; ")
    return wanted in offered or (wanted == f"{name}()" and offered != [""])


@pytest.mark.parametrize("name", Facts.WIDGETS)
def test_a_class_of_qt_has_slicers_slots(name):
    cls = getattr(qt, name.removeprefix("qt."))
    public = {slot.partition("(")[0] for slot in FACTS[name]["slots"] if not slot.startswith("_")}
    assert {slot for slot in public if not hasattr(cls, slot)} <= {"setPicture"}


@pytest.mark.parametrize("name", Facts.WIDGETS)
def test_properties_of_a_class_of_qt_have_slicers_defaults(name):
    widget = getattr(qt, name.removeprefix("qt."))()
    measured = {key: value for key, value in FACTS[name]["properties"].items() if not str(value).startswith("<")}
    found = {key: _plain(getattr(widget, key)) for key in measured}
    assert found == measured


def _plain(value):
    """An enumeration's number, as PythonQt gives it."""
    return getattr(value, "value", value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the measured facts beside the checkout")
def test_the_stored_facts_are_those_that_were_measured():
    assert Facts.extract(SHARED) == FACTS


def _citations() -> list[tuple[str, int]]:
    sources = sorted(HOST.rglob("*.py"))
    pattern = re.compile(r"`((?:Base|Libs|Modules)/[\w/.]+?\.\w+):(\d+)`")
    return [
        (file, int(line)) for source in sources for file, line in pattern.findall(source.read_text(encoding="utf-8"))
    ]


def test_each_class_of_the_host_that_stands_for_one_of_slicers_says_which():
    classes = [Application.Application, Application.ModuleManager, Application.CoreModule, *_standIns()]
    assert [cls.__name__ for cls in classes if not re.search(r"`[\w/.]+:\d+`", cls.__doc__ or "")] == []


def _standIns() -> list[type]:
    from SlicerHost import InputOutput, Modules

    modules = [SliceViews.LayoutManager, SliceViews.SliceWidget, SliceViews.SliceView, InputOutput.CoreIOManager]
    return [*modules, Modules.qMRMLWidget, Modules.ScriptedModule, Modules.ScriptedModuleWidget]


@pytest.mark.skipif(not SLICER_SOURCES, reason="needs Slicer's sources (SLICER_BASE_PYTHON)")
@pytest.mark.parametrize(("file", "line"), _citations())
def test_a_cited_line_of_slicers_sources_is_a_definition(file, line):
    text = (Path(SLICER_SOURCES).parents[1] / file).read_text(encoding="utf-8").splitlines()[line - 1]
    assert re.match(r"\s*(class |def |[\w:*<>]+ ?\*? ?\w+::\w+\(|\w+::\w+\()", text)
