"""Published files -> files here: mirrors, resumed parts, checksums. Knows nothing of weights or scans."""

from __future__ import annotations

from .bucket import Bucket, fetch_folder
from .lock import ANOTHER_FOLDER, only_one
from .names import PART, RECORD, UNFINISHED, is_kept, is_plain, local_name
from .patience import Patience, make_adapter
from .repositories import MIRROR_KINDS, NO_PICKLES, Mirror, MirrorKind, Remote, list_files, look_up_licence
from .session import ConnectionBrokenError, Session, body_of, host_is_listed
from .transfer import fetch
from .wanted import Fetched, Progress, Wanted

__all__ = [
    "ANOTHER_FOLDER",
    "MIRROR_KINDS",
    "NO_PICKLES",
    "PART",
    "RECORD",
    "UNFINISHED",
    "Bucket",
    "ConnectionBrokenError",
    "Fetched",
    "Mirror",
    "MirrorKind",
    "Patience",
    "Progress",
    "Remote",
    "Session",
    "Wanted",
    "body_of",
    "fetch",
    "fetch_folder",
    "host_is_listed",
    "is_kept",
    "is_plain",
    "list_files",
    "local_name",
    "look_up_licence",
    "make_adapter",
    "only_one",
]
