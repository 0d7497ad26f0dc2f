"""The CT series among the files of a folder, by their headers: which there are, in which frame of reference, where."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...errors import ImageError
from ...geometry import VoxelGrid
from .choice import choose_images
from .choice.series import NO_UID
from .files import Content, read_contents
from .folder import HeaderMemory
from .header import Header
from .look import look
from .lost import Lost, lost_among, lost_files

_FRAME = 3  # of `Header.belongs_to`


@dataclass(frozen=True, eq=False)
class CtSeries:
    """One CT series, of which only headers were read."""

    uid: str
    folder: Path
    """The deepest folder that holds all of its files."""
    is_alone: bool
    """Whether no other CT series lies in that folder."""
    frame_digest: str
    """Of its frame of reference (`digest_of`); empty where the headers do not say, or say several."""
    images: Mapping[tuple[str, int], Header]
    """By SOP instance UID and number of the frame, from 0."""


@dataclass(frozen=True, eq=False)
class DicomFiles:
    """What the files of a folder, or one file, hold."""

    contents: Mapping[Path, Content]

    @classmethod
    def found_in(cls, place: Path, memory: HeaderMemory | None = None) -> DicomFiles:
        """Of a folder with its subfolders, or of one file.

        Raises:
            DependencyError: pydicom is not installed.
        """
        if not place.is_dir():
            return cls(read_contents([place]))
        return cls((memory or HeaderMemory()).contents_of(place)[0])

    @cached_property
    def headers(self) -> list[Header]:
        """Of every image of every file."""
        return [header for content in self.contents.values() for header in content.images]

    @cached_property
    def series(self) -> Mapping[str, CtSeries]:
        """The CT series by their UIDs, those of localizers alone left out."""
        below = self._series_below
        return {uid: _series(uid, headers, below) for uid, headers in self._images.items()}

    def files_of(self, series_uid: str) -> list[Path]:
        """The files of a CT series, and beside them those that may be slices of it that got lost, as `names_of` sorts.

        All that the reader makes of the series hangs on these. None where there are no images of it.
        """
        uid = "" if series_uid == NO_UID else series_uid
        own = self._files_by_series.get(uid)
        if not own:
            return []
        others = self._files_by_series.keys() - {uid, ""}
        lost = (path for path, one in self._lost.items() if one.series_uid not in others)
        return sorted(own.union(lost), key=os.fspath)

    def objects(self, sop_classes: Sequence[str]) -> list[Path]:
        """The files that hold an object of these classes."""
        found = {header.path for header in self.headers if header.sop_class in sop_classes}
        return [path for path in self.contents if path in found]

    def grid(self, series_uid: str, time_point: int | None = None) -> VoxelGrid:
        """Where the voxels of a series lie, LPS mm; files that got lost do not change that.

        Raises:
            SeriesError, ImageError: as for `read_series`, as far as headers of images tell.
        """
        images = self._images[series_uid]
        return look(images, [], lambda every: choose_images(every, series_uid, time_point)).stack.grid

    @cached_property
    def _files_by_series(self) -> Mapping[str, set[Path]]:
        """Of each CT series, localizers and pages as well."""
        found: dict[str, set[Path]] = defaultdict(set)
        for header in self.headers:
            if header.is_ct:
                found[header.series_uid].add(header.path)
        return found

    @cached_property
    def _lost(self) -> Mapping[Path, Lost]:
        return lost_files(self.contents)

    @cached_property
    def _images(self) -> Mapping[str, list[Header]]:
        """The slices of each CT series."""
        found: dict[str, list[Header]] = defaultdict(list)
        for header in self.headers:
            if header.is_ct and header.is_slice:
                found[header.series_uid].append(header)
        return found

    @cached_property
    def _series_below(self) -> Mapping[Path, set[str]]:
        """The CT series that a folder holds, in subfolders as well."""
        own: dict[Path, set[str]] = defaultdict(set)
        for header in self.headers:
            if header.is_ct:
                own[header.path.parent].add(header.series_uid)
        below: dict[Path, set[str]] = defaultdict(set)
        for folder, uids in own.items():
            for above in (folder, *folder.parents):
                below[above] |= uids
        return below


def _series(uid: str, headers: Sequence[Header], below: Mapping[Path, set[str]]) -> CtSeries:
    folder = Path(os.path.commonpath({header.path.parent for header in headers}))
    frames = {header.belongs_to[_FRAME] for header in headers}
    images = {(header.instance_uid, header.frame): header for header in headers}
    return CtSeries(uid, folder, below[folder] == {uid}, frames.pop() if len(frames) == 1 else "", images)


def ct_grid(place: Path, series_uid: str | None, time_point: int | None, memory: HeaderMemory | None) -> VoxelGrid:
    """Where the voxels of the CT in a folder or file lie, LPS mm; chosen as by `read_series`.

    Raises:
        SeriesError, ImageError: as for `read_series`, as far as headers tell.
    """
    files = DicomFiles.found_in(place, memory)
    lost = lost_among(files.contents)
    if not files.headers and not lost:
        msg = f"A scan is read from DICOM files, and there are none in {place.name!r}. Check the path."
        raise ImageError(msg)
    return look(files.headers, lost, lambda every: choose_images(every, series_uid, time_point)).stack.grid
