"""The list of lesions: going there, renaming, deleting, ordering, filtering, several scans, export."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import qt
import slicer
import vtk
from analysis_support import makeSeeds, needs_torch, rowsOf, spinUntilFinished
from clicks import Key, Modifier, click, clickCell, doubleClickCell, pressKey, typeKeys, typeText
from fmcib_engine import pipeline
from fmcib_engine.results.schema import COLUMNS
from FMCIBModuleLib.Analysis.Export import exportTable
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import findSeedsNode, seedsIn
from FMCIBModuleLib.Scene.SubjectHierarchy import resultNodes
from FMCIBModuleLib.Window.SliceViews import isShown
from FMCIBModuleLib.Worker.WorkerProcess import WorkerFailure
from views import showAt, sliceView
from window_support import NODULE, Remembered, near, reloadScene, settle, statuses

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

SECOND, THIRD = near(20, 0, 0), near(0, 20, 0)
POINTS = (NODULE, SECOND, THIRD)


@pytest.fixture
def three(stage):
    return stage.analysed(*POINTS)


def isCentred(view: str, ras) -> bool:
    """Whether the view's plane goes through the point, in the middle of the view."""
    node = sliceView(view).mrmlSliceNode()
    x, y, z = sliceView(view).convertRASToXYZ(list(ras))
    width, height = node.GetDimensions()[:2]
    return max(abs(x - width / 2), abs(y - height / 2), abs(z)) < 2


def boxes(volumeNode) -> list:
    return resultNodes(volumeNode, "vtkMRMLMarkupsROINode", "box")


def rename(stage, row: int, name: str) -> None:
    """Double-click and type, without Enter."""
    doubleClickCell(stage.table, row, 0)
    typeKeys(editor(stage), name)


def editor(stage):
    (found,) = [each for each in stage.table.findChildren(qt.QLineEdit) if each.isVisible()]
    return found


def test_clicking_a_row_goes_there_in_all_views_and_shows_its_patch(three):
    showAt("Red", near(50, 50, 50))
    clickCell(three.table, 1, 3)
    assert all(isCentred(view, SECOND) for view in ("Red", "Yellow", "Green"))
    assert three.patch.captionLabel.text.startswith("Lesion 2 of Phantom:")
    assert three.selected() == ["Lesion 2"]


def test_arrow_keys_go_from_row_to_row_beginning_with_the_one_that_is_chosen(three):
    three.table.setFocus()
    assert three.selected() == ["Lesion 3"]  # the last that was analysed
    pressKey(three.table, Key.Key_Up)
    assert three.selected() == ["Lesion 2"]
    assert isCentred("Yellow", SECOND)
    pressKey(three.table, Key.Key_Up)
    assert isCentred("Yellow", NODULE)
    assert three.patch.captionLabel.text.startswith("Lesion 1 of Phantom:")


def test_a_row_of_another_scan_shows_that_scan(three, phantomNode, chest):
    other = nodeFromVolume(chest, "Follow-up")
    three.parameters.volume = other
    three.analysed(NODULE)
    assert isShown(other)
    clickCell(three.table, 0, 0)
    assert isShown(phantomNode)
    clickCell(three.table, 3, 0)
    assert isShown(other)


def test_the_scan_column_is_there_where_there_are_several_scans(three, chest):
    assert three.table.isColumnHidden(1)
    three.parameters.volume = nodeFromVolume(chest, "Follow-up")
    three.analysed(NODULE)
    assert not three.table.isColumnHidden(1)
    assert [three.cell(row, 1) for row in range(4)] == ["Phantom"] * 3 + ["Follow-up"]


def test_a_name_is_changed_by_double_click_and_enter(three, phantomNode):
    rename(three, 1, "Left hilum")
    pressKey(editor(three), Key.Key_Return)
    assert three.names() == ["Lesion 1", "Left hilum", "Lesion 3"]
    assert [name for name, _ in statuses(phantomNode)] == three.names()
    assert findSeedsNode(phantomNode).GetNthControlPointLabel(1) == "Left hilum"
    assert [node.GetName() for node in boxes(phantomNode)][1] == "50 mm box of Left hilum"
    click(three.lesions.undoButton)
    settle()
    assert three.names() == ["Lesion 1", "Lesion 2", "Lesion 3"]


