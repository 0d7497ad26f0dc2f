"""Which seeds are followed, and what follows from their going."""

from __future__ import annotations

import pytest
import slicer
from analysis_support import makeSeeds, rowsOf
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import ensureSeedsNode, findSeedsNode
from FMCIBModuleLib.Window.SeedFollower import SeedFollower
from window_support import NODULE, forgetSteps, near

pytest_plugins = ["analysis_fixtures"]


@pytest.fixture
def follower(handLogic):
    follower = SeedFollower(handLogic)
    follower.told = []
    follower.changed.connect(lambda: follower.told.append(True))
    yield follower
    follower.close()
    forgetSteps()


def add(volumeNode, ras=NODULE) -> None:
    ensureSeedsNode(volumeNode).AddControlPointWorld(*ras)


def test_seeds_of_every_scan_are_followed(follower, handLogic, phantomNode, chest):
    other = nodeFromVolume(chest, "Follow-up")
    for node in (phantomNode, other):
        ensureSeedsNode(node)
    follower.update(True)
    for node in (phantomNode, other):
        add(node)
    handLogic.hand.wait()
    assert [len(rowsOf(node)) for node in (phantomNode, other)] == [1, 1]


def test_without_analyse_on_placing_they_are_followed_and_not_analysed(follower, handLogic, phantomNode):
    ensureSeedsNode(phantomNode)
    follower.update(False)
    add(phantomNode)
    assert handLogic.hand.open == []
    handLogic.analyse(phantomNode)
    handLogic.hand.wait()
    findSeedsNode(phantomNode).SetNthControlPointLabel(0, "Hilum")
    assert rowsOf(phantomNode)[0]["lesion_id"] == "Hilum"


def test_it_tells_only_of_what_is_new(follower, phantomNode):
    ensureSeedsNode(phantomNode)
    for _ in range(3):
        follower.update(True)
    assert follower.told == [True]
    follower.update(False)
    assert follower.told == [True, True]


def test_only_our_seeds_can_be_undone(follower, phantomNode):
    theirs = makeSeeds({"A": NODULE})
    follower.update(True)
    add(phantomNode)
    follower.update()
    assert findSeedsNode(phantomNode).GetUndoEnabled()
    assert not theirs.GetUndoEnabled()
    assert not phantomNode.GetUndoEnabled()


def test_while_paused_nothing_is_analysed(follower, handLogic, phantomNode):
    ensureSeedsNode(phantomNode)
    follower.update(True)
    follower.pause(phantomNode)
    add(phantomNode)
    assert handLogic.hand.open == []
    follower.update()
    add(phantomNode, near(20, 0, 0))
    assert len(handLogic.hand.open) == 1


def test_a_seeds_node_that_is_removed_takes_its_rows_along_and_leaves_those_of_others(follower, handLogic, phantomNode):
    ensureSeedsNode(phantomNode)
    follower.update(True)
    add(phantomNode)
    handLogic.hand.wait()
    handLogic.analyse(phantomNode, makeSeeds({"Mine": near(20, 0, 0)}))
    handLogic.hand.wait()
    slicer.mrmlScene.RemoveNode(findSeedsNode(phantomNode))
    assert [row["lesion_id"] for row in rowsOf(phantomNode)] == ["Mine"]


def test_a_new_seeds_node_of_the_same_scan_is_followed_in_its_turn(follower, handLogic, phantomNode):
    ensureSeedsNode(phantomNode)
    follower.update(True)
    slicer.mrmlScene.RemoveNode(findSeedsNode(phantomNode))
    ensureSeedsNode(phantomNode)
    follower.update()
    add(phantomNode)
    handLogic.hand.wait()
    assert len(rowsOf(phantomNode)) == 1


@pytest.mark.parametrize("className", ["vtkMRMLTableNode", "vtkMRMLMarkupsFiducialNode", "vtkMRMLScalarVolumeNode"])
def test_it_tells_when_a_node_goes_that_may_be_of_a_lesion(follower, className):
    node = slicer.mrmlScene.AddNewNodeByClass(className)
    follower.told.clear()
    slicer.mrmlScene.RemoveNode(node)
    assert follower.told


def test_after_closing_it_nothing_is_followed(handLogic, phantomNode):
    follower = SeedFollower(handLogic)
    ensureSeedsNode(phantomNode)
    follower.update(True)
    follower.close()
    add(phantomNode)
    slicer.mrmlScene.RemoveNode(findSeedsNode(phantomNode))
    assert handLogic.hand.open == []
    forgetSteps()
