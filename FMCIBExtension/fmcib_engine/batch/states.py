"""What a scan's files were when a run was planned, in a few numbers: whether they changed since is told by these.

Sizes and times, not contents: to hash a scan takes as long as to read it. Names go into the digest only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..readers.dicom.files import state_of
from ..readers.dicom.folder import names_of

_VOXELS_BESIDE = {
    ".mhd": (".raw", ".zraw"),
    ".nhdr": (".raw", ".raw.gz", ".gz", ".zraw"),
    ".hdr": (".img", ".img.gz"),
    ".img": (".hdr",),
}
"""Of a header that stands alone: endings of the file with its voxels."""
ALL_COUNT = "; other scans share its folder or file, and all of it counts: take out what was added"
"""After the state of a folder with several scans, which is that of all of them."""


@dataclass(frozen=True)
class ScanState:
    """Of one file with what belongs to it, or of a folder with its subfolders."""

    files: int
    bytes: int
    digest: str
    """Of each file's name, size and time of change."""

    def __str__(self) -> str:
        return f"{self.files} file{'' if self.files == 1 else 's'} of {self.bytes / 1e6:.1f} MB"


def scan_state(image: Path) -> ScanState | None:
    """The state of a scan; None where there is none, which reading it will tell."""
    try:
        if image.is_dir():
            paths = [Path(name) for name in names_of(image)]
        elif image.exists():
            paths = [image, *(image.with_suffix(ending) for ending in _VOXELS_BESIDE.get(image.suffix.lower(), ()))]
        else:
            return None
    except (OSError, ValueError):
        return None
    found = [(path, state) for path in paths if (state := state_of(path)) != (-1, -1)]
    folder = image if image.is_dir() else image.parent
    facts = [(path.relative_to(folder).as_posix(), *state) for path, state in found]
    text = repr(facts).encode("utf-8", "surrogateescape")
    return ScanState(len(found), sum(size for _, (size, _) in found), hashlib.sha256(text).hexdigest()[:32])
