"""What in the scene could become seeds: segments, ROIs, and points of other lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..SeedSources import SceneSeed, seedFromSegment, seedsFromMarkups
from ..SubjectHierarchy import ROLE


@dataclass(frozen=True)
class SeedChoice:
    """One entry of the menu.

    Attributes:
        id: for as long as the menu is open.
        text: what the user reads.
        seeds: gives the seeds; raises `SeedError` where there are none.
        volumeNode: the scan that it was drawn on; None where the scene does not know.
    """

    id: str
    text: str
    seeds: Callable[[], list[SceneSeed]]
    volumeNode: Any = None


def seedChoices() -> list[SeedChoice]:
    """All there are, our own seeds and boxes left out."""
    return [*_segments(), *_markups("vtkMRMLMarkupsROINode"), *_markups("vtkMRMLMarkupsFiducialNode")]


def _segments() -> list[SeedChoice]:
    found = []
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        segmentation = node.GetSegmentation()
        for index in range(segmentation.GetNumberOfSegments()):
            segmentId = segmentation.GetNthSegmentID(index)
            name = segmentation.GetSegment(segmentId).GetName()
            text = _("Segment {segment} of {segmentation}").format(segment=name, segmentation=node.GetName())
            drawnOn = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
            found.append(SeedChoice(f"{node.GetID()} {segmentId}", text, _fromSegment(node, segmentId), drawnOn))
    return found


def _fromSegment(node, segmentId: str) -> Callable[[], list[SceneSeed]]:
    return lambda: [seedFromSegment(node, segmentId)]


def _markups(className: str) -> list[SeedChoice]:
    return [
        SeedChoice(node.GetID(), _textOf(node), _fromMarkups(node), _drawnOn(node))
        for node in slicer.util.getNodesByClass(className)
        if node.GetAttribute(ROLE) is None and node.GetNumberOfDefinedControlPoints() > 0
    ]


def _drawnOn(node):
    """The volume that the first point was clicked on."""
    return slicer.mrmlScene.GetNodeByID(node.GetNthControlPointAssociatedNodeID(0) or "")


def _textOf(node) -> str:
    if node.IsA("vtkMRMLMarkupsROINode"):
        return _("ROI {name}").format(name=node.GetName())
    return _("Points of {name} ({count})").format(name=node.GetName(), count=node.GetNumberOfDefinedControlPoints())


def _fromMarkups(node) -> Callable[[], list[SceneSeed]]:
    return lambda: seedsFromMarkups(node)