@pytest.mark.parametrize(("text", "key"), [("Other", Key.Key_Escape), ("   ", Key.Key_Return)])
def test_escape_and_an_empty_name_change_nothing(three, phantomNode, text, key):
    rename(three, 1, text)
    pressKey(editor(three), key)
    assert three.names() == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert statuses(phantomNode)[1][0] == "Lesion 2"


def test_a_name_can_be_typed_while_analyses_end(three, phantomNode):
    click(three.scan.analyseButton)
    rename(three, 1, "Left ")
    for _ in range(2):
        three.analysis.hand.answer()
        settle()
    typeKeys(editor(three), "hilum")
    three.answer()
    pressKey(editor(three), Key.Key_Return)
    assert three.names() == ["Lesion 1", "Left hilum", "Lesion 3"]
    assert statuses(phantomNode)[1] == ("Left hilum", "ok")


def test_a_lesion_that_is_done_for_the_first_time_does_not_end_the_typing_of_anothers_name(stage):
    stage.analysed(NODULE)
    stage.place(SECOND)
    rename(stage, 0, "Left")
    stage.answer()
    typeKeys(editor(stage), " hilum")
    pressKey(editor(stage), Key.Key_Return)
    assert stage.names() == ["Left hilum", "Lesion 2"]


def test_what_is_typed_never_becomes_the_name_of_another_lesion(three, phantomNode):
    rename(three, 1, "Hilum")
    findSeedsNode(phantomNode).RemoveNthControlPoint(0)
    settle()
    assert not [each for each in three.table.findChildren(qt.QLineEdit) if each.isVisible()]
    assert three.names() == ["Lesion 2", "Lesion 3"]


def test_the_delete_key_removes_seed_row_box_and_patch(three, phantomNode):
    clickCell(three.table, 1, 0)
    pressKey(three.table, Key.Key_Delete)
    settle()
    assert three.names() == ["Lesion 1", "Lesion 3"]
    assert [name for name, _ in statuses(phantomNode)] == three.names()
    assert findSeedsNode(phantomNode).GetNumberOfControlPoints() == 2
    assert len(boxes(phantomNode)) == 2


def test_the_delete_key_in_a_name_is_about_a_letter(three):
    rename(three, 1, "X")
    pressKey(editor(three), Key.Key_Home)
    pressKey(editor(three), Key.Key_Delete)
    pressKey(editor(three), Key.Key_Escape)
    assert len(three.names()) == 3


def test_several_rows_are_deleted_and_come_back_as_one_step(three, phantomNode):
    clickCell(three.table, 0, 0)
    clickCell(three.table, 2, 0, Modifier.ControlModifier)
    assert not three.lesions.upButton.isEnabled()
    click(three.lesions.removeButton)
    settle()
    assert three.names() == ["Lesion 2"]
    click(three.lesions.undoButton)
    three.answer()
    assert three.names() == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert statuses(phantomNode) == [(f"Lesion {number}", "ok") for number in (1, 2, 3)]
    click(three.lesions.redoButton)
    settle()
    assert three.names() == ["Lesion 2"]


def test_undo_of_the_first_seed_and_redo(stage, phantomNode):
    assert not stage.lesions.undoButton.isEnabled()
    stage.analysed(NODULE)
    click(stage.lesions.undoButton)
    settle()
    assert stage.names() == []
    assert (rowsOf(phantomNode), boxes(phantomNode)) == ([], [])
    click(stage.lesions.redoButton)
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]
    assert not stage.lesions.redoButton.isEnabled()


