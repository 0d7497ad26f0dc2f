"""A list of work -> its series in a folder, and the list again, which then says where they are or why not.

A series that cannot be had is a line of the list, and stops no other. A server that is gone is not asked for thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import DownloadError
from ..worklist import Entry, Found, WorkList
from ..worklist.folders import Progress
from .fetch import Here, SeriesFetch, Wanted
from .folder import SeriesFolder, folder_for, writing
from .server import Server
from .source import Key, Listed
from .trouble import SILENT

SEEDS = ("SEG", "RTSTRUCT", "SR")
"""Modalities of objects that lesions are drawn in."""
_GIVEN_UP = 3
"""Series in a row for which the server was not there."""
_GONE = "it was not asked for: the server did not answer any more. Give the same command again later."


@dataclass(frozen=True)
class Downloaded:
    """What came."""

    work: WorkList
    came: int
    """Series, as the next two."""
    were_here: int
    failed: int
    seeds: int
    """Of those that are here, how many are segmentations, structure sets and reports."""
    images: int
    bytes: int
    """That came now."""


def download(
    server: Server,
    listed: Listed,
    work: WorkList,
    folder: Path,
    *,
    with_seeds: bool = False,
    progress: Progress = lambda _done, _all: None,
) -> Downloaded:
    """Fetch exactly the series that would be done, and perhaps what lesions are drawn in of the same studies.

    Args:
        server: where they are.
        listed: what it has.
        work: what would be done.
        folder: for them; a series that is there whole is not fetched again.
        with_seeds: also the segmentations, structure sets and reports of their studies.
        progress: told how many images are here, and how many there will be. It may raise: whole series stay, and what
            came of another is gone on with.

    Raises:
        OutputError: the folder cannot be written to.
    """
    done = list({id(entry.found): entry.found for entry in work.entries if entry.do and entry.found}.values())
    studies = {found.study_uid for found in done}
    seeds = [each for each in listed.source.series if each.modality in SEEDS and each.study_uid in studies]
    wanted = [*done, *(seeds if with_seeds else ())]
    results = _Results(server, listed.counts, folder, sum(_count(each, listed) for each in wanted), progress)
    with folder_for(folder):
        for found in wanted:
            results.fetch(found)
    here, problems = results.here, results.problems
    notes = [
        f"A {each.modality} of the studies is not here: {problems[id(each)]}" for each in seeds if id(each) in problems
    ]
    places = {id(each): replace(each, files=here[id(each)].files) for each in wanted if id(each) in here}
    entries = tuple(_entry(each, places, problems) for each in work.entries)
    return Downloaded(
        replace(work, entries=entries, notes=(*work.notes, *dict.fromkeys(notes))),
        came=sum(not each.was_here for each in here.values()),
        were_here=sum(each.was_here for each in here.values()),
        failed=len(problems),
        seeds=sum(id(each) in here for each in seeds),
        images=sum(len(each.files) for each in here.values()),
        bytes=sum(each.bytes for each in here.values()),
    )


class _Results:
    """What became of each series, by its identity."""

    def __init__(self, server: Server, counts: Mapping[Key, int], folder: Path, total: int, progress: Progress) -> None:
        self.here: dict[int, Here] = {}
        self.problems: dict[int, str] = {}
        self._server, self._counts, self._folder, self._progress = server, counts, folder, progress
        self._done, self._total, self._silent = 0, total, 0
        progress(0, total)

    def fetch(self, found: Found) -> None:
        if self._silent >= _GIVEN_UP:
            self.problems[id(found)] = _GONE
            return
        wanted = Wanted(found.study_uid, found.uid, self._counts.get((found.study_uid, found.uid)))
        place = SeriesFolder(self._folder, found.study_uid, found.uid)
        try:
            with writing(self._folder):
                self.here[id(found)] = SeriesFetch(self._server, wanted, place, self._count).run()
            self._silent = 0
        except DownloadError as error:
            self._silent = self._silent + 1 if isinstance(error, SILENT) else 0
            self.problems[id(found)] = f"it could not be fetched: {error}"

    def _count(self) -> None:
        self._done += 1
        self._progress(self._done, max(self._done, self._total))


def _count(found: Found, listed: Listed) -> int:
    return listed.counts.get((found.study_uid, found.uid), found.slices)


def _entry(entry: Entry, places: Mapping[int, Found], problems: Mapping[int, str]) -> Entry:
    """The line with the files of its series, or with why there are none."""
    if entry.found is None:
        return entry
    if entry.do and id(entry.found) in problems:
        return replace(entry, do=False, why=problems[id(entry.found)])
    return replace(entry, found=places.get(id(entry.found), entry.found))
