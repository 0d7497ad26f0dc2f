"""Seeds and boxes are seen on their own CT, and on no other patient's."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.LesionInScene import BOX_COLOR
from FMCIBModuleLib.Scene.Lesions import lesionsOf
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas
from FMCIBModuleLib.Scene.Seeds import addSeed, findSeedsNode
from FMCIBModuleLib.Scene.SeedSources import SceneSeed
from FMCIBModuleLib.Scene.SubjectHierarchy import resultNode
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


@pytest.fixture
def three(handLogic, phantomNode):
    """A CT with three lesions and their boxes, in all views."""
    slicer.app.layoutManager()
    for name, offset in (("A", 0), ("B", 70), ("C", -70)):
        point = PatientPoint(PHANTOM_SEED.x, PHANTOM_SEED.y + offset, PHANTOM_SEED.z)
        addSeed(phantomNode, SceneSeed("", name, point))
    handLogic.analyse(phantomNode)
    handLogic.hand.wait()
    show(phantomNode)
    return phantomNode


def shownBoxes() -> list[str]:
    """Names of the lesions whose boxes are drawn."""
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
    return [node.GetName().rpartition(" ")[2] for node in nodes if node.GetDisplayVisibility()]


def test_only_boxes_of_chosen_lesions_are_drawn_and_all_seeds(three, other):
    chosen: list[str] | None = []
    marks = MarksInView(lambda: chosen)
    ids = [lesion.id for lesion in lesionsOf(three)]
    marks.update()
    assert (shownBoxes(), amber("Red")) == ([], 0)
    chosen = [ids[1]]
    marks.update()
    one = amber("Red")
    assert (shownBoxes(), one > 100) == (["B"], True)
    chosen = [ids[0], ids[2]]
    marks.update()
    assert shownBoxes() == ["A", "C"]
    show(other)
    assert (shownBoxes(), amber("Red")) == ([], 0)
    show(three)
    assert shownBoxes() == ["A", "C"]
    chosen = None
    marks.update()
    assert shownBoxes() == ["A", "B", "C"]
    assert amber("Red") == pytest.approx(3 * one, rel=0.02)  # a line may fall on a row of pixels or between two
    assert findSeedsNode(three).GetDisplayVisibility()
    marks.close()


def test_a_box_that_the_user_has_hidden_stays_so_when_its_lesion_is_chosen(three):
    marks = MarksInView(lambda: [lesion.id for lesion in lesionsOf(three)][:1])
    marks.update()
    resultNode(three, "vtkMRMLMarkupsROINode", "box").SetDisplayVisibility(False)
    marks.update()
    assert shownBoxes() == []
    marks.close()
