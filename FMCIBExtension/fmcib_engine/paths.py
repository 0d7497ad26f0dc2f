"""Which file a text means: what tables and headers say of files, written on one computer and read on another.

Spellings that cannot mean two files are followed: backslashes (Windows), `file://`, `~`, quotes and blanks around,
letters with their accents apart or joined (a Mac's names, Unicode NFD and NFC), capitals in the ending. Other names are
never guessed: a name with other capitals may be another patient's.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

_BLANKS = " \t\r\n\v\f\u00a0\u200b\ufeff"
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019")
_ENDING = re.compile(r"(\.nii|\.hdr|\.img|\.seq)?\.[A-Za-z0-9]{1,5}$", re.IGNORECASE)


def file_of(text: str, folder: Path) -> Path:
    """The file or folder that a text means as seen from `folder`; where there is none, the path that it says."""
    if is_there(folder / text):
        return folder / text
    ways = _ways(folder, plain(text))
    return next((found for way in ways if (found := _found(way))), ways[-1])


def plain(text: str) -> str:
    """A path without what people and programs put around it: blanks, quotes, `file://`."""
    text = text.strip(_BLANKS)
    if len(text) > 1 and text[0] + text[-1] in _QUOTES:
        text = text[1:-1].strip(_BLANKS)
    if not text.lower().startswith("file:/"):
        return text
    address = urlsplit(text)
    path = unquote(address.path)
    if address.netloc.lower() not in {"", "localhost"}:
        return f"//{address.netloc}{path}"
    return path[1:] if re.match(r"/[A-Za-z]:[/\\]", path) else path


def is_elsewhere(text: str) -> bool:
    """Whether a path starts at a root and leads nowhere here: it was written on another computer."""
    text = plain(text)
    return _from_root(text) is not None and not any(map(_found, _ways(Path(), text)))


def moved_file(text: str, folder: Path, common: int) -> Path | None:
    """What a path of another computer means, if all that it shares with others was moved to `folder`.

    Args:
        text: such a path.
        folder: where the files are now.
        common: how many of its folders it shares with all others (`shared_folders`). What comes after them tells the
            files apart, and is never left out.
    """
    path = _from_root(plain(text))
    tail = path.parts[1:] if path else ()
    tails = (folder.joinpath(*tail[start:]) for start in range(min(common, len(tail) - 1) + 1))
    return next((found for way in tails if (found := _found(way))), None)


def shared_folders(texts: Sequence[str]) -> int:
    """How many folders, counted from the root, the paths of another computer have in common."""
    folders = [path.parent.parts[1:] for text in texts if (path := _from_root(plain(text)))]
    levels = zip(*folders, strict=False)  # as deep as the shortest
    return sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))


def can_be_name(text: str) -> bool:
    """Whether any file can be called so: no zero byte in it, and no half of a letter (a lone surrogate)."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; no where no file can have such a name."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _from_root(text: str) -> PurePath | None:
    """The text as a path of Windows or Unix, if it starts at a root."""
    kinds: tuple[type[PurePath], ...] = (PurePosixPath, PureWindowsPath)
    return next((path for path in (kind(text) for kind in kinds) if path.root), None)


def _ways(folder: Path, text: str) -> list[Path]:
    """The paths of this computer that a text may be: as it stands, then with Windows' backslashes as separators."""
    home = os.path.expanduser(text) if text.startswith(("~/", "~\\")) else text  # noqa: PTH111  may raise nothing
    slashed = home.replace("\\", "/")
    if slashed == home or home.startswith("\\"):  # a root of Windows is none of Unix
        return [folder / home]
    return [folder / home, folder / slashed]


def _found(path: Path) -> Path | None:
    """The path as the disk spells it, or nothing."""
    for spelling in (str(path), unicodedata.normalize("NFC", str(path)), unicodedata.normalize("NFD", str(path))):
        if is_there(Path(spelling)):
            return Path(spelling)
    found = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        here = found / part
        if not is_there(here):
            alike = _names(found).get(_spelling(part), [])
            if len(alike) != 1:
                return None
            here = found / alike[0]
        found = here
    return found


def _names(folder: Path) -> Mapping[str, list[str]]:
    """The names in a folder by their spelling; none where it is no folder."""
    try:
        return _names_since(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=16)  # a table with many scans that are not there asks for each of them
def _names_since(folder: Path, _changed: int) -> Mapping[str, list[str]]:
    names: dict[str, list[str]] = {}
    for entry in folder.iterdir():
        names.setdefault(_spelling(entry.name), []).append(entry.name)
    return names


def _spelling(name: str) -> str:
    """What two spellings of one name share."""
    joined = unicodedata.normalize("NFC", name)
    return _ENDING.sub(lambda ending: ending[0].lower(), joined)
