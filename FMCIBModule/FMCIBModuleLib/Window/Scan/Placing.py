"""Whether the next click in a slice view places a seed: Slicer's own place mode, for the seeds of one CT."""

from __future__ import annotations

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ...Scene.SubjectHierarchy import ROLE, VOLUME
from ...Signal import Signal
from ...Soon import Soon
from ..SliceViews import composites, isOtherShown, isShown


class Placing(VTKObservationMixin):
    """Starts and ends place mode, and sees where the user or Slicer does.

    Attributes:
        changed: emitted with whether seeds are being placed, when that is another than before.
        otherScanShown: emitted with the CT's name when placing was ended because a view does not show it any more.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self.changed, self.otherScanShown = Signal(), Signal()
        self._seedsNode = self._volumeNode = None
        self._told = False
        self._lookSoon = Soon(self._look)
        logic = slicer.app.applicationLogic()
        self._interaction, self._selection = logic.GetInteractionNode(), logic.GetSelectionNode()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeGoes)
        self.addObserver(self._interaction, self._interaction.InteractionModeChangedEvent, self._onChange)
        self.addObserver(self._selection, self._selection.ActivePlaceNodeIDChangedEvent, self._onChange)

    def close(self) -> None:
        """End place mode, and observe nothing any more."""
        self.stop()
        self._lookSoon.close()
        self.removeObservers()
        self.changed.disconnectAll()
        self.otherScanShown.disconnectAll()

    @property
    def isOn(self) -> bool:
        """Whether the next click adds a point to the seeds that `start` was given."""
        return (
            self._seedsNode is not None
            and self._interaction.GetCurrentInteractionMode() == self._interaction.Place
            and self._selection.GetActivePlaceNodeID() == self._seedsNode.GetID()
        )

    def start(self, seedsNode, volumeNode, several: bool = False) -> None:
        """The next click places a seed on a CT that all views show.

        With `several` each click does, until `stop`, a right click, or another scan in a view.
        """
        self._adopt(seedsNode, volumeNode)
        logic = slicer.modules.markups.logic()
        logic.SetActiveList(seedsNode)
        logic.StartPlaceMode(several)
        self._onChange()

    def stop(self) -> None:
        """Back to turning pages. A place mode that is none of ours is left alone."""
        if self.isOn:
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)
        self._stopLooking()
        self._seedsNode = self._volumeNode = None
        self._onChange()

    def stopForeign(self) -> None:
        """Also where no button was pressed, as in a scene that was saved while seeds were placed."""
        self._adoptActive()
        self.stop()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeGoes(self, _scene, _event, node) -> None:
        """The next click would make a list that nobody follows."""
        if node is self._seedsNode:
            self.stop()

    def _stopLooking(self) -> None:
        for composite in composites():
            if self.hasObserver(composite, vtk.vtkCommand.ModifiedEvent, self._onViewChange):
                self.removeObserver(composite, vtk.vtkCommand.ModifiedEvent, self._onViewChange)

    def _adopt(self, seedsNode, volumeNode) -> None:
        self._stopLooking()
        self._seedsNode, self._volumeNode = seedsNode, volumeNode
        for composite in composites():
            self.addObserver(composite, vtk.vtkCommand.ModifiedEvent, self._onViewChange)

    def _adoptActive(self) -> None:
        """Slicer's own button starts place mode as well, for the list that was used last, whatever is shown."""
        active = slicer.mrmlScene.GetNodeByID(self._selection.GetActivePlaceNodeID() or "")
        isPlacing = self._interaction.GetCurrentInteractionMode() == self._interaction.Place
        if isPlacing and active is not None and active.GetAttribute(ROLE) == "seeds":
            self._adopt(active, active.GetNodeReference(VOLUME))

    def _onViewChange(self, *_: object) -> None:
        """Another scan ends place mode at once; a view that is empty, as after an import, may be filled again."""
        if self.isOn and not (self._volumeNode and isOtherShown(self._volumeNode)):
            self._lookSoon()
        else:
            self._look()

    def _look(self) -> None:
        if self.isOn and not (self._volumeNode and isShown(self._volumeNode)):
            name = self._volumeNode.GetName() if self._volumeNode else ""
            self.stop()
            self.otherScanShown.emit(name)

    def _onChange(self, *_: object) -> None:
        if self._seedsNode is None:
            self._adoptActive()
        self._lookSoon()
        if self.isOn != self._told:
            self._told = self.isOn
            self.changed.emit(self._told)
