"""One published file -> one file here, from the first mirror that gives it whole and right.

What came lies in `NAME.part` until size and checksum are right; then it gets its name in one step. A part is continued
by an HTTP range, also one of another mirror or of a killed process: the checksum tells whether it fits, and if it does
not, it is fetched once more from the start.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DownloadError, OutputError
from .lock import ANOTHER_FOLDER
from .names import PART
from .patience import Patience
from .repositories import Remote, look_up
from .session import ConnectionBrokenError, Session, require_status
from .wanted import Fetched, Progress, Wanted

if TYPE_CHECKING:
    from requests import Response

_log = logging.getLogger(__name__)

_BLOCK = 2**20
_NUMBER = "[0-9]{1,18}"
_NOTHING_THERE = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


def fetch(
    wanted: Wanted, folder: Path, *, patience: Patience | None = None, progress: Progress = lambda _, __: None
) -> Fetched:
    """Fetch a file into a folder, replacing one of its name. The caller holds the folder's lock (`only_one`).

    Raises:
        DownloadError: no mirror gave it; what came of it is kept where it can be continued.
        OutputError: it cannot be written here.
        DependencyError: requests is not installed.
    """
    patience = patience or Patience()
    failures = []
    with Session(wanted.hosts, patience) as session:
        for mirror in wanted.mirrors:
            try:
                remote = look_up(mirror, session, size=wanted.size, file=wanted.file)
                target = folder / (wanted.name or remote.name)
                known = wanted.sha256 or wanted.pins.get(target.name, "")
                return Transfer(session, patience, remote, target, progress, wanted.largest).run(known)
            except DownloadError as error:
                failures.append(f"{mirror.name}: {error}")
                if mirror is not wanted.mirrors[-1]:
                    _log.info("%s The next mirror is asked.", failures[-1])
    msg = f"{wanted.title} could not be fetched. {' '.join(failures)} {wanted.by_hand}"
    raise DownloadError(msg)


class Transfer:
    """One file from one mirror."""

    def __init__(
        self, session: Session, patience: Patience, remote: Remote, target: Path, progress: Progress, largest: int
    ) -> None:
        self._session, self._patience, self._remote, self._progress = session, patience, remote, progress
        self._target, self._part = target, target.with_name(f"{target.name}{PART}")
        self._total, self._largest = remote.size, largest

    def run(self, known: str) -> Fetched:
        with _writing(self._part):
            if self._part.is_symlink():  # never written through
                self._part.unlink()
            if self._is_here() and not (found := self._check(self._target, known))[1]:
                self._part.unlink(missing_ok=True)
                return self._fetched(found[0])
            for _ in range(2):
                continued = self._have() > 0
                self._fill()
                sha256, problem = self._check(self._part, known)
                if not problem:
                    return self._finish(sha256)
                self._part.unlink()
                if not continued:
                    break
                _log.info("The part of %s from before does not fit: fetched from the start.", self._target.name)
        raise DownloadError(problem)

    def _is_here(self) -> bool:
        """Whether the file could be here already, as after a run that was killed before it noted that."""
        target = self._target
        return target.is_file() and not target.is_symlink() and self._total in {None, target.stat().st_size}

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _fill(self) -> None:
        """Add to the part until it is complete; start anew where it cannot be continued."""
        most, failures = self._have(), 0
        while True:
            why = ConnectionBrokenError("the connection ended before the end of the file.")
            try:
                self._receive()
                if self._total is None:  # the end of the body is the end of the file; the checksum will tell
                    return
            except ConnectionBrokenError as error:
                why = error
            have = self._have()
            if have == self._total:
                return
            failures = 0 if have - most >= self._patience.enough else failures + 1
            most = max(have, most)
            if failures > self._patience.retries:
                raise why
            _log.info("%s: %s Continued after %.1f MB.", self._target.name, why, have / 1e6)
            time.sleep(self._patience.before_retry(max(failures, 1)))

    def _receive(self) -> None:
        """One request for what is missing."""
        have = self._have()
        if self._total is not None and have > self._total:
            self._part.unlink()
            have = 0
        if have == self._total:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._session.open(self._remote.url, headers) as response:
            require_status(response, (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, _NOTHING_THERE))
            start, told = _place(response)
            if None not in (self._total, told) and told != self._total:
                msg = f"what came has {told} bytes instead of {self._total}: perhaps a page of your network."
                raise DownloadError(msg)
            self._total = told if self._total is None else self._total
            if self._total is not None and self._total > self._largest:
                raise DownloadError(self._too_large())
            if response.status_code != HTTPStatus.OK and start != have:  # of no use to us: begin anew
                self._part.unlink(missing_ok=True)
                msg = "the server does not continue where it should."
                raise ConnectionBrokenError(msg)
            if response.status_code != _NOTHING_THERE:
                self._append(response, start)

    def _append(self, response: Response, start: int) -> None:
        if response.headers.get("Content-Type", "").startswith("text/html") and self._target.suffix != ".html":
            msg = "a web page came instead of the file: perhaps a login page of your network."
            raise DownloadError(msg)
        self._require_room(start)
        with self._part.open("ab") as file:
            file.truncate(start)
            self._progress(start, self._total)
            for piece in self._session.body(response):
                start += len(piece)
                if self._total is not None and start > self._total:
                    msg = f"more than the {self._total} bytes of the file came."
                    raise DownloadError(msg)
                if start > self._largest:
                    self._part.unlink()
                    raise DownloadError(self._too_large())
                file.write(piece)
                file.flush()
                self._progress(start, self._total)

    def _too_large(self) -> str:
        return f"it sends more than {self._largest / 1e6:.1f} MB, which no file here has: it is another file."

    def _require_room(self, have: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if self._total is not None and free < self._total - have:
            msg = (
                f"{self._target.name} needs {(self._total - have) / 1e6:.1f} MB more, {free / 1e6:.1f} MB are free. "
                f"Make room, or {ANOTHER_FOLDER}."
            )
            raise OutputError(msg)

    def _check(self, path: Path, known: str) -> tuple[str, str]:
        """SHA-256 of what came, and what is wrong with it."""
        checksum = self._remote.checksum
        sha256, published = hashlib.sha256(), checksum.digest(path.stat().st_size)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                sha256.update(block)
                published.update(block)
        if published.hexdigest() != checksum.hex:
            return "", f"what came has another checksum ({checksum.algorithm}) than the one that is published."
        if known and sha256.hexdigest() != known:
            return "", "the published file is not the one that is known here: its SHA-256 is another."
        return sha256.hexdigest(), ""

    def _finish(self, sha256: str) -> Fetched:
        with self._part.open("rb+") as file:
            os.fsync(file.fileno())
        self._part.replace(self._target)
        return self._fetched(sha256)

    def _fetched(self, sha256: str) -> Fetched:
        url = self._remote.url.partition("?")[0]
        return Fetched(self._target, self._target.stat().st_size, sha256, str(self._remote.checksum), url)


def _place(response: Response) -> tuple[int, int | None]:
    """Where the body begins in the file, and the size of the whole file, as the headers say."""
    if response.status_code == HTTPStatus.OK:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch(_NUMBER, length) else None
    pattern = rf"bytes (?:({_NUMBER})-{_NUMBER}|\*)/({_NUMBER}|\*)"
    found = re.fullmatch(pattern, response.headers.get("Content-Range", ""))
    if not found:
        return -1, None
    start, total = found.groups()
    whole = None if total == "*" else int(total)
    if response.status_code == _NOTHING_THERE:  # right if all of it is here
        return -1 if whole is None else whole, whole
    return -1 if start is None else int(start), whole


@contextmanager
def _writing(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = (
            f"{part.name} cannot be written ({error.strerror or error}). Make room, or {ANOTHER_FOLDER}. "
            "What came is kept."
        )
        raise OutputError(msg) from error
