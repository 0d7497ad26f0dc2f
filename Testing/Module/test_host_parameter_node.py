"""Parameter nodes: the same text in the scene's node, with the host's stand-in as with Slicer's own file."""

from __future__ import annotations

import enum
import gc
from pathlib import Path
from typing import Annotated

import pytest
import qt
import slicer
import vtk
from slicer.parameterNodeWrapper import Choice, Default, Maximum, Minimum, WithinRange, parameterNodeWrapper


class Speed(enum.Enum):
    SLOW = 1
    FAST = 2


@parameterNodeWrapper
class Chosen:
    volume: slicer.vtkMRMLScalarVolumeNode
    name: str = "fmcib"
    count: Annotated[int, Minimum(0), Maximum(9), Default(3)]
    opacity: Annotated[float, WithinRange(0, 1)] = 0.5
    active: bool = True
    device: Annotated[str, Choice(["cpu", "cuda"])] = "cpu"
    folder: Path
    speed: Speed


@pytest.fixture
def node():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "Parameters")


def _texts(node) -> dict[str, str]:
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def test_defaults_are_written_as_slicer_writes_them(node):
    Chosen(node)
    assert _texts(node) == {
        "volume": "",
        "name": "fmcib",
        "count": "3",
        "opacity": "0.5",
        "active": "True",
        "device": "cpu",
        "folder": ".",
        "speed": "SLOW",
    }


def test_values_are_written_as_slicer_writes_them_and_read_back(node):
    chosen = Chosen(node)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    values = {"volume": volume, "name": "café", "count": 4, "opacity": 1, "active": False}
    values |= {"device": "cuda", "folder": Path("a/b"), "speed": Speed.FAST}
    for name, value in values.items():
        setattr(chosen, name, value)
    texts = ["", "café", "4", "1", "False", "cuda", str(Path("a/b")), "FAST"]
    assert _texts(node) == dict(zip(values, texts, strict=True))
    assert node.GetNodeReferenceID("volume") == volume.GetID()
    again = Chosen(node)
    assert {name: getattr(again, name) for name in values} == values
    assert isinstance(again.opacity, float)
    chosen.volume = None
    assert node.GetNodeReferenceID("volume") is None
    assert chosen.volume is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("count", -1), ("count", 10), ("opacity", 1.5), ("device", "tpu"), ("name", None), ("name", 3), ("active", "yes")],
)
def test_a_value_that_is_not_allowed_is_refused_and_changes_nothing(node, name, value):
    chosen = Chosen(node)
    before = _texts(node)
    with pytest.raises((ValueError, TypeError)):
        setattr(chosen, name, value)
    assert _texts(node) == before


def test_a_node_of_another_class_is_refused(node):
    chosen = Chosen(node)
    with pytest.raises(TypeError):
        chosen.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Table")
    assert chosen.volume is None


def test_a_change_is_told_once(node):
    chosen, told = Chosen(node), []
    tag = chosen.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(chosen.count))
    chosen.count = 5
    chosen.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    chosen.RemoveObserver(tag)
    assert told == [5, 5]


def test_values_are_saved_with_the_scene(node, tmp_path):
    Chosen(node).volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    Chosen(node).count = 7
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    chosen = Chosen(slicer.util.getNode("Parameters"))
    assert (chosen.count, chosen.volume.GetName()) == (7, "CT")


def test_a_removed_node_is_no_value_any_more(node):
    chosen = Chosen(node)
    chosen.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.mrmlScene.RemoveNode(chosen.volume)
    assert chosen.volume is None


