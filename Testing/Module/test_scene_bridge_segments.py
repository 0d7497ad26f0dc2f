"""A segment as a seed: its centre of mass and extent in the patient, whatever it is stored as."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from fmcib_engine.errors import ImageError, SeedError
from fmcib_engine.readers import read_volume
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Scene.SeedSources import maskFromSegment, seedFromSegment, seedsIdOf
from nodes import DIRECTIONS, LPS_TO_RAS, PARENTS, addressPhantom, addVolume, composed, putUnder, putUnderBending
from support import DATA, needs_data
from vtk.util.numpy_support import vtk_to_numpy

GRID = addressPhantom(DIRECTIONS["oblique 1"], size=(20, 18, 12)).grid


def addSegmentation(*masks, grid=GRID):
    """A segmentation with a segment for each mask, whose labelmaps start at the voxel (3, 2, 1) of `grid`."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    node.CreateDefaultDisplayNodes()
    for number, mask in enumerate(masks):
        labelmap = slicer.vtkOrientedImageData()
        labelmap.SetExtent(3, grid.size[0] - 1, 2, grid.size[1] - 1, 1, grid.size[2] - 1)
        labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        labelmap.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(LPS_TO_RAS @ grid.affine))
        shape = labelmap.GetDimensions()[::-1]
        array = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(shape)
        array[:] = mask[1:, 2:, 3:]
        node.AddSegmentFromBinaryLabelmapRepresentation(labelmap, f"lesion {number}", [1.0, 0.0, 0.0], f"id.{number}")
    return node


def blob(*boxes, grid=GRID):
    """Boxes of voxels, each (first i, j, k; last i, j, k)."""
    mask = np.zeros(grid.size[::-1], dtype=np.uint8)
    for i0, j0, k0, i1, j1, k1 in boxes:
        mask[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1] = 1
    return mask


LESION = blob((5, 4, 3, 12, 7, 6), (6, 5, 3, 7, 8, 4))
"""8 x 5 x 4 voxels in all: 6 mm, 7.5 mm and 10 mm."""


def centreOf(mask, grid=GRID):
    """RAS mm of the mean of its voxels."""
    indices = np.argwhere(mask)[:, ::-1]
    return (LPS_TO_RAS @ (*grid.to_patient(indices).mean(axis=0), 1.0))[:3]


def addSphere(center=(10.0, -20.0, 30.0), radius=8.0):
    """A segmentation that has a closed surface only."""
    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(*center)
    sphere.SetRadius(radius)
    sphere.SetThetaResolution(60)
    sphere.SetPhiResolution(60)
    sphere.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", [1.0, 0.0, 0.0], "ball")
    return node


def test_a_segment_is_its_centre_of_mass_and_longest_edge_in_every_orientation():
    for direction in DIRECTIONS.values():
        grid = addressPhantom(direction, size=(20, 18, 12)).grid
        seed = seedFromSegment(addSegmentation(LESION, grid=grid), "id.0")
        np.testing.assert_allclose(pointToRas(seed.point), centreOf(LESION, grid), rtol=0, atol=1e-9)
        assert seed.diameterMm == pytest.approx(10.0)
        assert seed.label == "lesion 0"


@pytest.mark.parametrize("parents", PARENTS.values(), ids=PARENTS)
def test_a_segment_lies_where_its_transforms_put_it(parents):
    node = addSegmentation(LESION)
    putUnder(node, parents)
    toWorld = composed(parents)
    seed = seedFromSegment(node, "id.0")
    np.testing.assert_allclose(pointToRas(seed.point), (toWorld @ (*centreOf(LESION), 1.0))[:3], rtol=0, atol=1e-9)
    edges = (toWorld[:3, :3] @ LPS_TO_RAS[:3, :3] @ GRID.affine[:3, :3]) * (8, 5, 4)
    assert seed.diameterMm == pytest.approx(np.linalg.norm(edges, axis=0).max())


def test_a_segment_follows_a_non_linear_transform():
    node = addSegmentation(LESION)
    spline = putUnderBending(node)
    expected = spline.TransformPoint(centreOf(LESION))
    np.testing.assert_allclose(pointToRas(seedFromSegment(node, "id.0").point), expected, rtol=0, atol=1e-6)


def test_segments_that_share_a_labelmap_are_told_apart():
    other = blob((14, 10, 8, 17, 14, 9))
    node = addSegmentation(LESION, other)
    node.GetSegmentation().CollapseBinaryLabelmaps()
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    seeds = [seedFromSegment(node, f"id.{number}") for number in (0, 1)]
    for seed, mask in zip(seeds, (LESION, other), strict=True):
        np.testing.assert_allclose(pointToRas(seed.point), centreOf(mask), rtol=0, atol=1e-9)
    assert [seed.diameterMm for seed in seeds] == pytest.approx([10.0, 7.5])
    assert [seed.key for seed in seeds] == [f"{seedsIdOf(node)}-id.0", f"{seedsIdOf(node)}-id.1"]


