"""What is shown of a lesion in the views: the 50 mm box that was read, and the very patch that was fed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer
from fmcib_engine.preprocessing import Patch
from fmcib_engine.preprocessing.patch import HU_OF_ZERO, HU_PER_UNIT
from slicer.i18n import tr as _
from slicer.util import NodeModify

from .LesionTable import resultNodes, tagResult
from .SceneBridge import boxFromGrid, rasFromGrid

LESION = "FMCIB.Lesion"
"""Attribute of a box or patch: the key of its lesion."""

_BOX, _PATCH = "vtkMRMLMarkupsROINode", "vtkMRMLScalarVolumeNode"
BOX_COLOR = (1.0, 0.69, 0.0)
"""Amber: not the seeds' own colour."""

WINDOW_HU, LEVEL_HU = 1500.0, -400.0
"""Lung window, until the user sets another."""


def showBox(volumeNode, key: str, name: str, patch: Patch):
    """The box around the voxels that were read, in patient space; the former one of the lesion moves there."""
    node = _find(volumeNode, _BOX, "box", key)
    if node is None:
        with _placingGoesOn():
            node = slicer.mrmlScene.AddNewNodeByClass(_BOX)
        node.CreateDefaultDisplayNodes()
        # the default holds the node's name, and printf is given that: "50% solid"
        node.SetControlPointLabelFormat("%d")
        _makeQuiet(node)
        node.SetAttribute(LESION, key)
        tagResult(node, volumeNode, "box")
    box = boxFromGrid(patch.grid)
    with NodeModify(node):
        node.SetName(_boxName(name))
        node.SetAndObserveObjectToNodeMatrix(box.objectToWorld)
        node.SetSize(*box.size)
        node.SetNthControlPointVisibility(0, False)  # the box's centre, which is not the seed
    return node


def showPatch(volumeNode, key: str, name: str, patch: Patch):
    """The patch as a volume where it lies in the patient: the numbers that were fed, (HU + 1024) / 3072."""
    node = _find(volumeNode, _PATCH, "patch", key)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass(_PATCH)
        node.SetAttribute(LESION, key)
        tagResult(node, volumeNode, "patch")
    node.SetName(_patchName(name))
    node.SetIJKToRASMatrix(rasFromGrid(patch.grid))
    slicer.util.updateVolumeFromArray(node, patch.array)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(WINDOW_HU / HU_PER_UNIT, (LEVEL_HU - HU_OF_ZERO) / HU_PER_UNIT)
    return node


def renameNodes(volumeNode, key: str, name: str) -> None:
    """Box and patch follow the lesion's name."""
    for className, role, newName in ((_BOX, "box", _boxName(name)), (_PATCH, "patch", _patchName(name))):
        node = _find(volumeNode, className, role, key)
        if node is not None:
            node.SetName(newName)


def removeNodes(volumeNode, key: str) -> None:
    """Take the lesion's box and patch away, if there are any."""
    _remove(volumeNode, _BOX, "box", key)
    removePatch(volumeNode, key)


def removePatch(volumeNode, key: str) -> None:
    """Take the lesion's patch away: it is of another place or time than the lesion's row."""
    _remove(volumeNode, _PATCH, "patch", key)


def _remove(volumeNode, className: str, role: str, key: str) -> None:
    node = _find(volumeNode, className, role, key)
    if node is not None:
        slicer.mrmlScene.RemoveNode(node)


def _boxName(lesion: str) -> str:
    return _("50 mm box of {lesion}").format(lesion=_forFiles(lesion))


def _patchName(lesion: str) -> str:
    return _("What the model saw of {lesion}").format(lesion=_forFiles(lesion))


def _forFiles(name: str) -> str:
    """Slicer saves a node to a file of its name, and a scene with one that has & or control characters never opens."""
    return "".join(each if each.isprintable() else " " for each in name).replace("&", "+")


def _find(volumeNode, className: str, role: str, key: str):
    return next((node for node in resultNodes(volumeNode, className, role) if node.GetAttribute(LESION) == key), None)


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
