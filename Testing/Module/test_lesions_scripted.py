"""What scripts may leave in the scene beside the open window: it is listed, or left out, and never an error."""

from __future__ import annotations

import pytest
import slicer
import vtk
from analysis_support import makeSeeds
from clicks import clickCell, valueOf
from FMCIBModuleLib.Scene.LesionTable import KEY_COLUMN, LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from FMCIBModuleLib.Scene.SeedSources import SEEDS_ID
from FMCIBModuleLib.Scene.SubjectHierarchy import ROLE, VOLUME, tagResult
from window_support import NODULE, near, reloadScene, settle

pytest_plugins = ["analysis_fixtures", "window_fixtures"]


def listOf(volumeNode, **points):
    """A list of seeds as the module makes one, but made by a script that knows no more than its attributes."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Script's")
    node.SetAttribute(ROLE, "seeds")
    node.SetNodeReferenceID(VOLUME, volumeNode.GetID())
    for name, ras in points.items():
        node.AddControlPointWorld(vtk.vtkVector3d(*ras), name)
    return node


def tableOf(volumeNode):
    return LesionTable(volumeNode).node


def good(stage, dialogs, *names: str) -> bool:
    """The window lists these, has told nothing, and all of its rows can be chosen."""
    settle()
    for row in range(stage.table.rowCount):
        clickCell(stage.table, row, 0)
        settle()
    assert (stage.names(), dialogs.calls, stage.message) == (list(names), [], "")
    return True


def test_a_list_of_seeds_made_by_a_script_is_listed(stage, phantomNode, dialogs):
    node = listOf(phantomNode, Mine=NODULE, Other=near(20, 0, 0))
    assert good(stage, dialogs, "Mine", "Other")
    assert node.GetAttribute(SEEDS_ID)
    assert [stage.quality(row) for row in range(2)] == ["not analysed yet"] * 2


def test_a_list_that_is_made_empty_and_filled_later_is_listed(stage, phantomNode, dialogs):
    node = listOf(phantomNode)
    settle()
    node.AddControlPointWorld(vtk.vtkVector3d(*NODULE), "Later")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")  # whatever makes the window look again
    assert good(stage, dialogs, "Later")


def test_a_second_list_of_the_same_ct_does_no_harm(stage, phantomNode, dialogs):
    stage.analysed(NODULE)
    listOf(phantomNode, Mine=near(20, 0, 0))
    settle()
    assert stage.names()[0] == "Lesion 1"
    assert dialogs.calls == []


def test_points_without_a_place_are_no_lesions(stage, phantomNode, dialogs):
    node = listOf(phantomNode, A=NODULE, B=near(20, 0, 0), C=near(0, 20, 0))
    node.UnsetNthControlPointPosition(1)
    node.SetNthControlPointPositionMissing(2)
    assert good(stage, dialogs, "A")
    node.UnsetNthControlPointPosition(0)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    assert good(stage, dialogs)


def test_a_point_without_finite_coordinates_leaves_the_rows(stage, phantomNode, dialogs):
    stage.analysed(NODULE)
    findSeedsNode(phantomNode).AddControlPointWorld(vtk.vtkVector3d(float("nan"), 0, 0), "Nowhere")
    settle()
    assert stage.names() == ["Lesion 1"]
    assert "finite" in stage.message
    assert dialogs.calls == []


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"1": "wide"}', '{"1": null}', '"text"', "{"])
def test_diameters_that_cannot_be_read_are_none(stage, phantomNode, dialogs, text):
    stage.analysed(NODULE)
    findSeedsNode(phantomNode).SetAttribute("FMCIB.Diameters", text)
    stage.window._lesions.refresh()
    assert good(stage, dialogs, "Lesion 1")
    stage.analysed(near(20, 0, 0))
    assert good(stage, dialogs, "Lesion 1", "Lesion 2")


def withoutRows(node) -> None:
    node.GetTable().SetNumberOfRows(0)


def withoutColumns(node) -> None:
    node.RemoveAllColumns()


def withoutColumn(name):
    return lambda node: node.RemoveColumn(node.GetColumnIndex(name))


def cell(name, text):
    return lambda node: node.SetCellText(0, node.GetColumnIndex(name), text)


def numbersFor(name):
    def change(node) -> None:
        node.RemoveColumn(node.GetColumnIndex(name))
        column = vtk.vtkDoubleArray()
        column.SetName(name)
        column.InsertNextValue(3.5)
        node.AddColumn(column)

    return change


def twice(node) -> None:
    node.AddEmptyRow()
    node.SetCellText(1, node.GetColumnIndex(KEY_COLUMN), node.GetCellText(0, node.GetColumnIndex(KEY_COLUMN)))


DAMAGES = {
    "no rows": withoutRows,
    "no columns": withoutColumns,
    "an empty row": lambda node: node.AddEmptyRow(),
    "the same key twice": twice,
    "numbers for keys": numbersFor(KEY_COLUMN),
    "numbers for a status": numbersFor("status"),
    **{
        f"without {name}": withoutColumn(name)
        for name in ("lesion_id", "status", "warnings", "coordX", "computed_at", "weights", "scan_grid", "patch_sha256")
    },
    **{
        f"{name} is {text!r}": cell(name, text)
        for name in (
            "status",
            "coordX",
            "computed_at",
            "weights",
            "warnings",
            "time_point",
            "patch_sha256",
            "scan_grid",
        )
        for text in ("", "?", "nan", "1e400")
    },
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("isMarked", [True, False], ids=["marked", "seed gone"])
def test_a_damaged_table_does_not_end_the_list(stage, phantomNode, dialogs, damage, isMarked):
    seeds = makeSeeds({"Mine": NODULE})
    stage.analysis.analyse(phantomNode, seeds)
    stage.answer()
    if not isMarked:
        slicer.mrmlScene.RemoveNode(seeds)
        settle()
    damage(tableOf(phantomNode))
    tableOf(phantomNode) and tableOf(phantomNode).Modified()
    stage.window._lesions.refresh()
    settle()
    for row in range(stage.table.rowCount):
        clickCell(stage.table, row, 0)
        settle()
    assert dialogs.calls == []
    stage.analysed(near(20, 0, 0))
    assert "Lesion 1" in stage.names()
    assert dialogs.calls == []


def test_a_table_of_a_script_without_seeds_is_listed_by_its_rows(stage, phantomNode, dialogs):
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    tagResult(table, phantomNode, "lesions")
    column = vtk.vtkStringArray()
    column.SetName(KEY_COLUMN)
    column.InsertNextValue("abc-1")
    table.AddColumn(column)
    settle()
    assert stage.table.rowCount == 1
    clickCell(stage.table, 0, 0)
    settle()
    assert dialogs.calls == []


def test_a_list_that_a_script_gives_to_another_ct_is_listed_there(stage, phantomNode, chest, dialogs):
    stage.analysed(NODULE)
    other = nodeFromVolume(chest, "Other")
    findSeedsNode(phantomNode).SetNodeReferenceID(VOLUME, other.GetID())
    stage.window._lesions.refresh()
    settle()
    assert dialogs.calls == []
    assert sorted(set(stage.names())) == ["Lesion 1"]


def test_a_list_of_a_ct_that_is_not_there_is_not_listed(stage, phantomNode, dialogs):
    node = listOf(phantomNode, Mine=NODULE)
    node.SetNodeReferenceID(VOLUME, "vtkMRMLScalarVolumeNode999")
    assert good(stage, dialogs)


def test_a_ct_without_voxels_lists_its_seeds(stage, dialogs):
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    listOf(empty, Mine=NODULE)
    settle()
    assert stage.names() == ["Mine"]
    assert dialogs.calls == []


def test_a_copy_of_a_list_is_none_of_the_cts(stage, phantomNode, dialogs):
    stage.analysed(NODULE)
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Copy")
    copy.Copy(findSeedsNode(phantomNode))
    settle()
    assert stage.names()[0] == "Lesion 1"
    assert dialogs.calls == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 300, "<b>bold</b> & %s", "\u202eleft"])
def test_any_name_is_one_line(stage, phantomNode, dialogs, tmp_path, name):
    listOf(phantomNode, A=NODULE).SetNthControlPointLabel(0, name)
    settle()
    assert stage.table.rowCount == 1
    assert "\n" not in stage.cell(0, 0)
    clickCell(stage.table, 0, 0)
    assert valueOf(stage.window.widget, "minimumSizeHint").width() <= 340
    reloadScene(tmp_path)
    assert stage.table.rowCount == 1
    assert dialogs.calls == []
