"""Seeds and boxes are seen on their own CT, and on no other patient's."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.LesionNodes import BOX_COLOR
from FMCIBModuleLib.LesionTable import resultNode
from FMCIBModuleLib.SceneBridge import nodeFromVolume, pointToRas
from FMCIBModuleLib.Seeds import addSeed, findSeedsNode
from FMCIBModuleLib.SeedSources import SceneSeed
from FMCIBModuleLib.Window.MarksInView import MarksInView
from views import pixels, showAt

pytest_plugins = ["analysis_fixtures"]

NODULE = pointToRas(PHANTOM_SEED)
VIEWS = ("Red", "Yellow", "Green")


@pytest.fixture
def marks():
    marks = MarksInView()
    yield marks
    marks.close()
    slicer.app.processEvents()


@pytest.fixture
def other(chest):
    return nodeFromVolume(chest, "Another patient")


@pytest.fixture
def marked(handLogic, phantomNode):
    """A CT with a lesion and its box, in all views."""
    slicer.app.layoutManager()
    addSeed(phantomNode, SceneSeed("", "Nodule", PHANTOM_SEED))
    handLogic.analyse(phantomNode)
    handLogic.hand.wait()
    show(phantomNode)
    return phantomNode


def show(volumeNode, *views: str) -> None:
    for name in views or VIEWS:
        widget = slicer.app.layoutManager().sliceWidget(name)
        widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(volumeNode.GetID())
        widget.sliceLogic().FitSliceToAll()
        showAt(name, NODULE)
    slicer.app.processEvents()


def amber(view: str) -> int:
    """Pixels of the box."""
    return int((np.abs(pixels(view).astype(float) / 255 - BOX_COLOR).max(axis=-1) < 0.1).sum())


def test_they_are_gone_while_another_scan_is_shown_and_come_back(marks, marked, other):
    assert all(amber(view) > 100 for view in VIEWS)
    show(other)
    assert [amber(view) for view in VIEWS] == [0, 0, 0]
    assert not findSeedsNode(marked).GetDisplayVisibility()
    show(marked)
    assert all(amber(view) > 100 for view in VIEWS)
    assert findSeedsNode(marked).GetDisplayVisibility()


def test_with_two_scans_side_by_side_each_view_has_the_marks_of_its_own(marks, marked, other):
    show(other, "Yellow")
    assert amber("Red") > 100
    assert amber("Yellow") == 0
    show(marked, "Yellow")
    assert amber("Yellow") > 100
    assert list(findSeedsNode(marked).GetDisplayNode().GetViewNodeIDs()) == []


def test_what_the_user_has_hidden_stays_hidden(marks, marked, other):
    box = resultNode(marked, "vtkMRMLMarkupsROINode", "box")
    box.SetDisplayVisibility(False)
    show(other)
    show(marked)
    assert amber("Red") == 0


def test_those_of_a_scan_that_is_deleted_are_not_seen_but_kept(marks, marked, other):
    seedsNode = findSeedsNode(marked)
    slicer.mrmlScene.RemoveNode(marked)
    show(other)
    marks.update()
    assert [amber(view) for view in VIEWS] == [0, 0, 0]
    assert seedsNode.GetNumberOfControlPoints() == 1


def test_other_markups_are_left_alone(marks, marked, other):
    own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Landmarks")
    own.CreateDefaultDisplayNodes()
    show(other)
    assert own.GetDisplayVisibility()