def test_up_and_down_move_a_lesion_in_the_list_and_in_the_table(three, phantomNode):
    clickCell(three.table, 2, 0)
    click(three.lesions.upButton)
    settle()
    assert three.names() == ["Lesion 1", "Lesion 3", "Lesion 2"]
    assert [row["lesion_id"] for row in rowsOf(phantomNode)] == three.names()
    assert three.selected() == ["Lesion 3"]
    click(three.lesions.upButton)
    settle()
    click(three.lesions.upButton)
    settle()
    assert three.names() == ["Lesion 3", "Lesion 1", "Lesion 2"]
    click(three.lesions.downButton)
    settle()
    assert three.names() == ["Lesion 1", "Lesion 3", "Lesion 2"]


def orders(stage, volumeNode) -> tuple[list[str], ...]:
    """The names in the list, in the table, and of the seeds."""
    seeds = [seed.label for seed in seedsIn(findSeedsNode(volumeNode))]
    return stage.names(), [row["lesion_id"] for row in rowsOf(volumeNode)], seeds


def test_undo_and_redo_of_up_and_down_move_list_table_and_seeds_together(three, phantomNode):
    clickCell(three.table, 2, 0)
    click(three.lesions.upButton)
    settle()
    click(three.lesions.upButton)
    settle()
    assert orders(three, phantomNode) == (["Lesion 3", "Lesion 1", "Lesion 2"],) * 3
    before = {row["lesion_id"]: row | {"row": ""} for row in rowsOf(phantomNode)}
    click(three.lesions.undoButton)
    settle()
    assert orders(three, phantomNode) == (["Lesion 1", "Lesion 3", "Lesion 2"],) * 3
    click(three.lesions.undoButton)
    settle()
    assert orders(three, phantomNode) == (["Lesion 1", "Lesion 2", "Lesion 3"],) * 3
    click(three.lesions.redoButton)
    settle()
    assert orders(three, phantomNode) == (["Lesion 1", "Lesion 3", "Lesion 2"],) * 3
    assert three.analysis.hand.open == []  # nothing is to be analysed again for that
    assert {row["lesion_id"]: row | {"row": ""} for row in rowsOf(phantomNode)} == before
    assert [row["row"] for row in rowsOf(phantomNode)] == ["1", "2", "3"]


def test_undo_of_something_else_leaves_an_order_that_a_script_has_asked_for(stage, phantomNode):
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(*POINTS)
    seeds = seedsIn(findSeedsNode(phantomNode))
    stage.analysis.analyse(phantomNode, [seeds[2], seeds[0], seeds[1]])
    stage.answer()
    rename(stage, 0, "Other")
    pressKey(editor(stage), Key.Key_Return)
    click(stage.lesions.undoButton)
    settle()
    assert [row["lesion_id"] for row in rowsOf(phantomNode)] == ["Lesion 3", "Lesion 1", "Lesion 2"]


def test_a_lesion_that_is_not_analysed_yet_is_not_below_a_later_one(stage, phantomNode):
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(NODULE)
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.analysed(SECOND)
    assert stage.names() == ["Lesion 1", "Lesion 2"]
    assert stage.quality(0) == "not analysed yet"
    click(stage.scan.analyseButton)
    stage.answer()
    assert orders(stage, phantomNode) == (["Lesion 1", "Lesion 2"],) * 3


def test_what_a_place_means_is_in_the_tool_tip_of_the_text_that_tells_it(three):
    assert "seed R 74.0 A 174.0 I 224.0 mm" in three.details
    text = three.lesions.detailLabel.toolTip
    assert "mm from the scanner's origin: R right, L left, A front, P back, S head, I feet" in text


def test_the_place_of_a_lesion_that_is_not_analysed_is_told_as_well(stage):
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(NODULE)
    assert stage.details == "Lesion 1\nnot analysed yet\nnow at R 74.0 A 154.0 I 224.0 mm"


