"""The contour of a map in 3D: a surface where the map passes its threshold, in the patient's place."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fmcib_engine import pipeline
from fmcib_engine.geometry import PatientPoint
from FMCIBModuleLib.Scene.LesionInScene import LesionInScene
from FMCIBModuleLib.Scene.OverlayContour import contourOf, removeContour, showContour
from FMCIBModuleLib.Scene.OverlayInScene import Look, OverlayInScene
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas, volumeFromNode
from nodes import DIRECTIONS, noisePhantom
from vtk.util.numpy_support import vtk_to_numpy

CENTRE, RADIUS = (30, 20, 25), 8.0
"""Of a ball in the patch, voxels x, y, z of 1 mm."""


def ball(patch, sign=1.0) -> np.ndarray:
    """Falls by 1 a millimetre from the middle of the ball, and is 0 on its surface."""
    z, y, x = np.indices(patch.array.shape)
    distance = np.sqrt((x - CENTRE[0]) ** 2 + (y - CENTRE[1]) ** 2 + (z - CENTRE[2]) ** 2)
    return (sign * np.maximum(20 - distance, 0)).astype(np.float32)


def makeOverlay(direction, isSigned=False, sign=1.0):
    """A map over an oblique or flipped scan, and the middle of its ball, RAS mm."""
    volumeNode = nodeFromVolume(noisePhantom(DIRECTIONS[direction]), "CT")
    grid = volumeFromNode(volumeNode).grid
    point = PatientPoint.from_lps(grid.to_patient([(size - 1) / 2 for size in grid.size]))
    patch = pipeline.cut(volumeFromNode(volumeNode), point, "fmcib-csv-v1")
    overlay = OverlayInScene(LesionInScene(volumeNode, "a-1"), "saliency", "norm")
    overlay.show("A", ball(patch, sign), patch.grid, Look("Map of {lesion}", "x", isSigned), {})
    overlay.setShare((20 - RADIUS) / 20)
    return overlay, np.array(pointToRas(PatientPoint.from_lps(patch.grid.to_patient(CENTRE))))


def pointsOf(node) -> np.ndarray:
    return vtk_to_numpy(node.GetPolyData().GetPoints().GetData())


@pytest.mark.parametrize("direction", ["axes 0", "axes 13", "oblique 1"])
def test_it_lies_where_the_map_passes_the_threshold(direction):
    overlay, middle = makeOverlay(direction)
    node = showContour(overlay)
    distances = np.linalg.norm(pointsOf(node) - middle, axis=1)
    assert distances.min() == pytest.approx(RADIUS, abs=0.1)
    assert distances.max() == pytest.approx(RADIUS, abs=0.1)
    assert node.GetName() == "Contour: Map of A"
    assert node.GetDisplayNode().GetVisibility2D() == 0
    assert node.GetDisplayNode().GetColorNodeID() == overlay.node.GetDisplayNode().GetColorNodeID()


def test_it_follows_threshold_and_visibility_and_is_one():
    overlay, middle = makeOverlay("axes 0")
    node = showContour(overlay)
    overlay.setShare(0.8)
    overlay.setVisible(False)
    assert showContour(overlay) is node
    assert np.linalg.norm(pointsOf(node) - middle, axis=1).mean() == pytest.approx(4, abs=0.1)
    assert node.GetDisplayNode().GetVisibility() == 0


def test_of_a_signed_map_what_is_negative_has_a_surface_as_well():
    overlay, middle = makeOverlay("axes 0", isSigned=True, sign=-1.0)
    node = showContour(overlay)
    np.testing.assert_allclose(np.linalg.norm(pointsOf(node) - middle, axis=1), RADIUS, atol=0.1)
    scalars = vtk_to_numpy(node.GetPolyData().GetPointData().GetScalars())
    np.testing.assert_allclose(scalars, -overlay.threshold, rtol=1e-5)


def test_it_goes_with_its_lesion_or_alone():
    overlay, _ = makeOverlay("axes 0")
    showContour(overlay)
    removeContour(overlay)
    assert contourOf(overlay) is None
    assert overlay.node is not None
    node = showContour(overlay)
    overlay.lesion.rename("Hilum")
    assert node.GetName() == "Contour: Map of Hilum"
    overlay.lesion.removeNodes()
    assert not [each for each in slicer.util.getNodesByClass("vtkMRMLModelNode") if each.GetAttribute("FMCIB.Role")]
