"""What the user does to seeds: placed, dragged, renamed, removed; and what becomes of their lesions."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import makeSeeds, rowsOf, spinUntilFinished
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Scene.SeedSources import seedsFromMarkups

pytest_plugins = ["analysis_fixtures"]

NODULE_RAS = pointToRas(PHANTOM_SEED)


@pytest.fixture
def seedsNode(phantomNode):
    return makeSeeds({})


@pytest.fixture
def watching(logic, phantomNode, seedsNode):
    logic.watch(phantomNode, seedsNode)
    return logic


def place(seedsNode, name: str, ras) -> int:
    return seedsNode.AddControlPointWorld(vtk.vtkVector3d(*ras), name)


def shifted(millimetres: float):
    return (NODULE_RAS[0] + millimetres, *NODULE_RAS[1:])


def test_a_placed_seed_is_analysed(watching, phantomNode, seedsNode):
    place(seedsNode, "A", NODULE_RAS)
    assert watching.isBusy
    spinUntilFinished(watching)
    assert [(row["lesion_id"], row["status"]) for row in rowsOf(phantomNode)] == [("A", "ok")]


def test_a_point_that_is_only_previewed_is_no_lesion(watching, seedsNode):
    index = place(seedsNode, "A", NODULE_RAS)
    watching.cancel()
    seedsNode.UnsetNthControlPointPosition(index)
    point = slicer.vtkMRMLMarkupsNode.PositionPreview
    seedsNode.SetNthControlPointPositionWorld(index, *shifted(3), point)
    assert not watching.isBusy


def test_a_dragged_seed_is_stale_at_once_and_analysed_when_it_is_let_go(watching, phantomNode, seedsNode):
    place(seedsNode, "A", NODULE_RAS)
    spinUntilFinished(watching)
    changes = []
    watching.changed.connect(lambda node, key: changes.append(key))
    seedsNode.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    for step in range(1, 5):
        seedsNode.SetNthControlPointPositionWorld(0, *shifted(step))
    assert len(changes) == 4
    assert watching.freshness.isStale(phantomNode, seedsFromMarkups(seedsNode)[0])
    assert not watching.isBusy
    seedsNode.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    assert watching.isBusy
    spinUntilFinished(watching)
    assert not watching.freshness.isStale(phantomNode, seedsFromMarkups(seedsNode)[0])
    assert len(rowsOf(phantomNode)) == 1


def test_a_seed_dragged_while_it_is_analysed_ends_where_it_was_let_go(watching, phantomNode, seedsNode):
    place(seedsNode, "A", NODULE_RAS)
    for step in range(1, 4):
        seedsNode.SetNthControlPointPositionWorld(0, *shifted(step))
    spinUntilFinished(watching)
    (row,) = rowsOf(phantomNode)
    assert float(row["coordX"]) == pytest.approx(-shifted(3)[0])


def test_a_renamed_seed_renames_its_row_also_while_it_is_analysed(watching, phantomNode, seedsNode):
    place(seedsNode, "A", NODULE_RAS)
    seedsNode.SetNthControlPointLabel(0, "B")
    spinUntilFinished(watching)
    assert rowsOf(phantomNode)[0]["lesion_id"] == "B"
    seedsNode.SetNthControlPointLabel(0, "C")
    assert rowsOf(phantomNode)[0]["lesion_id"] == "C"
    assert not watching.isBusy


def test_a_removed_seed_takes_its_row_and_nodes_along(watching, phantomNode, seedsNode):
    place(seedsNode, "A", NODULE_RAS)
    place(seedsNode, "B", shifted(4))
    spinUntilFinished(watching)
    watching.showPatch(phantomNode, rowsOf(phantomNode)[0]["lesion_key"])
    seedsNode.RemoveNthControlPoint(0)
    assert [row["lesion_id"] for row in rowsOf(phantomNode)] == ["B"]
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 1
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
    place(seedsNode, "C", shifted(8))
    seedsNode.RemoveAllControlPoints()
    assert not watching.isBusy
    assert rowsOf(phantomNode) == []


def test_nothing_is_analysed_by_itself_where_the_user_does_not_want_it(logic, phantomNode, seedsNode):
    logic.watch(phantomNode, seedsNode, analyseOnPlacing=False)
    place(seedsNode, "A", NODULE_RAS)
    assert not logic.isBusy
    logic.analyse(phantomNode, seedsNode, wait=True)
    seedsNode.SetNthControlPointPositionWorld(0, *shifted(2))
    assert not logic.isBusy
    assert logic.freshness.isStale(phantomNode, seedsFromMarkups(seedsNode)[0])


def test_a_moved_scan_or_seeds_node_is_told(watching, phantomNode, seedsNode):
    place(seedsNode, "A", NODULE_RAS)
    spinUntilFinished(watching)
    changes = []
    watching.changed.connect(lambda node, key: changes.append(key))
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 6.0)
    transform.SetMatrixTransformToParent(matrix)
    phantomNode.SetAndObserveTransformNodeID(transform.GetID())
    (key,) = {row["lesion_key"] for row in rowsOf(phantomNode)}
    assert key in changes
    assert watching.freshness.isStale(phantomNode, seedsFromMarkups(seedsNode)[0])
    seedsNode.SetAndObserveTransformNodeID(transform.GetID())
    assert watching.isBusy
    spinUntilFinished(watching)
    (row,) = rowsOf(phantomNode)
    assert float(row["coordX"]) == pytest.approx(-shifted(6)[0])
    assert not watching.freshness.isStale(phantomNode, seedsFromMarkups(seedsNode)[0])


def test_a_scan_moved_by_its_header_is_told_and_one_only_renamed_is_not(watching, phantomNode, seedsNode):
    place(seedsNode, "A", NODULE_RAS)
    spinUntilFinished(watching)
    changes = []
    watching.changed.connect(lambda node, key: changes.append(key))
    phantomNode.SetName("Another name")
    phantomNode.SetDescription("Another text")
    assert changes == []
    phantomNode.SetOrigin(*np.add(phantomNode.GetOrigin(), (2.0, 0.0, 0.0)))
    assert changes == [row["lesion_key"] for row in rowsOf(phantomNode)]
    assert watching.freshness.isStale(phantomNode, seedsFromMarkups(seedsNode)[0])


def test_a_scan_that_is_none_is_told_once_for_each_click(watching, phantomNode, seedsNode):
    failures = []
    watching.failed.connect(failures.append)
    item = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    scan = item.GetItemByDataNode(phantomNode) or item.CreateItem(item.GetSceneItemID(), phantomNode)
    item.SetItemAttribute(scan, "DICOM.Modality", "MR")
    place(seedsNode, "A", NODULE_RAS)
    (message,) = failures
    assert "'MR'" in message
    assert not watching.isBusy


def test_nothing_is_watched_after_the_scene_was_closed(watching, seedsNode):
    slicer.mrmlScene.Clear(0)
    changes = []
    watching.changed.connect(lambda node, key: changes.append(key))
    place(seedsNode, "A", NODULE_RAS)
    seedsNode.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    assert not watching.isBusy
    assert changes == []
