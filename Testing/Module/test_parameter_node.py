"""The window and whoever else changes its parameter node: all see a new choice at once, in whatever order VTK calls."""

from __future__ import annotations

import pytest
import slicer
import vtk
from clicks import click
from FMCIBModuleLib.ParameterNode import FMCIBParameterNode
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from support import ROOT
from views import clickAt, showAt
from window_support import NODULE, settle, statuses

pytest_plugins = ["analysis_fixtures", "window_fixtures"]


def _byTheLogic(stage, volumeNode) -> None:
    stage.logic.getParameterNode().volume = volumeNode


def _byAnotherLogic(_stage, volumeNode) -> None:
    from FMCIBModule import FMCIBModuleLogic

    logic = FMCIBModuleLogic()
    logic.getParameterNode().volume = volumeNode
    logic.close()


def _byTheNode(stage, volumeNode) -> None:
    stage.logic.getParameterNode().parameterNode.SetNodeReferenceID("volume", volumeNode.GetID())


def _byTheSelector(stage, volumeNode) -> None:
    stage.scan.volumeSelector.setCurrentNode(volumeNode)


WAYS = [_byTheLogic, _byAnotherLogic, _byTheNode, _byTheSelector]


@pytest.fixture
def other(chest):
    return nodeFromVolume(chest, "Other patient")


@pytest.mark.parametrize("choose", WAYS)
@pytest.mark.parametrize("earlier", [0, 1, 5], ids=lambda count: f"{count} wrappers before the window's")
def test_seeds_go_to_the_ct_that_was_chosen_however_it_was_chosen(
    makeStage, module, phantomNode, other, choose, earlier
):
    from FMCIBModule import FMCIBModuleLogic

    logic = FMCIBModuleLogic()
    former = [logic.getParameterNode() for _ in range(earlier)]
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage().show()
    stage.parameters.volume = phantomNode
    del former
    choose(stage, other)
    assert stage.scan.volumeSelector.currentNode() is other
    assert stage.window._scan.volumeNode is other
    showAt("Red", NODULE)
    click(stage.scan.placeButton)
    clickAt("Red", NODULE)
    settle()
    stage.answer()
    assert statuses(other) == [("Lesion 1", "ok")]
    assert findSeedsNode(phantomNode) is None
    logic.close()


@pytest.mark.parametrize("choose", WAYS)
def test_placing_ends_with_the_choice_of_another_ct_before_anything_else_happens(stage, phantomNode, other, choose):
    click(stage.scan.placeButton)
    choose(stage, other)
    clickAt("Red", NODULE)
    settle()
    assert findSeedsNode(phantomNode).GetNumberOfDefinedControlPoints() == 0
    assert findSeedsNode(other) is None


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("weights", "other", lambda stage: stage.analysis.settings.weights),
        ("device", "cpu", lambda stage: stage.analysis.settings.device),
        ("precision", "bfloat16", lambda stage: stage.analysis.settings.precision),
        ("precision", "bfloat16", lambda stage: stage.advanced.precisionCombo.currentText),
        ("engine", "pytorch", lambda stage: stage.analysis.settings.engine),
        ("engine", "pytorch", lambda stage: stage.advanced.engineCombo.currentText),
        ("engine", "pytorch", lambda stage: stage.window.setup.requirements.engine),
        ("analyseOnPlacing", False, lambda stage: stage.window._follower.isAnalysing),
        ("analyseOnPlacing", False, lambda stage: stage.scan.analyseOnPlacingCheckBox.checked),
    ],
)
def test_every_choice_of_a_script_is_seen_at_once(stage, name, value, seen):
    assert seen(stage) != value
    setattr(stage.logic.getParameterNode(), name, value)
    assert seen(stage) == value


def test_an_observer_of_the_parameter_node_reads_new_values_whoever_came_first(phantomNode, other):
    """VTK calls the first observer of an object last: here it renews the first wrapper's CT."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    first, second = FMCIBParameterNode(node), FMCIBParameterNode(node)
    first.volume = phantomNode
    read = []
    tag = first.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: read.append((first.volume, second.volume)))
    second.volume = other
    first.volume = phantomNode
    node.SetNodeReferenceID("volume", other.GetID())
    first.RemoveObserver(tag)
    assert read == [(other, other), (phantomNode, phantomNode), (other, other)]


def test_the_module_observes_parameter_nodes_by_their_wrapper_alone():
    """An observer of the node itself may be called while a wrapper still has the former CT."""
    for path in (ROOT / "FMCIBModule").rglob("*.py"):
        if path.stem != "ParameterNode":
            source = path.read_text(encoding="utf-8")
            assert ".parameterNode" not in source.replace("slicer.parameterNodeWrapper", ""), path.name
