"""Place mode for the seeds of one CT: on, off, by the user and by Slicer."""

from __future__ import annotations

import pytest
import slicer
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas
from FMCIBModuleLib.Scene.Seeds import ensureSeedsNode
from FMCIBModuleLib.Window.Scan.Placing import Placing
from views import clickAt, isPlacing, showAt, startPlacing

pytest_plugins = ["analysis_fixtures"]

NODULE = pointToRas(PHANTOM_SEED)


@pytest.fixture
def seedsNode(phantomNode):
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    showAt("Red", NODULE)
    return ensureSeedsNode(phantomNode)


@pytest.fixture
def placing():
    placing = Placing()
    placing.told = []
    placing.changed.connect(placing.told.append)
    yield placing
    placing.close()


def test_one_click_places_one_seed_and_ends_it(placing, seedsNode, phantomNode):
    placing.start(seedsNode, phantomNode)
    assert placing.isOn
    clickAt("Red", NODULE)
    assert not placing.isOn
    assert seedsNode.GetNumberOfDefinedControlPoints() == 1
    assert placing.told == [True, False]


def test_several_clicks_place_several_seeds_until_it_is_stopped(placing, seedsNode, phantomNode):
    placing.start(seedsNode, phantomNode, several=True)
    for offset in (0, 10, 20):
        clickAt("Red", (NODULE[0] + offset, NODULE[1], NODULE[2]))
        assert placing.isOn
    placing.stop()
    assert not isPlacing()
    assert seedsNode.GetNumberOfDefinedControlPoints() == 3
    assert placing.told == [True, False]


def test_placing_something_else_is_none_of_ours_and_is_left_alone(placing, seedsNode, phantomNode):
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Landmarks")
    placing.start(seedsNode, phantomNode)
    startPlacing(other)
    assert not placing.isOn
    placing.stop()
    assert isPlacing()
    slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()


def test_closing_it_ends_place_mode(seedsNode, phantomNode):
    placing = Placing()
    placing.start(seedsNode, phantomNode)
    placing.close()
    assert not isPlacing()


def test_the_scene_may_be_closed_while_seeds_are_placed(placing, seedsNode, phantomNode):
    placing.start(seedsNode, phantomNode)
    slicer.mrmlScene.Clear(0)
    placing.stop()
    assert not placing.isOn


def test_another_scan_in_a_view_ends_it(placing, seedsNode, phantomNode, chest):
    """A click in that view would be on another patient, and be recorded for this one."""
    told = []
    placing.otherScanShown.connect(told.append)
    other = nodeFromVolume(chest, "Another patient")
    placing.start(seedsNode, phantomNode, several=True)
    slicer.app.layoutManager().sliceWidget("Yellow").mrmlSliceCompositeNode().SetBackgroundVolumeID(other.GetID())
    assert not placing.isOn
    assert not isPlacing()
    assert told == ["Phantom"]
