"""What would show the numbers, marks or rows of one lesion as those of another: ids, scans, patients, layers."""

from __future__ import annotations

import gc

import pytest
import slicer
import vtk
from analysis_support import makeSeeds, rowsOf
from clicks import click, clickCell
from FMCIBModuleLib.Analysis.AnalysisLogic import EncoderSettings
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import findSeedsNode, seedsIn
from FMCIBModuleLib.Scene.SeedSources import SEEDS_ID
from FMCIBModuleLib.Window.SliceViews import backgrounds, composites
from FMCIBModuleLib.Window.UndoSteps import enableUndo
from hand_worker import HandLogic
from test_window_seeds import choose, makeSegment
from views import clickAt, isPlacing, showAt
from window_support import NODULE, near, reloadScene, settle, statuses

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

BESIDE, IN_FRONT = near(20, 0, 0), near(0, 20, 0)


def undo(stage) -> None:
    click(stage.lesions.undoButton)
    settle()


def redo(stage) -> None:
    click(stage.lesions.redoButton)
    settle()


def keysOf(volumeNode) -> list[str]:
    return [seed.key for seed in seedsIn(findSeedsNode(volumeNode))]


@pytest.fixture
def otherScan(stage, chest):
    """Another patient's, in the scene and in no view."""
    node = nodeFromVolume(chest, "Patient B")
    settle()
    return node


def test_a_seed_after_undo_is_a_lesion_of_its_own(stage, phantomNode):
    """Slicer's undo sets the count of points back, and the next point would get the id of the first."""
    stage.analysed(NODULE, BESIDE)
    former = set(keysOf(phantomNode))
    undo(stage)
    stage.analysed(IN_FRONT)
    first, second = keysOf(phantomNode)
    assert first != second
    assert second not in former
    assert len(stage.names()) == 2
    assert [row["coordY"] for row in rowsOf(phantomNode)] == [str(-y) for _, y, _ in (NODULE, IN_FRONT)]


def test_a_seed_after_undo_and_redo_is_one_of_its_own(stage, phantomNode):
    stage.analysed(NODULE, BESIDE)
    undo(stage)
    redo(stage)
    stage.answer()
    stage.analysed(IN_FRONT)
    assert len(set(keysOf(phantomNode))) == len(stage.names()) == 3


def test_undo_from_slicers_own_menu_mixes_up_no_lesions_either(stage, phantomNode):
    stage.analysed(NODULE, BESIDE)
    slicer.mrmlScene.Undo()
    settle()
    assert len(keysOf(phantomNode)) == 1
    stage.analysed(IN_FRONT)
    assert len(set(keysOf(phantomNode))) == 2


def test_a_scene_that_was_saved_with_the_count_set_back_is_mended(stage, phantomNode, tmp_path):
    stage.analysed(NODULE, BESIDE)
    findSeedsNode(phantomNode).SetLastUsedControlPointNumber(0)
    reloadScene(tmp_path)
    phantomNode = slicer.util.getNode("Phantom")
    enableUndo(findSeedsNode(phantomNode))
    stage.parameters.weights = "demonstration"
    stage.analysed(IN_FRONT)
    assert len(set(keysOf(phantomNode))) == 3


def test_the_numbers_of_a_segment_after_undo_are_the_segments(stage, phantomNode):
    stage.analysed(NODULE)
    makeSegment(phantomNode, "Big", IN_FRONT)
    choose(stage, "Segment Big of Outlines")
    stage.answer()
    undo(stage)
    choose(stage, "Segment Big of Outlines")
    stage.answer()
    (big,) = [row for row in rowsOf(phantomNode) if row["lesion_id"] == "Big"]
    assert -float(big["coordY"]) == pytest.approx(IN_FRONT[1], abs=1)
    small, outlined = seedsIn(findSeedsNode(phantomNode))
    assert (small.label, small.diameterMm) == ("Lesion 1", None)
    assert (outlined.label, outlined.diameterMm) == ("Big", pytest.approx(20, abs=4))


