"""Nodes for the tests of the module: phantoms that know the answer, transforms, and what hardening makes of them."""

from __future__ import annotations

import functools

import numpy as np
import slicer
import slicer.util
import vtk
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.readers import read_volume
from fmcib_engine.volume import Volume
from support import OBLIQUE, SIGNED_PERMUTATIONS

SIZE = (7, 6, 5)
SPACING = (0.75, 1.5, 2.5)
ORIGIN = (-12.5, 34.25, -560.125)

DIRECTIONS = {f"axes {number}": direction for number, direction in enumerate(SIGNED_PERMUTATIONS)} | {
    f"oblique {number}": OBLIQUE @ direction for number, direction in enumerate(SIGNED_PERMUTATIONS[::9])
}
"""Columns are the axes i, j, k in LPS."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def addressPhantom(direction=None, size=SIZE, spacing=SPACING, origin=ORIGIN) -> Volume:
    """Each voxel tells its address: 100 k + 10 j + i."""
    k, j, i = np.indices(size[::-1])
    direction = np.eye(3) if direction is None else direction
    grid = VoxelGrid.from_parts(size, origin=origin, spacing=spacing, direction=direction)
    return Volume((100 * k + 10 * j + i).astype(np.int16), grid)


def noisePhantom(direction=None) -> Volume:
    """A scan of 60 x 57 x 70 mm without two equal places, for patches."""
    phantom = addressPhantom(direction, size=(80, 38, 28), origin=(-31.37, 12.91, -560.73))
    array = np.random.default_rng(7).integers(-1000, 1000, size=phantom.grid.size[::-1], dtype=np.int16)
    return Volume(array, phantom.grid)


def addVolume(volume: Volume, className="vtkMRMLScalarVolumeNode"):
    """A volume node made as any script would make it, without the bridge."""
    node = slicer.mrmlScene.AddNewNodeByClass(className, "phantom")
    slicer.util.updateVolumeFromArray(node, np.array(volume.array))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(LPS_TO_RAS @ volume.grid.affine))
    return node


def turn(degrees: float, axis: str) -> np.ndarray:
    """4x4 rotation about "x", "y" or "z" of RAS."""
    transform = vtk.vtkTransform()
    getattr(transform, f"Rotate{axis.upper()}")(degrees)
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())


def shift(*mm: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = mm
    return matrix


PARENTS = {
    "translated": [shift(10.5, -3.25, 120)],
    "rotated": [turn(23, "x") @ turn(-11, "z")],
    "turned by a quarter": [turn(90, "y")],
    "mirrored": [np.diag([-1.0, 1.0, 1.0, 1.0])],
    "scaled": [np.diag([1.5, 1.5, 1.5, 1.0])],
    "stretched": [np.diag([1.0, 1.25, 0.8, 1.0])],
    "nested": [turn(40, "z") @ shift(5, 6, 7), shift(-20, 3, 1) @ turn(-15, "x") @ np.diag([1.0, 1.0, -1.0, 1.0])],
}
"""Transforms from the node's own parent outwards, RAS."""


def composed(matrices):
    """4x4 from a node's RAS to the world, of parents from the innermost outwards."""
    return functools.reduce(lambda inner, outer: outer @ inner, matrices, np.eye(4))


def putUnder(node, matrices):
    """Nest a node in linear transforms, the innermost first."""
    for matrix in matrices:
        parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        node.SetAndObserveTransformNodeID(parent.GetID())
        node = parent
    return node  # the outermost transform


def putUnderBending(node):
    """Nest a node in a thin-plate spline that moves one corner of a cube; returns the transform."""
    spline = vtk.vtkThinPlateSplineTransform()
    before, after = vtk.vtkPoints(), vtk.vtkPoints()
    for x in (-100, 100):
        for y in (-100, 100):
            for z in (-700, -400):
                before.InsertNextPoint(x, y, z)
                after.InsertNextPoint(x, y, z + (20 if x > 0 and y > 0 else 0))
    spline.SetSourceLandmarks(before)
    spline.SetTargetLandmarks(after)
    spline.SetBasisToR()
    parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    parent.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(parent.GetID())
    return spline


def hardenedAndRead(volumeNode, path) -> Volume:
    """The engine's reading of the file that Slicer writes of this scan once its transforms are hardened."""
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hardened")
    copy.CopyContent(volumeNode)
    copy.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    assert copy.HardenTransform()
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLNRRDStorageNode")
    storage.SetFileName(str(path))
    assert storage.WriteData(copy)
    return read_volume(path)
