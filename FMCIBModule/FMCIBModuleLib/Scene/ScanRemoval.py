"""A CT that leaves the scene, however it was removed, takes its results along: our seeds, tables, boxes and patches.

The user's own lists of points stay. Without this they would be hidden in the scene, and saved with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..Soon import Soon
from .SubjectHierarchy import ROLE, VOLUME


class ScanRemovalWatcher(VTKObservationMixin):
    """Watches the scene until `stop`."""

    def __init__(self, onRemoved: Callable[[Any], Any]) -> None:
        """
        Args:
            onRemoved: told each volume node that is gone, before its results go.
        """
        VTKObservationMixin.__init__(self)
        self._onRemoved = onRemoved
        self._removeLeftSoon = Soon(_removeLeft)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(scene, scene.NodeAddedEvent, self._onNodeAdded)

    def stop(self) -> None:
        """Observe nothing any more."""
        self.removeObservers()
        self._removeLeftSoon.close()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, scene, _event, node) -> None:
        """At this moment the references to a node that goes are still there, and afterwards they are not."""
        if scene.IsClosing() or not node.IsA("vtkMRMLScalarVolumeNode"):
            return
        self._onRemoved(node)
        _remove([each for each in _results() if each.GetNodeReferenceID(VOLUME) == node.GetID()])

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, scene, _event, node) -> None:
        """Slicer's undo brings seeds back, but a CT only where somebody has turned undo on for it."""
        if not scene.IsImporting() and _isLeft(node):
            self._removeLeftSoon()


def _results() -> list:
    return [node for node in slicer.mrmlScene.GetNodes() if node.GetAttribute(ROLE)]


def _isLeft(node) -> bool:
    """Whether a node is a result of a CT that is not in the scene."""
    volumeId = node.GetNodeReferenceID(VOLUME) if node.GetAttribute(ROLE) else None
    return bool(volumeId) and slicer.mrmlScene.GetNodeByID(volumeId) is None


def _removeLeft() -> None:
    _remove([node for node in _results() if _isLeft(node)])


def _remove(nodes: list) -> None:
    for node in nodes:
        if slicer.mrmlScene.IsNodePresent(node):
            slicer.mrmlScene.RemoveNode(node)
