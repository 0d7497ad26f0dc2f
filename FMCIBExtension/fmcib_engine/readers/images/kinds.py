"""What a file is that is not of the kind that its name says."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import ImageError
from .integrity import GZIP, NOT_ITS_KIND, unreadable

_LOOKED_AT = 64
_ENDING = re.compile(r"\.[a-z]+")
_STARTS = (
    (b"version https://git-lfs", "it is a pointer of Git LFS, and the scan itself was not fetched (git lfs pull)"),
    (b"/annex/", "it is a pointer of git-annex, and the scan itself was not fetched (git annex get)"),
    (b"<!doctype", "it is a web page, which came instead of a download"),
    (b"<html", "it is a web page, which came instead of a download"),
    (b"nrrd", "it is an NRRD file under another name (.nrrd or .nhdr)"),
    (b"objecttype", "it is a MetaImage file under another name (.mha or .mhd)"),
    (b"ndims", "it is a MetaImage file under another name (.mha or .mhd)"),
    (b"\x5c\x01\x00\x00", "it is a NIfTI file under another name (.nii)"),
    (b"\x00\x00\x01\x5c", "it is a NIfTI file under another name (.nii)"),
    (b"pk\x03\x04", "it is a zip archive, which should be unpacked"),
    (GZIP, "it is a gzip archive, which should be unpacked or named .nii.gz"),
    (b"\x93numpy", "it is an array of numpy, which does not say where it lies in the patient"),
)


def not_its_kind(path: Path) -> ImageError:
    """The sentence for a file whose first bytes are not those of its kind."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if path.stat().st_size == 0:
        return unreadable(path, "it is empty (0 bytes)")
    what = next((what for first, what in _STARTS if start.startswith(first)), NOT_ITS_KIND)
    is_its_kind = path.suffix.lower() in _ENDING.findall(what)  # and damaged
    return unreadable(path, NOT_ITS_KIND if is_its_kind else what)