def test_placing_shows_the_chosen_ct_where_another_hid_it(stage, phantomNode, otherScan):
    stage.analysed(NODULE)
    slicer.util.setSliceViewerLayers(foreground=otherScan, foregroundOpacity=1.0)
    settle()
    click(stage.scan.placeButton)
    settle()
    assert isPlacing()
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetForegroundOpacity() == 0
    slicer.util.setSliceViewerLayers(foregroundOpacity=0.9)
    settle()
    assert not isPlacing()
    assert "does not show Phantom any more" in stage.message


def test_seeds_are_not_drawn_over_another_scan_that_hides_their_ct(stage, phantomNode, otherScan):
    stage.analysed(NODULE)
    seeds = findSeedsNode(phantomNode)
    slicer.util.setSliceViewerLayers(foreground=otherScan, foregroundOpacity=1.0)
    settle()
    assert not seeds.GetDisplayVisibility()
    slicer.util.setSliceViewerLayers(foregroundOpacity=0.5)  # as with a PET: the CT is seen
    settle()
    assert seeds.GetDisplayVisibility()


def test_a_click_in_slicers_own_place_mode_on_another_scan_is_none_of_the_cts(stage, phantomNode, otherScan):
    stage.analysed(NODULE)
    slicer.util.setSliceViewerLayers(background=otherScan)
    settle()
    slicer.modules.markups.logic().StartPlaceMode(False)  # noqa: FBT003  C++; the tool bar's button does it
    settle()
    assert not isPlacing()
    assert "does not show Phantom any more" in stage.message
    showAt("Red", BESIDE)
    clickAt("Red", BESIDE)
    settle()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]


def test_a_point_that_was_clicked_on_another_scan_is_not_analysed_before_somebody_says_so(
    stage, phantomNode, otherScan
):
    """As after loading a scene: nobody has pressed our button, and Slicer notes what was behind the click."""
    stage.analysed(NODULE)
    seeds = findSeedsNode(phantomNode)
    stage.window._scan._placing.stop()
    slicer.util.setSliceViewerLayers(background=otherScan)
    settle()
    slicer.modules.markups.logic().SetActiveList(seeds)
    slicer.modules.markups.logic().StartPlaceMode(False)  # noqa: FBT003  C++
    showAt("Red", BESIDE)
    clickAt("Red", BESIDE)
    settle()
    stage.answer()
    assert seeds.GetNthControlPointAssociatedNodeID(1) == otherScan.GetID()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]
    assert stage.message.startswith("Lesion 2: clicked on Patient B, not on Phantom, and not analysed.")
    click(stage.scan.analyseButton)
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok"), ("Lesion 2", "ok")]
    seeds.SetNthControlPointPositionWorld(1, *IN_FRONT)  # what was accepted is not doubted again
    settle()
    stage.answer()
    assert rowsOf(phantomNode)[1]["coordY"] == str(-IN_FRONT[1])
    assert stage.message == ""


def test_a_refused_seed_is_refused_also_when_undo_brings_it_back_and_takes_no_other_along(
    stage, phantomNode, otherScan
):
    stage.analysed(NODULE)
    seeds = findSeedsNode(phantomNode)
    stage.window._follower.pause(phantomNode)
    for name, point, scan in (("Foreign", IN_FRONT, otherScan), ("Own", BESIDE, phantomNode)):
        index = seeds.AddControlPointWorld(vtk.vtkVector3d(*point), name)
        seeds.SetNthControlPointAssociatedNodeID(index, scan.GetID())
    stage.window._scan.followSeeds()
    stage.analysis.analysePlaced(phantomNode, seedsIn(seeds)[1:])
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok"), ("Own", "ok")]
    assert stage.message.startswith("Foreign: clicked on Patient B")
    assert stage.names() == ["Lesion 1", "Foreign", "Own"]
    clickCell(stage.table, 1, 0)
    click(stage.lesions.removeButton)
    settle()
    undo(stage)
    stage.answer()
    assert stage.names() == ["Lesion 1", "Foreign", "Own"]
    assert statuses(phantomNode) == [("Lesion 1", "ok"), ("Own", "ok")]


