"""Seeds out of the scene: control points, the centre of an ROI, the centre of a segment."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import slicer
import slicer.util
import vtk
from fmcib_engine import affine as plain
from fmcib_engine.errors import SeedError
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.volume import Volume
from vtk.util.numpy_support import vtk_to_numpy

from .SceneBridge import gridOfLabelmap, pointFromRas
from .SubjectHierarchy import ROLE, VOLUME

SEEDS_ID = "FMCIB.SeedsId"
"""Attribute of a node with seeds: a short random text of its own, saved with the scene."""

_BINARY_LABELMAP = "Binary labelmap"


@dataclass(frozen=True)
class SceneSeed:
    """A lesion that the user has marked in the scene."""

    key: str
    """The same for as long as the mark exists, through renaming, moving, saving and loading."""
    label: str
    """What the user calls it."""
    point: PatientPoint
    """LPS mm, in the world."""
    diameterMm: float | None = None
    """Its largest extent, where the mark has one."""


def seedsFromMarkups(markupsNode) -> list[SceneSeed]:
    """The placed points of a point list, or the centre of a placed ROI, in the world, with all transforms.

    The node gets an id, if it has none yet or is a copy of another.

    Raises:
        SeedError: no node, or markups of another kind, whose points are not lesions.
    """
    kind = markupsNode.GetClassName() if markupsNode else ""
    if kind == "vtkMRMLMarkupsROINode":
        return _seedsFromRoi(markupsNode)
    if kind != "vtkMRMLMarkupsFiducialNode":
        got = f"got a node of the class {kind}" if kind else "but none is chosen"
        msg = f"Seeds are a list of points, an ROI or a segment, {got}. Place a point in each lesion."
        raise SeedError(msg)
    seedsIdOf(markupsNode)
    seeds = []
    for index in range(markupsNode.GetNumberOfControlPoints()):
        if markupsNode.GetNthControlPointPositionStatus(index) != slicer.vtkMRMLMarkupsNode.PositionDefined:
            continue
        position = [0.0, 0.0, 0.0]
        markupsNode.GetNthControlPointPositionWorld(index, position)
        seeds.append(
            SceneSeed(keyOf(markupsNode, index), markupsNode.GetNthControlPointLabel(index), pointFromRas(position))
        )
    return seeds


def keyOf(markupsNode, index: int) -> str:
    """The key of a control point; empty in a markups node that was never asked for its seeds."""
    seedsId = markupsNode.GetAttribute(SEEDS_ID)
    return f"{seedsId}-{markupsNode.GetNthControlPointID(index)}" if seedsId else ""


def _seedsFromRoi(roiNode) -> list[SceneSeed]:
    if roiNode.GetNumberOfDefinedControlPoints() == 0:
        return []
    toNode = slicer.util.arrayFromVTKMatrix(roiNode.GetObjectToNodeMatrix())
    half = np.array(roiNode.GetSize()) / 2
    center, diameter = _boxInWorld(roiNode, toNode, -half, half)
    return [SceneSeed(f"{seedsIdOf(roiNode)}-roi", roiNode.GetName(), pointFromRas(center), diameter or None)]


def seedFromSegment(segmentationNode, segmentId: str) -> SceneSeed:
    """The centre of mass of a segment in the world, with all transforms; its box's largest edge as its diameter.

    The box lies along the axes of the segment's voxels, outer faces included. Several islands are one lesion, as long
    as their common centre lies in one of them. The segmentation node gets an id, as in `seedsFromMarkups`, and keeps
    its representations.

    Raises:
        SeedError: no segmentation, no such segment, an empty one, or one whose centre of mass lies outside of it.
    """
    segmentation = segmentationNode.GetSegmentation() if segmentationNode else None
    segment = segmentation.GetSegment(segmentId) if segmentation else None
    if segment is None:
        msg = "A segment is wanted as a seed, but none is chosen, or it is gone. Choose a segment."
        raise SeedError(msg)
    image, label = _labelmap(segmentation, segmentId)
    inside = _voxels(image) == label if image else np.zeros((0, 0, 0), dtype=bool)
    counts = [np.count_nonzero(inside, axis=others) for others in ((0, 1), (0, 2), (1, 2))]  # along i, j, k
    if not counts[0].any():
        msg = "A segment with voxels is wanted as a seed, this one is empty. Draw the lesion, or place a point in it."
        raise SeedError(msg)
    middle = np.array([np.average(np.arange(len(count)), weights=count) for count in counts])
    if not inside[tuple(np.round(middle).astype(int)[::-1])]:
        msg = (
            "The seed of a segment is its centre of mass, but that of this one lies outside of it: the segment is "
            "hollow, bent, or in several pieces. Place a point in the lesion instead."
        )
        raise SeedError(msg)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    toNode = slicer.util.arrayFromVTKMatrix(matrix)
    start = np.array(image.GetExtent()[::2])
    low, high = np.array([(np.flatnonzero(count)[0], np.flatnonzero(count)[-1]) for count in counts]).T
    _, diameter = _boxInWorld(segmentationNode, toNode, start + low - 0.5, start + high + 0.5)
    center = _toWorld(segmentationNode, toNode)(start + middle)
    return SceneSeed(f"{seedsIdOf(segmentationNode)}-{segmentId}", segment.GetName(), pointFromRas(center), diameter)


def maskFromSegment(segmentationNode, segmentId: str) -> Volume:
    """The voxels of a segment as 1, LPS, in the world; its representations are kept.

    Raises:
        SeedError: no segmentation, no such segment, or an empty one.
        ImageError: as `gridOfLabelmap`.
    """
    segmentation = segmentationNode.GetSegmentation() if segmentationNode else None
    if segmentation is None or segmentation.GetSegment(segmentId) is None:
        msg = "A segment is wanted that seeds are drawn in, but none is chosen, or it is gone. Choose the lesion's."
        raise SeedError(msg)
    image, label = _labelmap(segmentation, segmentId)
    inside = _voxels(image) == label if image else np.zeros((0, 0, 0), dtype=bool)
    if not inside.any():
        msg = "A segment with voxels is wanted that seeds are drawn in, this one is empty. Draw the lesion."
        raise SeedError(msg)
    return Volume(inside.astype(np.uint8), gridOfLabelmap(segmentationNode, image))


def _labelmap(segmentation, segmentId: str):
    """The labelmap that holds the segment (vtkOrientedImageData or None), and the segment's value in it."""
    segment = segmentation.GetSegment(segmentId)
    if not segmentation.ContainsRepresentation(_BINARY_LABELMAP):
        copy = slicer.vtkSegmentation()
        copy.SetSourceRepresentationName(segmentation.GetSourceRepresentationName())
        copy.CopySegmentFromSegmentation(segmentation, segmentId)  # its conversion parameters as well
        copy.CreateRepresentation(_BINARY_LABELMAP)
        segment = copy.GetSegment(segmentId)
    return segment.GetRepresentation(_BINARY_LABELMAP), segment.GetLabelValue()


