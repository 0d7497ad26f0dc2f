"""A scene that is imported into one that has it already: its lesions get keys of their own.

Slicer gives the nodes of such a copy other IDs, but knows nothing of our keys. With the same, removing a lesion of the
one scan would remove the seed of the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

import slicer
from slicer.util import VTKObservationMixin

from .LesionInScene import LESION
from .LesionTable import FEATURE_COLUMN, KEY_COLUMN
from .SeedSources import SEEDS_ID
from .SubjectHierarchy import ROLE, VOLUME


class ImportWatcher(VTKObservationMixin):
    """Watches the scene for imports, until `stop`."""

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self._before: set[str] = set()
        _separateCopies()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartImportEvent, self._onStart)
        self.addObserver(scene, scene.EndImportEvent, self._onEnd)

    def stop(self) -> None:
        """Observe nothing any more."""
        self.removeObservers()

    def _onStart(self, *_: object) -> None:
        self._before = {node.GetID() for node in slicer.mrmlScene.GetNodes()}

    def _onEnd(self, *_: object) -> None:
        nodes = list(slicer.mrmlScene.GetNodes())
        new = [node for node in nodes if node.GetID() not in self._before]
        giveOwnKeys(new, {node.GetAttribute(SEEDS_ID) for node in nodes if node.GetID() in self._before})
        for node in new:
            if node.GetAttribute(ROLE) == "seeds":
                _forgetClicks(node)


def _forgetClicks(seedsNode) -> None:
    """Which scan was behind a click is an ID of the other scene, where Slicer may have given out new ones."""
    for index in range(seedsNode.GetNumberOfControlPoints()):
        seedsNode.SetNthControlPointAssociatedNodeID(index, "")


def _separateCopies() -> None:
    """What was imported beside itself before anybody watched: the lesions of each other CT get keys of their own."""
    taken: set[str | None] = set()
    nodes = [node for node in slicer.mrmlScene.GetNodes() if node.GetNodeReferenceID(VOLUME)]
    for volumeId in dict.fromkeys(node.GetNodeReferenceID(VOLUME) for node in nodes):
        ofOneScan = [node for node in nodes if node.GetNodeReferenceID(VOLUME) == volumeId]
        own = {node.GetAttribute(SEEDS_ID) for node in ofOneScan}
        giveOwnKeys(ofOneScan, taken & own)  # without seeds of its own, it has rows of the seeds of another
        taken |= own


def giveOwnKeys(nodes: Iterable, taken: set[str | None]) -> None:
    """Give seeds nodes and results new keys where they have those of other seeds nodes.

    Args:
        nodes: that came together.
        taken: ids of the other seeds nodes.
    """
    new = {seedsId: secrets.token_hex(4) for seedsId in taken if seedsId}
    for node in nodes:
        seedsId, role = node.GetAttribute(SEEDS_ID), node.GetAttribute(ROLE)
        if seedsId in new:
            node.SetAttribute(SEEDS_ID, new[seedsId])
        if node.GetAttribute(LESION):
            node.SetAttribute(LESION, _renewed(node.GetAttribute(LESION), new))
        if node.IsA("vtkMRMLTableNode") and role in ("lesions", "features"):
            _renewTable(node, new)


def _renewed(key: str, new: Mapping[str, str]) -> str:
    seedsId, dash, rest = key.partition("-")
    return new.get(seedsId, seedsId) + dash + rest


def _renewTable(node, new: Mapping[str, str]) -> None:
    """In the cells of the lesions' table, or the names of the features' columns."""
    table = node.GetTable()
    keys = table.GetColumnByName(KEY_COLUMN)
    if keys is not None:
        for index in range(keys.GetNumberOfValues()):
            keys.SetValue(index, _renewed(keys.GetValue(index), new))
    elif table.GetColumnByName(FEATURE_COLUMN) is not None:
        for index in range(table.GetNumberOfColumns()):
            node.RenameColumn(index, _renewed(table.GetColumnName(index), new))
    table.Modified()  # else Slicer takes the file of before for its contents, and does not offer to save it
    node.Modified()