def test_a_wrapper_keeps_its_values_and_renews_them_as_an_observer_of_its_own(node):
    """The first observer of the node, which VTK calls last, is the first parameter's of the first wrapper."""
    first, second, read = Chosen(node), Chosen(node), []
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    tag = node.AddObserver(
        vtk.vtkCommand.ModifiedEvent,
        lambda *_: read.append((first.volume, first.count, second.volume, second.count)),
    )
    with slicer.util.NodeModify(node):
        second.volume, second.count = volume, 5
        assert (first.volume, first.count) == (None, 3)
    assert read == [(None, 5, volume, 5)]
    assert (first.volume, first.count) == (volume, 5)
    node.SetNodeReferenceID("volume", None)
    assert read[1] == (volume, 5, None, 5)
    assert (first.volume, second.volume) == (None, None)
    node.RemoveObserver(tag)


def test_a_wrapper_that_is_gone_observes_nothing_any_more(node):
    shown = Chosen(node)
    assert node.HasObserver(vtk.vtkCommand.ModifiedEvent)
    del shown
    gc.collect()
    assert not node.HasObserver(vtk.vtkCommand.ModifiedEvent)


@parameterNodeWrapper
class Shown:
    volume: slicer.vtkMRMLScalarVolumeNode
    active: bool = True
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "cpu"
    name: str = "fmcib"


@pytest.fixture
def panel():
    """A widget for each parameter, which names it."""
    widget = qt.QWidget()
    layout = qt.QVBoxLayout(widget)
    parts = {"volume": slicer.qMRMLNodeComboBox(), "active": qt.QCheckBox(), "device": qt.QComboBox()}
    for name, part in (parts | {"name": qt.QLineEdit()}).items():
        part.setObjectName(name)
        part.setProperty("SlicerParameterName", name)
        layout.addWidget(part)
    parts["volume"].noneEnabled = True
    parts["volume"].setMRMLScene(slicer.mrmlScene)
    return widget


def _values(shown) -> tuple:
    return shown.volume, shown.active, shown.device, shown.name


def _shownValues(ui) -> tuple:
    return ui.volume.currentNode(), ui.active.checked, ui.device.currentText, ui.name.text


@pytest.mark.parametrize("form", ["widget", "namespace"])
def test_connected_widgets_and_parameters_follow_each_other(node, panel, form):
    shown, ui = Shown(node), slicer.util.childWidgetVariables(panel)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    tag = shown.connectGui(panel if form == "widget" else ui)
    assert _shownValues(ui) == _values(shown) == (None, True, "cpu", "fmcib")
    assert [ui.device.itemText(index) for index in range(ui.device.count)] == ["auto", "cpu", "cuda"]
    assert tuple(ui.volume.nodeTypes) == ("vtkMRMLScalarVolumeNode",)

    shown.volume, shown.active, shown.device, shown.name = volume, False, "auto", "other"
    assert _shownValues(ui) == (volume, False, "auto", "other")

    ui.volume.setCurrentNode(None)
    ui.active.click()
    ui.device.setCurrentIndex(2)
    ui.name.setText("third")
    assert _values(shown) == (None, True, "cuda", "third")

    shown.disconnectGui(tag)
    ui.active.click()
    shown.name = "fourth"
    assert (shown.active, ui.name.text) == (True, "third")


def test_a_change_of_a_widget_is_told_once(node, panel):
    shown, ui, told = Shown(node), slicer.util.childWidgetVariables(panel), []
    tag = shown.connectGui(panel)
    observer = shown.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(shown.device))
    ui.device.setCurrentIndex(2)
    shown.RemoveObserver(observer)
    shown.disconnectGui(tag)
    assert told == ["cuda"]


def test_widgets_are_connected_by_a_mapping_without_naming_a_parameter(node):
    shown, box = Shown(node), qt.QCheckBox()
    tag = shown.connectParametersToGui({"active": box})
    box.click()
    assert not shown.active
    shown.disconnectGui(tag)


def test_an_unknown_parameter_and_an_unfit_widget_are_refused(node):
    shown = Shown(node)
    with pytest.raises(ValueError, match="Cannot find a param with the given name: colour"):
        shown.connectParametersToGui({"colour": qt.QLineEdit()})
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        shown.connectParametersToGui({"active": qt.QLineEdit()})
