"""What in the scene could become seeds: segments, ROIs, and points of other lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from ...Scene.SeedSources import SceneSeed, seedFromSegment, seedsFromMarkups
from ...Scene.SubjectHierarchy import ROLE


@dataclass(frozen=True)
class SeedChoice:
    """One entry of the menu.

    Attributes:
        id: for as long as the menu is open.
        text: what the user reads.
        seeds: gives the seeds; raises `SeedError` where there are none.
        drawnOn: names of the scans that it was drawn on, by their nodes' IDs, also of those that are gone; empty where
            nobody noted one, as of points in a file; None where there should be a note, and is none.
    """

    id: str
    text: str
    seeds: Callable[[], list[SceneSeed]]
    drawnOn: Mapping[str, str] | None


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
            drawnOn = node.GetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole())
            known = _names([drawnOn]) if drawnOn else None
            found.append(SeedChoice(f"{node.GetID()} {segmentId}", text, _fromSegment(node, segmentId), known))
    return found


def _fromSegment(node, segmentId: str) -> Callable[[], list[SceneSeed]]:
    return lambda: [seedFromSegment(node, segmentId)]


def _markups(className: str) -> list[SeedChoice]:
    return [
        SeedChoice(node.GetID(), _textOf(node), _fromMarkups(node), _drawnOn(node))
        for node in slicer.util.getNodesByClass(className)
        if node.GetAttribute(ROLE) is None and node.GetNumberOfDefinedControlPoints() > 0
    ]


def _drawnOn(node) -> dict[str, str]:
    """The scans that its points were clicked on."""
    ids = [node.GetNthControlPointAssociatedNodeID(index) for index in range(node.GetNumberOfControlPoints())]
    return _names(dict.fromkeys(each for each in ids if each))


def _names(ids: Iterable[str]) -> dict[str, str]:
    """Of scans; what else was clicked on, a surface say, tells nothing."""
    found = {each: slicer.mrmlScene.GetNodeByID(each) for each in ids}
    return {
        each: node.GetName() if node else _("a scan that is gone")
        for each, node in found.items()
        if node is None or node.IsA("vtkMRMLScalarVolumeNode")
    }


def _textOf(node) -> str:
    if node.IsA("vtkMRMLMarkupsROINode"):
        return _("ROI {name}").format(name=node.GetName())
    return _("Points of {name} ({count})").format(name=node.GetName(), count=node.GetNumberOfDefinedControlPoints())


def _fromMarkups(node) -> Callable[[], list[SceneSeed]]:
    return lambda: seedsFromMarkups(node)
