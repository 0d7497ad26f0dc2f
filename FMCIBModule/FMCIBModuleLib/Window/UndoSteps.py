"""Undo and redo of what the user did to seeds, by Slicer's own undo stack.

Slicer's undo is off by default, for the scene and for each node. It is turned on for our seeds alone: rows, boxes and
patches are no part of it, they follow the seeds. Slicer's markups save a step by themselves before each click and drag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import slicer

from ..Scene.Seeds import keepNumbering

_PREVIEW = slicer.vtkMRMLMarkupsNode.PositionPreview


def enableUndo(seedsNode) -> None:
    """From now on, what is done to these seeds can be undone."""
    seedsNode.SetUndoEnabled(True)
    slicer.mrmlScene.SetUndoOn()


@contextmanager
def undoStep() -> Iterator[None]:
    """What is done to seeds inside is one step back."""
    slicer.mrmlScene.SaveStateForUndo()
    yield


def forgetSteps() -> None:
    """What came with a scene is in no step of before, and a step back would take it away."""
    slicer.mrmlScene.ClearUndoStack()
    slicer.mrmlScene.ClearRedoStack()


def canUndo() -> bool:
    """Whether there are steps; perhaps all of them are of slice views."""
    return slicer.mrmlScene.GetNumberOfUndoLevels() > 0


def canRedo() -> bool:
    return slicer.mrmlScene.GetNumberOfRedoLevels() > 0


def undo() -> None:
    """One step back."""
    _step(slicer.mrmlScene.Undo, canUndo)


def redo() -> None:
    """One step forth."""
    _step(slicer.mrmlScene.Redo, canRedo)


def _step(step: Callable[[], None], isThereOne: Callable[[], bool]) -> None:
    """Zooming, panning and windowing a slice view are saved as steps as well, which change no seed: they are passed."""
    before, numbers = _seeds(), {node.GetID(): keepNumbering(node) for node in _seedsNodes()}
    while isThereOne() and _seeds() == before:
        step()
        _removePreviews()
    for node in _seedsNodes():
        keepNumbering(node, numbers.get(node.GetID(), 0))


def _seeds() -> dict[str, list[tuple]]:
    """All seeds that undo is on for, as far as the user sees them."""
    return {
        node.GetID(): [
            (
                node.GetNthControlPointID(index),
                node.GetNthControlPointLabel(index),
                tuple(node.GetNthControlPointPosition(index)),
                node.GetNthControlPointPositionStatus(index),
            )
            for index in range(node.GetNumberOfControlPoints())
            if node.GetNthControlPointPositionStatus(index) != _PREVIEW
        ]
        for node in _seedsNodes()
    }


def _seedsNodes() -> list:
    return [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") if node.GetUndoEnabled()]


def _removePreviews() -> None:
    """A step was saved while a point hung at the mouse: it would hang there again, outside of place mode."""
    for node in _seedsNodes():
        for index in reversed(range(node.GetNumberOfControlPoints())):
            if node.GetNthControlPointPositionStatus(index) == _PREVIEW:
                node.RemoveNthControlPoint(index)
