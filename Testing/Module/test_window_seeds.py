"""*Seed from*: segments, ROIs and points of other lists, chosen in its menu."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import makeSeeds, rowsOf
from clicks import Key, chooseNode, click, pressKey
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import findSeedsNode, seedsIn
from views import showAt, startPlacing
from window_support import NODULE, interact, near, settle, statuses

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

OUTSIDE, SECOND = near(1000, 0, 0), near(20, 0, 0)


def makeRoi(name: str, center=NODULE):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    node.SetCenter(center)
    node.SetSize(20, 30, 40)
    return node


def makeSegment(volumeNode, name: str, center=NODULE):
    """A ball of 10 mm around a point, RAS mm."""
    ball = vtk.vtkSphereSource()
    ball.SetCenter(*center)
    ball.SetRadius(10)
    ball.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Outlines")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.AddSegmentFromClosedSurfaceRepresentation(ball.GetOutput(), name, (1.0, 0.0, 0.0))
    return node


def entries(stage) -> list[str]:
    """The texts of the menu, opened and closed again."""
    menu = stage.window._scanPanel._menu
    menu.popup(stage.scan.seedFromButton.mapToGlobal(stage.scan.seedFromButton.rect.center()))
    settle()
    texts = [action.text for action in menu.actions()]
    menu.close()
    settle()
    return texts


def choose(stage, text: str) -> None:
    """Open the menu and go to an entry by the keyboard. (The button itself would wait until the menu is closed.)"""
    menu = stage.window._scanPanel._menu
    menu.popup(stage.scan.seedFromButton.mapToGlobal(stage.scan.seedFromButton.rect.center()))
    settle()
    texts = [action.text for action in menu.actions()]
    for _ in range(texts.index(text) + 1):
        pressKey(menu, Key.Key_Down)
    pressKey(menu, Key.Key_Return)
    settle()


def test_the_menu_says_when_there_is_nothing_to_choose(stage):
    assert entries(stage) == ["There is no segment, ROI or other list of points"]


def test_the_menu_is_of_the_scene_as_it_is_now_without_our_own_nodes(stage, phantomNode):
    stage.analysed(NODULE)
    makeRoi("R & D")
    makeSegment(phantomNode, "Tumour")
    makeSeeds({"A": near(5, 0, 0)})
    assert entries(stage) == ["Segment Tumour of Outlines", "ROI R && D", "Points of Seeds (1)"]


def test_an_roi_becomes_a_seed_that_is_analysed(stage, phantomNode):
    makeRoi("Nodule")
    choose(stage, "ROI Nodule")
    stage.answer()
    (row,) = rowsOf(phantomNode)
    assert (row["lesion_id"], row["status"], float(row["lesion_diameter_mm"])) == ("Nodule", "ok", pytest.approx(40))
    assert stage.names() == ["Nodule"]


def test_a_segment_becomes_a_seed_in_its_middle(stage, phantomNode):
    makeSegment(phantomNode, "Tumour")
    choose(stage, "Segment Tumour of Outlines")
    stage.answer()
    (seed,) = seedsIn(findSeedsNode(phantomNode))
    assert np.allclose([-seed.point.x, -seed.point.y, seed.point.z], NODULE, atol=1)
    assert float(rowsOf(phantomNode)[0]["lesion_diameter_mm"]) == pytest.approx(20, abs=4)


def test_a_segment_that_is_chosen_twice_is_one_lesion_and_the_panel_says_so(stage, phantomNode):
    makeSegment(phantomNode, "Tumour")
    for _ in range(2):
        choose(stage, "Segment Tumour of Outlines")
        stage.answer()
    assert stage.message == "There is a seed at this place already: Tumour. Move that one, or delete it first."
    assert statuses(phantomNode) == [("Tumour", "ok")]


def test_points_of_another_list_become_seeds_as_one_step(stage, phantomNode):
    makeSeeds({"A": NODULE, "B": near(20, 0, 0)})
    choose(stage, "Points of Seeds (2)")
    stage.answer()
    assert statuses(phantomNode) == [("A", "ok"), ("B", "ok")]
    click(stage.lesions.undoButton)
    stage.answer()
    assert stage.names() == []
    assert statuses(phantomNode) == []
    click(stage.lesions.redoButton)
    stage.answer()
    assert stage.names() == ["A", "B"]


def test_all_or_none_of_a_list_becomes_seeds(stage, phantomNode):
    makeSeeds({"A": NODULE, "B": OUTSIDE})
    choose(stage, "Points of Seeds (2)")
    assert "outside" in stage.message
    assert stage.names() == []
    assert statuses(phantomNode) == []
    assert stage.analysis.hand.open == []


def test_an_roi_outside_of_the_scan_is_refused(stage):
    makeRoi("Elsewhere", OUTSIDE)
    choose(stage, "ROI Elsewhere")
    assert "outside" in stage.message
    assert stage.names() == []


def test_without_analyse_on_placing_they_wait_for_the_button(stage, phantomNode):
    click(stage.scan.analyseOnPlacingCheckBox)
    makeRoi("Nodule")
    choose(stage, "ROI Nodule")
    assert stage.analysis.hand.open == []
    assert stage.quality(0) == "not analysed yet"
    click(stage.scan.analyseButton)
    stage.answer()
    assert float(rowsOf(phantomNode)[0]["lesion_diameter_mm"]) == pytest.approx(40)


@pytest.mark.parametrize("agrees", [True, False])
def test_a_mark_that_was_drawn_on_another_scan_is_asked_about(stage, phantomNode, chest, agrees):
    """Its place may be in another patient."""
    other = nodeFromVolume(chest, "Another patient")
    makeSegment(other, "GTV")
    stage.desktop.agrees = agrees
    choose(stage, "Segment GTV of Outlines")
    (question,) = stage.desktop.asked
    assert "Segment GTV of Outlines was drawn on Another patient, not on Phantom" in question
    stage.answer()
    assert len(rowsOf(phantomNode)) == agrees


def test_placing_shows_the_ct_in_every_view(stage, phantomNode, chest):
    """A view that shows another scan would take a click for this one."""
    other = nodeFromVolume(chest, "Another patient")
    composites = [
        slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode() for name in ("Red", "Yellow", "Green")
    ]
    for composite in composites[1:]:
        composite.SetBackgroundVolumeID(other.GetID())
    click(stage.scan.placeButton)
    assert {composite.GetBackgroundVolumeID() for composite in composites} == {phantomNode.GetID()}


def test_another_scan_in_a_view_ends_placing_and_the_panel_says_so(stage, chest):
    other = nodeFromVolume(chest, "Another patient")
    click(stage.scan.placeButton)
    slicer.util.setSliceViewerLayers(background=other)
    settle()
    assert not stage.scan.placeButton.checked
    assert "does not show Phantom any more" in stage.message


def test_the_patch_of_a_lesion_is_no_ct(stage, phantomNode):
    stage.analysed(NODULE)
    click(stage.patch.sceneButton)
    patch = slicer.util.getFirstNodeByName("What the model saw of Lesion 1")
    chooseNode(stage.scan.volumeSelector, patch)
    click(stage.scan.placeButton)
    assert "or a map of it: not HU" in stage.message
    assert not stage.scan.placeButton.checked
    assert findSeedsNode(patch) is None


def test_the_mouse_over_the_views_makes_no_numbers_and_no_work(stage, phantomNode):
    """Slicer hangs a point at the mouse while one is to be placed, and takes it away when the mouse leaves the view."""
    stage.analysed(NODULE)
    mine = makeSeeds({"Mine": near(0, 20, 0)})
    stage.analysis.analyse(phantomNode, mine)
    stage.answer()
    refreshed = []
    panel = stage.window._lesionsPanel
    showLesions, panel.showLesions = panel.showLesions, refreshed.append
    for place in (lambda: startPlacing(mine), lambda: click(stage.scan.placeButton)):
        place()
        settle()
        refreshed.clear()
        for view in ("Red", "Yellow", "Green", "Red"):
            showAt(view, SECOND)
            for offset in range(3):
                interact(view, near(20 + offset, 0, 0), "EnterEvent", "MouseMoveEvent")
            interact(view, SECOND, "LeaveEvent")
        assert refreshed == []
    panel.showLesions = showLesions
    interact("Red", SECOND, "EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent")
    assert stage.names() == ["Lesion 1", "Mine", "Lesion 2"]
