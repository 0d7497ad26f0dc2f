"""DICOM SR by TID 1500 (PS3.16): measurement groups -> points, regions and segments that they are about.

LIDC's nodules are published so, a group for each: a tracking identifier, and the segment of a SEG that it refers to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...affine import FloatArray
from ...readers.dicom.values import code_of, first_of, numbers_of, text_of

if TYPE_CHECKING:
    from ...readers.dicom.objects import Dataset

_GROUP, _TRACKING_ID, _FINDING = ("125007", "DCM"), ("112039", "DCM"), ("121071", "DCM")
_DEEPEST = 32


@dataclass(frozen=True)
class Graphic:
    """Coordinates of one content item."""

    kind: str
    """POINT, MULTIPOINT, POLYLINE, POLYGON, CIRCLE, ELLIPSE or ELLIPSOID."""
    points: FloatArray
    """Shape (n, 3) in LPS mm; or (n, 2), column and row in an image, (0, 0) the corner of its first pixel (PS3.3
    C.18.6.1.2), so that this pixel's centre is (0.5, 0.5)."""
    image: tuple[str, int] = ("", 0)
    """SOP instance UID and frame, from 0, in which the latter lie."""
    frame_item: Dataset | None = None
    """The element that names the frame of reference (ReferencedFrameOfReferenceUID) is in here."""


@dataclass
class Group:
    """One measurement group: a lesion."""

    label: str
    graphics: list[Graphic] = field(default_factory=list)
    segments: list[tuple[str, int]] = field(default_factory=list)
    """SOP instance UIDs of SEGs and numbers of their segments."""
    problem: str = ""
    """Why its place cannot be understood, as a clause."""


def groups_of(dataset: Dataset) -> list[Group]:
    """The measurement groups of a report, in its order."""
    found: list[Group] = []
    for item in _items(dataset, 0):
        if _code(item, "ConceptNameCodeSequence") == _GROUP:
            found.append(_group(item, len(found) + 1))
    return found


def referenced_series(dataset: Dataset) -> Mapping[str, frozenset[str]]:
    """UIDs of the series that a report is about, each with those of its images that the report names."""
    found: dict[str, frozenset[str]] = {}
    for study in dataset.get("CurrentRequestedProcedureEvidenceSequence") or ():
        for series in study.get("ReferencedSeriesSequence") or ():
            uid = text_of(series, "SeriesInstanceUID").strip(" \0")
            images = (text_of(each, "ReferencedSOPInstanceUID") for each in series.get("ReferencedSOPSequence") or ())
            found[uid] = found.get(uid, frozenset()) | {image.strip(" \0") for image in images}
    return {uid: images for uid, images in found.items() if uid}


def _items(item: Dataset, depth: int) -> Iterator[Dataset]:
    """All content below an item, in its order."""
    if depth >= _DEEPEST:
        return
    for child in item.get("ContentSequence") or ():
        yield child
        yield from _items(child, depth + 1)


def _code(item: Dataset, keyword: str) -> tuple[str, str]:
    codes = list(item.get(keyword) or ())
    return (text_of(codes[0], "CodeValue"), text_of(codes[0], "CodingSchemeDesignator")) if codes else ("", "")


def _group(container: Dataset, number: int) -> Group:
    tracking, finding = "", ""
    items = list(_items(container, 0))
    for item in items:
        concept = _code(item, "ConceptNameCodeSequence")
        if concept == _TRACKING_ID:
            tracking = tracking or text_of(item, "TextValue").strip()
        elif concept == _FINDING and (codes := item.get("ConceptCodeSequence")):
            finding = finding or text_of(codes[0], "CodeMeaning").strip()
    group = Group(tracking or f"{finding or 'group'} {number}")
    for item in items:
        value_type = code_of(item, "ValueType")
        if value_type in {"SCOORD", "SCOORD3D"}:
            _add_graphic(group, item, dimensions=3 if value_type == "SCOORD3D" else 2)
        elif value_type == "IMAGE":
            group.segments += _segments(item)
    return group


def _add_graphic(group: Group, item: Dataset, *, dimensions: int) -> None:
    value = first_of([item], "GraphicData")
    count = len(value) if hasattr(value, "__len__") else 0
    numbers = numbers_of([item], "GraphicData", count)
    if not numbers or count % dimensions:
        group.problem = f"its coordinates should be {dimensions} numbers for each point, got {count}"
        return
    points = np.array(numbers).reshape(-1, dimensions)
    children = item.get("ContentSequence") or () if dimensions == 2 else ()
    image = next((_image(child) for child in children if _is_image(child)), ("", 0))
    group.graphics.append(Graphic(code_of(item, "GraphicType"), points, image, item if dimensions == 3 else None))


def _is_image(item: Dataset) -> bool:
    return code_of(item, "ValueType") == "IMAGE" and bool(item.get("ReferencedSOPSequence"))


def _image(item: Dataset) -> tuple[str, int]:
    reference = item.ReferencedSOPSequence[0]
    (frame,) = numbers_of([reference], "ReferencedFrameNumber", 1) or (1.0,)
    return text_of(reference, "ReferencedSOPInstanceUID").strip(" \0"), int(frame) - 1


def _segments(item: Dataset) -> list[tuple[str, int]]:
    found = []
    for reference in item.get("ReferencedSOPSequence") or ():
        value = first_of([reference], "ReferencedSegmentNumber")
        count = len(value) if hasattr(value, "__len__") and not isinstance(value, str) else 1
        uid = text_of(reference, "ReferencedSOPInstanceUID").strip(" \0")
        found += [(uid, int(number)) for number in numbers_of([reference], "ReferencedSegmentNumber", count)]
    return found
