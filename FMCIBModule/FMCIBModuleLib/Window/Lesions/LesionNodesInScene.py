"""Tells when anything changes in the scene that the list of lesions shows, whoever has changed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ...Scene.Lesions import readableSeeds, volumesWithLesions
from ...Scene.SeedSources import SEEDS_ID, SceneSeed
from ...Scene.SubjectHierarchy import ROLE

_SEEDS, _TABLE = "vtkMRMLMarkupsFiducialNode", "vtkMRMLTableNode"


class LesionNodesInScene(VTKObservationMixin):
    """Observes CTs with lesions, their tables, and the user's lists of points that were analysed.

    It begins with the first `update` and ends with `close`.

    The window's own analysis tells of what it does, and of its own seeds. A script has another one, and nobody watches
    the user's own lists.
    """

    def __init__(self, onChange: Callable[..., Any]) -> None:
        """
        Args:
            onChange: called often, with whatever the event tells.
        """
        VTKObservationMixin.__init__(self)
        self._onChange = onChange
        self._points: dict[str, list[SceneSeed]] = {}
        """Of each of the user's lists, by its ID."""

    def close(self) -> None:
        """Observe nothing any more."""
        self.removeObservers()

    def update(self) -> None:
        """Observe what there is now, and let go of what is gone: an observer keeps a whole CT in memory."""
        self.removeObservers()
        self._points.clear()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self._onNodeAdded)
        modified, moved = vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        for node in volumesWithLesions():
            for event in (modified, moved, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent):
                self.addObserver(node, event, self._onChange)
        for node in slicer.util.getNodesByClass(_TABLE):
            if node.GetAttribute(ROLE):
                self.addObserver(node, modified, self._onChange)
        for node in slicer.util.getNodesByClass(_SEEDS):
            if node.GetAttribute(SEEDS_ID) and not node.GetAttribute(ROLE):
                self._points[node.GetID()] = readableSeeds(node)
                for event in (moved, node.PointModifiedEvent, node.PointRemovedEvent):
                    self.addObserver(node, event, self._onPoints)

    def _onPoints(self, node, event) -> None:
        """The preview under the mouse moves all the time, and is no seed."""
        if self._points.get(node.GetID()) != readableSeeds(node):
            self._onChange(node, event)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, scene, event, node) -> None:
        if node.GetClassName() in (_SEEDS, _TABLE):
            self._onChange(scene, event)
