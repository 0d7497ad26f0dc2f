"""What Zenodo's and Hugging Face's APIs say of a published file: its address, size and checksum, and its licence.

    Zenodo          GET /api/records/{record}                     files: [{key, size, checksum: "md5:…"}],
                                                                  metadata: {license: {id}}
    Hugging Face    GET /api/models/{repo}/tree/main/{folder}     [{type, path, size, oid, lfs: {oid, size}}], by pages
                    GET /api/models/{repo}                        {cardData: {license}, tags: ["license:…"]}

A large file on Hugging Face has its SHA-256 in `lfs.oid`; a small one has git's name of the blob in `oid`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, get_args
from urllib.parse import quote

from ..errors import DownloadError
from .names import is_plain, local_name
from .session import Session

MirrorKind = Literal["zenodo", "huggingface", "url"]
MIRROR_KINDS: tuple[MirrorKind, ...] = get_args(MirrorKind)

NO_PICKLES = (".pkl", ".pickle", ".joblib")
"""Endings of files that run code when they are opened: never fetched."""

_WEIGHTS = (".torch", ".pt", ".pth", ".ckpt", ".safetensors")
_MOST_PAGES = 50
_MOST_NAMED = 60
_LONGEST_LICENCE = 80
_HEX_DIGITS = {"md5": 32, "sha256": 64, "git": 40}


@dataclass(frozen=True)
class Mirror:
    """One place where a file is published."""

    name: str
    kind: MirrorKind
    base: str
    """Such as `https://zenodo.org`; of the kind `url`, the whole address."""
    record: str = ""
    """Zenodo's record, or Hugging Face's `owner/repository`."""
    folder: str = ""
    file: str = ""
    """Within `folder`; empty where it is not known."""
    sha256: str = ""
    """Of the kind `url`, which has no listing to ask."""

    @property
    def page(self) -> str:
        """Where a person finds the file with a browser."""
        if self.kind == "zenodo":
            return f"{self.base}/records/{self.record}"
        return self.base if self.kind == "url" else f"{self.base}/{self.record}/tree/main/{quote(self.folder)}"


@dataclass(frozen=True)
class Checksum:
    """What the repository says that the bytes give."""

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"[0-9a-f]{{{_HEX_DIGITS.get(self.algorithm, 0)}}}", self.hex) or not self.hex:
            msg = f"it lists the checksum {str(self)[:80]!r}, which is of no known kind."
            raise DownloadError(msg)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    def digest(self, size: int) -> hashlib._Hash:
        """What is to be fed with the bytes of a file of this size."""
        if self.algorithm == "git":
            return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        return hashlib.new(self.algorithm, usedforsecurity=False)


@dataclass(frozen=True)
class Remote:
    """A file that a mirror offers."""

    path: str
    """Within the mirror's folder."""
    url: str
    size: int | None
    checksum: Checksum

    @property
    def name(self) -> str:
        """A plain file name for it here, different for each path."""
        name = local_name(self.path)
        if not is_plain(name):
            msg = f"it lists a file with an unusable name, {name[:80]!r}."
            raise DownloadError(msg)
        return name


def look_up(mirror: Mirror, session: Session, *, size: int | None = None, file: str = "") -> Remote:
    """Ask the mirror for the file that it should have.

    Args:
        mirror: where.
        session: how.
        size: bytes, where that is known of the file.
        file: the user's choice, before the catalogue's.

    Raises:
        DownloadError: no answer, an answer in another form, or no such file.
    """
    if mirror.kind == "url":
        return Remote(mirror.file, mirror.base, size, Checksum("sha256", mirror.sha256))
    chosen = _choose(list_files(mirror, session), file or mirror.file, size, by_user=bool(file))
    if size is not None and chosen.size != size:
        msg = f"its {chosen.path} has {chosen.size} bytes, the published file has {size}: it is another file."
        raise DownloadError(msg)
    return chosen


def list_files(mirror: Mirror, session: Session) -> list[Remote]:
    """All files that a mirror offers; one of the kind `url` has no listing, and offers its one file.

    Raises:
        DownloadError: no answer, or an answer in another form.
    """
    if mirror.kind == "url":
        return [Remote(mirror.file, mirror.base, None, Checksum("sha256", mirror.sha256))]
    ask = _list_zenodo if mirror.kind == "zenodo" else _list_hugging_face
    try:
        return ask(mirror, session)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"its listing has a form that this version does not know ({type(error).__name__} {error})."
        raise DownloadError(msg) from error


