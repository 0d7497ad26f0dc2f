"""Where a node stands in the subject hierarchy: results under their CT."""

from __future__ import annotations

import slicer

ROLE = "FMCIB.Role"
"""Attribute of each node that holds a result: which one."""
VOLUME = "FMCIB.Volume"
"""Node reference from a result to its CT."""


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
