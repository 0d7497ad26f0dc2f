"""A DICOM CT series -> Volume: headers by pydicom, pixels by SimpleITK's GDCM, the geometry by us."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from ...errors import ImageError, SeriesError
from ...volume import Source, Volume
from ..itk import import_package, reader_name
from .choice import choose_images
from .files import Content, read_contents
from .folder import HeaderMemory, is_unchanged
from .hu import require_hu
from .index import listed_files
from .look import fault_notes, first_sentences, look, take_out
from .lost import Lost, empty_files, lost_among, sentences_of
from .padding import find_padding, note_of, without_padding
from .pixels import place, read_slices, unread
from .stack import Stack

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Found:
    """The files among which to look for the scan that is wanted."""

    contents: dict[Path, Content]
    name: str = ""
    """Of the folder, as it was given."""
    folder: Path | None = None
    """Where they were found; None if each of them was given."""
    index: Path | None = None
    """The DICOMDIR that says which of them count; None if all do."""

    def considered(self) -> tuple[dict[Path, Content], list[Lost]]:
        """Those that count, and what the index lists in vain."""
        if self.index is None:
            return self.contents, []
        listed, missing = listed_files(self.index, self.contents)
        return {path: self.contents[path] for path in listed}, missing


def read_series(files: Sequence[Path], *, series_uid: str | None = None, time_point: int | None = None) -> Volume:
    """The CT series in a list of files, in any order; DICOM files that are not CT images are passed over.

    What cannot be trusted of it (missing, doubled or damaged slices) becomes faults of the volume, which no crop may
    touch.

    Raises:
        SeriesError: no CT, several series or time points and no choice, images of several patients, gantry tilt,
            values that are not HU or do not look like it, no regular stack, or files that change while they are read.
        ImageError: a file that is no DICOM or not there, or no readable one.
        DependencyError: SimpleITK or pydicom is not installed.
    """
    contents = read_contents(files)
    if wrong := [Lost(path.name, content.fault) for path, content in contents.items() if not content.is_dicom]:
        raise ImageError(first_sentences(wrong))
    return _volume(_Found(contents), series_uid, time_point)


def read_folder(
    folder: Path,
    *,
    series_uid: str | None = None,
    time_point: int | None = None,
    index: Path | None = None,
    memory: HeaderMemory | None = None,
) -> Volume:
    """The CT series in a folder and its subfolders, as `read_series`; files that are no DICOM are passed over.

    `index` is a DICOMDIR in the folder: only what it lists is read. Headers that `memory` has of this folder are not
    read again, unless the files changed since.

    Raises:
        SeriesError, ImageError, DependencyError: as `read_series`, and for an index that is damaged or lists in vain.
    """
    memory = memory or HeaderMemory()
    while True:
        contents, is_remembered = memory.contents_of(folder)
        found = _Found(contents, folder.absolute().name, memory.folder, memory.folder / index.name if index else None)
        try:
            return _volume(found, series_uid, time_point)
        except ImageError:
            if not is_remembered or is_unchanged(memory.folder, contents, contents):
                raise
        memory.forget()


def _volume(found: _Found, series_uid: str | None, time_point: int | None) -> Volume:
    considered, lost = found.considered()
    headers = [header for content in considered.values() for header in content.images]
    seen = look(headers, [*lost, *lost_among(considered)], lambda all_: choose_images(all_, series_uid, time_point))
    choice, stack = seen.choice, seen.stack
    sitk = import_package("SimpleITK")
    slices = _read_what_can_be(sitk, stack)
    _require_unchanged(found, {image.path for image in choice.images})
    for sentence in sentences_of(seen.lost):
        _log.info("%s", sentence)
    padding = find_padding(slices, stack.images)
    slices = slices if padding is None else without_padding(slices, padding)
    of_values = (*require_hu(slices, stack.images), *([] if padding is None else [note_of(padding)]))
    of_files = _unusual(considered, stack, seen.lost)
    source = Source(
        name=found.name or stack.images[0].path.name,
        kind="dicom",
        reader=reader_name(sitk),
        series_uid=stack.images[0].series_uid,
        files=len({header.path for header in stack.images}),
        files_left_out=seen.files_left_out,
        time_point=choice.time_point,
        notes=(*choice.notes, *of_values, *of_files, *stack.notes, *fault_notes(stack.faults())),
    )
    placed_padding = None if padding is None else place(padding, stack.places)
    return Volume(place(slices, stack.places), stack.grid, source, stack.faults(), placed_padding)


def _unusual(contents: Mapping[Path, Content], stack: Stack, lost: Sequence[Lost]) -> list[str]:
    """What is said of files that are written in unusual ways, and of empty ones that are not named as slices."""
    oddities = Counter(contents[path].oddity for path in {header.path for header in stack.images})
    notes = [f"{count} of the scan's files: {oddity}" for oddity, count in oddities.items() if oddity]
    count = empty_files(contents, lost)
    files = f"{count} empty files are" if count > 1 else "an empty file is"
    return notes + ([f"{files} not named as a slice, and passed over"] if count else [])


def _read_what_can_be(sitk: ModuleType, stack: Stack) -> NDArray[Any]:
    """The slices of the stack; those that GDCM does not read lose their place.

    Raises:
        SeriesError, ImageError: as `read_slices`, and where fewer than two slices of several remain.
    """
    try:
        return read_slices(sitk, stack.images)
    except SeriesError:
        raise
    except ImageError:
        reasons = unread(sitk, stack.images)
        if not reasons:
            raise
    take_out(stack, reasons)
    return read_slices(sitk, stack.images)


def _require_unchanged(found: _Found, chosen: Collection[Path]) -> None:
    """Refuse files of the scan, or files that may become such, which changed since their headers were read."""
    used = [path for path, content in found.contents.items() if not content.images or path in chosen]
    if not is_unchanged(found.folder, found.contents, used):
        msg = (
            "The files of the series changed while they were read: it is still being written or copied. "
            "Wait until that is done, then read it again."
        )
        raise SeriesError(msg)
