"""Rows of the scene as the file that is exported: whole, numbered, without names of folders."""

from __future__ import annotations

import csv

import pytest
import slicer
from analysis_support import rowsOf
from fmcib_engine.errors import OutputError
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Analysis.Export import exportTable
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas

pytest_plugins = ["analysis_fixtures"]

NODULE = pointToRas(PHANTOM_SEED)
SERIES = "1.2.840.113619.2.55.3"


@pytest.fixture
def logic(handLogic):
    return handLogic


def exported(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_of_several_scans_are_numbered_through(logic, phantomNode, twoSeeds, chest, tmp_path):
    other = nodeFromVolume(chest, "Follow-up")
    for node in (phantomNode, other):
        logic.analyse(node, twoSeeds, wait=True)
    assert exportTable([phantomNode, other], tmp_path / "features.csv") == 4
    rows = exported(tmp_path / "features.csv")
    assert [row["row"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["image_path"] for row in rows] == ["scan 1", "scan 1", "scan 2", "scan 2"]


def test_lesions_of_two_networks_are_not_mixed(logic, phantomNode, twoSeeds, tmp_path):
    logic.analyse(phantomNode, twoSeeds, wait=True)
    node = LesionTable(phantomNode).node
    node.SetCellText(1, node.GetColumnIndex("encoder_id"), "another")
    with pytest.raises(OutputError, match="another, fmcib"):
        exportTable([phantomNode], tmp_path / "features.csv")


def test_series_and_folders_are_written_only_where_that_is_asked_for(logic, phantomNode, twoSeeds, tmp_path):
    folder = tmp_path / "DOE^JOHN"
    folder.mkdir()
    assert slicer.util.saveNode(phantomNode, str(folder / "scan.nrrd"))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(phantomNode) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), phantomNode)
    hierarchy.SetItemUID(item, "DICOM", SERIES)
    logic.analyse(phantomNode, twoSeeds, wait=True)
    assert "DOE" not in str(rowsOf(phantomNode))
    for identifiers in (False, True):
        exportTable([phantomNode], folder / "features.csv", identifiers=identifiers, overwrite=True)
        rows = exported(folder / "features.csv")
        assert {row["image_path"] for row in rows} == {"scan.nrrd" if identifiers else "scan 1"}
        assert {row["series_uid"] for row in rows} == {SERIES if identifiers else ""}


def test_rows_without_their_features_are_not_exported_as_complete(logic, phantomNode, twoSeeds, tmp_path):
    logic.analyse(phantomNode, twoSeeds, wait=True)
    slicer.mrmlScene.RemoveNode(LesionTable(phantomNode).featuresNode)
    with pytest.raises(OutputError, match="features of 2 lesions"):
        exportTable([phantomNode], tmp_path / "features.csv")
    assert not list(tmp_path.iterdir())


def test_a_table_of_an_earlier_version_gets_its_cells_in_the_right_columns(logic, phantomNode, twoSeeds):
    logic.analyse(phantomNode, twoSeeds, wait=True)
    before = rowsOf(phantomNode)
    LesionTable(phantomNode).node.RemoveColumn(LesionTable(phantomNode).node.GetColumnIndex("scan_reader"))
    assert rowsOf(phantomNode)[0]["scan_reader"] == ""
    logic.analyse(phantomNode, twoSeeds, wait=True)
    logic.renameLesion(phantomNode, before[0]["lesion_key"], "renamed")
    after = rowsOf(phantomNode)
    different = {name for one, two in zip(before, after, strict=True) for name in one if one[name] != two[name]}
    assert different - {"computed_at"} == {"lesion_id"}