def test_a_scan_in_front_is_put_behind_before_it_is_clicked_on(stage, phantomNode, otherScan):
    """Slicer takes clicks for the background's, whatever is seen."""
    slicer.util.setSliceViewerLayers(background=otherScan, foreground=phantomNode, foregroundOpacity=1.0)
    settle()
    stage.analysed(NODULE)
    assert statuses(phantomNode) == [("Lesion 1", "ok")]
    assert stage.message == ""
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetBackgroundVolumeID() == phantomNode.GetID()


def test_a_pet_through_which_the_ct_is_seen_stays(stage, phantomNode, otherScan):
    stage.analysed(NODULE)
    slicer.util.setSliceViewerLayers(foreground=otherScan, foregroundOpacity=0.3)
    (red, *_rest) = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    red.SetBackgroundVolumeID(otherScan.GetID())
    settle()
    clickCell(stage.table, 0, 0)
    settle()
    assert red.GetBackgroundVolumeID() == phantomNode.GetID()
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetForegroundOpacity() == pytest.approx(0.3)


def test_an_import_of_something_else_ends_neither_placing_nor_undo(stage, phantomNode):
    """Some command line modules of Slicer import what they have made."""
    stage.analysed(NODULE)
    click(stage.scan.placeButton)
    settle()
    slicer.mrmlScene.StartState(slicer.mrmlScene.ImportState)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    slicer.mrmlScene.EndState(slicer.mrmlScene.ImportState)
    settle()
    assert isPlacing()
    assert stage.scan.placeButton.checked
    assert stage.lesions.undoButton.enabled


def importBeside(tmp_path) -> None:
    """A scene of somebody else, beside the user's work."""
    scene = slicer.vtkMRMLScene()
    scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Other")
    scene.SetURL(str(tmp_path / "other.mrml"))
    assert scene.Commit(str(tmp_path / "other.mrml"))
    slicer.util.loadScene(str(tmp_path / "other.mrml"), properties={"clear": False})


def emptyViews() -> None:
    for each in composites():
        each.SetBackgroundVolumeID(None)


@pytest.mark.parametrize("isTheUserHere", [True, False])
@pytest.mark.parametrize("areEmptiedLater", [True, False])
def test_views_that_an_import_has_emptied_show_the_users_ct_again(
    stage, phantomNode, tmp_path, areEmptiedLater, isTheUserHere
):
    """Seen in the application: after the import of a scene beside another Red, Green and Yellow are empty."""
    stage.analysed(NODULE)
    if not isTheUserHere:
        stage.window.exit()
    importBeside(tmp_path)
    if areEmptiedLater:
        emptyViews()
    settle()
    assert set(backgrounds().values()) == {phantomNode.GetID()}
    assert len(backgrounds()) == 3
    seedsNode = findSeedsNode(phantomNode)
    assert seedsNode.GetDisplayVisibility() == 1
    assert seedsNode.GetDisplayNode().GetAttribute("FMCIB.HiddenWithScan") is None
    stage.window.enter()
    stage.place(near(30, 0, 0))
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok"), ("Lesion 2", "ok")]


def test_a_view_that_the_user_has_emptied_stays_so(stage, phantomNode, tmp_path):
    stage.analysed(NODULE)
    importBeside(tmp_path)
    settle()
    emptyViews()
    settle()
    slicer.mrmlScene.InvokeEvent(slicer.mrmlScene.EndRestoreEvent)  # after a step back
    settle()
    assert backgrounds() == {}
    importBeside(tmp_path)
    settle()
    assert backgrounds() == {}


def test_a_click_into_a_view_that_was_emptied_places_nothing(stage, phantomNode):
    click(stage.scan.placeButton)
    emptyViews()
    settle()
    assert not isPlacing()
    assert "does not show Phantom any more" in stage.message
    clickAt("Red", NODULE)
    settle()
    assert findSeedsNode(phantomNode).GetNumberOfDefinedControlPoints() == 0


