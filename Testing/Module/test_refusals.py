"""What is no CT is refused with a sentence before anything is computed; what may be none is analysed with a warning."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from analysis_support import makeSeeds, rowsOf
from fmcib_engine.errors import FmcibError

pytest_plugins = ["analysis_fixtures"]


def volumeNode(array: np.ndarray, className: str = "vtkMRMLScalarVolumeNode"):
    return slicer.util.addVolumeFromArray(array, nodeClassName=className, name="Scan")


def mrLike() -> np.ndarray:
    """Values of an MR: none below 0."""
    return np.random.default_rng(0).integers(0, 900, (70, 70, 70), dtype=np.int16)


REFUSED = {
    "label map": (np.ones((60, 60, 60), np.uint8), "vtkMRMLLabelMapVolumeNode", "label map"),
    "colours": (np.ones((60, 60, 60, 3), np.uint8), "vtkMRMLVectorVolumeNode", "several"),
    "single slice": (np.zeros((1, 60, 60), np.int16), "vtkMRMLScalarVolumeNode", "single slice"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_ct_is_refused_with_a_sentence_and_leaves_nothing(logic, kind):
    array, className, words = REFUSED[kind]
    node = volumeNode(array, className)
    with pytest.raises(FmcibError, match=words):
        logic.analyse(node, makeSeeds({"A": (5.0, 5.0, 0.0)}), wait=True)
    assert not logic.isBusy
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_no_volume_at_all_is_refused(logic):
    with pytest.raises(FmcibError, match="no volume is chosen"):
        logic.analyse(None, makeSeeds({"A": (5.0, 5.0, 0.0)}))


def test_a_volume_that_the_scene_knows_as_mr_is_refused(logic):
    node = volumeNode(mrLike())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "MR")
    with pytest.raises(FmcibError, match="modality 'MR'"):
        logic.analyse(node, makeSeeds({"A": (35.0, 35.0, 35.0)}), wait=True)


def test_an_mr_that_nobody_knows_as_one_is_analysed_with_a_warning(logic):
    node = volumeNode(mrLike())
    logic.analyse(node, makeSeeds({"A": (35.0, 35.0, 35.0)}), wait=True)
    (row,) = rowsOf(node)
    assert row["status"] == "ok"
    assert "no voxel of the patch is below 0 HU" in row["warnings"]


def test_seeds_that_are_a_curve_are_refused(logic, phantomNode):
    curve = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode")
    with pytest.raises(FmcibError, match="Place a point in each lesion"):
        logic.analyse(phantomNode, curve, wait=True)


def test_a_scan_under_a_warp_is_refused_and_says_what_to_do(logic, phantomNode, noduleSeeds):
    import vtk

    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    spline = vtk.vtkThinPlateSplineTransform()
    points = vtk.vtkPoints(), vtk.vtkPoints()
    for index, corner in enumerate(np.ndindex(2, 2, 2)):
        points[0].InsertNextPoint(*(100.0 * c for c in corner))
        points[1].InsertNextPoint(*(100.0 * c + index for c in corner))
    spline.SetBasisToR()
    spline.SetSourceLandmarks(points[0])
    spline.SetTargetLandmarks(points[1])
    warp.SetAndObserveTransformToParent(spline)
    phantomNode.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(FmcibError, match="harden the transform"):
        logic.analyse(phantomNode, noduleSeeds, wait=True)
