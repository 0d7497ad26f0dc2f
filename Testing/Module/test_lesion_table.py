"""The tables of a CT's lesions: exact, in the user's order, and the same after the scene was saved."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fmcib_engine.results.schema import COLUMNS
from FMCIBModuleLib.Scene.LesionTable import GRID_COLUMN, KEY_COLUMN, LesionTable

pytest_plugins = ["analysis_fixtures"]


@pytest.fixture
def table(phantomNode):
    return LesionTable(phantomNode)


def cells(name: str, **others: str) -> dict[str, str]:
    return {column.name: "" for column in COLUMNS} | {"lesion_id": name, GRID_COLUMN: "abc"} | others


def someFeatures(seed: int = 0) -> list[str]:
    return np.random.default_rng(seed).normal(size=4096).astype(np.float32).astype(str).tolist()


def test_a_ct_without_results_has_no_tables(table):
    assert table.node is None
    assert table.featuresNode is None
    assert table.keys() == []
    assert table.row("a") is None
    assert table.features("a") is None
    table.remove("a")
    table.rename("a", "b")


def test_features_come_back_as_the_same_float32(table):
    table.write("a", cells("A"), someFeatures())
    assert table.features("a").dtype == np.float32
    assert table.features("a").tolist() == np.array(someFeatures(), dtype=np.float32).tolist()


def test_a_row_keeps_each_digit(table):
    table.write("a", cells("A", coordX="-56.468750000000014"), someFeatures())
    assert table.row("a")["coordX"] == "-56.468750000000014"
    assert table.row("a")[KEY_COLUMN] == "a"


def test_rows_are_in_the_order_that_was_asked_for_whatever_is_ready_first(table):
    order = ("a", "b", "c")
    for key in ("b", "c", "a"):
        table.write(key, cells(key), [], order)
    assert table.keys() == ["a", "b", "c"]
    assert [table.row(key)["row"] for key in order] == ["1", "2", "3"]
    table.write("d", cells("d"), [], ("d",))
    table.write("b", cells("b again"), [], ("b",))
    assert table.keys() == ["a", "b", "c", "d"]
    assert table.row("b")["lesion_id"] == "b again"


def test_a_removed_lesion_leaves_neither_row_nor_features_and_the_others_are_numbered_anew(table):
    for seed, key in enumerate("abc"):
        table.write(key, cells(key), someFeatures(seed))
    table.remove("b")
    assert table.keys() == ["a", "c"]
    assert table.row("c")["row"] == "2"
    assert table.features("b") is None
    assert table.features("c").tolist() == np.array(someFeatures(2), dtype=np.float32).tolist()


def test_an_error_takes_the_former_features_away(table):
    table.write("a", cells("A"), someFeatures())
    table.write("a", cells("A", status="error"), [])
    assert table.features("a") is None
    assert table.row("a")["status"] == "error"


def test_numbers_cannot_be_typed_over_and_columns_say_what_they_mean(table):
    table.write("a", cells("A"), someFeatures())
    assert table.node.GetLocked()
    assert table.featuresNode.GetLocked()
    assert table.node.GetColumnUnitLabel("coordX") == "mm"
    for column in COLUMNS:
        assert table.node.GetColumnDescription(column.name) == column.meaning
    assert table.node.GetColumnDescription(KEY_COLUMN)


def test_two_cts_have_tables_of_their_own(table, chest):
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume

    other = LesionTable(nodeFromVolume(chest, "Other"))
    table.write("a", cells("A"), someFeatures())
    other.write("b", cells("B"), someFeatures(1))
    assert table.keys() == ["a"]
    assert other.keys() == ["b"]
    assert table.node is not other.node


NASTY = 'a "quoted", tabbed\tand broken\nline; with ünïcödé, ;semicolons, and a trailing quote"'


def test_a_saved_and_loaded_scene_has_the_same_tables(table, tmp_path):
    table.write("x-1", cells(NASTY, coordX="0.1", warnings=""), someFeatures())
    table.write("x-2", cells("", error=NASTY), [])
    before = [(table.row(key), table.featureTexts(key)) for key in table.keys()]  # noqa: SIM118
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    loaded = LesionTable(slicer.mrmlScene.GetFirstNodeByName("Phantom"))
    assert [(loaded.row(key), loaded.featureTexts(key)) for key in loaded.keys()] == before  # noqa: SIM118
    assert loaded.node.GetColumnUnitLabel("coordX") == "mm"


def test_a_table_of_an_earlier_version_is_read_reordered_and_written(table):
    """It has no column for what nobody told then."""
    for key in ("a", "b"):
        table.write(key, cells(key, seed_on_voxel_edge="true"), [])
    table.node.GetTable().RemoveColumnByName("seed_on_voxel_edge")
    assert table.row("a")["seed_on_voxel_edge"] == ""
    table.swap("a", "b")
    assert [(key, table.row(key)["lesion_id"], table.row(key)["seed_on_voxel_edge"]) for key in table.keys()] == [  # noqa: SIM118
        ("b", "b", ""),
        ("a", "a", ""),
    ]
    table.write("a", cells("a", seed_on_voxel_edge="false"), [])
    assert [table.row(key)["seed_on_voxel_edge"] for key in table.keys()] == ["", "false"]  # noqa: SIM118


def test_tables_stand_under_their_ct_in_the_subject_hierarchy(table, phantomNode):
    table.write("a", cells("A"), someFeatures())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    scan = hierarchy.GetItemByDataNode(phantomNode)
    for node in (table.node, table.featuresNode):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == scan


def test_a_scene_saved_without_its_data_begins_anew(table, tmp_path):
    """A .mrml file alone names the tables, but their files were never written."""
    table.write("a", cells("A"), [])
    assert slicer.util.saveScene(str(tmp_path / "scene.mrml"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrml"))
    loaded = LesionTable(slicer.mrmlScene.GetFirstNodeByName("Phantom"))
    assert loaded.keys() == []
    loaded.write("a", cells("A"), someFeatures())
    assert loaded.keys() == ["a"]


def headCells(name: str, sha256: str, **values: str) -> dict[str, str]:
    return {f"{name}:{output}": text for output, text in values.items()} | {
        f"{name}:note": 'label: "what"; trained on: nobody', f"{name}:sha256": sha256
    }  # fmt: skip


def test_what_heads_say_stands_in_the_row_in_columns_that_say_what_they_mean(table):
    table.write("a", cells("A", **headCells("site", "1", **{"soft tissue": "0.25", "lung": "0.75"})), [])
    table.write("b", cells("B", **headCells("life", "2", log_relative_hazard="-1.5", survival_2_years="0.4")), [])
    table.write("c", cells("C"), [])
    names = ["site:soft tissue", "site:lung", "site:note", "site:sha256"]
    assert table.headColumns()[:4] == names
    assert table.row("a")["site:lung"] == "0.75"
    assert table.row("a")["site:note"] == "label: 'what'; trained on: nobody"
    assert table.row("b")["site:lung"] == table.row("c")["life:sha256"] == ""
    assert "what a head gives a class" in table.node.GetColumnDescription("site:lung")
    assert "log of the hazard" in table.node.GetColumnDescription("life:log_relative_hazard")
    assert "probability to live" in table.node.GetColumnDescription("life:survival_2_years")


def test_columns_of_a_head_go_with_the_last_lesion_of_which_it_says_anything(table):
    for key, sha256 in (("a", "1"), ("b", "2")):
        table.write(key, cells(key, **headCells("site", sha256, **{sha256: "0.5"})), [])
    assert table.headColumns() == ["site:1", "site:2", "site:note", "site:sha256"]
    table.write("a", cells("A"), [])
    assert table.headColumns() == ["site:2", "site:note", "site:sha256"]
    table.remove("b")
    assert table.headColumns() == []


def test_what_heads_say_is_the_same_after_the_scene_was_saved(table, tmp_path):
    table.write("a", cells("A", **headCells("site", "1", **{"soft tissue": "0.1234567890123456"})), [])
    table.swap("a", "a")
    before = table.row("a")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    loaded = LesionTable(slicer.mrmlScene.GetFirstNodeByName("Phantom"))
    assert loaded.row("a") == before
    assert loaded.node.GetColumnUnitLabel("site:soft tissue") == "1"