def test_a_lesion_that_is_placed_under_a_filter_is_told(stage):
    assert not stage.lesions.hiddenLabel.isVisible()
    typeText(stage.lesions.filterEdit, "hilum")
    stage.analysed(NODULE)
    assert stage.lesions.hiddenLabel.isVisible()
    assert stage.lesions.hiddenLabel.text == "1 lesion is hidden by the filter."
    stage.analysed(SECOND)
    assert stage.lesions.hiddenLabel.text == "2 lesions are hidden by the filter."
    stage.lesions.filterEdit.clear()
    assert not stage.lesions.hiddenLabel.isVisible()


@pytest.fixture
def cuts(monkeypatch) -> list:
    """The seeds of all patches that are cut."""
    found, cut = [], pipeline.cut

    def counted(volume, seed, *recipe):
        found.append(seed)
        return cut(volume, seed, *recipe)

    monkeypatch.setattr(pipeline, "cut", counted)
    return found


def test_each_patch_is_cut_once(stage, phantomNode, cuts):
    seeds = makeSeeds({f"L{number}": near(2 * number, 0, 0) for number in range(10)})
    stage.analysis.analyse(phantomNode, seeds)
    stage.answer()
    assert len(stage.names()) == 10
    for row in (9, 8, 7):
        clickCell(stage.table, row, 0)
        assert stage.patch.captionLabel.text.startswith(f"L{row} of ")
    click(stage.patch.sceneButton)
    stage.window._lesions.refresh()
    assert len(cuts) == 10
    clickCell(stage.table, 0, 0)  # not among the last any more
    assert len(cuts) == 11
    slicer.util.arrayFromVolumeModified(phantomNode)
    stage.window._lesions.refresh()
    assert len(cuts) == 21
    assert not any(stage.isItalic(row) for row in range(10))


def test_voxels_that_change_between_cut_and_answer_make_the_row_stale(stage, phantomNode):
    stage.place(NODULE)
    stage.analysis.hand.answer()  # the network is loaded, the patch is cut and under way
    voxels = slicer.util.arrayFromVolume(phantomNode)
    voxels += 100
    slicer.util.arrayFromVolumeModified(phantomNode)
    stage.answer()
    assert stage.isItalic(0)
    assert stage.quality(0).startswith("seed or scan is not as it was")
    assert not stage.patch.viewsWidget.isVisible()


def test_a_scan_that_is_moved_has_no_kept_patch_until_it_is_back(three, phantomNode, cuts):
    before, moved = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    phantomNode.GetIJKToRASMatrix(before)
    moved.DeepCopy(before)
    moved.SetElement(0, 3, moved.GetElement(0, 3) + 4)
    phantomNode.SetIJKToRASMatrix(moved)
    settle()
    assert not three.patch.viewsWidget.isVisible()
    assert all(three.isItalic(row) for row in range(3))
    phantomNode.SetIJKToRASMatrix(before)
    settle()
    assert three.patch.viewsWidget.isVisible()
    assert not any(three.isItalic(row) for row in range(3))


def test_nothing_is_remembered_of_lesions_that_are_gone(three):
    known = three.analysis.freshness._looked
    assert len(known) == 3
    clickCell(three.table, 1, 0)
    click(three.lesions.removeButton)
    settle()
    assert len(known) == 2
    slicer.mrmlScene.Clear(0)
    assert len(known) == 0


def test_the_filter_hides_rows_and_what_is_hidden_is_not_deleted(three):
    rename(three, 2, "Hilum")  # a number would be found in the column of times as well
    pressKey(editor(three), Key.Key_Return)
    clickCell(three.table, 0, 0)
    typeText(three.lesions.filterEdit, "hil")
    assert three.shownRows() == ["Hilum"]
    assert three.selected() == []
    assert not three.lesions.removeButton.isEnabled()
    assert not three.patch.viewsWidget.isVisible()
    three.table.setFocus()
    pressKey(three.table, Key.Key_Delete)
    assert len(three.names()) == 3
    three.lesions.filterEdit.clear()
    assert three.shownRows() == ["Lesion 1", "Lesion 2", "Hilum"]


