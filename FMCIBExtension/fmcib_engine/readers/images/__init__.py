"""NIfTI, NRRD, MetaImage: a file for each header, `place` for what it says of the patient, `read` for the voxels."""

from __future__ import annotations

from .read import KINDS, image_kind, read_image

__all__ = ["KINDS", "image_kind", "read_image"]
