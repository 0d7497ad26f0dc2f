"""Which marks are seen: seeds and boxes on their own CT only, and of the boxes only those of chosen lesions.

On another patient's slices they would mark what nobody analysed; and many boxes hide what they are around.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..Scene.LesionInScene import LESION, idOf
from ..Scene.SeedSources import seedsIdOf
from ..Scene.Settled import whenSettled
from ..Scene.SubjectHierarchy import ROLE, VOLUME
from ..Soon import Soon
from .SliceViews import composites, slicesOf

_HIDDEN = "FMCIB.HiddenWithScan"
"""Attribute of the display of a mark that was hidden here, and not by the user; undo changes no displays.

Its name is from when a scan out of view was the only reason; scenes were saved with it.
"""
_MARKS = (("vtkMRMLMarkupsFiducialNode", "seeds"), ("vtkMRMLMarkupsROINode", "box"))


class MarksInView(VTKObservationMixin):
    """Follows what the slice views show, until `close`."""

    def __init__(self, chosen: Callable[[], Collection[str] | None] = lambda: None) -> None:
        """
        Args:
            chosen: gives the ids of the lesions whose boxes are wanted; None for all.
        """
        VTKObservationMixin.__init__(self)
        self._chosen = chosen
        self.updateSoon = Soon(whenSettled(self.update))
        self.updateSoon()

    def close(self) -> None:
        """Observe nothing any more."""
        self.updateSoon.close()
        self.removeObservers()

    def update(self) -> None:
        """Show each mark that is wanted in the views of its CT and in 3D; nowhere, if no view has its CT."""
        modified, chosen = vtk.vtkCommand.ModifiedEvent, self._chosen()
        for composite in composites():
            if not self.hasObserver(composite, modified, self.updateSoon):
                self.addObserver(composite, modified, self.updateSoon)
        for className, role in _MARKS:
            for node in slicer.util.getNodesByClass(className):
                if node.GetAttribute(ROLE) == "seeds":
                    seedsIdOf(node)  # of a copy it takes the role away
                if node.GetAttribute(ROLE) == role and node.GetDisplayNode() is not None:
                    _place(node, role == "seeds" or chosen is None or _lesionOf(node) in chosen)


def _lesionOf(box) -> str:
    """The id of a box's lesion."""
    return idOf(box.GetNodeReferenceID(VOLUME), box.GetAttribute(LESION))


def _place(node, isWanted: bool) -> None:
    volumeNode, display = node.GetNodeReference(VOLUME), node.GetDisplayNode()
    here, every = slicesOf(volumeNode.GetID() if volumeNode else None)
    if not every:  # no views at all
        return
    if not (here and isWanted):
        if node.GetDisplayVisibility():
            display.SetAttribute(_HIDDEN, "1")
            node.SetDisplayVisibility(False)
        return
    _showIn(display, here if len(here) < len(every) else [])
    if display.GetAttribute(_HIDDEN):
        display.RemoveAttribute(_HIDDEN)
        node.SetDisplayVisibility(True)


def _showIn(display, slices: list) -> None:
    """In these slice views and in 3D; in all views, if the list is empty."""
    wanted = [node.GetID() for node in (*slices, *slicer.util.getNodesByClass("vtkMRMLViewNode"))] if slices else []
    if list(display.GetViewNodeIDs()) != wanted:
        display.SetViewNodeIDs(wanted)
