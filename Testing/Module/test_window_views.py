"""What happens in the slice views: whose boxes are seen, and which views go to a seed."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from clicks import Key, click, clickCell, pressKey, typeText
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import ensureSeedsNode, findSeedsNode
from FMCIBModuleLib.Scene.SubjectHierarchy import resultNodes
from test_window_lesions import isCentred
from views import clickAt, showAt, sliceView
from window_support import NODULE, Drag, near, reloadScene, settle

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

VIEWS = ("Red", "Yellow", "Green")
SECOND, THIRD = near(30, 0, 0), near(0, 40, 0)


def shownBoxes() -> list[str]:
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
    return [node.GetName().removeprefix("50 mm box of ") for node in nodes if node.GetDisplayVisibility()]


@pytest.fixture
def three(stage):
    return stage.analysed(NODULE, SECOND, THIRD)


def test_a_new_lesion_is_chosen_right_after_the_click_and_has_the_only_box(stage):
    stage.analysed(NODULE)
    assert shownBoxes() == ["Lesion 1"]
    stage.place(SECOND)
    assert (stage.selected(), shownBoxes()) == (["Lesion 2"], [])
    stage.answer()
    assert (stage.selected(), shownBoxes()) == (["Lesion 2"], ["Lesion 2"])


def test_the_box_goes_with_the_row_that_is_chosen_by_mouse_and_keyboard(three):
    clickCell(three.table, 0, 3)
    settle()
    assert shownBoxes() == ["Lesion 1"]
    pressKey(three.table, Key.Key_Down)
    settle()
    assert shownBoxes() == ["Lesion 2"]
    three.table.selectAll()
    settle()
    assert shownBoxes() == ["Lesion 1", "Lesion 2", "Lesion 3"]
    three.table.clearSelection()
    settle()
    assert shownBoxes() == []


def test_what_the_filter_hides_has_no_box(three):
    typeText(three.lesions.filterEdit, "Lesion 1 ")
    settle()
    assert shownBoxes() == []


def test_all_boxes_are_shown_where_that_is_wanted_and_the_choice_is_saved(three, tmp_path):
    click(three.scan.allBoxesCheckBox)
    settle()
    assert (three.parameters.showAllBoxes, len(shownBoxes())) == (True, 3)
    reloadScene(tmp_path)
    assert (three.scan.allBoxesCheckBox.checked, len(shownBoxes())) == (True, 3)
    three.parameters.showAllBoxes = False
    settle()
    assert (three.scan.allBoxesCheckBox.checked, shownBoxes()) == (False, [])
    clickCell(three.table, 1, 0)
    settle()
    assert shownBoxes() == ["Lesion 2"]


def test_a_scene_that_was_saved_with_one_box_comes_back_with_the_box_of_what_is_chosen_then(three, tmp_path):
    clickCell(three.table, 1, 0)
    reloadScene(tmp_path)
    assert shownBoxes() == []
    clickCell(three.table, 2, 0)
    settle()
    assert shownBoxes() == ["Lesion 3"]


def test_choosing_changes_no_lesion(three, phantomNode):
    table = slicer.util.getNode("FMCIB lesions")
    before = (table.GetMTime(), [three.isItalic(row) for row in range(3)])
    for row in (0, 1, 2, 0):
        clickCell(three.table, row, 0)
        settle()
    assert (table.GetMTime(), [three.isItalic(row) for row in range(3)]) == before
    assert three.analysis.hand.open == []
    assert three.analysis.isBusy is False


def test_boxes_of_two_scans_are_those_of_the_lesion_that_is_chosen(three, phantomNode, chest):
    three.parameters.volume = nodeFromVolume(chest, "Follow-up")
    three.analysed(NODULE)
    assert shownBoxes() == ["Lesion 1"]
    (box,) = [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsROINode") if node.GetDisplayVisibility()]
    assert box not in resultNodes(phantomNode, "vtkMRMLMarkupsROINode", "box")
    clickCell(three.table, 1, 0)
    settle()
    assert shownBoxes() == ["Lesion 2"]


def test_undo_and_redo_leave_one_box(three):
    clickCell(three.table, 1, 0)
    click(three.lesions.removeButton)
    settle()
    assert shownBoxes() == []
    click(three.lesions.undoButton)
    three.answer()
    assert (three.selected(), shownBoxes()) == (["Lesion 2"], ["Lesion 2"])


def test_a_scene_that_is_loaded_beside_keeps_the_one_box(three, tmp_path):
    clickCell(three.table, 1, 0)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle()
    assert len(three.names()) == 6
    assert len(shownBoxes()) <= 1


def state(view: str) -> list[float]:
    """Where a view's plane lies and how far it is zoomed."""
    node = sliceView(view).mrmlSliceNode()
    matrix = slicer.util.arrayFromVTKMatrix(node.GetXYToRAS())
    return [*matrix.ravel(), *node.GetFieldOfView()]


