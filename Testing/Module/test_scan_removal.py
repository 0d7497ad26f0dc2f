"""A CT that is removed in the console or the module Data takes its results along, and nothing of another."""

from __future__ import annotations

import pytest
import slicer
from analysis_support import makeSeeds, rowsOf
from clicks import chooseNode, click
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import addSeed, ensureSeedsNode, findSeedsNode
from FMCIBModuleLib.Scene.SeedSources import SceneSeed
from FMCIBModuleLib.Scene.SubjectHierarchy import ROLE, VOLUME
from FMCIBModuleLib.Window.UndoSteps import enableUndo
from window_support import NODULE, near, settle
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures", "window_fixtures"]


def results() -> list:
    return [node for node in slicer.mrmlScene.GetNodes() if node.GetAttribute(ROLE)]


def resultsOf(volumeNode) -> set[str]:
    return {node.GetAttribute(ROLE) for node in results() if node.GetNodeReferenceID(VOLUME) == volumeNode.GetID()}


ALL = {"seeds", "lesions", "features", "box", "patch"}


def analysed(logic, volumeNode, name="A"):
    """With a seed of its own, and its patch shown."""
    seed = addSeed(volumeNode, SceneSeed("", name, PHANTOM_SEED))
    logic.analyse(volumeNode, [seed], wait=True)
    logic.showPatch(volumeNode, seed.key)
    assert resultsOf(volumeNode) == ALL
    return seed


@pytest.fixture
def other(chest):
    return nodeFromVolume(chest, "Other")


def test_results_go_with_their_scan_and_those_of_another_stay(handLogic, phantomNode, other):
    analysed(handLogic, phantomNode)
    seed = analysed(handLogic, other)
    slicer.mrmlScene.RemoveNode(phantomNode)
    assert resultsOf(other) == ALL
    assert len(results()) == 5
    assert rowsOf(other)[0]["status"] == "ok"
    assert LesionTable(other).features(seed.key) is not None


def test_the_users_own_list_stays(handLogic, phantomNode):
    """It may be of another scan as well, and nobody has asked for its removal."""
    own = makeSeeds({"Mine": NODULE})
    handLogic.analyse(phantomNode, own, wait=True)
    slicer.mrmlScene.RemoveNode(phantomNode)
    assert results() == []
    assert slicer.mrmlScene.IsNodePresent(own)
    assert own.GetNumberOfDefinedControlPoints() == 1


def test_removing_the_branch_in_the_hierarchy_is_the_same(handLogic, phantomNode, other):
    analysed(handLogic, phantomNode)
    analysed(handLogic, other)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.RemoveItem(hierarchy.GetItemByDataNode(phantomNode), True, True)
    assert len(results()) == 5
    assert resultsOf(other) == ALL


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_a_scan_that_goes_while_it_is_analysed_leaves_nothing(handLogic, phantomNode, other, answers):
    """While the network is loaded, while a patch is computed with others waiting, and between two answers."""
    handLogic.analyse(phantomNode, makeSeeds(dict.fromkeys("ABCD", NODULE)))
    handLogic.analyse(other, makeSeeds({"E": NODULE}))
    for _ in range(answers):
        handLogic.hand.answer()
    slicer.mrmlScene.RemoveNode(phantomNode)
    assert not any(task.volumeNode is phantomNode for task in handLogic._queue.tasks)
    handLogic.hand.wait()
    assert not handLogic.isBusy
    assert handLogic.failures == []
    assert resultsOf(other) == {"lesions", "features", "box"}
    assert len(results()) == 3
    assert [row["lesion_id"] for row in rowsOf(other)] == ["E"]


def test_another_scan_does_not_inherit_the_results_of_one_that_is_gone(handLogic, phantomNode, chest):
    analysed(handLogic, phantomNode)
    slicer.mrmlScene.RemoveNode(phantomNode)
    new = nodeFromVolume(chest, "Phantom")
    assert findSeedsNode(new) is None
    assert LesionTable(new).keys() == []


def test_seeds_that_undo_brings_back_without_their_scan_go_again(handLogic, phantomNode, other):
    seedsNode = ensureSeedsNode(phantomNode)
    enableUndo(seedsNode)
    analysed(handLogic, phantomNode)
    enableUndo(ensureSeedsNode(other))
    slicer.mrmlScene.SaveStateForUndo()
    addSeed(other, SceneSeed("", "A", PHANTOM_SEED))
    slicer.mrmlScene.RemoveNode(phantomNode)
    slicer.mrmlScene.Undo()
    spinUntil(lambda: len(results()) == 1)
    assert findSeedsNode(other) is results()[0]
    slicer.mrmlScene.ClearUndoStack()
    slicer.mrmlScene.ClearRedoStack()
    slicer.mrmlScene.SetUndoOff()


def test_a_scan_that_undo_brings_back_has_its_seeds_again(handLogic, phantomNode):
    """Where somebody has turned undo on for it."""
    seedsNode = ensureSeedsNode(phantomNode)
    enableUndo(seedsNode)
    addSeed(phantomNode, SceneSeed("", "A", PHANTOM_SEED))
    phantomNode.SetUndoEnabled(True)
    slicer.mrmlScene.SaveStateForUndo()
    slicer.mrmlScene.RemoveNode(phantomNode)
    assert results() == []
    slicer.mrmlScene.Undo()
    slicer.app.processEvents()
    back = slicer.mrmlScene.GetFirstNodeByName("Phantom")
    assert findSeedsNode(back).GetNumberOfDefinedControlPoints() == 1
    slicer.mrmlScene.ClearUndoStack()
    slicer.mrmlScene.ClearRedoStack()
    slicer.mrmlScene.SetUndoOff()


def test_closing_and_importing_scenes_remove_nothing_more(handLogic, phantomNode, other, tmp_path):
    analysed(handLogic, phantomNode)
    analysed(handLogic, other)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {"clear": False})
    slicer.app.processEvents()
    assert len(results()) == 20
    slicer.mrmlScene.Clear(0)
    assert results() == []
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    slicer.app.processEvents()
    for name in ("Phantom", "Other"):
        assert resultsOf(slicer.mrmlScene.GetFirstNodeByName(name)) == ALL


def test_nothing_is_watched_after_the_end(handLogic, phantomNode):
    analysed(handLogic, phantomNode)
    handLogic.close()
    slicer.mrmlScene.RemoveNode(phantomNode)
    assert len(results()) == 5


def test_the_windows_list_follows_and_its_undo_brings_no_seeds_without_a_scan(stage, phantomNode, chest):
    other = nodeFromVolume(chest, "Other")
    stage.analysed(NODULE, near(8, 0, 0))
    assert stage.names() == ["Lesion 1", "Lesion 2"]
    slicer.mrmlScene.RemoveNode(phantomNode)
    settle()
    assert stage.names() == []
    assert results() == []
    while stage.lesions.undoButton.isEnabled():
        click(stage.lesions.undoButton)
        settle()
        assert (stage.names(), results(), stage.message) == ([], [], "")
    chooseNode(stage.scan.volumeSelector, other)
    stage.analysed(NODULE)
    assert stage.names() == ["Lesion 1"]
    assert resultsOf(other) == {"seeds", "lesions", "features", "box"}
