"""What the user sees in the slice views: which CT, and where."""

from __future__ import annotations

import slicer

from ..SubjectHierarchy import ROLE

_VOLUME = "vtkMRMLScalarVolumeNode"


def slicesOf(volumeId: str | None) -> tuple[list, list]:
    """The slice nodes of the views behind whose layers this volume is, and those of all views."""
    backgrounds = {each.GetLayoutName(): each.GetBackgroundVolumeID() for each in composites()}
    every = [node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode") if node.GetLayoutName() in backgrounds]
    return [node for node in every if volumeId and backgrounds[node.GetLayoutName()] == volumeId], every


def composites() -> list:
    """What the slice views show: one node a view."""
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def volumeToBeginWith():
    """The CT in view, else the only one of the scene; None where the user has to choose."""
    volumes = {node.GetID(): node for node in slicer.util.getNodesByClass(_VOLUME) if not node.GetAttribute(ROLE)}
    shown = [each.GetBackgroundVolumeID() for each in composites() if each.GetBackgroundVolumeID() in volumes]
    if shown:
        return volumes[shown[0]]
    return next(iter(volumes.values())) if len(volumes) == 1 else None


def isShown(volumeNode) -> bool:
    """Whether every slice view has this CT behind its other layers: a click in any of them is one on it."""
    return all(each.GetBackgroundVolumeID() == volumeNode.GetID() for each in composites())


def showVolume(volumeNode) -> None:
    """Show a CT in all slice views, unless it is there already."""
    if not isShown(volumeNode):
        slicer.util.setSliceViewerLayers(background=volumeNode, fit=True)


def jumpToSeed(volumeNode, seedsNode, index: int) -> None:
    """Show the CT, and centre all slice views on a control point."""
    showVolume(volumeNode)
    slicer.modules.markups.logic().JumpSlicesToNthPointInMarkup(seedsNode.GetID(), index, True)