@pytest.mark.parametrize("view", VIEWS)
def test_after_a_click_the_other_views_go_there_and_the_one_that_was_clicked_in_stays(stage, view):
    showAt(view, near(5, 5, 5))  # the seed is not in the middle of the view
    point = {"Red": near(20, -10, 5), "Yellow": near(5, -10, 20), "Green": near(20, 5, 12)}[view]
    click(stage.scan.placeButton)
    before = state(view)
    clickAt(view, point)
    settle()
    assert state(view) == before
    assert all(isCentred(other, point) for other in VIEWS if other != view)


def test_where_it_is_not_wanted_no_view_moves_and_the_choice_is_saved(stage, tmp_path):
    click(stage.scan.jumpCheckBox)
    assert stage.parameters.jumpOnPlacing is False
    showAt("Red", NODULE)
    before = [state(view) for view in VIEWS]
    click(stage.scan.placeButton)
    clickAt("Red", SECOND)
    settle()
    assert [state(view) for view in VIEWS] == before
    stage.answer()
    reloadScene(tmp_path)
    assert stage.scan.jumpCheckBox.checked is False


def test_views_follow_a_seed_when_it_is_let_go_and_not_while_it_is_dragged(stage):
    stage.analysed(NODULE)
    before = [state(view) for view in VIEWS]
    drag = Drag("Red", NODULE)
    drag.to(near(10, 0, 0))
    drag.to(near(15, 0, 0))
    assert [state(view) for view in VIEWS] == before
    drag.release()
    settle()
    assert state("Red") == before[0]
    assert isCentred("Yellow", near(15, 0, 0))
    stage.answer()


def test_the_view_under_the_mouse_stays_while_several_are_placed(stage):
    click(stage.scan.severalCheckBox)
    showAt("Red", NODULE)
    click(stage.scan.placeButton)
    before = state("Red")
    for offset in (0, 10, 20, 30):
        clickAt("Red", near(offset, 0, 0))
        settle()
        assert state("Red") == before
        assert isCentred("Yellow", near(offset, 0, 0))
    click(stage.scan.placeButton)
    stage.answer()


def test_a_view_of_another_scan_stays(stage, phantomNode, chest):
    other = nodeFromVolume(chest, "Another patient")
    sliceView("Green").mrmlSliceNode()
    composite = slicer.app.layoutManager().sliceWidget("Green").mrmlSliceCompositeNode()
    composite.SetBackgroundVolumeID(other.GetID())
    settle()
    before = state("Green")
    ensureSeedsNode(phantomNode)
    stage.window._scan.followSeeds()
    findSeedsNode(phantomNode).AddControlPointWorld(*SECOND)
    settle()
    assert state("Green") == before
    assert all(isCentred(view, SECOND) for view in ("Red", "Yellow"))
    stage.answer()


def test_a_seed_that_is_gone_before_the_views_go_there_moves_nothing(stage, phantomNode):
    ensureSeedsNode(phantomNode)
    stage.window._scan.followSeeds()
    node, before = findSeedsNode(phantomNode), [state(view) for view in VIEWS]
    node.AddControlPointWorld(*SECOND)
    node.RemoveNthControlPoint(0)
    settle()
    assert [state(view) for view in VIEWS] == before
    assert np.isfinite(before).all()
