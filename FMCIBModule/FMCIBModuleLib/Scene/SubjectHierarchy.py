"""Which nodes are results of a CT, and where they stand in the subject hierarchy: under it."""

from __future__ import annotations

import slicer
import slicer.util

ROLE = "FMCIB.Role"
"""Attribute of each node that holds a result: which one."""
VOLUME = "FMCIB.Volume"
"""Node reference from a result to its CT."""


def tagResult(node, volumeNode, role: str) -> None:
    """Say in the scene what a node is and of which CT, and put it under that."""
    node.SetAttribute(ROLE, role)
    node.SetNodeReferenceID(VOLUME, volumeNode.GetID())
    placeUnder(volumeNode, node)


def resultNodes(volumeNode, className: str, role: str) -> list:
    """The nodes of a CT with a role."""
    return [
        node
        for node in slicer.util.getNodesByClass(className)
        if node.GetAttribute(ROLE) == role and node.GetNodeReferenceID(VOLUME) == volumeNode.GetID()
    ]


def resultNode(volumeNode, className: str, role: str):
    """The first of them, or None."""
    return next(iter(resultNodes(volumeNode, className, role)), None)


def itemOf(node):
    """The hierarchy and a node's item. Slicer makes an item for each node by itself; where nothing does, we do."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy, hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


def placeUnder(parentNode, node) -> None:
    """Put a node under another, as the Data module shows them."""
    hierarchy, parentItem, item = _items(parentNode, node)
    hierarchy.SetItemParent(item, parentItem)


def placeUnderIfLoose(parentNode, node) -> None:
    """The same for a node of the user's, unless the user has put it somewhere."""
    hierarchy, parentItem, item = _items(parentNode, node)
    if hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID():
        hierarchy.SetItemParent(item, parentItem)


def _items(parentNode, node):
    """The hierarchy and both items."""
    hierarchy, parentItem = itemOf(parentNode)
    return hierarchy, parentItem, itemOf(node)[1]
