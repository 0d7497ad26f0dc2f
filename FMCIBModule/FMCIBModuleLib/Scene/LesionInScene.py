"""One lesion of one CT: its row, the 50 mm box that was read around it, and the very patch that was fed.

Its maps are of `OverlayInScene`; they are named and removed with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import slicer
from fmcib_engine.preprocessing import Patch
from fmcib_engine.preprocessing.patch import HU_OF_ZERO, HU_PER_UNIT
from slicer.i18n import tr as _
from slicer.util import NodeModify

from .LesionTable import LesionTable
from .SceneBridge import boxFromGrid, rasFromGrid
from .SubjectHierarchy import ROLE, VOLUME, resultNodes, tagResult

LESION = "FMCIB.Lesion"
"""Attribute of each node about a lesion: its key."""

NAMED = "FMCIB.Named"
"""Attribute of a map or table: its name, with `{lesion}` where that of the lesion stands."""

_CLASSES = {"box": "vtkMRMLMarkupsROINode", "patch": "vtkMRMLScalarVolumeNode"}
"""By the role of a node."""

BOX_COLOR = (1.0, 0.69, 0.0)
"""Amber: not the seeds' own colour."""

WINDOW_HU, LEVEL_HU = 1500.0, -400.0
"""Lung window, until the user sets another."""


@dataclass(frozen=True)
class LesionInScene:
    """What is known and shown of a lesion, looked up in the scene each time: the scene is where results live.

    Attributes:
        volumeNode: its CT.
        key: stable, see `SceneSeed`.
    """

    volumeNode: Any
    key: str

    @property
    def id(self) -> str:
        """Of this lesion among those of all scans."""
        return idOf(self.volumeNode.GetID(), self.key)

    @property
    def row(self) -> dict[str, str] | None:
        """The cells of its row by column; None where it has none."""
        return self._table.row(self.key)

    def write(self, cells: Mapping[str, str], features: Sequence[str], order: Sequence[str] = ()) -> None:
        """Put its row in the place of its former one, as `LesionTable.write`."""
        self._table.write(self.key, cells, features, order)

    def update(self, cells: Mapping[str, str]) -> None:
        """Change some cells of its row; nothing where it has none."""
        self._table.update(self.key, cells)

    def rename(self, name: str) -> None:
        """Row, box, patch and maps get another name, as far as they are there."""
        self._table.rename(self.key, name)
        for role, newName in (("box", _boxName(name)), ("patch", _patchName(name))):
            if (node := self._node(role)) is not None:
                node.SetName(newName)
        for node in self._nodes():
            if node.GetAttribute(NAMED):
                node.SetName(namedAfter(node.GetAttribute(NAMED), name))

    def remove(self) -> None:
        """Take away all that there is."""
        self._table.remove(self.key)
        for node in self._nodes():
            slicer.mrmlScene.RemoveNode(node)

    def showBox(self, name: str, patch: Patch):
        """The box around the voxels that were read, in patient space; its former one moves there."""
        node = self._node("box") or self._makeBox()
        box = boxFromGrid(patch.grid)
        with NodeModify(node):
            node.SetName(_boxName(name))
            node.SetAndObserveObjectToNodeMatrix(box.objectToWorld)
            node.SetSize(*box.size)
            node.SetNthControlPointVisibility(0, False)  # the box's centre, which is not the seed
        return node

    def showPatch(self, name: str, patch: Patch):
        """The patch as a volume where it lies in the patient: the numbers that were fed, (HU + 1024) / 3072."""
        node = self._node("patch") or self._make("patch")
        node.SetName(_patchName(name))
        node.SetIJKToRASMatrix(rasFromGrid(patch.grid))
        slicer.util.updateVolumeFromArray(node, patch.array)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(WINDOW_HU / HU_PER_UNIT, (LEVEL_HU - HU_OF_ZERO) / HU_PER_UNIT)
        return node

    def removeNodes(self, besides: Collection[str] = ()) -> None:
        """Take box, patch and maps away, if there are any.

        Args:
            besides: roles of nodes that stay.
        """
        for node in self._nodes():
            if node.GetAttribute(ROLE) not in besides:
                slicer.mrmlScene.RemoveNode(node)

    def removePatch(self) -> None:
        """Take the patch away: it is of another place or time than the row."""
        self._remove("patch")

    @property
    def _table(self) -> LesionTable:
        return LesionTable(self.volumeNode)

    def _nodes(self) -> list:
        """All of them."""
        volumeId = self.volumeNode.GetID()
        return [
            node
            for node in slicer.mrmlScene.GetNodes()
            if node.GetAttribute(LESION) == self.key and node.GetNodeReferenceID(VOLUME) == volumeId
        ]

    def _node(self, role: str):
        found = resultNodes(self.volumeNode, _CLASSES[role], role)
        return next((node for node in found if node.GetAttribute(LESION) == self.key), None)

    def _make(self, role: str):
        node = slicer.mrmlScene.AddNewNodeByClass(_CLASSES[role])
        node.SetAttribute(LESION, self.key)
        tagResult(node, self.volumeNode, role)
        return node

    def _makeBox(self):
        with _placingGoesOn():
            node = self._make("box")
        node.CreateDefaultDisplayNodes()
        # the default holds the node's name, and printf is given that: "50% solid"
        node.SetControlPointLabelFormat("%d")
        _makeQuiet(node)
        return node

    def _remove(self, role: str) -> None:
        if (node := self._node(role)) is not None:
            slicer.mrmlScene.RemoveNode(node)


def idOf(volumeId: str, key: str) -> str:
    """The id of a lesion, from the ID of its CT's node and its key."""
    return f"{volumeId} {key}"


def _boxName(lesion: str) -> str:
    return _("50 mm box of {lesion}").format(lesion=forFiles(lesion))


def _patchName(lesion: str) -> str:
    return _("What the model saw of {lesion}").format(lesion=forFiles(lesion))


def namedAfter(template: str, lesion: str) -> str:
    """The name of a map of a lesion."""
    return forFiles(template.replace("{lesion}", lesion))


def forFiles(name: str) -> str:
    """Slicer saves a node to a file of its name, and a scene with one that has & or control characters never opens."""
    return "".join(each if each.isprintable() else " " for each in name).replace("&", "+")


@contextmanager
def _placingGoesOn() -> Iterator[None]:
    """Slicer makes every new markups node the one that the next click goes to; the user is still placing seeds."""
    selection = slicer.app.applicationLogic().GetSelectionNode()
    className, nodeId = selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID()
    try:
        yield
    finally:
        selection.SetReferenceActivePlaceNodeClassName(className)
        selection.SetReferenceActivePlaceNodeID(nodeId)


def _makeQuiet(node) -> None:
    """To be seen, not to be dragged: moving the box would say that something else was read."""
    node.SetLocked(True)
    node.SetSelectable(False)
    display = node.GetDisplayNode()
    display.SetFillVisibility(False)
    display.SetHandlesInteractive(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetColor(*BOX_COLOR)
    display.SetSelectedColor(*BOX_COLOR)
