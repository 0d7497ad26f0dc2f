"""Which files and images may be slices that got lost, and which can be none: the one rule.

A slice may be lost beyond the ends of a scan without leaving a hole. So a lost one forbids the ends to every patch, and
what is no slice must not count as one.

A file may be a slice that got lost if

* it is DICOM and its header is damaged or ends early, unless the class in its file meta is known and is no CT image, or
  it still tells the UID of another series, of which there are images;
* it is no DICOM, empty, or cannot be opened, and is named as a slice: with a suffix of DICOM, or as the DICOM images
  are that lie in the same folder. So are names to which a download or an archive added a suffix (`.dcm.part`,
  `.dcm.gz`), unless the file without it is there.

A folder that cannot be opened counts as one: nobody knows what it holds.

Every other file is none: DICOMDIR and objects of other classes, and whatever bears another name, as an empty `done`.

An image of the series may be a slice that got lost if its header does not say where it lies (`stack.problem_of`).
It is none if it is a localizer or a page: in colour, called a screen save, report or protocol by its ImageType, or one
that has neither ImagePositionPatient nor ImageOrientationPatient, as no image of a scan is written.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .values import code_of

if TYPE_CHECKING:
    from pydicom import Dataset

    from .files import Content
    from .header import Header

INDEX = "DICOMDIR"

_SUFFIXES = frozenset({".dcm", ".dicom", ".dic", ".ima"})
_ADDED = frozenset({".part", ".partial", ".crdownload", ".download", ".filepart", ".tmp", ".gz", ".bz2", ".xz"})
_PAGES = frozenset(
    {
        *("SCREEN SAVE", "SCREENSAVE", "SCREEN_SAVE", "CT_SOM5 PROT", "CSA REPORT", "PROTOCOL", "REPORT"),
        *("DOSE REPORT", "DOSE_REPORT", "DOSE INFO", "DOSE_INFO"),
    }
)
_COLOURS = ("RGB", "YBR", "PALETTE", "ARGB", "HSV", "CMYK", "XYB")  # how their photometric interpretations begin
_NUMBER = re.compile(r"[0-9a-fA-F]*[0-9][0-9a-fA-F]*")


@dataclass(frozen=True)
class Lost:
    """A file that may be a slice that got lost."""

    name: str
    sentence: str
    """With `{}` where the name belongs."""
    series_uid: str = ""
    """Its series, where its header still tells."""


def lost_among(contents: Mapping[Path, Content]) -> list[Lost]:
    """The files that may be slices that got lost, by the rule above."""
    return [*lost_files(contents).values()]


def lost_files(contents: Mapping[Path, Content]) -> dict[Path, Lost]:
    """The same by their paths."""
    suspects = {path: content for path, content in contents.items() if content.fault}
    if not suspects:
        return {}
    folders = {path.parent for path in suspects}
    beside: dict[Path, list[str]] = defaultdict(list)
    for path, content in contents.items():
        if content.images and path.parent in folders:
            beside[path.parent].append(path.name)
    named = {folder: _Names(names) for folder, names in beside.items()}
    return {
        path: Lost(path.name, content.fault, content.series_uid)
        for path, content in suspects.items()
        if content.is_dicom
        or content.is_folder
        or _is_named_as_slice(_without_added(path, contents), named.get(path.parent))
    }


def without_other_series(lost: Iterable[Lost], images: Iterable[Header], chosen: Iterable[Header]) -> list[Lost]:
    """Those that are not known to be of a series that has `images`, and is not that of the chosen ones."""
    others = {image.series_uid for image in images if image.is_ct} - {image.series_uid for image in chosen}
    return [one for one in lost if not (one.series_uid and one.series_uid in others)]


def empty_files(contents: Mapping[Path, Content], lost: Sequence[Lost]) -> int:
    """How many files are empty and can be no slices."""
    names = {one.name for one in lost}
    return sum(content.is_empty and path.name not in names for path, content in contents.items())


def is_page(dataset: Dataset, image_type: Iterable[str], *, has_place: bool) -> bool:
    """Whether an image of the class CT is a page of text or a picture, and no slice."""
    in_colour = code_of(dataset, "PhotometricInterpretation").startswith(_COLOURS)
    return in_colour or not has_place or bool(_PAGES.intersection(image_type))


class _Names:
    """How the images of a folder are named: by a number in a text that all share, or without such a rule."""

    def __init__(self, names: Sequence[str]) -> None:
        shapes = Counter(_shape(name) for name in names)
        self.shapes = frozenset(shapes)
        self.lengths = {len(name) for name in names} if len(shapes) > max(2, len(names) // 2) else set()


def _without_added(path: Path, files: Container[Path]) -> str:
    """The name of a file before a suffix was added to it; nothing if the file of that name is there."""
    if path.suffix.lower() not in _ADDED:
        return path.name
    before = path.with_suffix("")
    return "" if before in files else before.name


def _is_named_as_slice(name: str, beside: _Names | None) -> bool:
    """Whether a file that is no DICOM is named as one, or as the images `beside` it."""
    if name.upper() == INDEX:
        return False
    if Path(name).suffix.lower() in _SUFFIXES:
        return True
    is_random = beside is not None and len(name) in beside.lengths and any(c.isdigit() for c in name)
    return is_random or (beside is not None and _shape(name) in beside.shapes)


def _shape(name: str) -> str:
    """A name without its numbers, decimal or hexadecimal; one without any is only itself."""
    return _NUMBER.sub("#", name)


def sentences_of(lost: Iterable[Lost]) -> list[str]:
    """One sentence for each kind of fault: with the first file of it, if it has a name, and how many more there are."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for one in lost:
        kinds[one.sentence].append(one.name)
    return [sentence.format(repr(names[0])) + _more(names) for sentence, names in kinds.items()]


def _more(names: Sequence[str]) -> str:
    if len(names) == 1 or not names[0]:
        return ""
    return f" {len(names) - 1} more {'files are' if len(names) > 2 else 'file is'} like it."
