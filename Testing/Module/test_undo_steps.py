"""Undo and redo of what is done to seeds, and what rows, boxes and the analysis make of it."""

from __future__ import annotations

import pytest
import slicer
from analysis_support import needs_torch, rowsOf, spinUntilFinished
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Scene.Seeds import ensureSeedsNode, seedsIn
from FMCIBModuleLib.Window.SeedFollower import SeedFollower
from FMCIBModuleLib.Window.UndoSteps import canRedo, canUndo, enableUndo, redo, undo, undoStep
from views import clickAt, showAt, startPlacing

pytest_plugins = ["analysis_fixtures"]

NODULE = pointToRas(PHANTOM_SEED)
BESIDE = (NODULE[0] + 12, NODULE[1], NODULE[2])


@pytest.fixture
def seedsNode(phantomNode):
    """Seeds of the phantom, which is in view; undo is on for them, and off again for the next test."""
    node = ensureSeedsNode(phantomNode)
    enableUndo(node)
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    showAt("Red", NODULE)
    yield node
    slicer.mrmlScene.ClearUndoStack()
    slicer.mrmlScene.ClearRedoStack()
    slicer.mrmlScene.SetUndoOff()


def place(seedsNode, *points) -> None:
    for ras in points:
        startPlacing(seedsNode)
        clickAt("Red", ras)


def names(seedsNode) -> list[str]:
    return [seed.label for seed in seedsIn(seedsNode)]


def test_each_click_is_one_step_back_and_one_forth(seedsNode):
    assert not canUndo()
    place(seedsNode, NODULE, BESIDE)
    before = seedsIn(seedsNode)
    undo()
    assert names(seedsNode) == ["Lesion 1"]
    undo()
    assert names(seedsNode) == []
    assert not canUndo()
    redo()
    redo()
    assert seedsIn(seedsNode) == before
    assert not canRedo()


def test_no_point_hangs_at_the_mouse_after_undo(seedsNode):
    place(seedsNode, NODULE, BESIDE)
    undo()
    assert seedsNode.GetNumberOfControlPoints() == 1


def test_several_removals_in_one_step_come_back_together(seedsNode):
    place(seedsNode, NODULE, BESIDE)
    with undoStep():
        seedsNode.RemoveNthControlPoint(1)
        seedsNode.RemoveNthControlPoint(0)
    undo()
    assert names(seedsNode) == ["Lesion 1", "Lesion 2"]


def test_steps_that_changed_no_seed_are_passed(seedsNode):
    """Slicer saves a step whenever a slice view is zoomed, panned or windowed."""
    place(seedsNode, NODULE)
    for _ in range(3):
        slicer.mrmlScene.SaveStateForUndo()
    undo()
    assert names(seedsNode) == []


def test_undo_without_a_step_of_seeds_changes_nothing(seedsNode):
    seedsNode.AddControlPoint(NODULE)
    for _ in range(3):
        slicer.mrmlScene.SaveStateForUndo()
    undo()
    assert len(names(seedsNode)) == 1
    assert not canUndo()


def test_other_nodes_take_no_part(seedsNode, phantomNode):
    place(seedsNode, NODULE)
    phantomNode.SetName("Renamed")
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Somebody else's")
    undo()
    assert phantomNode.GetName() == "Renamed"
    assert slicer.mrmlScene.GetNodeByID(other.GetID()) is other


@needs_torch
def test_what_is_undone_takes_its_row_along_and_is_analysed_when_it_is_back(logic, seedsNode, phantomNode):
    follower = SeedFollower(logic)
    follower.update(analyseOnPlacing=True)
    place(seedsNode, NODULE)
    spinUntilFinished(logic)
    (before,) = rowsOf(phantomNode)
    undo()
    assert rowsOf(phantomNode) == []
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 0
    redo()
    spinUntilFinished(logic)
    (after,) = rowsOf(phantomNode)
    assert (after["lesion_key"], after["patch_sha256"]) == (before["lesion_key"], before["patch_sha256"])
    follower.close()


@needs_torch
def test_a_seed_that_was_dragged_goes_back_and_is_analysed_there(logic, seedsNode, phantomNode):
    follower = SeedFollower(logic)
    follower.update(analyseOnPlacing=True)
    place(seedsNode, NODULE)
    spinUntilFinished(logic)
    (before,) = rowsOf(phantomNode)
    with undoStep():
        seedsNode.SetNthControlPointPositionWorld(0, BESIDE)
    spinUntilFinished(logic)
    assert rowsOf(phantomNode)[0]["patch_sha256"] != before["patch_sha256"]
    undo()
    spinUntilFinished(logic)
    assert rowsOf(phantomNode)[0]["patch_sha256"] == before["patch_sha256"]
    follower.close()
