"""Tells when anything changes in the scene that the list of lesions shows, whoever has changed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..SeedSources import SEEDS_ID
from ..SubjectHierarchy import ROLE
from .Lesions import volumesWithLesions

_SEEDS, _TABLE = "vtkMRMLMarkupsFiducialNode", "vtkMRMLTableNode"


class LesionNodesInScene(VTKObservationMixin):
    """Observes CTs with lesions, their tables, and lists of points of the user's that were analysed, until `close`.

    The window's own analysis tells of what it does, and of its own seeds, whose preview under the mouse changes all the
    time. A script has another one, and nobody watches the user's own lists.
    """

    def __init__(self, onChange: Callable[..., Any]) -> None:
        """
        Args:
            onChange: called often, with the node and the event.
        """
        VTKObservationMixin.__init__(self)
        self._onChange = onChange
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self._onNodeAdded)

    def close(self) -> None:
        """Observe nothing any more."""
        self.removeObservers()

    def update(self) -> None:
        """Observe what there is now."""
        modified, moved = vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        markups, volume = slicer.vtkMRMLMarkupsNode, slicer.vtkMRMLVolumeNode
        for node in volumesWithLesions():
            self._observe(node, modified, moved, volume.ImageDataModifiedEvent)
        for node in slicer.util.getNodesByClass(_TABLE):
            if node.GetAttribute(ROLE):
                self._observe(node, modified)
        for node in slicer.util.getNodesByClass(_SEEDS):
            if node.GetAttribute(SEEDS_ID) and not node.GetAttribute(ROLE):
                self._observe(node, moved, markups.PointModifiedEvent, markups.PointRemovedEvent)

    def _observe(self, node, *events: int) -> None:
        for event in events:
            if not self.hasObserver(node, event, self._onChange):
                self.addObserver(node, event, self._onChange)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, scene, event, node) -> None:
        if node.GetClassName() in (_SEEDS, _TABLE):
            self._onChange(scene, event)
