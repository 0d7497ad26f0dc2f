"""Seeds in DICOM objects: segmentations, structure sets, reports; each matched to the CT on which it was made."""

from __future__ import annotations

from .read import read_dicom_seeds

__all__ = ["read_dicom_seeds"]
