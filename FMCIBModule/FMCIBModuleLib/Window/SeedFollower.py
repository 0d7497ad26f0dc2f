"""Has the analysis follow the seeds of every CT in the scene, as they come and go."""

from __future__ import annotations

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..Analysis.AnalysisLogic import AnalysisLogic
from ..Scene.Lesions import volumesWithLesions
from ..Scene.Seeds import findSeedsNode
from ..Scene.SeedSources import seedsIdOf
from ..Scene.SubjectHierarchy import placeUnderIfLoose
from ..Signal import Signal
from .UndoSteps import enableUndo

_OF_LESIONS = frozenset({"vtkMRMLScalarVolumeNode", "vtkMRMLMarkupsFiducialNode", "vtkMRMLTableNode"})


class SeedFollower(VTKObservationMixin):
    """Keeps one watcher for each CT that has seeds.

    Attributes:
        changed: emitted when seeds are followed that were not before, or the other way round, and when a node is gone
            that may have been of a lesion.
    """

    def __init__(self, logic: AnalysisLogic) -> None:
        VTKObservationMixin.__init__(self)
        self.changed = Signal()
        self._logic = logic
        self._analyse = False
        self._followed: dict[str, tuple[str, str, bool]] = {}
        """Of each CT, by its node's ID: ID of its seeds node, its seeds' own id, whether what is placed is analysed."""
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._onNodeRemoved)

    def close(self) -> None:
        """Follow nothing, and observe nothing any more."""
        self.removeObservers()
        self.changed.disconnectAll()
        self.forget()

    def forget(self) -> None:
        """Follow nothing."""
        self._followed.clear()
        self._logic.unwatch()

    def update(self, analyseOnPlacing: bool | None = None) -> None:
        """Follow what there is now. What is followed already is left alone: it may be just being dragged.

        Args:
            analyseOnPlacing: whether a seed is analysed when it was placed or moved; None as before.
        """
        self._analyse = self._analyse if analyseOnPlacing is None else analyseOnPlacing
        before = dict(self._followed)
        for volumeNode in volumesWithLesions():
            seedsNode = findSeedsNode(volumeNode)
            if seedsNode is not None:
                wanted = (seedsNode.GetID(), seedsIdOf(seedsNode), self._analyse)
                if self._followed.get(volumeNode.GetID()) != wanted:
                    enableUndo(seedsNode)
                    placeUnderIfLoose(volumeNode, seedsNode)  # one that undo has brought back
                    self._logic.watch(volumeNode, seedsNode, self._analyse)
                    self._followed[volumeNode.GetID()] = wanted
        if before != self._followed:
            self.changed.emit()

    @property
    def isAnalysing(self) -> bool:
        """Whether seeds are analysed as they come."""
        return self._analyse

    def pause(self, volumeNode) -> None:
        """Do not follow the seeds of a CT until the next `update`."""
        self._followed.pop(volumeNode.GetID(), None)
        self._logic.unwatch(volumeNode.GetID())

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, _scene, _event, node) -> None:
        """The results of seeds that were removed with their node go, too; a CT that is gone is followed no more."""
        if slicer.mrmlScene.IsClosing():
            return
        self._stopWhereGone()
        if node.GetClassName() in _OF_LESIONS:
            self.changed.emit()

    def _stopWhereGone(self) -> None:
        scene = slicer.mrmlScene
        for volumeId, (nodeId, seedsId, _analyse) in list(self._followed.items()):
            volumeNode = scene.GetNodeByID(volumeId)
            if volumeNode is not None and scene.GetNodeByID(nodeId) is not None:
                continue
            del self._followed[volumeId]
            self._logic.unwatch(volumeId)
            if volumeNode is not None:
                self._logic.forgetLesions(volumeNode, seedsId)
