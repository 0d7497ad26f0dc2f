"""A DICOM CT series -> Volume: headers by pydicom, pixels by SimpleITK's GDCM, the geometry by us."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from ..errors import ImageError, SeriesError
from ..volume import Fault, Source, Volume
from .dicom_choice import Choice, choose_images
from .dicom_doubts import doubt
from .dicom_files import Content, read_contents
from .dicom_folder import HeaderMemory, is_unchanged
from .dicom_header import shown
from .dicom_index import listed_files
from .dicom_lost import Lost, empty_files, lost_among, of_other_series, told
from .dicom_pixels import place, read_slices, unread
from .dicom_stack import Stack, problem_of, stack_up
from .itk import import_package, reader_name

_log = logging.getLogger(__name__)

_KINDS = 3  # of faults that one message tells
_UNREADABLE = "{} cannot be read as a scan: it %s. Export the scan again."


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
            values that are not HU, no regular stack, or files that change while they are read.
        ImageError: a file that is no DICOM or not there, or no readable one.
        DependencyError: SimpleITK or pydicom is not installed.
    """
    contents = read_contents(files)
    if wrong := [Lost(path.name, content.fault) for path, content in contents.items() if not content.is_dicom]:
        raise ImageError(" ".join(told(wrong)[:_KINDS]))
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
    lost += lost_among(considered)
    if lost and not any(header.is_ct for header in headers):
        raise ImageError(" ".join(told(lost)[:_KINDS]))
    choice = choose_images(headers, series_uid, time_point)
    lost = [one for one in lost if not of_other_series(one, headers, choice.images)]
    problems = {id(image): problem_of(image) for image in choice.images}
    placed = [image for image in choice.images if not problems[id(image)]]
    lost += [Lost(image.path.name, problems[id(image)]) for image in choice.images if problems[id(image)]]
    if not placed:
        raise SeriesError(" ".join(told(lost)[-_KINDS:]))
    stack = stack_up(placed)
    doubt(stack, choice.beside, len(lost))
    sitk = import_package("SimpleITK")
    slices = _read_what_can_be(sitk, stack)
    _require_unchanged(found, {image.series_uid for image in choice.images})
    for sentence in told(lost):
        _log.info("%s", sentence)
    left_out = choice.left_out + len(placed) - len(stack.images) + len(lost)
    source = _source(found, stack, choice, left_out, reader_name(sitk))
    notes = (*choice.notes, *_unusual(considered, stack, lost), *stack.notes, *_told(stack.faults()))
    return Volume(place(slices, stack.places), stack.grid, replace(source, notes=notes), stack.faults())


def _source(found: _Found, stack: Stack, choice: Choice, left_out: int, reader: str) -> Source:
    used = stack.images
    return Source(
        name=found.name or used[0].path.name,
        kind="dicom",
        reader=reader,
        series_uid=used[0].series_uid,
        files=len({header.path for header in used}),
        files_left_out=left_out,
        time_point=choice.time_point,
    )


def _unusual(contents: Mapping[Path, Content], stack: Stack, lost: Sequence[Lost]) -> list[str]:
    """What is said of files that are written in unusual ways, and of empty ones that are not named as slices."""
    oddities = Counter(contents[path].oddity for path in {header.path for header in stack.images})
    notes = [f"{count} of the scan's files: {oddity}" for oddity, count in oddities.items() if oddity]
    count = empty_files(contents, lost)
    files = f"{count} empty files are" if count > 1 else "an empty file is"
    return notes + ([f"{files} not named as a slice, and passed over"] if count else [])


def _told(faults: Sequence[Fault]) -> list[str]:
    """The first three of them as notes."""
    reasons = list(dict.fromkeys(fault.reason for fault in faults))
    more = [f"faults of the scan: {len(reasons) - 3} more"] if len(reasons) > 3 else []
    return [f"fault of the scan: {reason}" for reason in reasons[:3]] + more


def _read_what_can_be(sitk: ModuleType, stack: Stack) -> NDArray[Any]:
    """The slices of the stack; those that cannot be used, or that GDCM does not read, lose their place.

    Raises:
        SeriesError, ImageError: as `read_slices`, and where fewer than two slices of several remain.
    """
    _take_out(stack, {image.path: image.pixel_problem for image in stack.images if image.pixel_problem})
    try:
        return read_slices(sitk, stack.images)
    except SeriesError:
        raise
    except ImageError:
        reasons = unread(sitk, stack.images)
        if not reasons:
            raise
    _take_out(stack, reasons)
    return read_slices(sitk, stack.images)


def _take_out(stack: Stack, reasons: Mapping[Path, str]) -> None:
    """Distrust the slices of some files.

    Args:
        stack: to be changed.
        reasons: why not to trust them, as predicates: "is damaged or incomplete".

    Raises:
        ImageError: fewer than two slices of several remain.
    """
    if not reasons:
        return
    used = stack.images
    sentences = told(Lost(path.name, _UNREADABLE % reason) for path, reason in reasons.items())
    if sum(header.path not in reasons for header in used) < min(2, len(used)):
        raise ImageError(" ".join(sentences[:_KINDS]))
    for sentence in sentences:
        _log.info("%s", sentence)
    for k, header in enumerate([*stack.places]):
        if header and header.path in reasons:
            stack.distrust(k, f"the slice at {shown(header.position)} mm {reasons[header.path]}")


def _require_unchanged(found: _Found, series_uids: Collection[str]) -> None:
    """Refuse files of the series, or files that may become such, which changed since their headers were read."""
    used = [
        path
        for path, content in found.contents.items()
        if not content.images or any(image.is_ct and image.series_uid in series_uids for image in content.images)
    ]
    if not is_unchanged(found.folder, found.contents, used):
        msg = (
            "The files of the series changed while they were read: it is still being written or copied. "
            "Wait until that is done, then read it again."
        )
        raise SeriesError(msg)
