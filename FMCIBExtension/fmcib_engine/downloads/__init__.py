"""Published files -> files here: mirrors, resumed parts, checksums. Knows nothing of weights or scans."""

from __future__ import annotations

from .lock import only_one
from .repositories import MIRROR_KINDS, NO_PICKLES, Mirror, MirrorKind
from .session import Patience, host_is_listed
from .transfer import PART, Fetched, Progress, Wanted, fetch

__all__ = [
    "MIRROR_KINDS",
    "NO_PICKLES",
    "PART",
    "Fetched",
    "Mirror",
    "MirrorKind",
    "Patience",
    "Progress",
    "Wanted",
    "fetch",
    "host_is_listed",
    "only_one",
]
