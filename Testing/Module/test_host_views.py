"""Slice views: what is shown where, and points placed by the mouse."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from views import clickAt, isPlacing, pixels, pixelSize, savePng, showAt, sliceView, startPlacing

VIEWS = ("Red", "Yellow", "Green")
AXIS = {"Red": 2, "Yellow": 0, "Green": 1}


@pytest.fixture
def a_shown_volume():
    """60 x 50 x 40 voxels of 2 mm around the origin, dark, with a bright block at RAS +20, -10, +6 mm."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    voxels = np.full((40, 50, 60), -900, np.int16)
    voxels[22:25, 18:23, 38:43] = 400
    slicer.util.updateVolumeFromArray(node, voxels)
    node.SetSpacing(2, 2, 2)
    node.SetOrigin(-60, -50, -40)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(0)
    node.GetDisplayNode().SetWindowLevel(1400, -500)
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node


@pytest.fixture
def seeds():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    node.CreateDefaultDisplayNodes()
    return node


def test_there_are_three_views_and_no_other():
    assert sorted(slicer.app.layoutManager().sliceViewNames()) == ["Green", "Red", "Yellow"]
    assert slicer.app.layoutManager().sliceWidget("Blue") is None


@pytest.mark.parametrize(("view", "orientation"), [("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")])
def test_a_view_has_its_orientation_and_fills_its_window(view, orientation):
    node = sliceView(view).mrmlSliceNode()
    assert node.GetOrientation() == orientation
    assert tuple(node.GetDimensions()[:2]) == tuple(sliceView(view).renderWindow().GetSize())


@pytest.mark.parametrize("view", VIEWS)
def test_a_bright_voxel_is_seen_where_the_view_says_that_it_is(a_shown_volume, view):
    showAt(view, (20, -10, 6))
    seen = pixels(view)
    x, y = (round(each) for each in sliceView(view).convertRASToXYZ([20, -10, 6])[:2])
    assert seen[seen.shape[0] - 1 - y, x].tolist() == [255, 255, 255]
    x, y = (round(each) for each in sliceView(view).convertRASToXYZ([-20, 10, -6])[:2])
    assert seen[seen.shape[0] - 1 - y, x].max() < 128


@pytest.mark.parametrize("view", VIEWS)
def test_a_click_in_place_mode_sets_a_point_there_and_ends_the_mode(a_shown_volume, seeds, view):
    wanted = np.array([20.0, -10.0, 6.0])
    showAt(view, wanted)
    startPlacing(seeds)
    assert isPlacing()
    clickAt(view, wanted)
    assert seeds.GetNumberOfDefinedControlPoints() == 1
    placed = np.array(seeds.GetNthControlPointPositionWorld(0))
    assert np.abs(placed - wanted).max() <= 0.51 * pixelSize(view)
    assert placed[AXIS[view]] == pytest.approx(wanted[AXIS[view]], abs=1e-6)
    assert not isPlacing()


def test_persistent_place_mode_sets_one_point_at_each_click_until_it_is_ended(a_shown_volume, seeds):
    showAt("Red", (0, 0, 6))
    startPlacing(seeds, persistent=True)
    for ras in ((20, -10, 6), (-20, 10, 6)):
        clickAt("Red", ras)
    assert seeds.GetNumberOfDefinedControlPoints() == 2
    assert isPlacing()
    slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
    clickAt("Red", (0, 20, 6))
    assert seeds.GetNumberOfDefinedControlPoints() == 2


def test_a_point_is_placed_in_world_coordinates_also_under_a_transform(a_shown_volume, seeds):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Move")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100)
    transform.SetMatrixTransformToParent(matrix)
    seeds.SetAndObserveTransformNodeID(transform.GetID())
    showAt("Red", (20, -10, 6))
    startPlacing(seeds)
    clickAt("Red", (20, -10, 6))
    assert np.abs(np.array(seeds.GetNthControlPointPosition(0)) - (-80, -10, 6)).max() <= pixelSize("Red")


def test_a_point_is_seen_in_the_view(a_shown_volume, seeds, tmp_path):
    showAt("Red", (-20, 10, -6))
    before = pixels("Red")
    seeds.AddControlPointWorld([-20, 10, -6])
    after = pixels("Red")
    x, y = (round(each) for each in sliceView("Red").convertRASToXYZ([-20, 10, -6])[:2])
    changed = np.argwhere((before != after).any(axis=2))
    assert np.abs(changed - (before.shape[0] - 1 - y, x)).min(axis=0).max() <= 3
    savePng("Red", tmp_path / "red.png")
    assert (tmp_path / "red.png").read_bytes().startswith(b"\x89PNG")


def test_views_work_again_after_the_scene_was_closed(a_shown_volume, seeds):
    showAt("Red", (20, -10, 6))
    slicer.mrmlScene.Clear(0)
    assert pixels("Red").max() < 128
    again = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    startPlacing(again)
    clickAt("Red", (0, 0, 0))
    assert again.GetNumberOfDefinedControlPoints() == 1
