"""A radiologist clicks on the known nodule in a slice view: a point, a patch, and the golden features."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import GOLDEN_CASES, makeSeeds, rowsOf, spinUntilFinished
from fmcib_engine import pipeline
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.readers import read_volume
from FMCIBModuleLib.Scene.LesionInScene import BOX_COLOR
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import pointToRas, volumeFromNode
from FMCIBModuleLib.Scene.SeedSources import seedsFromMarkups
from support import needs_data, needs_golden
from views import clickAt, isPlacing, pixelOf, pixels, pixelSize, showAt, sliceView, startPlacing

pytest_plugins = ["analysis_fixtures"]
pytestmark = [needs_data, needs_golden]

VIEWS = ("Red", "Yellow", "Green")
CASES = ("lidc-0314", "lidc-0314-RAS", "lidc-0314-PIR", "lidc-0314-LAI", "lidc-0314-oblique")
TRANSLATION = np.array([[1, 0, 0, 12.25], [0, 1, 0, -7.5], [0, 0, 1, 30.0], [0, 0, 0, 1]])


def rotation() -> np.ndarray:
    """20 degrees about an axis that is none of the patient's, and a little away."""
    transform = vtk.vtkTransform()
    transform.Translate(5.0, -3.0, 8.0)
    transform.RotateWXYZ(20.0, 0.3, 0.5, 0.8)
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())


def loadScan(scanPath, case: str, toParent: np.ndarray | None = None):
    """The volume node of a golden case, under a transform or none, and the known nodule in world RAS mm."""
    node = slicer.util.loadVolume(str(scanPath(GOLDEN_CASES[case].image)))
    seed = pointToRas(PatientPoint(*GOLDEN_CASES[case].seed))
    if toParent is None:
        return node, seed
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(toParent))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return node, tuple((toParent @ (*seed, 1.0))[:3])


def show(volumeNode, viewName: str, center) -> slicer.vtkMRMLSliceNode:
    """The scan in a view, which shows 120 mm, with a point in the very middle of a pixel near the view's centre."""
    slicer.util.setSliceViewerLayers(background=volumeNode, fit=True)
    sliceNode = slicer.app.layoutManager().sliceWidget(viewName).mrmlSliceNode()
    width, height, _ = sliceNode.GetDimensions()
    sliceNode.SetFieldOfView(120.0, 120.0 * height / width, sliceNode.GetFieldOfView()[2])
    sliceNode.JumpSliceByCentering(*center)
    beside = np.subtract(sliceView(viewName).convertRASToXYZ(list(center)), pixelOf(viewName, center))
    toRas = slicer.util.arrayFromVTKMatrix(sliceNode.GetXYToRAS())[:3, :3]
    sliceNode.JumpSliceByCentering(*(center + toRas @ (*beside[:2], 0.0)))
    return sliceNode


@pytest.fixture
def seedsNode():
    """A list of points into which the next click goes."""
    node = makeSeeds({})
    startPlacing(node)
    return node


def nearestInPlane(sliceNode, ras) -> np.ndarray:
    """From a point to its projection on the slice, mm."""
    matrix = slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())
    normal = matrix[:3, 2]
    return -normal * float(normal @ np.subtract(ras, matrix[:3, 3]))


def distance(features: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(features - reference) / np.linalg.norm(reference))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("viewName", VIEWS)
def test_a_click_on_the_nodule_gives_the_golden_features(referenceLogic, scanPath, seedsNode, golden, viewName, case):
    volumeNode, nodule = loadScan(scanPath, case)
    referenceLogic.watch(volumeNode, seedsNode)
    show(volumeNode, viewName, nodule)
    clickAt(viewName, nodule)
    assert seedsNode.GetNumberOfDefinedControlPoints() == 1
    assert np.abs(np.subtract(seedsNode.GetNthControlPointPositionWorld(0), nodule)).max() <= pixelSize(viewName)
    spinUntilFinished(referenceLogic)
    (row,) = rowsOf(volumeNode)
    assert (row["status"], row["error"]) == ("ok", "")
    assert distance(LesionTable(volumeNode).features(row["lesion_key"]), golden[f"{case}/features"]) < 1e-4
    patch = slicer.util.arrayFromVolume(referenceLogic.showPatch(volumeNode, row["lesion_key"]))
    assert np.abs(patch - golden[f"{case}/patch"]).max() < 1e-5


