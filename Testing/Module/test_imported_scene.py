"""A saved scene is imported into the one that it was saved from: two scans, each with its own lesions."""

from __future__ import annotations

import pytest
import slicer
import vtk
from analysis_support import makeSeeds, rowsOf
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.ImportedScene import giveOwnKeys
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Scene.SeedSources import seedsFromMarkups

pytest_plugins = ["analysis_fixtures"]

NODULE = pointToRas(PHANTOM_SEED)


@pytest.fixture
def logic(handLogic):
    return handLogic


@pytest.fixture
def imported(logic, phantomNode, tmp_path):
    """Scan and seeds of the original, and those of the copy."""
    seeds = makeSeeds({"A": NODULE, "B": (NODULE[0] + 3, *NODULE[1:])})
    logic.analyse(phantomNode, seeds, wait=True)
    logic.showPatch(phantomNode, rowsOf(phantomNode)[0]["lesion_key"])
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), properties={"clear": False})
    scans = [n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if n.GetName() == phantomNode.GetName()]
    _, copy = scans
    _, copyOfSeeds = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    return phantomNode, seeds, copy, copyOfSeeds


def nodesOf(volumeNode, key: str) -> int:
    """How many boxes and patches a lesion has."""
    return sum(
        node.GetAttribute("FMCIB.Lesion") == key and node.GetNodeReferenceID("FMCIB.Volume") == volumeNode.GetID()
        for node in slicer.mrmlScene.GetNodes()
    )


def test_keys_of_the_copy_are_its_own_and_fit_together(imported):
    for scan, seeds in (imported[:2], imported[2:]):
        keys = [seed.key for seed in seedsFromMarkups(seeds)]
        assert LesionTable(scan).keys() == keys
        assert all(LesionTable(scan).features(key) is not None for key in keys)
        assert [nodesOf(scan, key) for key in keys] == [2, 1]
    original, _, copy, _ = imported
    assert not set(LesionTable(original).keys()) & set(LesionTable(copy).keys())


def test_a_lesion_of_the_copy_is_analysed_and_removed_without_the_original(logic, imported):
    original, seeds, copy, copyOfSeeds = imported
    before = rowsOf(original)
    logic.analyse(copy, copyOfSeeds, wait=True)
    assert [row["lesion_id"] for row in rowsOf(copy)] == ["A", "B"]
    logic.removeLesion(copy, LesionTable(copy).keys()[0])
    assert (seeds.GetNumberOfControlPoints(), copyOfSeeds.GetNumberOfControlPoints()) == (2, 1)
    assert rowsOf(original) == before
    assert [row["lesion_id"] for row in rowsOf(copy)] == ["B"]


def test_a_scene_that_is_loaded_alone_keeps_its_keys(logic, imported, tmp_path):
    original = imported[0]
    before = [rowsOf(scan) for scan in imported[::2]]
    assert slicer.util.saveScene(str(tmp_path / "both.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "both.mrb"))
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    scans = [node for node in volumes if not node.GetNodeReferenceID("FMCIB.Volume")]
    assert [rowsOf(scan) for scan in scans] == before
    assert original not in scans


def test_a_table_with_new_keys_is_one_to_save(tmp_path):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    keys = vtk.vtkStringArray()
    keys.SetName("lesion_key")
    keys.InsertNextValue("1234abcd-1")
    node.AddColumn(keys)
    node.SetAttribute("FMCIB.Role", "lesions")
    assert slicer.util.saveNode(node, str(tmp_path / "lesions.tsv"))
    assert not node.GetModifiedSinceRead()
    giveOwnKeys([node], {"1234abcd"})
    assert node.GetModifiedSinceRead()
