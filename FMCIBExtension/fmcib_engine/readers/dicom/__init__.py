"""DICOM CT series: headers by pydicom, pixels by SimpleITK's GDCM, the geometry by us. `read` orders the steps.

From files to headers: `files`, `signature` (is it DICOM), `dataset` (a `header` for each image), `values`, `times`,
`pixel_data`; of a folder also `folder`, `index`, `lost`. Which of them are the scan: `choice/`. Where they lie: `line`,
`stack`, `doubts`. What their voxels are: `pixels`, `hu`, `padding`, `why`. All that headers tell: `look`, and of a
volume that Slicer made of them `loaded`. Which series a folder holds, and where they lie: `scans`. What is no image,
element by element: `objects`.
"""

from __future__ import annotations

from .files import is_dicom
from .folder import HeaderMemory
from .index import is_index
from .loaded import look_at_loaded
from .objects import read_object
from .read import read_folder, read_series
from .scans import CtSeries, DicomFiles, ct_grid

__all__ = [
    "CtSeries",
    "DicomFiles",
    "HeaderMemory",
    "ct_grid",
    "is_dicom",
    "is_index",
    "look_at_loaded",
    "read_folder",
    "read_object",
    "read_series",
]