@pytest.mark.parametrize("viewName", VIEWS)
def test_a_click_beside_the_middle_is_within_a_pixel_and_is_what_is_analysed(logic, scanPath, seedsNode, viewName):
    volumeNode, nodule = loadScan(scanPath, "lidc-0314-PIR")
    logic.watch(volumeNode, seedsNode)
    sliceNode = show(volumeNode, viewName, np.add(nodule, (3.1, -4.2, 5.3)))
    inPlane = nodule + nearestInPlane(sliceNode, nodule)
    clickAt(viewName, nodule)
    assert np.abs(np.subtract(seedsNode.GetNthControlPointPositionWorld(0), inPlane)).max() <= pixelSize(viewName)
    spinUntilFinished(logic)
    (row,), (seed,) = rowsOf(volumeNode), seedsFromMarkups(seedsNode)
    scan = read_volume(scanPath(GOLDEN_CASES["lidc-0314-PIR"].image))
    patch = slicer.util.arrayFromVolume(logic.showPatch(volumeNode, row["lesion_key"]))
    assert np.abs(patch - pipeline.cut(scan, seed.point).array).max() < 1e-5


@pytest.mark.parametrize("case", CASES)
def test_a_click_on_a_translated_scan_gives_the_golden_features(referenceLogic, scanPath, seedsNode, golden, case):
    volumeNode, nodule = loadScan(scanPath, case, TRANSLATION)
    show(volumeNode, "Red", nodule)
    clickAt("Red", nodule)
    referenceLogic.analyse(volumeNode, seedsNode, wait=True)
    (row,) = rowsOf(volumeNode)
    assert distance(LesionTable(volumeNode).features(row["lesion_key"]), golden[f"{case}/features"]) < 1e-4
    assert "moved by a transform" in row["warnings"]


@pytest.mark.parametrize(("case", "viewName"), [(case, VIEWS[index % 3]) for index, case in enumerate(CASES)])
def test_a_click_on_a_rotated_scan_is_the_engine_on_the_hardened_one(
    logic, scanPath, seedsNode, tmp_path, viewName, case
):
    volumeNode, nodule = loadScan(scanPath, case, rotation())
    show(volumeNode, viewName, nodule)
    clickAt(viewName, nodule)
    logic.analyse(volumeNode, seedsNode, wait=True)
    (row,), (seed,) = rowsOf(volumeNode), seedsFromMarkups(seedsNode)
    hardened = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    hardened.CopyContent(volumeNode)
    hardened.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    hardened.HardenTransform()
    assert slicer.util.saveNode(hardened, str(tmp_path / "hardened.nrrd"))
    scan = read_volume(tmp_path / "hardened.nrrd")
    assert np.abs(scan.grid.corners() - volumeFromNode(volumeNode).grid.corners()).max() < 1e-3
    patch = slicer.util.arrayFromVolume(logic.showPatch(volumeNode, row["lesion_key"]))
    assert np.abs(patch - pipeline.cut(scan, seed.point).array).max() < 1e-3
    assert np.abs(np.subtract(pointToRas(seed.point), nodule)).max() < 0.3


def test_place_mode_ends_after_one_point_and_a_second_click_places_none(scanPath, seedsNode):
    volumeNode, nodule = loadScan(scanPath, "lidc-0314")
    show(volumeNode, "Red", nodule)
    clickAt("Red", nodule)
    assert not isPlacing()
    clickAt("Red", np.add(nodule, (15.0, 15.0, 0.0)))
    assert seedsNode.GetNumberOfDefinedControlPoints() == 1


@pytest.mark.parametrize("viewName", VIEWS)
def test_the_box_is_seen_around_the_nodule_in_its_own_colour(logic, phantomNode, noduleSeeds, viewName):
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    (box,) = slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
    showAt(viewName, noduleSeeds.GetNthControlPointPositionWorld(0))
    amber = np.abs(pixels(viewName).astype(int) - np.round(np.multiply(BOX_COLOR, 255)).astype(int)).max(axis=2) < 8
    rows, columns = np.nonzero(amber)
    middle = sliceView(viewName).convertRASToXYZ(list(box.GetCenterWorld()))
    height = amber.shape[0]
    half = 25.0 / pixelSize(viewName)
    assert columns.min() == pytest.approx(middle[0] - half, abs=3)
    assert columns.max() == pytest.approx(middle[0] + half, abs=3)
    assert height - 1 - rows.max() == pytest.approx(middle[1] - half, abs=3)
    assert height - 1 - rows.min() == pytest.approx(middle[1] + half, abs=3)
