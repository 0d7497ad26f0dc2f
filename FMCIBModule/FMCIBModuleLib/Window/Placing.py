"""Whether the next click in a slice view places a seed: Slicer's own place mode, for the seeds of one CT."""

from __future__ import annotations

import slicer
from slicer.util import VTKObservationMixin

from ..Signal import Signal


class Placing(VTKObservationMixin):
    """Starts and ends place mode, and sees where the user or Slicer does.

    Attributes:
        changed: emitted with whether seeds are being placed, when that is another than before.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self.changed = Signal()
        self._seedsNode = None
        self._told = False
        logic = slicer.app.applicationLogic()
        self._interaction, self._selection = logic.GetInteractionNode(), logic.GetSelectionNode()
        self.addObserver(self._interaction, self._interaction.InteractionModeChangedEvent, self._onChange)
        self.addObserver(self._selection, self._selection.ActivePlaceNodeIDChangedEvent, self._onChange)

    def close(self) -> None:
        """End place mode, and observe nothing any more."""
        self.stop()
        self.removeObservers()
        self.changed.disconnectAll()

    @property
    def isOn(self) -> bool:
        """Whether the next click adds a point to the seeds that `start` was given."""
        return (
            self._seedsNode is not None
            and self._interaction.GetCurrentInteractionMode() == self._interaction.Place
            and self._selection.GetActivePlaceNodeID() == self._seedsNode.GetID()
        )

    def start(self, seedsNode, several: bool = False) -> None:
        """The next click places a seed; with `several` each click does, until `stop` or a right click."""
        self._seedsNode = seedsNode
        logic = slicer.modules.markups.logic()
        logic.SetActiveList(seedsNode)
        logic.StartPlaceMode(several)
        self._onChange()

    def stop(self) -> None:
        """Back to turning pages. A place mode that is none of ours is left alone."""
        if self.isOn:
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)
        self._seedsNode = None
        self._onChange()

    def _onChange(self, *_: object) -> None:
        if self.isOn != self._told:
            self._told = self.isOn
            self.changed.emit(self._told)
