"""One series of a server -> its folder, whole or not at all.

All images are asked for at once. Where the connection breaks off, those that came stay, and the rest are asked for one
by one; what was there from an interrupted run is not asked for again. It is whole when each image that the server lists
is there, and no other came.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from ..downloads import ConnectionBrokenError
from ..errors import DownloadError
from ..readers.dicom.values import text_of
from .folder import SeriesFolder
from .server import Sent, Server
from .trouble import NotGivenError, UnreachableError

_log = logging.getLogger(__name__)

_FEW = 0.5  # of a series: fewer that lack are asked for one by one


class DamagedError(DownloadError):
    """An image that came, and is no whole DICOM file."""


@dataclass(frozen=True)
class Wanted:
    """A series, as the server lists it."""

    study_uid: str
    series_uid: str
    count: int | None
    """Of its images, where that is told."""


@dataclass(frozen=True)
class Here:
    """A whole series."""

    files: tuple[str, ...]
    bytes: int
    """That came now; none where it was here already."""
    was_here: bool


class SeriesFetch:
    """One series on its way.

    Args:
        server: is asked.
        wanted: the series.
        folder: where it goes.
        on_image: called for each image that is here. It may raise: what came stays, hidden.
    """

    def __init__(self, server: Server, wanted: Wanted, folder: SeriesFolder, on_image: Callable[[], None]) -> None:
        self._server, self._wanted, self._folder, self._on_image = server, wanted, folder, on_image
        self._lacking: set[str] = set()
        self._came: set[str] = set()
        self._known: frozenset[str] = frozenset()
        self._bytes = 0

    def run(self) -> Here:
        """Fetch what is not here.

        Raises:
            DownloadError: it could not be had whole; what came of it is kept, hidden.
            OSError: it cannot be written.
        """
        self._known = frozenset(self._listed())
        if self._folder.is_whole(self._known):
            for _ in self._known:
                self._on_image()
            return Here(self._folder.files(self._known), 0, was_here=True)
        here = self._folder.begin(self._known)
        for _ in here:
            self._on_image()
        self._lacking = set(self._known - here)
        if len(self._lacking) > _FEW * len(self._known):
            self._fetch_together()
        self._fetch_singly()
        self._folder.finish(self._known)
        return Here(self._folder.files(self._known), self._bytes, was_here=False)

    def _listed(self) -> list[str]:
        """The UIDs of its images.

        Raises:
            DownloadError: there are none, or not as many as the server counts.
        """
        wanted, host = self._wanted, self._server.address.host
        listed = self._server.instances(wanted.study_uid, wanted.series_uid, wanted.count)
        uids = list(dict.fromkeys(uid for each in listed if (uid := text_of(each, "SOPInstanceUID").strip(" \0"))))
        if not uids:
            msg = f"{host} lists no images of it. It may have moved them elsewhere: ask who runs it."
            raise DownloadError(msg)
        if wanted.count is not None and wanted.count != len(uids):
            msg = (
                f"{host} counts {wanted.count} images of it and lists {len(uids)}. It may be receiving them now, or "
                "hold two under one UID. Try again later."
            )
            raise DownloadError(msg)
        return uids

    def _fetch_together(self) -> None:
        try:
            with closing(self._server.images(self._wanted.study_uid, self._wanted.series_uid)) as images:
                for sent in images:
                    self._take(sent)
        except (ConnectionBrokenError, DamagedError, NotGivenError) as error:
            came = len(self._known) - len(self._lacking)
            _log.info(
                "%s %d of %d images of a series are here; the others are asked for.", error, came, len(self._known)
            )

    def _fetch_singly(self) -> None:
        """One by one; an image that fails again and again ends it."""
        patience, wanted = self._server.patience, self._wanted
        for uid in sorted(self._lacking):
            for attempt in range(patience.retries + 1):
                try:
                    self._take(self._server.image(wanted.study_uid, wanted.series_uid, uid), only=uid)
                    break
                except (ConnectionBrokenError, DamagedError, UnreachableError):
                    if attempt == patience.retries:
                        raise
                    time.sleep(patience.before_retry(attempt + 1))

    def _take(self, sent: Sent, only: str = "") -> None:
        """Keep an image that is of this series, was listed, and is whole.

        Raises:
            DownloadError: it is another.
            DamagedError: it is not whole.
        """
        wanted, host = self._wanted, self._server.address.host
        if (sent.study_uid, sent.series_uid) != (wanted.study_uid, wanted.series_uid):
            msg = f"{host} sent an image of another series or study among its own. Tell those who run it."
            raise DownloadError(msg)
        if sent.uid not in self._known or (only and sent.uid != only):
            msg = f"{host} sent an image of it that it did not list. It may be receiving it now: try again later."
            raise DownloadError(msg)
        if sent.uid not in self._lacking:
            if sent.uid in self._came and self._folder.content_of(sent.uid) != sent.content:
                msg = f"{host} sent two images of it under one UID, and they differ. Tell those who run it."
                raise DownloadError(msg)
            return
        if not self._folder.add(sent.uid, sent.content):
            msg = f"{host} sent an image of it that is damaged, or ends before its pixels do."
            raise DamagedError(msg)
        self._lacking.discard(sent.uid)
        self._came.add(sent.uid)
        self._bytes += len(sent.content)
        self._on_image()