@needs_data
def test_the_segment_of_a_real_nodule_is_the_seed_of_its_mask():
    mask = read_volume(DATA / "lidc" / "LIDC-IDRI-0314_crop_mask.nrrd")
    seed = seedFromSegment(addSegmentation(mask.array, grid=mask.grid), "id.0")
    np.testing.assert_allclose(pointToRas(seed.point), centreOf(mask.array, mask.grid), rtol=0, atol=1e-6)
    assert seed.diameterMm == pytest.approx(20, abs=6)


def test_a_closed_surface_is_measured_on_a_copy():
    node = addSphere()
    seed = seedFromSegment(node, "ball")
    np.testing.assert_allclose(pointToRas(seed.point), (10, -20, 30), atol=0.2)
    assert seed.diameterMm == pytest.approx(16, abs=0.5)
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")
    assert node.GetSegmentation().ContainsRepresentation("Closed surface")
    assert node.GetSegmentation().GetNumberOfSegments() == 1


def test_a_closed_surface_is_measured_in_the_voxels_that_its_node_names():
    node = addSphere()
    ct = addVolume(addressPhantom(size=(30, 30, 30), spacing=(3, 3, 3), origin=(-50, -20, -10)))
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    assert seedFromSegment(node, "ball").diameterMm in {15.0, 18.0}


def test_a_closed_surface_lies_where_its_transforms_put_it():
    node = addSphere()
    putUnder(node, PARENTS["rotated"])
    expected = (PARENTS["rotated"][0] @ (10, -20, 30, 1))[:3]
    np.testing.assert_allclose(pointToRas(seedFromSegment(node, "ball").point), expected, atol=0.2)


def test_islands_whose_common_centre_lies_in_one_are_one_lesion():
    mask = blob((5, 4, 3, 14, 13, 8), (17, 16, 10, 17, 16, 10))
    seed = seedFromSegment(addSegmentation(mask), "id.0")
    np.testing.assert_allclose(pointToRas(seed.point), centreOf(mask), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "mask", [blob((4, 4, 3, 6, 6, 5), (14, 13, 8, 16, 15, 10)), blob((4, 4, 3, 14, 14, 9)) - blob((6, 6, 4, 12, 12, 8))]
)
def test_a_segment_whose_centre_lies_outside_of_it_is_refused(mask):
    with pytest.raises(SeedError, match=r"lies outside of it: .* Place a point in the lesion instead\."):
        seedFromSegment(addSegmentation(mask), "id.0")


@pytest.mark.parametrize("isEverEmpty", [True, False])
def test_an_empty_segment_is_refused(isEverEmpty):
    node = addSegmentation() if isEverEmpty else addSegmentation(blob())
    if isEverEmpty:
        node.GetSegmentation().AddEmptySegment("id.0", "lesion 0")
    with pytest.raises(SeedError, match=r"this one is empty\. Draw the lesion, or place a point in it\."):
        seedFromSegment(node, "id.0")


def test_a_closed_surface_without_triangles_is_refused():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(vtk.vtkPolyData(), "ball", [1.0, 0.0, 0.0], "ball")
    with pytest.raises(SeedError, match="this one is empty"):
        seedFromSegment(node, "ball")


@pytest.mark.parametrize("segmentId", ["id.1", "", "lesion 0"])
def test_a_segment_that_is_not_there_is_refused(segmentId):
    with pytest.raises(SeedError, match=r"none is chosen, or it is gone\. Choose a segment\."):
        seedFromSegment(addSegmentation(LESION), segmentId)


def test_no_segmentation_is_refused():
    with pytest.raises(SeedError, match=r"Choose a segment\."):
        seedFromSegment(None, "id.0")


def test_asking_changes_nothing_but_the_nodes_id():
    node = addSegmentation(LESION)
    seedsIdOf(node)
    before = node.GetSegmentation().GetMTime(), slicer.mrmlScene.GetNumberOfNodes()
    seedFromSegment(node, "id.0")
    assert (node.GetSegmentation().GetMTime(), slicer.mrmlScene.GetNumberOfNodes()) == before


@pytest.mark.parametrize("name", PARENTS)
def test_the_voxels_of_a_segment_lie_in_the_patient_where_slicer_shows_them(name):
    node = addSegmentation(LESION, blob((8, 8, 8, 9, 9, 9)))
    putUnder(node, PARENTS[name])
    mask = maskFromSegment(node, "id.0")
    assert mask.array.sum() == LESION.sum()
    middle = mask.grid.to_patient(np.argwhere(mask.array)[:, ::-1]).mean(axis=0)
    moved = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(centreOf(LESION).tolist(), moved)
    assert (LPS_TO_RAS @ (*middle, 1.0))[:3] == pytest.approx(moved, abs=1e-6)


def test_a_mask_is_refused_where_there_is_no_segment_or_nothing_in_it():
    node = addSegmentation(LESION, blob())
    with pytest.raises(SeedError, match="this one is empty"):
        maskFromSegment(node, "id.1")
    for each in (None, node):
        with pytest.raises(SeedError, match="none is chosen"):
            maskFromSegment(each, "gone")


def test_a_mask_under_a_warp_is_refused():
    node = addSegmentation(LESION)
    putUnderBending(node)
    with pytest.raises(ImageError, match="non-linear"):
        maskFromSegment(node, "id.0")
