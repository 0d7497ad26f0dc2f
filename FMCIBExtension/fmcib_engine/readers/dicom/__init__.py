"""DICOM CT series: headers by pydicom, pixels by SimpleITK's GDCM, the geometry by us. `read` orders the steps."""

from __future__ import annotations

from .files import is_dicom
from .folder import HeaderMemory
from .index import is_index
from .loaded import look_at_loaded
from .read import read_folder, read_series

__all__ = ["HeaderMemory", "is_dicom", "is_index", "look_at_loaded", "read_folder", "read_series"]
