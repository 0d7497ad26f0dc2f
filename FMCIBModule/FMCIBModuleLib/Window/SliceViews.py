"""What the user sees in the slice views: which CT, and where."""

from __future__ import annotations

import slicer

_VOLUME = "vtkMRMLScalarVolumeNode"


def volumeInView():
    """The volume behind everything in the first slice view that has one; None where none has."""
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        node = slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
        if node is not None and node.IsA(_VOLUME):
            return node
    return None


def volumeToBeginWith():
    """The volume in view, else the only one of the scene; None where the user has to choose."""
    volumes = slicer.util.getNodesByClass(_VOLUME)
    return volumeInView() or (volumes[0] if len(volumes) == 1 else None)


def showVolume(volumeNode) -> None:
    """Show a CT in all slice views, unless it is there already."""
    if volumeInView() is not volumeNode:
        slicer.util.setSliceViewerLayers(background=volumeNode, fit=True)


def jumpToSeed(volumeNode, seedsNode, index: int) -> None:
    """Show the CT, and centre all slice views on a control point."""
    showVolume(volumeNode)
    slicer.modules.markups.logic().JumpSlicesToNthPointInMarkup(seedsNode.GetID(), index, True)
