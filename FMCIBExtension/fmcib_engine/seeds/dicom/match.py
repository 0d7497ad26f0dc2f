"""Which CT a DICOM object is about: the series that it refers to, else the one in its frame of reference.

Names of files and folders tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

from ...errors import SeedError
from ...geometry import VoxelGrid
from ...readers import HeaderMemory, read_grid
from ...readers.dicom import CtSeries, DicomFiles, is_dicom, is_index
from ..lesion import GivenScan


@dataclass(frozen=True)
class Reference:
    """What an object says of the scan that it is about."""

    series: frozenset[str]
    """UIDs of the series that it refers to."""
    frame_digest: str
    """Of the UID of its frame of reference (`digest_of`), as CT headers are kept; empty where it does not say."""


Looked = tuple[VoxelGrid, CtSeries | None]
"""What a look at the headers of a CT gives; no series of an image without headers, which the user named."""


@dataclass(eq=False)
class Matched:
    """A CT that was found, whose headers are looked at when they are needed."""

    scan: GivenScan
    look: Callable[[], Looked]
    """May raise ImageError: its headers make no scan."""
    doubt: str = ""
    """A clause on why it may be another one."""

    @cached_property
    def _looked(self) -> Looked:
        return self.look()

    @property
    def grid(self) -> VoxelGrid:
        return self._looked[0]

    @property
    def series(self) -> CtSeries | None:
        return self._looked[1]


class FindsScans(Protocol):
    """Among what the scan of an object is looked for."""

    @property
    def place(self) -> Path:
        """A folder or file; empty where scans may lie anywhere."""

    def find(self, reference: Reference) -> Matched:
        """The scan of an object.

        Raises:
            SeedError: none, several, or one in another frame of reference; a clause says which.
            ImageError: its headers make no scan.
        """

    def series_with(self, image: tuple[str, int], told: frozenset[str]) -> frozenset[str]:
        """The UID of the series that has an image, by its SOP instance UID and frame; nothing where none has.

        `told` are those that have it as the object says.
        """


class Scans:
    """The CT of one folder or file, among which the scan of each object is looked for.

    Args:
        place: a folder, or one file.
        given: which series and time point of it the user named, if any.
        memory: of the headers of folders.
    """

    def __init__(self, place: Path, given: GivenScan | None, memory: HeaderMemory | None = None) -> None:
        self.place = place.parent if place.is_file() and is_dicom(place) and is_index(place) else place
        self._series_uid = given.series_uid if given else ""
        self._time_point = given.time_point if given else None
        self._files = DicomFiles.found_in(self.place, memory)
        self.grid_of = cache(lambda uid: self._files.grid(uid, self._time_point))

    def find(self, reference: Reference) -> Matched:
        """The scan of an object.

        Raises:
            SeedError: none, several, or one in another frame of reference; a clause says which.
            ImageError: its headers make no scan.
        """
        if self.place.is_file() and not self._files.series:
            grid = read_grid(self.place, time_point=self._time_point)
            why = "the scan is no DICOM, so that nobody can tell whether this was made on it"
            return Matched(GivenScan(self.place, "", self._time_point), lambda: (grid, None), why)
        series = self._chosen(reference)
        folder = series.folder if self.place.is_dir() else self.place
        uid = "" if series.is_alone else series.uid
        grid = self.grid_of(series.uid)
        return Matched(GivenScan(folder, uid, self._time_point), lambda: (grid, series))

    def series_with(self, image: tuple[str, int], told: frozenset[str]) -> frozenset[str]:  # noqa: ARG002
        """The UID of the series that has an image, by its SOP instance UID and frame; nothing where none has."""
        return frozenset(uid for uid, series in self._files.series.items() if uid and image in series.images)

    def _chosen(self, reference: Reference) -> CtSeries:
        every = self._files.series
        if self._series_uid and self._series_uid not in every:
            msg = f"there is no such CT series as was named, among {len(every)}: correct it (--series)"
            raise SeedError(msg)
        among = [series for uid, series in every.items() if self._series_uid in {"", uid}]
        found = [series for series in among if series.uid and series.uid in reference.series]
        frame = reference.frame_digest
        elsewhere = [series for series in found if frame and series.frame_digest not in {"", frame}]
        found = [series for series in found if series not in elsewhere]
        if elsewhere and not found:
            msg = (
                "it lies in another frame of reference than the series that it refers to, so that its place is unknown"
            )
            raise SeedError(msg)
        in_frame = [series for series in found or among if frame and series.frame_digest == frame]
        found = in_frame if len(found) != 1 and in_frame else found
        if len(found) == 1:
            return found[0]
        if found:
            msg = f"{len(found)} CT series may be its scan: choose one (--series)"
            raise SeedError(msg)
        here = f"none of {len(among)} CT series" if among else "no CT, and so nothing"
        msg = (
            f"{self.place.name} holds {here} that it refers to, or that shares its frame of reference: "
            "give the folder of its scan (--image)"
        )
        raise SeedError(msg)
