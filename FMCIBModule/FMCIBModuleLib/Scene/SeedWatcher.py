"""What the user does to control points, as what happens to lesions: placed, moved, renamed, removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import vtk
from fmcib_engine.errors import FmcibError, SeedError
from slicer.util import VTKObservationMixin

from ..Errors import sentenceOf
from .Places import isSamePlace
from .ScanSnapshot import snapshotOf
from .Seeds import keepNumbering, seedsIn
from .SeedSources import SceneSeed

_MARKUPS_EVENTS = (
    "PointPositionDefinedEvent",
    "PointPositionUndefinedEvent",
    "PointPositionMissingEvent",
    "PointModifiedEvent",
    "PointRemovedEvent",
)


@dataclass(frozen=True)
class Listener:
    """Whom the watcher tells."""

    onPlaced: Callable[[list[SceneSeed]], Any]
    """Seeds that are new, or whose dragging has ended elsewhere."""
    onMoving: Callable[[SceneSeed], Any]
    """A seed that is somewhere else, perhaps not for good."""
    onRenamed: Callable[[SceneSeed], Any]
    onRemoved: Callable[[str], Any]
    """The key of a seed that is gone."""
    onScanChanged: Callable[[], Any]
    """The CT lies elsewhere, or shows other voxels."""
    onProblem: Callable[[str], Any]
    """Why the seeds cannot be read."""


class SeedWatcher(VTKObservationMixin):
    """Watches one seeds node, and the CT that it is on, until `stop`."""

    def __init__(self, volumeNode, seedsNode, listener: Listener) -> None:
        VTKObservationMixin.__init__(self)
        self._seedsNode = seedsNode
        self._listener = listener
        self._isDragging = False
        self._known = self._look()
        self._moving: set[str] = set()
        for name in _MARKUPS_EVENTS:
            self.addObserver(seedsNode, getattr(slicer.vtkMRMLMarkupsNode, name), self._onChange)
        self.addObserver(seedsNode, slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent, self._onDragStart)
        self.addObserver(seedsNode, slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent, self._onDragEnd)
        self.addObserver(seedsNode, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._onChange)
        keepNumbering(seedsNode)
        self.addObserver(seedsNode, vtk.vtkCommand.ModifiedEvent, self._onNodeModified)
        self._scan = _stateOf(volumeNode)
        for event in (
            # a new origin or direction tells nothing else, nor does `arrayFromVolumeModified`
            vtk.vtkCommand.ModifiedEvent,
            slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
        ):
            self.addObserver(volumeNode, event, self._onScanModified)
        changed = slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent
        self.addObserver(volumeNode, changed, lambda *_: self._listener.onScanChanged())

    def stop(self) -> None:
        """Observe nothing any more."""
        self.removeObservers()

    def _look(self) -> dict[str, SceneSeed]:
        return {seed.key: seed for seed in seedsIn(self._seedsNode)}

    def _onNodeModified(self, *_: object) -> None:
        """Slicer's undo, for one, tells nothing else. The next point must not get the key of another lesion."""
        keepNumbering(self._seedsNode)

    def _onScanModified(self, volumeNode, *_: object) -> None:
        former, self._scan = self._scan, _stateOf(volumeNode)
        if self._scan != former:
            self._listener.onScanChanged()

    def _onDragStart(self, *_: object) -> None:
        self._isDragging = True

    def _onDragEnd(self, *_: object) -> None:
        self._isDragging = False
        self._onChange()

    def _onChange(self, *_: object) -> None:
        """Compare what there is with what there was: the events alone do not tell."""
        try:
            former, self._known = self._known, self._look()
        except SeedError as error:  # of one point without finite coordinates
            self._listener.onProblem(sentenceOf(error))
            return
        placed = []
        for key in former.keys() - self._known.keys():
            self._moving.discard(key)
            self._listener.onRemoved(key)
        for key, seed in self._known.items():
            before = former.get(key)
            if before is not None and before.label != seed.label:
                self._listener.onRenamed(seed)
            if before is None or not isSamePlace(before.point, seed.point):
                self._moving.add(key)
                self._listener.onMoving(seed)
            if key in self._moving and not self._isDragging:
                placed.append(seed)
        if placed:
            self._moving.clear()
            self._listener.onPlaced(placed)


def _stateOf(volumeNode) -> tuple[str, int]:
    """Where a scan lies, and when its voxels were touched; nothing where it cannot be analysed."""
    try:
        scan = snapshotOf(volumeNode)
    except FmcibError:
        return "", 0
    return scan.place, scan.touched