def test_the_filter_looks_at_all_words_in_all_columns(three):
    typeText(three.lesions.filterEdit, "phan 50")
    assert len(three.shownRows()) == 3
    three.lesions.filterEdit.clear()
    typeText(three.lesions.filterEdit, "nothing like it")
    assert three.shownRows() == []


def test_a_ct_that_is_deleted_takes_its_lesions_from_the_list(three, phantomNode, chest):
    other = nodeFromVolume(chest, "Follow-up")
    three.parameters.volume = other
    three.analysed(NODULE)
    slicer.mrmlScene.RemoveNode(phantomNode)
    settle()
    assert three.names() == ["Lesion 1"]
    clickCell(three.table, 0, 0)
    slicer.mrmlScene.RemoveNode(other)
    settle()
    assert three.names() == []
    assert three.parameters.volume is None
    assert not three.scan.placeButton.isEnabled()


def test_no_other_ct_is_chosen_in_the_place_of_one_that_is_deleted(three, phantomNode, chest):
    """The next seed would be on another patient."""
    nodeFromVolume(chest, "Another patient")
    assert three.parameters.volume is phantomNode
    slicer.mrmlScene.RemoveNode(phantomNode)
    settle()
    assert three.parameters.volume is None
    assert three.scan.volumeSelector.currentNode() is None
    assert not three.scan.placeButton.enabled


def test_a_ct_that_is_deleted_while_its_lesions_are_analysed_is_forgotten(stage, phantomNode):
    stage.place(*POINTS)
    slicer.mrmlScene.RemoveNode(phantomNode)
    settle()
    assert stage.names() == []
    stage.answer()
    assert (stage.message, stage.names()) == ("", [])
    assert stage.scan.analyseButton.text == "&Analyse"


def test_the_seeds_node_that_is_deleted_takes_rows_and_boxes_along(three, phantomNode):
    slicer.mrmlScene.RemoveNode(findSeedsNode(phantomNode))
    settle()
    assert (three.names(), rowsOf(phantomNode), boxes(phantomNode)) == ([], [], [])
    three.analysed(NODULE)
    assert len(three.names()) == 1


def test_the_table_that_is_deleted_leaves_lesions_to_be_analysed(three, phantomNode):
    slicer.mrmlScene.RemoveNode(LesionTable(phantomNode).node)
    settle()
    assert [three.quality(row) for row in range(3)] == ["not analysed yet"] * 3
    click(three.scan.analyseButton)
    three.answer()
    assert len(statuses(phantomNode)) == 3


def test_lesions_of_a_script_are_listed_and_go_with_their_scan(stage, phantomNode):
    stage.analysis.analyse(phantomNode, makeSeeds({"Mine": NODULE}))
    stage.answer()
    assert stage.names() == ["Mine"]
    slicer.mrmlScene.RemoveNode(phantomNode)
    settle()
    assert stage.names() == []


@pytest.fixture
def saveDialog(monkeypatch, tmp_path):
    """Answers with a file in the place of the user."""
    remembered = Remembered(str(tmp_path / "features.csv"))
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", remembered)
    return remembered