def test_a_ct_that_is_deleted_is_not_kept_in_memory(stage, phantomNode, chest):
    node = nodeFromVolume(chest, "B")
    gone = []
    node.AddObserver(vtk.vtkCommand.DeleteEvent, lambda *_: gone.append(True))
    stage.parameters.volume = node
    settle()
    stage.analysed(NODULE)
    clickCell(stage.table, 0, 0)
    settle()
    slicer.mrmlScene.RemoveNode(node)
    del node
    stage.parameters.volume = phantomNode
    settle()
    gc.collect()
    assert gone == [True]


@pytest.mark.parametrize("isGone", [False, True])
def test_points_of_which_one_was_drawn_on_another_ct_are_asked_about(stage, phantomNode, otherScan, isGone):
    points = makeSeeds({"onA": NODULE, "onB": BESIDE})
    points.SetNthControlPointAssociatedNodeID(0, phantomNode.GetID())
    points.SetNthControlPointAssociatedNodeID(1, otherScan.GetID())
    if isGone:
        slicer.mrmlScene.RemoveNode(otherScan)
    stage.desktop.agrees = False
    choose(stage, f"Points of {points.GetName()} (2)")
    (question,) = stage.desktop.asked
    assert ("a scan that is gone" if isGone else "Patient B") in question
    assert stage.names() == []


def test_a_segment_of_a_ct_that_is_gone_is_asked_about(stage, phantomNode, otherScan):
    makeSegment(otherScan, "Nodule")
    slicer.mrmlScene.RemoveNode(otherScan)
    stage.desktop.agrees = False
    choose(stage, "Segment Nodule of Outlines")
    (question,) = stage.desktop.asked
    assert question == "It is not known on which scan Segment Nodule of Outlines was drawn. Was it on Phantom?"
    assert stage.names() == []


def test_lesions_of_two_cts_of_one_name_are_told_apart(stage, phantomNode, chest):
    stage.analysed(NODULE)
    stage.parameters.volume = nodeFromVolume(chest, "Phantom")
    settle()
    stage.analysed(NODULE)
    assert not stage.table.isColumnHidden(1)
    assert [stage.cell(row, 1) for row in (0, 1)] == ["Phantom", "Phantom (2)"]
    assert " of Phantom (2): " in stage.patch.captionLabel.text


def test_no_rows_come_of_seeds_that_are_deleted_while_they_are_analysed(stage, phantomNode):
    stage.place(NODULE, BESIDE)
    stage.analysis.hand.answer()
    settle()
    slicer.mrmlScene.RemoveNode(findSeedsNode(phantomNode))
    settle()
    stage.answer()
    assert (stage.names(), statuses(phantomNode)) == ([], [])
    assert not stage.analysis.isBusy


def test_undo_after_an_import_keeps_what_was_imported(stage, phantomNode, tmp_path, chest):
    stage.analysed(NODULE, BESIDE)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    settle()
    stage.parameters.volume = nodeFromVolume(chest, "Mine")
    stage.parameters.weights = "demonstration"
    stage.analysed(IN_FRONT)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle()
    assert len(stage.names()) == 3
    assert not stage.lesions.undoButton.enabled
    stage.analysed(near(0, 0, 20))
    undo(stage)
    assert len(stage.names()) == 3


def test_seeds_are_seen_on_their_ct_after_undo_while_another_was_in_view(stage, phantomNode, chest):
    stage.analysed(NODULE, BESIDE)
    stage.parameters.volume = nodeFromVolume(chest, "B")
    settle()
    undo(stage)
    clickCell(stage.table, 0, 0)
    settle()
    assert findSeedsNode(phantomNode).GetDisplayVisibility()


def test_a_list_that_undo_brings_back_is_analysed_again_and_lies_under_its_ct(stage, phantomNode):
    stage.analysed(NODULE, BESIDE)
    slicer.mrmlScene.RemoveNode(findSeedsNode(phantomNode))
    settle()
    undo(stage)  # the last step is of before the second click
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(findSeedsNode(phantomNode))
    assert hierarchy.GetItemDataNode(hierarchy.GetItemParent(item)) is phantomNode


