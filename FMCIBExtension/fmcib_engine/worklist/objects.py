"""DICOM objects with lesions in them (SEG, RTSTRUCT, SR) -> seeds, each with the CT of a source that it is about."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..errors import ImageError, SeedError, TableError
from ..readers.dicom import DicomFiles, is_dicom
from ..readers.dicom.files import read_contents
from ..readers.dicom.folder import names_of
from ..readers.dicom.header import CT_IMAGES
from ..readers.dicom.values import digest_of_text
from ..results.privacy import without_uids
from ..seeds import GivenScan, LesionSeed, Wanted
from ..seeds.dicom import SOP_CLASSES, DicomObject, Looked, Matched, Reference, read_objects
from .choice import OnePerStudy
from .folders import Progress, read_files
from .given import GivenSeed, GivenSeeds
from .headers import Image
from .series import Found, without_patient

MODALITIES = frozenset({"SEG", "RTSTRUCT", "SR"})
_NUMBER = re.compile(r"\d+")


def holds_objects(path: Path) -> bool:
    """Whether a path that should hold seeds is a folder, or a DICOM file.

    Raises:
        ImageError: a file that cannot be opened.
    """
    return path.is_dir() or (path.is_file() and is_dicom(path))


def may_hold_seeds(found: Found) -> bool:
    """Whether a series of a source may be of such objects; what class they are of, a database does not know."""
    return found.modality in MODALITIES and found.sop_class in {"", *SOP_CLASSES}


def objects_in(path: Path, progress: Progress) -> list[Image]:
    """The objects of a file or folder.

    Raises:
        TableError: there are none.
        DependencyError: pydicom is not installed.
    """
    images, _ = read_files(names_of(path.absolute()) if path.is_dir() else [str(path.absolute())], progress)
    found = [image for image in images if image.facts.sop_class in SOP_CLASSES]
    if not found:
        kinds = ", ".join(sorted({image.facts.modality for image in images} - {""}))
        what = f"DICOM of the modality {kinds[:80]}" if kinds else "no DICOM that can be read"
        msg = (
            "Seeds are a table, or DICOM segmentations (SEG), structure sets (RTSTRUCT) or reports (SR); "
            f"{path.name!r} holds {what}. Give one of those."
        )
        raise TableError(msg)
    return found


def objects_of(series: Sequence[Found], wanted: Iterable[Found]) -> list[Found]:
    """The series of objects that may be about the wanted ones: nothing that both tell of the patient contradicts.

    Raises:
        TableError: there are none.
    """
    wanted = list(wanted)
    patients = {found.patient.id.casefold() for found in wanted}
    studies = {found.study_uid for found in wanted} - {""}

    def may_be(found: Found) -> bool:
        is_told = "" not in {*patients, found.patient.id}
        return not is_told or found.patient.id.casefold() in patients or found.study_uid in studies

    found = [each for each in series if may_hold_seeds(each) and may_be(each)]
    if not found:
        raise _no_objects()
    return found


def read_objects_of(series: Iterable[Found], progress: Progress) -> list[Image]:
    """The objects of such series, by the headers of their files.

    Raises:
        TableError: there are none; reports of dose and the like hold no lesions.
        DependencyError: pydicom is not installed.
    """
    images, _ = read_files([name for found in series if not found.problem for name in found.files], progress)
    found = [image for image in images if image.facts.sop_class in SOP_CLASSES]
    if not found:
        raise _no_objects()
    return found


def _no_objects() -> TableError:
    return TableError(
        "The source holds no segmentation (SEG), structure set (RTSTRUCT) or report (SR) of the wanted patients. Give "
        "seeds (--seeds)."
    )


@dataclass(frozen=True)
class Candidates:
    """The series of a source, among which objects find their scans.

    Attributes:
        series: all of them.
        could_do: which of them fit what is wanted.
        rule: by which one of a study is chosen.
        located: a series with its files where they are, or with its problem.
    """

    series: Sequence[Found]
    could_do: Callable[[Found], bool]
    rule: OnePerStudy
    located: Callable[[Found], Found]


def seeds_of(images: Sequence[Image], candidates: Candidates, wanted: Wanted, progress: Progress) -> GivenSeeds:
    """The lesions of objects, each with what it says of its scan: the series UID, else the frame of reference.

    Args:
        images: the objects.
        candidates: for their scans.
        wanted: which lesions.
        progress: told of objects.

    Raises:
        TableError: no lesion that is wanted.
        DependencyError: pydicom is not installed.
    """
    objects = {_object(image): image for image in images}
    table, of = read_objects(list(objects), _Scans(candidates), wanted, progress)
    given = [_given(seed, objects[each]) for seed, each in zip(table.seeds, of, strict=True)]
    return GivenSeeds(tuple(given), tuple(_counted(table.warnings)))


class _Scans:
    """The CT of a source, of which the headers of one at a time are read, when they are needed."""

    place = Path()

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._last: tuple[Found, DicomFiles] | None = None
        self._by_uid: dict[str, list[Found]] = defaultdict(list)
        self._by_frame: dict[str, list[Found]] = defaultdict(list)
        """Of those that could be done."""
        for found in filter(_is_ct, candidates.series):
            self._by_uid[found.uid].append(found)
            if candidates.could_do(found):
                self._by_frame[digest_of_text(found.frame_uid)].append(found)

    def find(self, reference: Reference) -> Matched:
        known = (found for uid in reference.series - {""} for found in self._by_uid.get(uid, ()))
        named = [found for found in map(self._candidates.located, known) if not found.problem]
        frame = reference.frame_digest
        fitting = [found for found in named if not frame or digest_of_text(found.frame_uid) in {"", frame}]
        if named and not fitting:
            msg = (
                "it lies in another frame of reference than the series that it refers to, so that its place is unknown"
            )
            raise SeedError(msg)
        by_frame = self._by_frame.get(frame, []) if frame else []
        found = self._one(fitting) or self._one(by_frame)
        if found is None:
            several = len(fitting) or len(by_frame)
            which = f"{several} CT series here have" if several else "no CT series here has"
            msg = f"{which} the UID that it refers to, or its frame of reference"
            raise SeedError(f"{msg}, and it does not tell which is meant" if several else msg)
        return Matched(GivenScan(Path(found.files[0]), found.uid if fitting else ""), partial(self._look, found))

    def series_with(self, image: tuple[str, int], told: frozenset[str]) -> frozenset[str]:  # noqa: ARG002
        """As the object says: what images each series has is not known before its headers are read."""
        return told & self._by_uid.keys()

    def _one(self, several: list[Found]) -> Found | None:
        """The only one, or the only one that the rule chooses."""
        if len(several) > 1:
            chosen = self._candidates.rule(several)
            several = [several[number] for number in chosen.taken]
        return several[0] if len(several) == 1 else None

    def _look(self, found: Found) -> Looked:
        files = self._files(found)
        if found.uid not in files.series:
            msg = "the files of its scan hold no slices"
            raise ImageError(msg)
        return files.grid(found.uid), files.series[found.uid]

    def _files(self, found: Found) -> DicomFiles:
        if self._last is None or self._last[0] is not found:
            self._last = found, DicomFiles(read_contents(map(Path, found.files)))
        return self._last[1]


def _is_ct(found: Found) -> bool:
    is_of_class = found.sop_class in CT_IMAGES if found.sop_class else found.modality == "CT"
    return is_of_class and bool(found.files) and not found.problem


def _object(image: Image) -> DicomObject:
    name = without_patient(without_uids(Path(image.path).name), image.facts.patient)
    return DicomObject(Path(image.path), image.facts.sop_class, image.instance_uid, name)


def _given(seed: LesionSeed, image: Image) -> GivenSeed:
    frame = seed.frame_of_reference
    return GivenSeed(replace(seed, image=Path()), seed.series_uid, frame, image.facts.patient.id)


def _counted(warnings: Iterable[str]) -> Iterable[str]:
    """Sentences about single lesions, those of one kind together."""
    kinds: dict[str, list[str]] = {}
    for warning in warnings:
        kinds.setdefault(_NUMBER.sub("N", warning.rpartition(": ")[2]), []).append(warning)
    for same in kinds.values():
        others = len(same) - 1
        yield same[0] + (f" Likewise {others} other lesion{'s' if others > 1 else ''}." if others else "")
