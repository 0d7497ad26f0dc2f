"""DICOM RTSTRUCT (PS3.3 C.8.8.5, C.8.8.6): the outlines of ROIs in the slices of a CT, and points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...affine import FloatArray
from ...readers.dicom.values import code_of, numbers_of, tag_of, text_of

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
    element = contour.get_item(tag_of("ContourData")) if "ContourData" in contour else None
    stored = element.value if element is not None else None
    words = stored.decode("latin-1").strip(" \0").split("\\") if isinstance(stored, bytes) else list(stored or ())
    if not words or len(words) % 3 or len(words) > _MOST_POINTS:
        return None
    try:
        values = np.array(words, dtype=np.float64)  # raw: pydicom would make an object of each
    except ValueError:
        return None
    return values.reshape(-1, 3) if np.isfinite(values).all() else None
