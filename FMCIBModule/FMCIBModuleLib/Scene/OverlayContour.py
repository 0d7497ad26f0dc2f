"""What a map shows in the slice views, as a surface in 3D: where its values pass the threshold, in its own colours."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from .LesionInScene import LESION, NAMED, LesionInScene
from .OverlayInScene import OverlayInScene
from .SceneBridge import ownGridOf, rasFromGrid
from .SubjectHierarchy import ROLE, VOLUME, resultNodes, tagResult

_ROLE, _CLASS = "contour", "vtkMRMLModelNode"
_OF = "FMCIB.ContourOf"
"""Attribute of a contour: kind and name of its map."""
_SCALARS, _OPACITY = "value", 0.5


def contourOf(overlay: OverlayInScene) -> Any:
    """The model node of a map's contour; None where there is none."""
    found = resultNodes(overlay.lesion.volumeNode, _CLASS, _ROLE)
    own = (node for node in found if node.GetAttribute(LESION) == overlay.lesion.key)
    return next((node for node in own if node.GetAttribute(_OF) == _nameOf(overlay)), None)


def showContour(overlay: OverlayInScene) -> Any:
    """Make a map's contour, or bring it up to date; its node."""
    node = contourOf(overlay) or _make(overlay)
    state = f"{overlay.threshold!r} {overlay.node.GetImageData().GetMTime()}"
    display = node.GetDisplayNode()
    display.SetVisibility(overlay.isVisible)
    if node.GetAttribute("FMCIB.ContourState") == state:
        return node
    node.SetAndObservePolyData(_surface(overlay))
    node.SetAttribute("FMCIB.ContourState", state)
    template = overlay.node.GetAttribute(NAMED) or ""
    node.SetAttribute(NAMED, _("Contour: {name}").format(name=template))
    node.SetName(_("Contour: {name}").format(name=overlay.node.GetName()))
    display.SetActiveScalarName(_SCALARS)
    display.SetAndObserveColorNodeID(overlay.node.GetDisplayNode().GetColorNodeID())
    display.SetScalarRangeFlag(display.UseManualScalarRange)
    display.SetScalarRange(*overlay.range)
    return node


def removeContour(overlay: OverlayInScene) -> None:
    """Take it away, if there is one."""
    if (node := contourOf(overlay)) is not None:
        display = node.GetDisplayNode()
        for each in (node, display):
            if each is not None and slicer.mrmlScene.IsNodePresent(each):
                slicer.mrmlScene.RemoveNode(each)


def removeOrphans() -> None:
    """Take contours away whose maps are gone."""
    for node in slicer.util.getNodesByClass(_CLASS):
        volumeNode = node.GetNodeReference(VOLUME) if node.GetAttribute(ROLE) == _ROLE else None
        if volumeNode is not None and node.GetAttribute(_OF):
            kind, _space, which = node.GetAttribute(_OF).partition(" ")
            overlay = OverlayInScene(LesionInScene(volumeNode, node.GetAttribute(LESION)), kind, which)
            if overlay.node is None:
                removeContour(overlay)


def _nameOf(overlay: OverlayInScene) -> str:
    return f"{overlay.kind} {overlay.which}"


def _make(overlay: OverlayInScene) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass(_CLASS)
    node.SetAttribute(LESION, overlay.lesion.key)
    node.SetAttribute(_OF, _nameOf(overlay))
    tagResult(node, overlay.lesion.volumeNode, _ROLE)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetScalarVisibility(True)
    display.SetOpacity(_OPACITY)
    display.SetVisibility2D(False)  # there the map itself is
    return node


def _surface(overlay: OverlayInScene) -> vtk.vtkPolyData:
    """RAS mm. Of a signed map two surfaces, one for each sign."""
    edges, move = vtk.vtkFlyingEdges3D(), vtk.vtkTransformPolyDataFilter()
    edges.SetInputData(overlay.node.GetImageData())
    levels = (overlay.threshold, -overlay.threshold) if overlay.isSigned else (overlay.threshold,)
    for number, level in enumerate(levels):
        edges.SetValue(number, level)
    edges.ComputeNormalsOff()
    toRas = vtk.vtkTransform()
    toRas.SetMatrix(rasFromGrid(ownGridOf(overlay.node)))
    move.SetTransform(toRas)
    move.SetInputConnection(edges.GetOutputPort())
    move.Update()
    surface = move.GetOutput()
    if surface.GetPointData().GetScalars() is not None:
        surface.GetPointData().GetScalars().SetName(_SCALARS)
    return surface
