"""The list of lesions: going there, renaming, deleting, ordering, filtering, several scans, export."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import qt
import slicer
from analysis_support import makeSeeds, needs_torch, rowsOf, spinUntilFinished
from clicks import Key, Modifier, QtTest, click, clickCell, doubleClickCell, pressKey, typeText
from fmcib_engine.results.schema import COLUMNS
from FMCIBModuleLib.Export import exportTable
from FMCIBModuleLib.LesionTable import LesionTable, resultNodes
from FMCIBModuleLib.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Seeds import findSeedsNode
from FMCIBModuleLib.Window.SliceViews import volumeInView
from views import showAt, sliceView
from window_support import NODULE, Remembered, near, settle, statuses

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
    QtTest.QTest.keyClicks(editor(stage), name)


def editor(stage):
    (found,) = [each for each in stage.table.findChildren(qt.QLineEdit) if each.isVisible()]
    return found


def test_clicking_a_row_goes_there_in_all_views_and_shows_its_patch(three):
    showAt("Red", near(50, 50, 50))
    clickCell(three.table, 1, 4)
    assert all(isCentred(view, SECOND) for view in ("Red", "Yellow", "Green"))
    assert three.patch.captionLabel.text.startswith("Lesion 2:")
    assert three.selected() == ["Lesion 2"]


def test_arrow_keys_go_from_row_to_row_beginning_with_the_one_that_is_chosen(three):
    three.table.setFocus()
    assert three.selected() == ["Lesion 3"]  # the last that was analysed
    pressKey(three.table, Key.Key_Up)
    assert three.selected() == ["Lesion 2"]
    assert isCentred("Yellow", SECOND)
    pressKey(three.table, Key.Key_Up)
    assert isCentred("Yellow", NODULE)
    assert three.patch.captionLabel.text.startswith("Lesion 1:")


def test_a_row_of_another_scan_shows_that_scan(three, phantomNode, chest):
    other = nodeFromVolume(chest, "Follow-up")
    three.parameters.volume = other
    three.analysed(NODULE)
    assert volumeInView() is other
    clickCell(three.table, 0, 0)
    assert volumeInView() is phantomNode
    clickCell(three.table, 3, 0)
    assert volumeInView() is other


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
    QtTest.QTest.keyClicks(editor(three), "hilum")
    three.answer()
    pressKey(editor(three), Key.Key_Return)
    assert three.names() == ["Lesion 1", "Left hilum", "Lesion 3"]
    assert statuses(phantomNode)[1] == ("Left hilum", "ok")


def test_a_lesion_that_is_done_for_the_first_time_does_not_end_the_typing_of_anothers_name(stage):
    stage.analysed(NODULE)
    stage.place(SECOND)
    rename(stage, 0, "Left")
    stage.answer()
    QtTest.QTest.keyClicks(editor(stage), " hilum")
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
    assert sorted(three.names()) == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert sorted(statuses(phantomNode)) == [(f"Lesion {number}", "ok") for number in (1, 2, 3)]
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
    click(three.lesions.undoButton)
    three.answer()
    assert sorted(three.names()) == ["Lesion 1", "Lesion 2", "Lesion 3"]


def test_the_filter_hides_rows_and_what_is_hidden_is_not_deleted(three):
    clickCell(three.table, 0, 0)
    typeText(three.lesions.filterEdit, "lesion 3")
    assert three.shownRows() == ["Lesion 3"]
    assert three.selected() == []
    assert not three.lesions.removeButton.isEnabled()
    assert not three.patch.viewsWidget.isVisible()
    three.table.setFocus()
    pressKey(three.table, Key.Key_Delete)
    assert len(three.names()) == 3
    three.lesions.filterEdit.clear()
    assert three.shownRows() == ["Lesion 1", "Lesion 2", "Lesion 3"]


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
    assert [three.cell(row, 4) for row in range(3)] == ["not analysed yet"] * 3
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
    assert [row[f"pred_{index}"] for index in range(4096)] == table.featureTexts(table.keys()[0])


def test_nothing_is_written_where_the_dialog_is_cancelled(three, saveDialog, tmp_path):
    saveDialog.answer = ""
    click(three.lesions.exportButton)
    assert len(saveDialog.calls) == 1
    assert (three.message, list(tmp_path.iterdir())) == ("", [])


def test_export_is_off_where_there_is_nothing(stage):
    assert not stage.lesions.exportButton.isEnabled()


def test_a_file_that_cannot_be_written_is_told(three, saveDialog, tmp_path):
    (tmp_path / "file").write_text("no folder")
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
    assert {row["image_path"] for row in exported(tmp_path / "features.csv")} == {"scan.nrrd"}
    click(three.lesions.identifiersCheckBox)
    click(three.lesions.exportButton)
    assert {row["image_path"] for row in exported(tmp_path / "features.csv")} == {"DOE^JOHN/scan.nrrd"}


def test_stale_rows_are_counted_in_the_message(three, phantomNode, saveDialog):
    click(three.scan.analyseOnPlacingCheckBox)
    findSeedsNode(phantomNode).SetNthControlPointPositionWorld(0, *near(3, 3, 3))
    settle()
    click(three.lesions.exportButton)
    assert three.message == (
        "3 lesions were written to features.csv. 1 of them are not as seed and scan are now: analyse them again."
    )
