"""NIfTI, NRRD, MetaImage: a file for each header, `place` for what it says of the patient, `read` for the voxels."""

from __future__ import annotations

from .labels import Labels, Segment, read_labels
from .read import KINDS, image_header, image_kind, read_image

__all__ = ["KINDS", "Labels", "Segment", "image_header", "image_kind", "read_image", "read_labels"]
