"""The lesions of a CT as control points: one markups node under it, one point a lesion."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace

import slicer
import vtk
from fmcib_engine.errors import SeedError
from slicer.i18n import tr as _

from .SceneBridge import pointToRas
from .SeedSources import SceneSeed, keyOf, seedsFromMarkups
from .SubjectHierarchy import ROLE, placeUnderIfLoose, resultNode, tagResult

_SEEDS = "vtkMRMLMarkupsFiducialNode"
_DIAMETERS = "FMCIB.Diameters"
"""Attribute of a seeds node: JSON, id of a control point -> mm, for the lesions that were outlined. Copies keep it."""


def findSeedsNode(volumeNode):
    """The markups node that this module made for a CT; None before the first seed."""
    return resultNode(volumeNode, _SEEDS, "seeds")


def ensureSeedsNode(volumeNode):
    """The same, made where there is none."""
    node = findSeedsNode(volumeNode)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass(_SEEDS, slicer.mrmlScene.GenerateUniqueName(_("Lesions")))
        node.CreateDefaultDisplayNodes()
        node.SetControlPointLabelFormat(_("Lesion") + " %d")
        tagResult(node, volumeNode, "seeds")
    return node


def addSeed(volumeNode, seed: SceneSeed) -> SceneSeed:
    """Make a control point of a seed that came from a segment or an ROI; the seed with its new key."""
    node = ensureSeedsNode(volumeNode)
    index = node.AddControlPointWorld(vtk.vtkVector3d(*pointToRas(seed.point)), seed.label)
    pointId = node.GetNthControlPointID(index)
    added = next(found for found in seedsFromMarkups(node) if _pointId(found) == pointId)
    if seed.diameterMm is not None:
        node.SetAttribute(_DIAMETERS, json.dumps({**_diameters(node), pointId: seed.diameterMm}))
    return replace(added, diameterMm=seed.diameterMm)


def keepNumbering(seedsNode, atLeast: int = 0) -> int:
    """See to it that the next point's id is above those that are there, and above `atLeast`.

    Slicer's undo sets the number of the last point back to 0, and scenes are saved with that. (Slicer itself uses the
    number of the last point again when that is removed, as the preview under the mouse is.)

    Returns:
        The number of the last point, which is its id.
    """
    ids = [seedsNode.GetNthControlPointID(index) for index in range(seedsNode.GetNumberOfControlPoints())]
    number = seedsNode.GetLastUsedControlPointNumber()
    last = max(atLeast, number, *(int(each) for each in ids if each.isdecimal()), 0)
    if last != number:
        seedsNode.SetLastUsedControlPointNumber(last)
    return last


def seedsOf(volumeNode, seeds=None) -> list[SceneSeed]:
    """What the user gave as seeds: a markups node, seeds from points, segments or ROIs, or None for the CT's own.

    The user's markups node takes its place under the CT, unless it has one already.

    Raises:
        SeedError: a markups node that is not of points.
    """
    if seeds is None:
        node = findSeedsNode(volumeNode)
        return [] if node is None else seedsIn(node)
    if isinstance(seeds, Iterable):
        points = {
            keyOf(node, n)
            for node in slicer.util.getNodesByClass(_SEEDS)
            for n in range(node.GetNumberOfControlPoints())
        }
        return [seed if seed.key in points else addSeed(volumeNode, seed) for seed in seeds]
    if seeds.IsA("vtkMRMLMarkupsROINode"):
        return [addSeed(volumeNode, seed) for seed in seedsFromMarkups(seeds)]
    found = seedsIn(seeds)
    placeUnderIfLoose(volumeNode, seeds)
    return found


def seedsIn(seedsNode) -> list[SceneSeed]:
    """The lesions of a markups node, with the diameters of those that were outlined."""
    diameters = _diameters(seedsNode)
    return [replace(seed, diameterMm=diameters.get(_pointId(seed))) for seed in seedsFromMarkups(seedsNode)]


def findSeed(key: str):
    """The markups node of a lesion's control point, and its index there; (None, -1) where it is gone."""
    for node in slicer.util.getNodesByClass(_SEEDS):
        for index in range(node.GetNumberOfControlPoints()):
            if keyOf(node, index) == key:
                return node, index
    return None, -1


def clickedOn(volumeNode, seeds: Iterable[SceneSeed]) -> tuple[list[SceneSeed], str]:
    """Which of some seeds were clicked on this CT, as far as Slicer knows, and a sentence about the others."""
    own, others = [], {}
    for seed in seeds:
        other = _otherScan(volumeNode, *findSeed(seed.key))
        if other is None:
            own.append(seed)
        else:
            others[seed.label] = other.GetName()
    msg = _(
        "{seeds}: clicked on {others}, not on {scan}, and not analysed. Delete it; or, if both show the same patient "
        "in the same place, press Analyse, which computes all lesions of {scan} again."
    )
    names = {"seeds": ", ".join(others), "others": ", ".join(dict.fromkeys(others.values()))}
    return own, msg.format(scan=volumeNode.GetName(), **names) if others else ""


def accept(volumeNode, seeds: Iterable[SceneSeed]) -> None:
    """The user has said that these are seeds of this CT: those of its own list are not doubted again."""
    own = findSeedsNode(volumeNode)
    for seed in seeds:
        node, index = findSeed(seed.key)
        if node is own and _otherScan(volumeNode, node, index) is not None:
            node.SetNthControlPointAssociatedNodeID(index, volumeNode.GetID())


def _otherScan(volumeNode, node, index: int):
    """The scan that Slicer noted behind the click of a control point, if that is another one."""
    clicked = slicer.mrmlScene.GetNodeByID(node.GetNthControlPointAssociatedNodeID(index) or "") if node else None
    isScan = clicked is not None and clicked.IsA("vtkMRMLScalarVolumeNode") and clicked.GetAttribute(ROLE) is None
    return clicked if isScan and clicked is not volumeNode else None


def removeSeed(key: str) -> None:
    """Remove a lesion's control point, wherever it is.

    Raises:
        SeedError: the user has fixed the number of points of its list.
    """
    node, index = findSeed(key)
    if node is None:
        return
    if node.GetFixedNumberOfControlPoints():
        msg = _("The list {name} has a fixed number of points. Unlock that in the module Markups, then delete again.")
        raise SeedError(msg.format(name=node.GetName()))
    node.RemoveNthControlPoint(index)


def renameSeed(key: str, name: str) -> None:
    """Give a lesion's control point another label."""
    node, index = findSeed(key)
    if node is not None:
        node.SetNthControlPointLabel(index, name)


def swapSeeds(key: str, other: str) -> None:
    """Change the places of two control points of one node; nothing where they are of two."""
    (node, index), (otherNode, otherIndex) = findSeed(key), findSeed(other)
    if node is not None and node is otherNode:
        node.SwapControlPoints(index, otherIndex)


def _pointId(seed: SceneSeed) -> str:
    return seed.key.partition("-")[2]


def _diameters(seedsNode) -> dict[str, float]:
    """By lesion key; no diameters where the attribute is damaged: nothing is computed of them."""
    try:
        found = json.loads(seedsNode.GetAttribute(_DIAMETERS) or "{}")
    except ValueError:
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {key: float(each) for key, each in known if type(each) in (int, float) and math.isfinite(each)}