def look_up_licence(mirror: Mirror, session: Session) -> str:
    """The licence that the repository names, such as `cc-by-4.0`; empty where it names none, or has no API.

    Raises:
        DownloadError: no answer, or an answer in another form.
    """
    address = {"zenodo": f"records/{mirror.record}", "huggingface": f"models/{mirror.record}"}.get(mirror.kind)
    if address is None:
        return ""
    answer, _ = session.read_json(f"{mirror.base}/api/{address}")
    try:
        named = _licence_at_zenodo(answer) if mirror.kind == "zenodo" else _licence_at_hugging_face(answer)
    except (TypeError, AttributeError) as error:
        msg = f"it tells its licence in a form that this version does not know ({type(error).__name__})."
        raise DownloadError(msg) from error
    return re.sub(r"[^\w.+ -]", " ", named).strip()[:_LONGEST_LICENCE]  # a name, whatever else stands there


def _licence_at_zenodo(answer: Any) -> str:
    named = answer.get("metadata", {}).get("license") or ""
    return named if isinstance(named, str) else str(named.get("id") or named.get("title") or "")


def _licence_at_hugging_face(answer: Any) -> str:
    named = (answer.get("cardData") or {}).get("license") or [
        tag.removeprefix("license:") for tag in answer.get("tags", []) if tag.startswith("license:")
    ]
    return named if isinstance(named, str) else " ".join(map(str, named))


def _choose(remotes: list[Remote], file: str, size: int | None, *, by_user: bool) -> Remote:
    """The file of that name; unless the user gave it, also that of the known size; without a name, the only weights."""
    remotes = [remote for remote in remotes if not remote.path.lower().endswith(NO_PICKLES)]
    ways: list[Iterable[Remote]] = [
        [remote for remote in remotes if file and remote.path == file],
        [remote for remote in remotes if file and remote.path.endswith(f"/{file}")],
    ]
    if not by_user:
        ways.append([remote for remote in remotes if size is not None and remote.size == size])
    if not file:  # else another model of the folder could be taken for it
        ways.append([remote for remote in remotes if remote.path.lower().endswith(_WEIGHTS)])
    for found in map(list, ways):
        if len(found) == 1:
            return found[0]
    names = [remote.path for remote in remotes]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    listed = ", ".join(names[:_MOST_NAMED]) or "no files"
    wanted = f"no single file {file!r}" if file else "several files"
    how = "Choose one (`fmcib-engine weights download ID --file NAME`), or fetch it by hand and import it."
    msg = f"it has {wanted}; there are {listed}{more}. {how}"
    raise DownloadError(msg)


def _list_zenodo(mirror: Mirror, session: Session) -> list[Remote]:
    answer, _ = session.read_json(f"{mirror.base}/api/records/{mirror.record}")
    remotes = []
    for entry in answer["files"]:
        key, (algorithm, _, digits) = str(entry["key"]), str(entry["checksum"]).partition(":")
        url = f"{mirror.base}/records/{mirror.record}/files/{quote(key)}?download=1"
        remotes.append(Remote(key, url, _size(entry), Checksum(algorithm, digits)))
    return remotes


def _list_hugging_face(mirror: Mirror, session: Session) -> list[Remote]:
    page: str | None = f"{mirror.base}/api/models/{mirror.record}/tree/main/{quote(mirror.folder)}?recursive=true"
    remotes = []
    for _ in range(_MOST_PAGES):
        if page is None:
            break
        entries, page = session.read_json(page)
        remotes += [_hugging_face_file(mirror, entry) for entry in entries if entry["type"] == "file"]
    return remotes


def _hugging_face_file(mirror: Mirror, entry: dict[str, Any]) -> Remote:
    path = str(entry["path"])
    large = entry.get("lfs")
    if large:
        checksum = Checksum("sha256", str(large["oid"]).removeprefix("sha256:"))
    else:
        checksum = Checksum("git", str(entry["oid"]))
    url = f"{mirror.base}/{mirror.record}/resolve/main/{quote(path)}"
    within = PurePosixPath(path).relative_to(mirror.folder).as_posix()
    return Remote(within, url, _size(large or entry), checksum)


def _size(entry: dict[str, Any]) -> int:
    size = entry["size"]
    if type(size) is not int or size < 0:  # a bool is an int, too
        msg = f"size {size!r}"
        raise ValueError(msg)
    return size
