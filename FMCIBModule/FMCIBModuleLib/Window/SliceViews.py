"""What the user sees in the slice views: which CT, and where."""

from __future__ import annotations

from collections.abc import Sequence

import slicer
import vtk

from ..Scene.OverlayInScene import isOverlay
from ..Scene.SubjectHierarchy import ROLE

_VOLUME = "vtkMRMLScalarVolumeNode"
_MOST_OVER_CT = 0.5
"""Opacity of a foreground, a PET say, through which the CT is still what is seen."""


def slicesOf(volumeId: str | None) -> tuple[list, list]:
    """The slice nodes of the views in which this volume is seen, and those of all views."""
    seen = {each.GetLayoutName(): _seenIn(each) for each in composites()}
    every = [node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode") if node.GetLayoutName() in seen]
    return [node for node in every if volumeId and seen[node.GetLayoutName()] == volumeId], every


def composites() -> list:
    """What the slice views show: one node a view."""
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def volumeToBeginWith():
    """The CT in view, else the only one of the scene; None where the user has to choose."""
    volumes = {node.GetID(): node for node in slicer.util.getNodesByClass(_VOLUME) if not node.GetAttribute(ROLE)}
    seen = [_seenIn(each) for each in composites() if _seenIn(each) in volumes]
    if seen:
        return volumes[seen[0]]
    return next(iter(volumes.values())) if len(volumes) == 1 else None


def isShown(volumeNode) -> bool:
    """Whether this CT is what is seen in every slice view: a click in any of them is one on it.

    As a foreground it is seen, too, but Slicer takes clicks for the background's.
    """
    return all(_seenIn(each) == each.GetBackgroundVolumeID() == volumeNode.GetID() for each in composites())


def isOtherShown(volumeNode) -> bool:
    """Whether a slice view shows another scan than this one, or this one over another; a view may also show nothing."""
    known = {None, "", volumeNode.GetID()}
    return any({_seenIn(each), each.GetBackgroundVolumeID()} - known for each in composites())


def backgrounds() -> dict[str, str]:
    """What the slice views show behind all else: ID of the view's composite node -> ID of the volume."""
    return {each.GetID(): each.GetBackgroundVolumeID() for each in composites() if each.GetBackgroundVolumeID()}


def refill(former: dict[str, str]) -> None:
    """Give views that show nothing what they showed before (`backgrounds`), as far as it is there still."""
    for each in composites():
        volumeId = former.get(each.GetID(), "")
        if not each.GetBackgroundVolumeID() and slicer.mrmlScene.GetNodeByID(volumeId) is not None:
            each.SetBackgroundVolumeID(volumeId)


def showVolume(volumeNode) -> None:
    """Show a CT in all slice views, unless it is seen there already."""
    if not isShown(volumeNode):
        isBehind = all(each.GetBackgroundVolumeID() == volumeNode.GetID() for each in composites())
        slicer.util.setSliceViewerLayers(background=volumeNode, fit=not isBehind)
        for each in composites():
            if _seenIn(each) != each.GetBackgroundVolumeID():
                each.SetForegroundOpacity(0)


def _seenIn(composite) -> str | None:
    """ID of the volume that a view shows: the foreground where it hides most of what is behind it, as after fading.

    A map of ours hides little, and belongs to what is behind it.
    """
    front = composite.GetForegroundVolumeID()
    node = slicer.mrmlScene.GetNodeByID(front) if front else None
    isHidden = front and composite.GetForegroundOpacity() > _MOST_OVER_CT and not (node is not None and isOverlay(node))
    return front if isHidden else composite.GetBackgroundVolumeID()


def jumpToSeed(volumeNode, seedsNode, index: int) -> None:
    """Show the CT, and centre all slice views on a control point."""
    showVolume(volumeNode)
    slicer.modules.markups.logic().JumpSlicesToNthPointInMarkup(seedsNode.GetID(), index, True)


def jumpToPoint(volumeNode, ras: Sequence[float]) -> None:
    """Show the CT, and centre all slice views on a point of the world, RAS mm."""
    showVolume(volumeNode)
    for sliceNode in slicesOf(None)[1]:
        sliceNode.JumpSliceByCentering(*ras)


def followSeed(volumeNode, seedsNode, index: int) -> None:
    """Centre those views of the CT on a control point that do not show it yet: the one that was clicked in stays."""
    ras = [0.0, 0.0, 0.0]
    seedsNode.GetNthControlPointPositionWorld(index, ras)
    for sliceNode in slicesOf(volumeNode.GetID())[0]:
        if not _isInSlice(sliceNode, ras):
            sliceNode.JumpSliceByCentering(*ras)


def _isInSlice(sliceNode, ras: list[float]) -> bool:
    """Whether a point of the world is in the slice that a view shows, and not beyond the view's edges."""
    toView = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(sliceNode.GetXYToRAS(), toView)
    x, y, slices, _one = toView.MultiplyPoint((*ras, 1.0))
    width, height, _depth = sliceNode.GetDimensions()
    return 0 <= x < width and 0 <= y < height and abs(slices) < 0.5
