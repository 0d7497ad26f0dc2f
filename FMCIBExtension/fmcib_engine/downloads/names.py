"""Names of fetched files, and those that we keep for ourselves beside them."""

from __future__ import annotations

import re

PART = ".part"
"""Ends the name of a file that is not complete."""

RECORD = ".record.json"
"""Ends the name of what is noted of a file."""

UNFINISHED = "unfinished-"
"""Begins the name of a file that is being written."""

_OURS = (PART, RECORD, ".lock")
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+() -]*(?<![. ])")
_LONGEST = 200


def local_name(path: str) -> str:
    """The name here of a file that lies in folders of a repository: another for each path."""
    return path.replace("/", "__")


def is_plain(name: str) -> bool:
    """Whether a name from elsewhere can be a file's on every system, and is none of ours."""
    return bool(_PLAIN.fullmatch(name)) and len(name) <= _LONGEST and not is_kept(name)


def is_kept(name: str) -> bool:
    """Whether a name is one of ours, or one that Windows keeps for devices."""
    name = name.lower()
    return name.endswith(_OURS) or name.startswith(UNFINISHED) or bool(_WINDOWS.fullmatch(name))
