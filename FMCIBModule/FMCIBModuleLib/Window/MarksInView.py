"""Seeds and boxes are shown on their own CT only: on another patient's slices they would mark what nobody analysed."""

from __future__ import annotations

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..SeedSources import seedsIdOf
from ..Soon import Soon
from ..SubjectHierarchy import ROLE, VOLUME
from .SliceViews import composites, slicesOf

_HIDDEN = "FMCIB.HiddenWithScan"
"""Attribute of the display of a mark that was hidden here, and not by the user; undo changes no displays."""
_MARKS = (("vtkMRMLMarkupsFiducialNode", "seeds"), ("vtkMRMLMarkupsROINode", "box"))


class MarksInView(VTKObservationMixin):
    """Follows what the slice views show, until `close`."""

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self.updateSoon = Soon(self._updateUnlessClosing)
        self.updateSoon()

    def close(self) -> None:
        """Observe nothing any more."""
        self.updateSoon.close()
        self.removeObservers()

    def update(self) -> None:
        """Show each mark in the views of its CT and in 3D; nowhere, if no view has its CT or the CT is gone."""
        modified = vtk.vtkCommand.ModifiedEvent
        for composite in composites():
            if not self.hasObserver(composite, modified, self.updateSoon):
                self.addObserver(composite, modified, self.updateSoon)
        for className, role in _MARKS:
            for node in slicer.util.getNodesByClass(className):
                if node.GetAttribute(ROLE) == "seeds":
                    seedsIdOf(node)  # of a copy it takes the role away
                if node.GetAttribute(ROLE) == role and node.GetDisplayNode() is not None:
                    _place(node)

    def _updateUnlessClosing(self) -> None:
        if not (slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting()):
            self.update()


def _place(node) -> None:
    volumeNode, display = node.GetNodeReference(VOLUME), node.GetDisplayNode()
    here, every = slicesOf(volumeNode.GetID() if volumeNode else None)
    if not every:  # no views at all
        return
    if not here:
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
