"""A map of a lesion over its CT: a volume of its own, on its own voxels, with its own colours, threshold and opacity.

Its voxels are raw values. Nothing is resampled onto the CT, whose window stays. All that is chosen of its look is kept
by its display node, and saved with the scene; what it is of, by attributes.

A slice view shows a colour of a table wholly or not at all: a table cannot fade. So what is below the threshold is left
out, and the rest has one opacity (`Window/OverlayInViews`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from fmcib_engine.geometry import VoxelGrid
from slicer.i18n import tr as _
from slicer.util import NodeModify

from .LesionInScene import LESION, NAMED, LesionInScene, namedAfter
from .SceneBridge import rasFromGrid
from .SubjectHierarchy import ROLE, VOLUME, resultNodes, tagResult

WHICH = "FMCIB.Map"
"""Attribute of a map: which one of its kind."""
_FACT = "FMCIB.Map."
"""What the names of its other facts begin with."""
_COLOURS_ROLE = "colours"
_CLASS, _COLOURS_CLASS = "vtkMRMLScalarVolumeNode", "vtkMRMLColorTableNode"

_COUNT = 256
RISING = ((0.55, 0.10, 0.60), (0.85, 0.25, 0.35), (1.0, 0.55, 0.05), (1.0, 1.0, 0.60))
"""Colours from the smallest to the largest value: they are told from grey, and from each other without colours."""
SIGNED = ((0.0, 0.30, 1.0), (0.55, 0.75, 1.0), (1.0, 1.0, 1.0), (1.0, 0.70, 0.55), (1.0, 0.15, 0.0))
"""From the most negative value over 0 to the most positive."""

DEFAULT_OPACITY = 0.6
_SHOWN_AT_FIRST = 0.05
"""Of the voxels, the strongest, until the user says otherwise: the volume of a ball of 23 mm in a patch of 50 mm."""
_LEAST_SHARE = 0.01
"""So that a map which is 0 nearly everywhere does not hide the CT."""
_NO_WINDOW = float(np.finfo(np.float32).tiny)
"""In the place of a window of 0, which no display node takes."""
_ROUNDED = 1e-4
"""Of a window: less than this a saved scene may round its ends by."""
_CHOSEN = "FMCIB.ThresholdChosen"
"""Attribute of a map whose threshold the user has chosen."""


@dataclass(frozen=True)
class Look:
    """What a map is called and how its values are read.

    Attributes:
        name: of its node, with `{lesion}` where the lesion's name stands.
        unit: of a voxel's value.
        isSigned: whether values below 0 mean the opposite: the colours are then symmetrical about 0, and the threshold
            is one of sizes.
    """

    name: str
    unit: str
    isSigned: bool = False


@dataclass(frozen=True)
class OverlayInScene:
    """One map of a lesion, looked up in the scene each time.

    Attributes:
        lesion: whose.
        kind: the role of its node, such as `saliency`.
        which: of that kind, such as the target that is explained. There is one of each.
    """

    lesion: LesionInScene
    kind: str
    which: str

    @property
    def node(self):
        """The volume node; None where there is no such map."""
        found = resultNodes(self.lesion.volumeNode, _CLASS, self.kind)
        return next(
            (node for node in found if _isOf(node, self.lesion) and node.GetAttribute(WHICH) == self.which), None
        )

    @property
    def facts(self) -> dict[str, str]:
        """What it is of, by the names that `show` was given; empty where there is none."""
        node = self.node
        names = node.GetAttributeNames() if node else ()
        return {name.removeprefix(_FACT): node.GetAttribute(name) for name in names if name.startswith(_FACT)}

    @property
    def unit(self) -> str:
        node = self.node
        return (node.GetAttribute("FMCIB.Unit") or "") if node else ""

    @property
    def isSigned(self) -> bool:
        node = self.node
        return node is not None and node.GetAttribute("FMCIB.Signed") == "true"

    @property
    def range(self) -> tuple[float, float]:
        """Raw values of the first and the last colour; the same of a map that is the same everywhere."""
        node = self.node
        display = node.GetDisplayNode()
        window = display.GetWindow() if display.GetWindow() > 2 * _NO_WINDOW else 0.0
        ends = (display.GetLevel() - window / 2, display.GetLevel() + window / 2)
        own = _ends(slicer.util.arrayFromVolume(node), self.isSigned)
        low, high = (mine if abs(mine - end) <= _ROUNDED * window else end for mine, end in zip(own, ends, strict=True))
        return low, high

    @property
    def threshold(self) -> float:
        """Raw value below which nothing is shown; of a signed map, the size."""
        return float(self.node.GetDisplayNode().GetLowerThreshold())

    @property
    def share(self) -> float:
        """Where the threshold lies between the smallest value (of a signed map, 0) and the largest: 0 to 1."""
        low, high = self._span()
        return float(np.clip((self.threshold - low) / (high - low), 0, 1)) if high > low else 0.0

    @property
    def opacity(self) -> float:
        return float(self.node.GetDisplayNode().GetOpacity())

    @property
    def isVisible(self) -> bool:
        node = self.node
        return node is not None and bool(node.GetDisplayNode().GetVisibility())

    def show(self, name: str, values: np.ndarray, grid: VoxelGrid, look: Look, facts: Mapping[str, str]):
        """Put a map in the place of its former one; what the user has chosen of its look stays.

        Args:
            name: of the lesion.
            values: raw, float32 [z, y, x].
            grid: where they lie, LPS mm.
            look: what it is called and how it is read.
            facts: what it is of, by name; text.

        Returns:
            Its volume node.
        """
        node = self.node or self._make()
        share = self.share if node.GetAttribute(_CHOSEN) else _firstShare(values, look.isSigned)
        with NodeModify(node):
            node.SetAttribute(NAMED, look.name)
            node.SetName(namedAfter(look.name, name))
            node.SetIJKToRASMatrix(rasFromGrid(grid))
            node.SetAttribute("FMCIB.Unit", look.unit)
            node.SetAttribute("FMCIB.Signed", str(look.isSigned).lower())
            for former in self.facts:
                node.RemoveAttribute(_FACT + former)
            for fact, text in facts.items():
                node.SetAttribute(_FACT + fact, text)
            slicer.util.updateVolumeFromArray(node, np.asarray(values, np.float32))
        self._setRange(np.asarray(values))
        self._setShare(share)
        return node

    def setShare(self, share: float) -> None:
        """Show only what lies above this part of the way from the smallest value (signed: 0) to the largest."""
        self.node.SetAttribute(_CHOSEN, "true")
        self._setShare(share)

    def _setShare(self, share: float) -> None:
        display, (low, high) = self.node.GetDisplayNode(), self._span()
        threshold = low + share * (high - low)
        with NodeModify(display):
            if high == low:  # it marks no place
                threshold = float(np.nextafter(np.float32(high), np.float32(np.inf)))
            display.SetLowerThreshold(threshold)
            display.SetUpperThreshold(max(high, threshold))
            display.SetApplyThreshold(not self.isSigned)
        _colour(display.GetColorNode(), self.isSigned, share)

    def setOpacity(self, opacity: float) -> None:
        """0 to 1, of all that is shown."""
        self.node.GetDisplayNode().SetOpacity(opacity)

    def setVisible(self, isVisible: bool) -> None:  # noqa: FBT001  as Qt's own
        self.node.GetDisplayNode().SetVisibility(isVisible)

    def remove(self) -> None:
        """Take it away with its colours."""
        if (node := self.node) is not None:
            display = node.GetDisplayNode()
            colours = display.GetColorNode() if display else None
            for each in (node, display, colours if colours and colours.GetAttribute(ROLE) == _COLOURS_ROLE else None):
                if each is not None and slicer.mrmlScene.IsNodePresent(each):
                    slicer.mrmlScene.RemoveNode(each)

    def _make(self):
        node = slicer.mrmlScene.AddNewNodeByClass(_CLASS)
        node.SetAttribute(LESION, self.lesion.key)
        node.SetAttribute(WHICH, self.which)
        tagResult(node, self.lesion.volumeNode, self.kind)
        colours = slicer.mrmlScene.AddNewNodeByClass(_COLOURS_CLASS, _("Colours of a map"))
        colours.SetAttribute(LESION, self.lesion.key)
        colours.SetAttribute(ROLE, _COLOURS_ROLE)
        colours.SetNodeReferenceID(VOLUME, self.lesion.volumeNode.GetID())
        colours.SetHideFromEditors(True)
        colours.SetTypeToUser()
        colours.SetNumberOfColors(_COUNT)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetAutoWindowLevel(False)
        display.SetAndObserveColorNodeID(colours.GetID())
        display.SetOpacity(DEFAULT_OPACITY)
        return node

    def _setRange(self, values: np.ndarray) -> None:
        low, high = _ends(values, self.isSigned)
        self.node.GetDisplayNode().SetWindowLevel(max(high - low, _NO_WINDOW), (low + high) / 2)

    def _span(self) -> tuple[float, float]:
        """What the threshold goes through."""
        low, high = self.range
        return (0.0, high) if self.isSigned else (low, high)


def _ends(values: np.ndarray, isSigned: bool) -> tuple[float, float]:  # noqa: FBT001  a fact of the map
    """Values of the first and the last colour, unless somebody has chosen others."""
    numbers = values[np.isfinite(values)]  # of places that were not computed there is none
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
    if isSigned:
        high = max(abs(low), abs(high))
        low = -high
    return low, high


def _firstShare(values: np.ndarray, isSigned: bool) -> float:  # noqa: FBT001  a fact of the map
    """Where the threshold of a new map lies."""
    sizes = np.abs(values) if isSigned else np.asarray(values)
    sizes = sizes[np.isfinite(sizes)]
    if not sizes.size:
        return 1.0
    low, high = (0.0 if isSigned else float(sizes.min())), float(sizes.max())
    edge = float(np.quantile(sizes, 1 - _SHOWN_AT_FIRST))
    return max((edge - low) / (high - low), _LEAST_SHARE) if high > low else 1.0


def overlaysOf(lesion: LesionInScene, kind: str | None = None) -> list[OverlayInScene]:
    """The maps of a lesion, of one kind or all, in the order of the scene."""
    return [
        OverlayInScene(lesion, node.GetAttribute(ROLE), node.GetAttribute(WHICH))
        for node in slicer.util.getNodesByClass(_CLASS)
        if isOverlay(node)
        and _isOf(node, lesion)
        and node.GetNodeReferenceID(VOLUME) == lesion.volumeNode.GetID()
        and kind in (None, node.GetAttribute(ROLE))
    ]


def isOverlay(node: Any) -> bool:
    """Whether a node is a map of ours."""
    return bool(node.GetAttribute(ROLE)) and node.GetAttribute(WHICH) is not None


def overlayOf(node: Any) -> OverlayInScene | None:
    """The map that a node is; None where it is none, or its CT is gone."""
    volumeNode = node.GetNodeReference(VOLUME) if isOverlay(node) else None
    if volumeNode is None:
        return None
    lesion = LesionInScene(volumeNode, node.GetAttribute(LESION))
    return OverlayInScene(lesion, node.GetAttribute(ROLE), node.GetAttribute(WHICH))


def _isOf(node: Any, lesion: LesionInScene) -> bool:
    return bool(node.GetAttribute(LESION) == lesion.key)


def coloursOf(isSigned: bool, share: float) -> np.ndarray:  # noqa: FBT001  a fact of the map
    """The colours of a map's table, 256 x 4, 0 to 1; those of a signed one with a size below `share` are clear."""
    anchors = np.array(SIGNED if isSigned else RISING)
    at = np.linspace(0, 1, _COUNT)
    places = np.linspace(0, 1, len(anchors))
    table = np.stack([np.interp(at, places, anchors[:, channel]) for channel in range(3)], axis=1)
    isShown = np.abs(2 * at - 1) >= share if isSigned else np.ones(_COUNT, bool)
    return np.column_stack([table, isShown.astype(float)])


def _colour(colours: Any, isSigned: bool, share: float) -> None:  # noqa: FBT001  a fact of the map
    if colours is None or colours.GetAttribute(ROLE) != _COLOURS_ROLE:  # the user's own choice
        return
    with NodeModify(colours):
        for number, colour in enumerate(coloursOf(isSigned, share).tolist()):
            colours.SetColor(number, str(number), *colour)
