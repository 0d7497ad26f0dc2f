"""DICOM RTSTRUCT (PS3.3 C.8.8.5, C.8.8.6): the outlines of ROIs in the slices of a CT, and points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...affine import FloatArray
from ...readers.dicom.values import code_of, first_of, numbers_of, text_of

if TYPE_CHECKING:
    from ...readers.dicom.objects import Dataset

_CLOSED = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}
_MOST_POINTS = 20_000_000


@dataclass
class Roi:
    """One ROI."""

    number: int
    name: str
    frame_item: Dataset
    """The element that names its frame of reference (ReferencedFrameOfReferenceUID) is in here."""
    outlines: list[FloatArray] = field(default_factory=list)
    """Closed ones, LPS mm, shape (n, 3) each."""
    points: list[tuple[float, ...]] = field(default_factory=list)
    """Of an ROI that is made of points, LPS mm."""
    problem: str = ""
    """Why it cannot be used, as a clause."""


def rois_of(dataset: Dataset) -> list[Roi]:
    """The ROIs of a structure set in its own order, those without outlines as well."""
    rois: dict[int, Roi] = {}
    for item in dataset.get("StructureSetROISequence") or ():
        (number,) = numbers_of([item], "ROINumber", 1) or (-1.0,)
        name = text_of(item, "ROIName").strip() or f"ROI {number:.0f}"
        rois[int(number)] = Roi(int(number), name, item)
    for item in dataset.get("ROIContourSequence") or ():
        (number,) = numbers_of([item], "ReferencedROINumber", 1) or (-1.0,)
        if int(number) in rois:
            _fill(rois[int(number)], item)
    return list(rois.values())


def referenced_series(dataset: Dataset) -> frozenset[str]:
    """UIDs of the series on which the ROIs were drawn."""
    found = set()
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            for series in study.get("RTReferencedSeriesSequence") or ():
                found.add(text_of(series, "SeriesInstanceUID").strip(" \0"))
    return frozenset(found - {""})


def _fill(roi: Roi, item: Dataset) -> None:
    kinds = set()
    for contour in item.get("ContourSequence") or ():
        kind = code_of(contour, "ContourGeometricType")
        kinds.add(kind)
        values = _numbers(contour)
        if values is None:
            roi.problem = "an outline of it has no numbers for its points, or not three for each"
            return
        if kind in _CLOSED and len(values) >= 3:
            roi.outlines.append(values)
        elif kind == "POINT":
            roi.points += [tuple(map(float, point)) for point in values]
    if not roi.outlines and not roi.points and kinds:
        roi.problem = f"a closed outline is needed, it has {', '.join(sorted(kinds)).lower() or 'others'} only"


def _numbers(contour: Dataset) -> FloatArray | None:
    """Its points, shape (n, 3); None where they are no numbers, or too many."""
    words = first_of([contour], "ContourData")
    count = len(words) if hasattr(words, "__len__") else 0
    if count == 0 or count % 3 or count > _MOST_POINTS:
        return None
    try:
        values = np.array([float(word) for word in words]) if not isinstance(words, str) else None  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return None
    return values.reshape(-1, 3) if values is not None and np.isfinite(values).all() else None
