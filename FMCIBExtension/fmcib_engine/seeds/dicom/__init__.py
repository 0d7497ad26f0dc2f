"""Seeds in DICOM objects: segmentations, structure sets, reports; each matched to the CT on which it was made."""

from __future__ import annotations

from .match import FindsScans, Looked, Matched, Reference
from .read import SOP_CLASSES, DicomObject, read_dicom_seeds, read_objects

__all__ = [
    "SOP_CLASSES",
    "DicomObject",
    "FindsScans",
    "Looked",
    "Matched",
    "Reference",
    "read_dicom_seeds",
    "read_objects",
]
