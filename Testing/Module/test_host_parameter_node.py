"""Parameter nodes: the same text in the scene's node, with the host's stand-in as with Slicer's own file."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import pytest
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
