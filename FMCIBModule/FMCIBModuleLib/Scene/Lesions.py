"""The lesions of the scene as the window lists them: those with a seed, a row, or both, of every CT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import slicer
import vtk
from fmcib_engine.errors import SeedError
from fmcib_engine.geometry import PatientPoint

from .LesionInScene import LesionInScene
from .LesionTable import LesionTable, pointOf
from .Seeds import findSeedsNode, seedsIn
from .SeedSources import SEEDS_ID, SceneSeed
from .SubjectHierarchy import VOLUME


@dataclass(frozen=True)
class Lesion:
    """One lesion of one CT.

    Attributes:
        volumeNode: its CT.
        key: stable, see `SceneSeed`.
        seed: where it is marked now; None where its point is gone.
        row: the cells of its row by column; None before it was analysed.
    """

    volumeNode: Any
    key: str
    seed: SceneSeed | None
    row: dict[str, str] | None

    @property
    def id(self) -> str:
        """Of this lesion among those of all scans."""
        return self.inScene.id

    @property
    def inScene(self) -> LesionInScene:
        """What the scene has of it now."""
        return LesionInScene(self.volumeNode, self.key)

    @property
    def mark(self) -> SceneSeed | None:
        """Its seed; where that is gone, the place that its row is about; None where nobody knows one."""
        if self.seed is not None:
            return self.seed
        point = readablePoint(self.row)
        return SceneSeed(self.key, self.name, point) if point else None

    @property
    def name(self) -> str:
        return self.seed.label if self.seed else self.row["lesion_id"]


def readablePoint(row: Mapping[str, str]) -> PatientPoint | None:
    """Where the seed of a row was, LPS mm; None where its cells are damaged."""
    try:
        return pointOf(row)
    except (ValueError, SeedError):
        return None


def volumesWithLesions() -> list:
    """The CTs that have seeds or results, in the order of the scene."""
    ids = {
        node.GetNodeReferenceID(VOLUME)
        for className in ("vtkMRMLMarkupsFiducialNode", "vtkMRMLTableNode")
        for node in slicer.util.getNodesByClass(className)
    }
    return [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node.GetID() in ids]


def lesionsOf(volumeNode) -> list[Lesion]:
    """The lesions of a CT in the order of the rows; one without a row stands where its row will be."""
    table, own = LesionTable(volumeNode), findSeedsNode(volumeNode)
    ownSeeds = readableSeeds(own) if own else []  # first: a list that a script has made gets its id by that
    marked = {seed.key: seed for node in _seedsNodes() for seed in readableSeeds(node)}
    keys, order = table.keys(), [seed.key for seed in ownSeeds]
    for number, key in enumerate(order):
        if key not in keys:
            later = set(order[number + 1 :])
            keys.insert(next((at for at, other in enumerate(keys) if other in later), len(keys)), key)
    return [Lesion(volumeNode, key, marked.get(key), table.row(key)) for key in keys]


def allLesions() -> list[Lesion]:
    """Of all CTs."""
    return [lesion for node in volumesWithLesions() for lesion in lesionsOf(node)]


def scanNames() -> dict[Any, str]:
    """What the CTs with lesions are called, each otherwise: of two scans of one name the second is `name (2)`."""
    found: dict[Any, str] = {}
    for volumeNode in volumesWithLesions():
        name, number = volumeNode.GetName(), 1
        while name in found.values():
            number += 1
            name = f"{volumeNode.GetName()} ({number})"
        found[volumeNode] = name
    return found


def seedOrders() -> dict[Any, list[str]]:
    """Of each CT: the keys of its own seeds, in their order."""
    found = {volumeNode: findSeedsNode(volumeNode) for volumeNode in volumesWithLesions()}
    return {
        volumeNode: [seed.key for seed in readableSeeds(node)] for volumeNode, node in found.items() if node is not None
    }


def namesInScene() -> list[str]:
    """Names that may tell of a patient: of scans, markups, lesions, and of what stands above them in the hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    items = vtk.vtkIdList()
    if hierarchy is not None:
        hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    names = {hierarchy.GetItemName(items.GetId(index)) for index in range(items.GetNumberOfIds())}
    for node in slicer.util.getNodesByClass("vtkMRMLDisplayableNode"):
        names.add(node.GetName())
    return sorted(names | {lesion.name for lesion in allLesions()})


def _seedsNodes() -> list:
    """The lists of points that were ever asked for their seeds."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") if node.GetAttribute(SEEDS_ID)]


def readableSeeds(seedsNode) -> list[SceneSeed]:
    """The seeds of a list of points; none where one cannot be read."""
    try:
        return seedsIn(seedsNode)
    except SeedError:  # of one point without finite coordinates, which the watcher tells
        return []
