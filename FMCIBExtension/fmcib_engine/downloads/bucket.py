"""A folder of a public bucket of Google Cloud Storage -> a folder here, each file checked by the MD5 of the listing.

    GET /storage/v1/b/{bucket}/o?prefix={folder}/     {items: [{name, size: "…", md5Hash: base64}], nextPageToken}
    GET /{bucket}/{folder}/{file}

Written after the documentation of that interface; nobody could try it on the server itself.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ..errors import DownloadError, OutputError
from .lock import ANOTHER_FOLDER
from .patience import Patience
from .repositories import Checksum, Remote
from .session import Session
from .transfer import Transfer
from .wanted import Progress

_MOST_PAGES = 50


@dataclass(frozen=True)
class Bucket:
    """Where a folder of files is published."""

    base: str
    """Such as `https://storage.googleapis.com`."""
    name: str
    folder: str
    files: int
    """How many there are."""
    size: int
    """Bytes of all files, about: twice as many are not taken."""

    @property
    def host(self) -> str:
        """The only one that is contacted."""
        return urlsplit(self.base).hostname or ""


def fetch_folder(
    bucket: Bucket, folder: Path, *, patience: Patience | None = None, progress: Progress = lambda _, __: None
) -> None:
    """Fetch what is not here yet. The caller holds the folder's lock (`only_one`), and has looked at the host.

    Raises:
        DownloadError: a file could not be fetched, or the listing is another; what came is kept.
        OutputError: it cannot be written here.
        DependencyError: requests is not installed.
    """
    patience = patience or Patience()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The folder {folder.name} cannot be made ({error.strerror}). Make room, or {ANOTHER_FOLDER}."
        raise OutputError(msg) from error
    with Session((bucket.host,), patience) as session:
        remotes = _list(bucket, session)
        total, before = sum(remote.size or 0 for remote in remotes), 0
        for remote in remotes:

            def count(done: int, _: int | None, before: int = before) -> None:
                progress(before + done, total)

            size = remote.size or 0
            Transfer(session, patience, remote, folder / remote.name, count, size).run("")
            before += size
            progress(before, total)


def _list(bucket: Bucket, session: Session) -> list[Remote]:
    address = f"{bucket.base}/storage/v1/b/{quote(bucket.name)}/o?prefix={quote(bucket.folder)}/"
    remotes: list[Remote] = []
    page = address
    try:
        for _ in range(_MOST_PAGES):
            answer, _following = session.read_json(page)
            remotes += [_remote(bucket, item) for item in answer.get("items", [])]
            if not (token := answer.get("nextPageToken")):
                break
            page = f"{address}&pageToken={quote(str(token), safe='')}"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"its listing has a form that this version does not know ({type(error).__name__} {error})."
        raise DownloadError(msg) from error
    size = sum(remote.size or 0 for remote in remotes)
    if len({remote.name.lower() for remote in remotes}) != bucket.files or len(remotes) != bucket.files:
        msg = f"its listing has {len(remotes)} files instead of {bucket.files}: it is another folder."
        raise DownloadError(msg)
    if size > 2 * bucket.size:
        msg = f"its files have {size / 1e6:.1f} MB instead of {bucket.size / 1e6:.1f} MB: it is another folder."
        raise DownloadError(msg)
    return remotes


def _remote(bucket: Bucket, item: dict[str, Any]) -> Remote:
    path, digits = str(item["name"]), base64.b64decode(item["md5Hash"], validate=True).hex()
    url = f"{bucket.base}/{quote(bucket.name)}/{quote(path)}"
    return Remote(path.removeprefix(f"{bucket.folder}/"), url, _size(item), Checksum("md5", digits))


def _size(item: dict[str, Any]) -> int:
    text = item["size"]
    if not isinstance(text, str) or not text.isdecimal() or len(text) > 15:  # a text, as 64 bits are too long for JSON
        msg = f"size {text!r}"
        raise ValueError(msg)
    return int(text)
