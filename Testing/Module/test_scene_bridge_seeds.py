"""Seeds out of control points, ROIs and segments: where they lie in the patient, and that their keys stay theirs."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from fmcib_engine.errors import SeedError
from FMCIBModuleLib.Scene.SceneBridge import pointToRas, volumeFromNode
from FMCIBModuleLib.Scene.SeedSources import seedsFromMarkups, seedsIdOf
from nodes import DIRECTIONS, LPS_TO_RAS, PARENTS, addressPhantom, addVolume, composed, putUnder, putUnderBending

POINTS = {"upper": (10.5, -20.25, -500.0), "lower lobe": (-35.75, 42.125, -610.5)}


def addPoints(points=POINTS):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "F")
    for label, position in points.items():
        node.AddControlPoint(vtk.vtkVector3d(position), label)
    return node


def addRoi(size=(20.0, 36.0, 12.0), center=(10.0, 20.0, -500.0)):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "R")
    node.SetCenter(*center)
    node.SetSize(*size)
    return node


def moved(matrices, ras):
    return (composed(matrices) @ (*ras, 1.0))[:3]


def assertAt(seed, ras, atol=1e-9):
    np.testing.assert_allclose(pointToRas(seed.point), ras, rtol=0, atol=atol)


def test_points_are_seeds_with_the_users_labels_to_the_last_bit():
    seeds = seedsFromMarkups(addPoints({"upper": (10.1, -20.3, 1 / 3)}))
    assert [(seed.label, pointToRas(seed.point), seed.diameterMm) for seed in seeds] == [
        ("upper", (10.1, -20.3, 1 / 3), None)
    ]


@pytest.mark.parametrize("parents", PARENTS.values(), ids=PARENTS)
def test_points_lie_where_their_transforms_put_them(parents):
    node = addPoints()
    putUnder(node, parents)
    for seed, position in zip(seedsFromMarkups(node), POINTS.values(), strict=True):
        assertAt(seed, moved(parents, position))


def test_points_lie_where_a_non_linear_transform_puts_them():
    node = addPoints()
    spline = putUnderBending(node)
    for seed, position in zip(seedsFromMarkups(node), POINTS.values(), strict=True):
        assertAt(seed, spline.TransformPoint(position), atol=1e-6)
        assert abs(pointToRas(seed.point)[2] - position[2]) > 0.5


def test_a_seed_and_its_scan_under_the_same_transform_keep_the_voxel():
    for direction in DIRECTIONS.values():
        volumeNode = addVolume(addressPhantom(direction))
        place = volumeFromNode(volumeNode).grid.to_patient((4, 3, 2))
        seedsNode = addPoints({"": tuple((LPS_TO_RAS @ (*place, 1.0))[:3])})
        putUnder(volumeNode, PARENTS["nested"])
        seedsNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        (seed,) = seedsFromMarkups(seedsNode)
        np.testing.assert_allclose(volumeFromNode(volumeNode).grid.to_index(seed.point), (4, 3, 2), atol=1e-9)


def test_points_that_are_not_placed_are_left_out():
    node = addPoints()
    node.AddControlPoint(vtk.vtkVector3d(1, 2, 3), "hovering")
    node.SetNthControlPointPosition(2, 1, 2, 3, slicer.vtkMRMLMarkupsNode.PositionPreview)
    node.AddControlPoint(vtk.vtkVector3d(1, 2, 3), "unset")
    node.UnsetNthControlPointPosition(3)
    node.AddControlPoint(vtk.vtkVector3d(1, 2, 3), "missing")
    node.SetNthControlPointPositionMissing(4)
    assert [seed.label for seed in seedsFromMarkups(node)] == ["upper", "lower lobe"]


def test_keys_stay_while_points_are_moved_renamed_reordered_and_removed():
    node = addPoints({"a": (0, 0, 0), "b": (1, 1, 1), "c": (2, 2, 2)})
    keys = {seed.label: seed.key for seed in seedsFromMarkups(node)}
    assert len(set(keys.values())) == 3
    node.SetNthControlPointPositionWorld(1, 50, 60, 70)
    node.SetNthControlPointLabel(2, "new name")
    node.SwapControlPoints(1, 2)
    node.RemoveNthControlPoint(0)
    node.SetName("G")
    assert [(seed.label, seed.key) for seed in seedsFromMarkups(node)] == [("new name", keys["c"]), ("b", keys["b"])]


def test_keys_are_saved_with_the_scene(tmp_path):
    keys = [seed.key for seed in seedsFromMarkups(addPoints())]
    slicer.util.saveNode(slicer.util.getNode("F"), str(tmp_path / "F.mrk.json"))
    slicer.util.saveScene(str(tmp_path / "scene.mrml"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrml"))
    assert [seed.key for seed in seedsFromMarkups(slicer.util.getNode("F"))] == keys


@pytest.mark.parametrize("askedFirst", ["original", "copy"])
def test_a_copy_of_a_node_has_keys_of_its_own(askedFirst):
    original = addPoints()
    keys = {seed.key for seed in seedsFromMarkups(original)}
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    copy.Copy(original)
    order = [original, copy] if askedFirst == "original" else [copy, original]
    found = {node.GetID(): {seed.key for seed in seedsFromMarkups(node)} for node in order}
    assert found[original.GetID()] == keys
    assert not found[copy.GetID()] & keys
    assert {seed.key for seed in seedsFromMarkups(copy)} == found[copy.GetID()]


@pytest.mark.parametrize("kind", ["Line", "Curve", "ClosedCurve", "Angle", "Plane"])
def test_markups_whose_points_are_no_lesions_are_refused(kind):
    node = slicer.mrmlScene.AddNewNodeByClass(f"vtkMRMLMarkups{kind}Node")
    with pytest.raises(SeedError, match=rf"an ROI or a segment, got .* vtkMRMLMarkups{kind}Node\. Place a point in"):
        seedsFromMarkups(node)


def test_no_seeds_node_is_refused():
    with pytest.raises(SeedError, match=r"but none is chosen\. Place a point in each lesion\."):
        seedsFromMarkups(None)


@pytest.mark.parametrize("parents", PARENTS.values(), ids=PARENTS)
def test_an_roi_is_its_centre_and_longest_edge_in_the_world(parents):
    node = addRoi()
    putUnder(node, parents)
    (seed,) = seedsFromMarkups(node)
    assertAt(seed, moved(parents, (10.0, 20.0, -500.0)))
    edges = [np.linalg.norm(composed(parents)[:3, axis]) * size for axis, size in enumerate((20.0, 36.0, 12.0))]
    assert seed.diameterMm == pytest.approx(max(edges))
    assert seed.key == f"{seedsIdOf(node)}-roi"


def test_an_roi_that_was_turned_by_hand_keeps_its_centre_and_size():
    node = addRoi()
    transform = vtk.vtkTransform()
    transform.Translate(10, 20, -500)
    transform.RotateX(30)
    transform.RotateZ(50)
    node.SetAndObserveObjectToNodeMatrix(transform.GetMatrix())
    (seed,) = seedsFromMarkups(node)
    assertAt(seed, (10, 20, -500))
    assert seed.diameterMm == pytest.approx(36)


def test_an_roi_follows_a_non_linear_transform():
    node = addRoi()
    spline = putUnderBending(node)
    (seed,) = seedsFromMarkups(node)
    assertAt(seed, spline.TransformPoint(10, 20, -500), atol=1e-6)
    assert seed.diameterMm == pytest.approx(36, abs=2)


def test_an_roi_that_is_not_placed_is_no_seed():
    assert seedsFromMarkups(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")) == []