def _voxels(image) -> np.ndarray:
    """The voxels [k, j, i] of a labelmap, not copied; none where it has none."""
    scalars = image.GetPointData().GetScalars()
    if scalars is None or image.GetNumberOfPoints() == 0:
        return np.zeros((0, 0, 0), dtype=np.uint8)
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def _boxInWorld(node, toNode: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (RAS mm) and longest edge (mm) of a box in the world, from two corners in a frame of `node`."""
    world = _toWorld(node, toNode)
    choices = np.array(np.meshgrid((0, 1), (0, 1), (0, 1), indexing="ij")).reshape(3, -1).T
    corners = np.array([world(np.where(choice, high, low)) for choice in choices]).reshape(2, 2, 2, 3)
    edges = [plain.lengths(np.diff(corners, axis=axis)).max() for axis in range(3)]
    return world((low + high) / 2), float(max(edges))


def _toWorld(node, toNode: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The map from a frame of `node`, by its 4x4 into the node's RAS, to RAS mm of the world."""

    def world(position: np.ndarray) -> np.ndarray:
        moved = [0.0, 0.0, 0.0]
        node.TransformPointToWorld(plain.moved(toNode, position).tolist(), moved)
        return np.array(moved)

    return world


def seedsIdOf(node) -> str:
    """The id of a node with seeds, made when it is first asked for.

    Of two nodes with the same, the later is a copy; one of our own seeds without their CT is the user's, like any list.
    """
    own = node.GetAttribute(SEEDS_ID)
    if not own or _isTaken(node, own):
        if own and not node.GetNodeReferenceID(VOLUME):
            node.RemoveAttribute(ROLE)
        own = secrets.token_hex(4)
        node.SetAttribute(SEEDS_ID, own)
    return own


def _isTaken(node, seedsId: str) -> bool:
    """Whether an earlier node of the scene has this id."""
    for other in node.GetScene().GetNodes() if node.GetScene() else ():
        if other.GetID() == node.GetID():
            return False
        if other.GetAttribute(SEEDS_ID) == seedsId:
            return True
    return False
