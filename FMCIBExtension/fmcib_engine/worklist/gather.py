"""Images -> series: those of one series UID, study and patient; copies told, two series under one UID kept apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np

from ..affine import cross, dot
from ..readers.dicom.files import read_contents
from ..readers.dicom.header import CT_IMAGES, Header
from .headers import Facts, Image, Numbers
from .series import Found

Value = TypeVar("Value", bound=Hashable)

_PLANES = ("sagittal", "coronal", "axial")
_APART_MM = 0.01
"""Slices nearer to each other lie at one place."""
ONE_UID = "its series UID is that of another series, too"


def frames_of_files(images: Sequence[Image]) -> list[Header]:
    """The frames of multi-frame files, which are read for that."""
    contents = read_contents([Path(image.path) for image in images])
    return [frame for content in contents.values() for frame in content.images]


def series_of(
    images: Iterable[Image], frames_of: Callable[[Sequence[Image]], list[Header]] = frames_of_files
) -> list[Found]:
    """The series in the order of their patients, studies, dates and numbers.

    Args:
        images: of any series.
        frames_of: gives the frames of multi-frame images.
    """
    found = [_series(group, frames_of) for group in _grouped(images)]
    times = Counter(each.uid for each in found if each.uid)
    found = [replace(each, notes=(*each.notes, ONE_UID)) if times[each.uid] > 1 else each for each in found]
    return sorted(found, key=order_of)


def order_of(found: Found) -> tuple[object, ...]:
    """The same order, however files are named or come."""
    number = int(found.series_number) if found.series_number.lstrip("-").isdecimal() else 10**9
    patient = (found.patient.id, found.patient.name)
    return (*patient, found.study_date, found.study_uid, number, found.uid, found.files[:1])


@dataclass
class _Group:
    """Images of one series."""

    identity: tuple[str, ...]
    """Digests of study, number and name, as far as any of its images tells them."""
    images: list[Image] = field(default_factory=list)

    def takes(self, identity: tuple[str, ...]) -> bool:
        """Whether nothing contradicts: what a header does not say does not."""
        return all(mine == other or not (mine and other) for mine, other in zip(self.identity, identity, strict=True))


def _grouped(images: Iterable[Image]) -> Iterator[list[Image]]:
    """By series UID, or without one by folder; those under one UID that cannot be of one patient and study apart."""
    groups: dict[str, list[_Group]] = defaultdict(list)
    known: dict[tuple[str, tuple[str, ...]], _Group] = {}
    for image in images:
        facts = image.facts
        uid = facts.uid or f"in {Path(image.path).parent}"
        group = known.get((uid, facts.identity))
        if group is None:
            group = next((each for each in groups[uid] if each.takes(facts.identity)), None)
            if group is None:
                group = _Group(facts.identity)
                groups[uid].append(group)
            pairs = zip(group.identity, facts.identity, strict=True)
            group.identity = tuple(mine or other for mine, other in pairs)
            known[uid, facts.identity] = group
        group.images.append(image)
    return (group.images for same in groups.values() for group in same)


def _series(images: Sequence[Image], frames_of: Callable[[Sequence[Image]], list[Header]]) -> Found:
    images = sorted(images, key=lambda image: image.path)
    by_image: dict[Hashable, Image] = {}
    for image in images:
        by_image.setdefault(_of_image(image), image)
    once = list(by_image.values())
    slices = [image for image in once if image.facts.is_slice]
    like = (slices or once)[0].facts
    found = Found(
        uid=like.uid,
        study_uid=like.study_uid,
        patient=like.patient,
        files=tuple(image.path for image in once),
        modality=like.modality,
        sop_class=_commonest(image.facts.sop_class for image in once),
        frame_uid=_commonest(image.facts.frame_uid for image in slices or once),
        study_date=like.study_date,
        series_number=like.series_number,
        description=like.description,
        body_part=like.body_part,
        kernel=_commonest(image.facts.kernel for image in slices or once),
        image_type=_commonest(image.facts.image_type for image in slices or once),
        localizers=sum(not image.facts.is_slice and not image.facts.is_page for image in once),
        pages=sum(image.facts.is_page for image in once),
        has_headers=True,
        notes=_notes(images, once),
        problem=_problem(slices),
    )
    if any(image.facts.is_multiframe and image.facts.sop_class in CT_IMAGES for image in slices):
        return _of_frames(found, [frame for frame in frames_of(slices) if frame.is_slice])
    return _placed(found, [(image.facts.orientation, image.position) for image in slices], [i.facts for i in slices])


def _of_image(image: Image) -> Hashable:
    """The same for copies of one image."""
    return (image.instance_uid, image.position) if image.instance_uid else image.path


def _placed(found: Found, places: Sequence[tuple[Numbers, Numbers]], facts: Sequence[Facts]) -> Found:
    """With what its slices' places and thicknesses tell."""
    if not places:
        return found
    thickness = [number for each in facts for number in each.thickness[:1]]
    between = [number for each in facts for number in each.between[:1]]
    spacing = _spacing(places)
    return replace(
        found,
        slices=len(places),
        plane=plane_of(_commonest(orientation for orientation, _ in places)),
        thickness_mm=_commonest(thickness) if thickness else None,
        spacing_mm=spacing if spacing is not None else (median(between) if between else None),
    )


def _of_frames(found: Found, frames: Sequence[Header]) -> Found:
    """Of multi-frame files, which say so of each frame."""
    if not frames:
        return replace(found, problem="its multi-frame files are damaged or incomplete. Copy or export them again.")
    thickness = [frame.thicknesses[0] for frame in frames if frame.thicknesses]
    types = [frame.image_type for frame in frames]
    return replace(
        found,
        slices=len(frames),
        image_type=_commonest(types) if types else found.image_type,
        plane=plane_of(_commonest(frame.orientation for frame in frames)),
        thickness_mm=_commonest(thickness) if thickness else None,
        spacing_mm=_spacing([(frame.orientation, frame.position) for frame in frames]),
    )


def plane_of(orientation: Numbers) -> str:
    """The axis of the patient nearest to the slices' normal; empty where the header does not say."""
    if len(orientation) != 6:
        return ""
    return _PLANES[int(np.argmax(np.abs(cross(orientation[:3], orientation[3:]))))]


def _spacing(places: Sequence[tuple[Numbers, Numbers]]) -> float | None:
    """The median step between neighbouring slices, mm; nothing where fewer than two say where they lie."""
    told = [(orientation, position) for orientation, position in places if len(orientation) == 6 and position]
    if len(told) < 2:
        return None
    normal = cross(told[0][0][:3], told[0][0][3:])
    gaps = np.diff(np.sort(dot([position for _, position in told], normal)))
    gaps = gaps[gaps > _APART_MM]
    return round(float(np.median(gaps)), 4) if len(gaps) else None


def _notes(images: Sequence[Image], once: Sequence[Image]) -> tuple[str, ...]:
    copies = len(images) - len(once)
    return (f"{copies} of its {len(images)} files are copies of others, and left out",) if copies else ()


def _problem(slices: Sequence[Image]) -> str:
    """What makes one series of them impossible."""
    frames = {image.facts.frame_uid for image in slices} - {""}
    if 1 < len(frames) < len(slices):
        return f"its images are of {len(frames)} frames of reference. Separate the files, or export it again."
    return ""


def _commonest(values: Iterable[Value]) -> Value:
    """The first of the commonest."""
    return Counter(values).most_common(1)[0][0]
