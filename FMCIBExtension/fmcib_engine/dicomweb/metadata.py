"""Headers as a server tells them (DICOM JSON) -> what they say of a series, by the rules that hold for files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..readers.dicom.dataset import headers_of
from ..readers.dicom.header import Header
from ..readers.dicom.pixel_data import PixelData
from ..readers.dicom.values import damage
from ..worklist.gather import series_of
from ..worklist.headers import Image, image_of
from ..worklist.series import Found, Patient

if TYPE_CHECKING:
    from pydicom import Dataset

_DAMAGED = "the headers that the server tells of it cannot be understood. Export the series from it by hand."


def with_metadata(found: Found, datasets: Sequence[Dataset], *, is_whole: bool) -> Found:
    """The series as headers of its images show it.

    Args:
        found: as the server lists it.
        datasets: headers of some of its images.
        is_whole: whether they are all: else nothing is counted, nor measured between slices.
    """
    try:
        images = {f"{number:06d}": each for number, each in enumerate(datasets)}
        seen = series_of((image_of(name, each) for name, each in images.items()), lambda them: _frames(them, images))
    except damage():
        return replace(found, problem=_DAMAGED)
    if len(seen) != 1 or (seen[0].uid, seen[0].study_uid) != (found.uid, found.study_uid):
        problem = "the server tells headers of another series, patient or study for it. Tell those who run it."
        return replace(found, problem=problem)
    (one,) = seen
    if found.patient.id and one.patient.id and found.patient.id.casefold() != one.patient.id.casefold():
        problem = "its headers name another patient (PatientID) than the server's list. Tell those who run it."
        return replace(found, problem=problem)
    is_counted = is_whole or not one.slices or one.slices > len(one.files)  # none, or more than one in an image
    return replace(
        one,
        patient=Patient(found.patient.id or one.patient.id, found.patient.name or one.patient.name),
        files=(),
        slices=one.slices if is_counted else found.slices,
        spacing_mm=one.spacing_mm if is_whole else None,
        study_date=found.study_date or one.study_date,
        frame_uid=one.frame_uid or found.frame_uid,
    )


def _frames(images: Sequence[Image], datasets: dict[str, Dataset]) -> list[Header]:
    return [frame for each in images for frame in headers_of(Path(each.path), datasets[each.path], PixelData())]