def exported(path) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_exported_is_what_the_engine_writes(three, phantomNode, saveDialog, tmp_path):
    click(three.lesions.exportButton)
    assert three.message == "3 lesions were written to features.csv."
    exportTable([phantomNode], tmp_path / "other.csv")
    assert (tmp_path / "features.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()
    rows = exported(tmp_path / "features.csv")
    assert [row["lesion_id"] for row in rows] == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert list(rows[0])[: len(COLUMNS)] == [column.name for column in COLUMNS]
    assert len(rows[0]) == len(COLUMNS) + 4096


@needs_torch
def test_features_are_exported_to_the_last_digit(realStage, phantomNode, saveDialog):
    realStage.place(NODULE)
    spinUntilFinished(realStage.analysis)
    settle()
    click(realStage.lesions.exportButton)
    (row,) = exported(saveDialog.answer)
    table = LesionTable(phantomNode)
    assert [row[f"pred_{index}"] for index in range(128)] == table.featureTexts(table.keys()[0])


def test_nothing_is_written_where_the_dialog_is_cancelled(three, saveDialog, tmp_path):
    saveDialog.answer = ""
    click(three.lesions.exportButton)
    assert len(saveDialog.calls) == 1
    assert (three.message, list(tmp_path.iterdir())) == ("", [])


def test_export_is_off_where_there_is_nothing(stage):
    assert not stage.lesions.exportButton.isEnabled()


def test_a_file_that_cannot_be_written_is_told(three, saveDialog, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    saveDialog.answer = str(tmp_path / "file" / "features.csv")
    click(three.lesions.exportButton)
    assert "features.csv" in three.message
    assert "written to" not in three.message


def test_a_name_without_ending_gets_one_and_replaces_nothing_that_the_dialog_did_not_ask_about(
    three, saveDialog, tmp_path
):
    saveDialog.answer = str(tmp_path / "features")
    click(three.lesions.exportButton)
    assert three.message == "3 lesions were written to features.csv."
    before = (tmp_path / "features.csv").stat().st_mtime_ns
    click(three.lesions.exportButton)
    assert three.message == "features.csv is there already. Choose it in the dialog to replace it."
    assert (tmp_path / "features.csv").stat().st_mtime_ns == before
    saveDialog.answer = str(tmp_path / "features.csv")
    click(three.lesions.exportButton)
    assert "were written" in three.message


def test_identifiers_are_written_where_the_box_is_ticked(three, phantomNode, saveDialog, tmp_path):
    folder = tmp_path / "DOE^JOHN"
    folder.mkdir()
    assert slicer.util.saveNode(phantomNode, str(folder / "scan.nrrd"))
    three.answer()
    click(three.lesions.exportButton)
    assert {row["image_path"] for row in exported(tmp_path / "features.csv")} == {"scan 1"}
    click(three.lesions.identifiersCheckBox)
    click(three.lesions.exportButton)
    assert {row["image_path"] for row in exported(tmp_path / "features.csv")} == {"DOE^JOHN/scan.nrrd"}


def test_one_lesion_is_told_as_one(stage, saveDialog):
    stage.analysed(NODULE)
    click(stage.lesions.exportButton)
    assert stage.message == "1 lesion was written to features.csv."


def test_what_is_not_in_the_file_or_has_no_features_is_told(stage, saveDialog):
    stage.place(NODULE, SECOND)
    stage.analysis.hand.answer()
    stage.answer(WorkerFailure("image", "Broken."))
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(THIRD)
    click(stage.lesions.exportButton)
    assert stage.message == (
        "2 lesions were written to features.csv. 1 is not analysed yet and is not in it; "
        "1 has an error instead of features."
    )
    click(stage.scan.analyseButton)
    click(stage.lesions.exportButton)
    assert stage.message == (
        "2 lesions were written to features.csv. 1 is being analysed and is not in it; "
        "2 are being analysed again and are in it as before; 1 has an error instead of features."
    )


def test_what_is_analysed_while_the_dialog_is_open_is_not_told_as_missing(stage, saveDialog, monkeypatch):
    stage.analysed(NODULE)
    stage.place(SECOND)

    def dialog(*_):
        while stage.analysis.hand.open:
            stage.analysis.hand.answer()
        return saveDialog.answer

    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", dialog)
    click(stage.lesions.exportButton)
    assert stage.message == "2 lesions were written to features.csv."


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("weights_sha256", "The features are of different weights: do not compare them."),
        ("precision", "The features are of different precision: they differ by that as well."),
    ],
)
def test_features_that_are_not_alike_are_told(three, phantomNode, saveDialog, column, words):
    node = LesionTable(phantomNode).node
    node.SetCellText(1, node.GetColumnIndex(column), "other")
    click(three.lesions.exportButton)
    assert three.message == f"3 lesions were written to features.csv. {words}"


