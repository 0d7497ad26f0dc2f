"""Shows a map over its CT in the slice views: in a layer of its own where Slicer has such, from 5.10 on.

What the user has in the foreground stays. Without own layers the foreground is taken where it is free, or where the
user gives it away. Only views that show the map's CT show the map: over another scan it would mark what it is not of.

A scene that is saved keeps the layers without their opacity, and a node that goes while it is in one leaves errors of
VTK's: both are looked after here.
"""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..Scene.OverlayInScene import OverlayInScene, isOverlay
from ..Scene.Settled import whenSettled
from ..Soon import Soon
from .SliceViews import composites, slicesOf

_FIRST = 3
"""Background, foreground and label come before."""


class OverlayInViews(VTKObservationMixin):
    """Keeps one map in the views, until `close`: of several that are visible, the one that was asked for last.

    Attributes:
        mayTakeForeground: where Slicer has no own layers, whether a foreground that is taken may be replaced.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self.mayTakeForeground = False
        self._overlays: dict[str, OverlayInScene] = {}
        """By their kinds, each of which has a panel; the last that is visible is shown."""
        self.updateSoon = Soon(whenSettled(self.update))
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeGoes)
        for event in (scene.EndImportEvent, scene.EndRestoreEvent):
            self.addObserver(scene, event, self.updateSoon)
        self.addObserver(scene, scene.StartCloseEvent, lambda *_: self._forget())

    def close(self) -> None:
        """Show no map, and observe nothing any more."""
        self._forget()
        self.updateSoon.close()
        self.removeObservers()

    def show(self, overlay: OverlayInScene | None, kind: str = "saliency") -> None:
        """This map in the place of another of its kind; None for none of that kind.

        The same one again stays behind or before that of another kind, as it is.
        """
        if overlay is None:
            self._overlays.pop(kind, None)
        elif self._overlays.get(overlay.kind) != overlay:
            self._overlays.pop(overlay.kind, None)
            self._overlays[overlay.kind] = overlay
        self.update()

    def showFirst(self, overlay: OverlayInScene) -> None:
        """This map, also before one of another kind."""
        self._overlays.pop(overlay.kind, None)
        self.show(overlay)

    def _forget(self) -> None:
        self._overlays.clear()
        self.update()

    @property
    def _overlay(self) -> OverlayInScene | None:
        """The one that is to be seen."""
        return next((each for each in reversed(self._overlays.values()) if each.isVisible), None)

    @property
    def isForegroundTaken(self) -> bool:
        """Whether the map cannot be seen in some view because the user has something in the foreground there."""
        node = self._wanted()
        return node is not None and any(
            not hasOwnLayers(each) and _isTaken(each.GetForegroundVolumeID(), node) for each in self._views()
        )

    def update(self) -> None:
        """As the scene and the views are now."""
        node, views = self._wanted(), self._views()
        for each in composites():
            if not self.hasObserver(each, vtk.vtkCommand.ModifiedEvent, self.updateSoon):
                self.addObserver(each, vtk.vtkCommand.ModifiedEvent, self.updateSoon)
            wanted = node if each in views else None
            _clear(each, None if wanted is None else wanted.GetID())
            if wanted is not None:
                self._put(each, wanted, self._overlay.opacity)

    def _wanted(self) -> Any:
        """The node of the map that is to be seen; None for none."""
        return self._overlay.node if self._overlay is not None and self._overlay.isVisible else None

    def _views(self) -> list:
        """Those that show the map's CT."""
        if self._overlay is None:
            return []
        names = {each.GetLayoutName() for each in slicesOf(self._overlay.lesion.volumeNode.GetID())[0]}
        return [each for each in composites() if each.GetLayoutName() in names]

    def _put(self, composite: Any, node: Any, opacity: float) -> None:
        if hasOwnLayers(composite):
            layer = _layerOf(composite, node.GetID()) or _FIRST + composite.GetNumberOfAdditionalLayers()
            if composite.GetNthLayerVolumeID(layer) != node.GetID():
                composite.SetNthLayerVolumeID(layer, node.GetID())
            if composite.GetNthLayerOpacity(layer) != opacity:
                composite.SetNthLayerOpacity(layer, opacity)
        elif self.mayTakeForeground or not _isTaken(composite.GetForegroundVolumeID(), node):
            composite.SetForegroundVolumeID(node.GetID())
            composite.SetForegroundOpacity(opacity)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeGoes(self, _scene: Any, _event: Any, node: Any) -> None:
        if isOverlay(node):
            for each in composites():
                _takeOut(each, node.GetID())


def hasOwnLayers(composite: Any) -> bool:
    """Whether this Slicer has layers beside background, foreground and label."""
    return hasattr(composite, "SetNthLayerVolumeID")


def _isTaken(volumeId: str | None, node: Any) -> bool:
    """Whether what is in the foreground is neither nothing nor a map of ours."""
    other = slicer.mrmlScene.GetNodeByID(volumeId) if volumeId else None
    return other is not None and other is not node and not isOverlay(other)


def _clear(composite: Any, wantedId: str | None) -> None:
    """Take maps of ours out of a view, but that of the ID."""
    for volumeId in {composite.GetForegroundVolumeID(), *_layers(composite).values()} - {wantedId, None, ""}:
        node = slicer.mrmlScene.GetNodeByID(volumeId)
        if node is None or isOverlay(node):
            _takeOut(composite, volumeId)


def _takeOut(composite: Any, volumeId: str) -> None:
    """Those behind it move up by themselves, but leave their opacity where it was."""
    while (layer := _layerOf(composite, volumeId)) is not None:
        behind = [composite.GetNthLayerOpacity(each) for each in _layers(composite) if each > layer]
        composite.SetNthLayerVolumeID(layer, None)
        for number, opacity in enumerate(behind, layer):
            composite.SetNthLayerOpacity(number, opacity)
    if composite.GetForegroundVolumeID() == volumeId:
        composite.SetForegroundVolumeID(None)
        composite.SetForegroundOpacity(0)


def _layers(composite: Any) -> dict[int, str]:
    """What Slicer's own layers show, without gaps: number -> ID of the volume."""
    if not hasOwnLayers(composite):
        return {}
    last = _FIRST + composite.GetNumberOfAdditionalLayers()
    return {layer: composite.GetNthLayerVolumeID(layer) for layer in range(_FIRST, last)}


def _layerOf(composite: Any, volumeId: str) -> int | None:
    return next((layer for layer, shown in _layers(composite).items() if shown == volumeId), None)
