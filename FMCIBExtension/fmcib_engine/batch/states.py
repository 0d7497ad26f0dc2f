"""What a scan's files were when a run was planned, in a few numbers: whether they changed since is told by these.

Sizes and times, not contents: to hash a scan takes as long as to read it. Names go into the digest only.

Of a folder with one series all files count, which takes no look into them. Where several series share a folder, those
of the series count, and such as may be lost slices of it: other files may come and go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..readers import HeaderMemory
from ..readers.dicom import DicomFiles
from ..readers.dicom.files import read_contents, state_of
from ..readers.dicom.folder import names_of
from ..readers.dicom.lost import INDEX

_VOXELS_BESIDE = {
    ".mhd": (".raw", ".zraw"),
    ".nhdr": (".raw", ".raw.gz", ".gz", ".zraw"),
    ".hdr": (".img", ".img.gz"),
    ".img": (".hdr",),
}
"""Of a header that stands alone: endings of the file with its voxels."""


@dataclass(frozen=True)
class ScanState:
    """Of one file with what belongs to it, of a folder with its subfolders, or of a series in such a folder."""

    files: int
    bytes: int
    digest: str
    """Of each file's name, size and time of change."""
    folder: str = field(default="", compare=False)
    """The same of all files of the folder, where the state is of a series in it."""

    def __str__(self) -> str:
        return f"{self.files} file{'' if self.files == 1 else 's'} of {self.bytes / 1e6:.1f} MB"


def change(before: ScanState, now: ScanState) -> str:
    """What a scan was and is, for a sentence."""
    all_counted = now.folder and not before.folder
    hint = "; all files of its folder counted then: take out what was added" if all_counted else ""
    return f"{before}, now {now}{hint}"


def scan_state(image: Path) -> ScanState | None:
    """The state of a scan, with all files of its folder; None where there is none, which reading it will tell."""
    image = _folder_of_index(image)
    try:
        if image.is_dir():
            paths = [Path(name) for name in names_of(image)]
        elif image.exists():
            paths = [image, *(image.with_suffix(ending) for ending in _VOXELS_BESIDE.get(image.suffix.lower(), ()))]
        else:
            return None
    except (OSError, ValueError):
        return None
    return _state(image if image.is_dir() else image.parent, paths)


def _folder_of_index(image: Path) -> Path:
    """Of a DICOMDIR the folder, in which the files are that it lists."""
    return image.parent if image.name.upper() == INDEX and image.is_file() else image


def _state(folder: Path, paths: Iterable[Path], whole: str = "") -> ScanState:
    found = [(path, state) for path in paths if (state := state_of(path)) != (-1, -1)]
    facts = [(path.relative_to(folder).as_posix(), *state) for path, state in found]
    text = repr(facts).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(text).hexdigest()[:32]
    return ScanState(len(found), sum(size for _, (size, _) in found), digest, whole)


class States:
    """The states of scans as they are asked for. A folder's files are looked at once for all its scans.

    Args:
        memory: headers of the folder that was read last, shared with who reads the scans.
    """

    def __init__(self, memory: HeaderMemory) -> None:
        self._memory = memory
        self._whole: dict[Path, ScanState | None] = {}
        self._files = DicomFiles({})

    def to_plan(self, image: Path, series_uid: str, before: ScanState | None, *, is_shared: bool) -> ScanState | None:
        """The state of a scan that is to be read; None where there is none, which reading it will tell.

        Args:
            image: its file or folder.
            series_uid: of its series, where the list names one.
            before: its state as the run was begun, given back where it is still the same; None of a new run.
            is_shared: whether the list names other series of the folder.
        """
        place = _folder_of_index(image)
        whole = self._state_of(place)
        if whole is None or not series_uid or not place.is_dir():
            return whole
        if before is not None and whole.digest in {before.digest, before.folder}:
            return before
        if before is None and not is_shared and _seems_alone(place, series_uid):
            return whole
        return self._of_series(place, series_uid, whole.digest)

    def as_read(self, image: Path, series_uid: str, planned: ScanState) -> ScanState | None:
        """The state of a scan that was just read, to be compared with the planned one; None where it is gone."""
        place = _folder_of_index(image)
        if not planned.folder:
            whole = self._state_of(place)
            if whole in {None, planned} or not series_uid or not place.is_dir():
                return whole
        return self._of_series(place, series_uid, planned.folder or "other files")

    def _state_of(self, place: Path) -> ScanState | None:
        if place not in self._whole:
            self._whole = {place: scan_state(place)}
        return self._whole[place]

    def _of_series(self, folder: Path, series_uid: str, whole: str) -> ScanState | None:
        contents = self._memory.last_of(folder)
        if contents is not self._files.contents:
            self._files = DicomFiles(contents)
        files = self._files.files_of(series_uid)
        return _state(self._memory.folder, files, whole if len(files) < len(contents) else "") if files else None


def _seems_alone(folder: Path, series_uid: str) -> bool:
    """Whether the first, middle and last file by name are of the series.

    Where other files lie between them, all files count: a run is refused then that could have gone on.
    """
    names = names_of(folder)
    some = {Path(names[at]) for at in (0, len(names) // 2, -1)} if names else set()
    return all(DicomFiles({path: content}).files_of(series_uid) for path, content in read_contents(some).items())