def test_stale_rows_are_counted_in_the_message(three, phantomNode, saveDialog):
    click(three.scan.analyseOnPlacingCheckBox)
    findSeedsNode(phantomNode).SetNthControlPointPositionWorld(0, *near(3, 3, 3))
    settle()
    click(three.lesions.exportButton)
    assert three.message == (
        "3 lesions were written to features.csv. 1 is of before its seed or scan was changed: analyse it again."
    )


def test_a_name_may_have_a_point(three, saveDialog, tmp_path):
    saveDialog.answer = str(tmp_path / "Smith 12.3")
    click(three.lesions.exportButton)
    assert [path.name for path in tmp_path.iterdir()] == ["Smith 12.3.csv"]


@pytest.mark.parametrize("name", ["R & L", "<a> \"b\" 'c' %s", "nodule\x07", "肺 ←"])
def test_a_scene_opens_whatever_a_lesion_is_called(stage, phantomNode, tmp_path, name):
    """Slicer writes the names of files into a scene as they are, and could not read it again."""
    stage.analysed(NODULE)
    findSeedsNode(phantomNode).SetNthControlPointLabel(0, name)
    settle()
    reloadScene(tmp_path)
    assert stage.names() == [name]
    assert len(boxes(slicer.util.getNode("Phantom"))) == 1


def test_a_scan_that_is_renamed_is_so_in_the_list_and_the_caption(three, phantomNode, chest):
    nodeFromVolume(chest, "Other")
    three.parameters.volume = slicer.util.getNode("Other")
    settle()
    three.analysed(NODULE)
    phantomNode.SetName("anonymous 7")
    settle()
    assert three.cell(0, 1) == "anonymous 7"
    clickCell(three.table, 0, 0)
    settle()
    assert " of anonymous 7: " in three.patch.captionLabel.text


def test_a_name_without_spaces_does_not_widen_the_caption(stage, phantomNode):
    stage.analysed(NODULE)
    findSeedsNode(phantomNode).SetNthControlPointLabel(0, "x" * 300)
    settle()
    assert "x" * 79 + "… of" in stage.patch.captionLabel.text.replace("\u200b", "")


def test_under_a_filter_up_and_down_go_past_what_is_hidden(three):
    names = ("met a", "node b", "met c")
    for row, name in enumerate(names):
        rename(three, row, name)
        pressKey(editor(three), Key.Key_Return)
        settle()
    typeText(three.lesions.filterEdit, "met")
    clickCell(three.table, 2, 0)
    click(three.lesions.upButton)
    settle()
    assert three.shownRows() == ["met c", "met a"]


def test_the_filter_finds_no_numbers_of_places(three):
    typeText(three.lesions.filterEdit, "Lesion 1")
    settle()
    assert three.shownRows() == ["Lesion 1"]


def test_a_row_that_the_user_has_chosen_stays_so_while_analyses_end(stage):
    stage.analysed(NODULE)
    stage.place(near(5, 0, 0), near(10, 0, 0))
    clickCell(stage.table, 0, 0)
    settle()
    stage.answer()
    assert stage.selected() == ["Lesion 1"]
    stage.analysed(near(0, 5, 0))  # what is placed after that is looked at
    assert stage.selected() == ["Lesion 4"]


def test_lesions_of_a_list_with_a_fixed_number_of_points_are_not_deleted_by_half(three, phantomNode):
    findSeedsNode(phantomNode).SetFixedNumberOfControlPoints(True)
    clickCell(three.table, 0, 0)
    click(three.lesions.removeButton)
    settle()
    assert "has a fixed number of points" in three.message
    assert [status for _, status in statuses(phantomNode)] == ["ok"] * 3


def test_what_is_said_of_one_scan_goes_with_it(three, phantomNode, chest):
    three.parameters.volume = nodeFromVolume(chest, "B")
    settle()
    click(three.scan.analyseButton)
    settle()
    assert "There is no seed on this scan" in three.message
    three.parameters.volume = phantomNode
    settle()
    assert three.message == ""