def test_placing_ends_with_its_list(stage, phantomNode):
    click(stage.scan.placeButton)
    settle()
    slicer.mrmlScene.RemoveNode(findSeedsNode(phantomNode))
    settle()
    assert not stage.scan.placeButton.checked
    showAt("Red", BESIDE)
    clickAt("Red", BESIDE)
    settle()
    assert not slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")


def test_a_scene_that_was_saved_while_placing_places_nothing(stage, phantomNode, tmp_path):
    stage.analysed(NODULE)
    click(stage.scan.placeButton)
    settle()
    reloadScene(tmp_path)
    assert not isPlacing()
    assert not stage.scan.placeButton.checked


def test_a_copy_of_the_seeds_is_the_users_own_list(stage, phantomNode):
    stage.analysed(NODULE)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = slicer.vtkSlicerSubjectHierarchyModuleLogic.CloneSubjectHierarchyItem(
        hierarchy, hierarchy.GetItemByDataNode(findSeedsNode(phantomNode)), "My copy"
    )
    stage.analysed(BESIDE)
    copy = hierarchy.GetItemDataNode(item)
    assert copy.GetDisplayVisibility()
    assert stage.names() == ["Lesion 1", "Lesion 2"]
    choose(stage, "Points of My copy (1)")
    assert "There is a seed at this place already" in stage.message


def test_a_point_of_the_users_own_list_that_was_moved_makes_its_row_stale(stage, phantomNode):
    mine = makeSeeds({"Mine": NODULE})
    stage.analysis.analyse(phantomNode, mine)
    stage.answer()
    assert not stage.isItalic(0)
    mine.SetNthControlPointPositionWorld(0, *BESIDE)
    settle()
    assert stage.isItalic(0)


def test_a_row_without_its_seed_is_stale_when_the_voxels_are_others(stage, phantomNode):
    stage.analysis.analyse(phantomNode, makeSeeds({"Mine": NODULE}))
    stage.answer()
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("Seeds"))
    settle()
    assert not stage.isItalic(0)
    slicer.util.arrayFromVolume(phantomNode)[:] = 0
    slicer.util.arrayFromVolumeModified(phantomNode)
    settle()
    assert stage.isItalic(0)


def test_what_a_script_computes_beside_the_window_is_shown(stage, phantomNode):
    stage.analysed(NODULE)
    clickCell(stage.table, 0, 0)
    script = HandLogic()
    script.settings = EncoderSettings("others")
    script.analyse(phantomNode, wait=True)
    script.analyse(phantomNode, makeSeeds({"Mine": BESIDE}), wait=True)
    script.close()
    settle()
    assert stage.names() == ["Lesion 1", "Mine"]
    assert rowsOf(phantomNode)[0]["weights"] in stage.lesions.detailLabel.text


@pytest.mark.parametrize("what", ["cell", "record"])
def test_a_row_that_cannot_be_read_is_stale_and_hides_no_other(stage, phantomNode, what):
    stage.analysed(NODULE, BESIDE)
    if what == "cell":
        node = LesionTable(phantomNode).node
        node.SetCellText(0, node.GetColumnIndex("coordX"), "")
    else:
        phantomNode.SetAttribute("FMCIB.Scan", "{damaged")
    stage.analysis.changed.emit(phantomNode, "")
    settle()
    assert stage.names() == ["Lesion 1", "Lesion 2"]
    assert stage.isItalic(0)
    assert stage.isItalic(1) is (what == "record")
    assert stage.message == ""


def test_what_was_imported_beside_itself_before_the_module_was_opened_has_keys_of_its_own(
    makeStage, phantomNode, tmp_path
):
    first = makeStage().show()
    first.parameters.volume = phantomNode
    first.analysed(NODULE)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    first.close()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    one, other = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert findSeedsNode(one).GetAttribute(SEEDS_ID) == findSeedsNode(other).GetAttribute(SEEDS_ID)
    stage = makeStage().show()
    assert keysOf(one) != keysOf(other)
    assert LesionTable(other).keys() == keysOf(other)
    stage.analysis.removeLesion(other, keysOf(other)[0])
    assert (len(keysOf(one)), len(LesionTable(one).keys()), keysOf(other)) == (1, 1, [])
