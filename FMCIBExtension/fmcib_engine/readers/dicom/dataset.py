"""A DICOM dataset -> one `Header` for each of its images: a classic file's, or one for each frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..itk import import_package
from .header import CT_IMAGES, MULTIFRAME_CT, Header, Numbers
from .hu import NO_RESCALE, rescale_of
from .lost import is_page
from .padding import padding_of
from .pixel_data import PixelData
from .times import times_of
from .values import code_of, codes_of, digest_of, first_of, holding, name_digest_of, numbers_of, text_of, told

if TYPE_CHECKING:
    from pydicom import Dataset

_OF_IMAGE = (
    "NumberOfFrames",
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
)
_OF_FRAME = {
    "ImagePositionPatient": 3,
    "ImageOrientationPatient": 6,
    "PixelSpacing": 2,
    "RescaleSlope": 1,
    "RescaleIntercept": 1,
}
"""The numbers without which no voxel has its place and value, and how many each has."""

_DEPTHS = frozenset({0, 8, 12, 16, 32})  # bits of a pixel; 0: the header does not say, and GDCM will


def headers_of(path: Path, dataset: Dataset, pixels: PixelData) -> list[Header]:
    """One header for each image of a file; of an object that is no CT, only what it is."""
    sop_class = text_of(dataset, "SOPClassUID")
    if sop_class and sop_class not in CT_IMAGES:
        other: Dataset = import_package("pydicom").Dataset()
        other.SOPClassUID, other.Modality = sop_class, code_of(dataset, "Modality")
        return [_header(path, 0, other, [other], PixelData())]
    if not _is_multiframe(dataset):
        return [_header(path, 0, dataset, [dataset], pixels)]
    (shared,) = dataset.get("SharedFunctionalGroupsSequence") or [None]
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or [None] * _frames(dataset)
    return [_header(path, number, dataset, macros_of(frame, shared), pixels) for number, frame in enumerate(frames)]


def _frames(dataset: Dataset) -> int:
    return int((numbers_of([dataset], "NumberOfFrames", 1) or (1.0,))[0])


def _is_multiframe(dataset: Dataset) -> bool:
    return text_of(dataset, "SOPClassUID") in MULTIFRAME_CT or _frames(dataset) > 1


def macros_of(frame: Dataset | None, shared: Dataset | None) -> list[Dataset]:
    """The functional groups of one frame, its own before those that it shares with the others (PS3.3 C.7.6.16)."""
    return [
        element.value[0]
        for groups in (frame, shared)
        if groups is not None
        for element in groups
        if element.VR == "SQ" and element.value
    ]


def _header(path: Path, number: int, dataset: Dataset, groups: list[Dataset], pixels: PixelData) -> Header:
    """`groups` are the datasets in which to look for what may differ from frame to frame, in this order."""
    of_frame = {keyword: numbers_of(groups, keyword, count) for keyword, count in _OF_FRAME.items()}
    of_image = {keyword: numbers_of([dataset], keyword, 1) for keyword in _OF_IMAGE}
    of_which = {keyword: int(numbers[0]) if numbers else 0 for keyword, numbers in of_image.items()}
    is_multiframe = _is_multiframe(dataset)
    problem = _problem(groups, of_frame) or _problem([dataset], of_image)
    rescale = NO_RESCALE if problem else rescale_of(dataset, groups, is_multiframe=is_multiframe)
    thicknesses = numbers_of(groups, "SliceThickness", 1) + numbers_of(groups, "SpacingBetweenSlices", 1)
    image_type = codes_of(first_of(groups, "FrameType") or first_of([dataset], "ImageType"))
    return Header(
        path=path,
        frame=number,
        is_multiframe=is_multiframe,
        sop_class=text_of(dataset, "SOPClassUID"),
        modality=code_of(dataset, "Modality"),
        image_type=image_type,
        series_uid=text_of(dataset, "SeriesInstanceUID").strip(" \0"),
        series_number=str(told([dataset], "SeriesNumber") or ""),
        instance_uid=text_of(dataset, "SOPInstanceUID"),
        belongs_to=_belongs_to(dataset),
        times=times_of(dataset, groups),
        samples=of_which["SamplesPerPixel"] or 1,
        rows=of_which["Rows"],
        columns=of_which["Columns"],
        position=of_frame["ImagePositionPatient"],
        orientation=of_frame["ImageOrientationPatient"],
        slice_location=numbers_of(groups, "SliceLocation", 1),
        pixel_spacing=of_frame["PixelSpacing"],
        thicknesses=tuple(value for value in thicknesses if value > 0),
        stored_as=(rescale.slope, rescale.intercept, of_which["BitsStored"], of_which["PixelRepresentation"]),
        not_hu=rescale.not_hu,
        unsure_hu=rescale.unsure,
        padding=() if problem else padding_of(dataset),
        problem=problem,
        pixel_problem=_pixel_problem(of_which, pixels),
        is_page=is_page(dataset, image_type, has_place=is_multiframe or _has_place(dataset)),
    )


def _belongs_to(dataset: Dataset) -> tuple[str, str, str, str]:
    return (
        digest_of(dataset, "StudyInstanceUID"),
        digest_of(dataset, "PatientID"),
        name_digest_of(dataset, "PatientName"),
        digest_of(dataset, "FrameOfReferenceUID"),
    )


def _problem(groups: list[Dataset], numbers: Mapping[str, Numbers]) -> str:
    """The first of the elements that is there and does not hold its numbers."""
    found = (holding(groups, keyword) for keyword, values in numbers.items() if not values)
    return next((predicate for predicate in found if predicate), "")


def _pixel_problem(numbers: Mapping[str, int], pixels: PixelData) -> str:
    """What of the depth, or of the length, of unpacked pixels cannot be.

    GDCM takes other depths for colours, and fills what a short element does not hold with chance.
    """
    allocated, stored = numbers["BitsAllocated"], numbers["BitsStored"]
    if pixels.are_decimals:
        return "has its pixels as decimals (FloatPixelData), which are not read; integers are"
    if allocated not in _DEPTHS:
        return f"has BitsAllocated {allocated}, which is not read"
    if stored > allocated > 0:
        return f"has BitsStored {stored} of BitsAllocated {allocated}"
    if numbers["PixelRepresentation"] not in {0, 1}:
        return f"has PixelRepresentation {numbers['PixelRepresentation']}, neither 0 nor 1"
    frames, samples = (max(numbers[keyword], 1) for keyword in ("NumberOfFrames", "SamplesPerPixel"))
    wanted = math.ceil(numbers["Rows"] * numbers["Columns"] * frames * samples * allocated / 8)
    if pixels.length is None or pixels.length >= wanted:
        return ""
    return f"is damaged or incomplete: its pixel data have {pixels.length} bytes of {wanted}"


def _has_place(dataset: Dataset) -> bool:
    """Whether an image says anything of where it lies, right or wrong."""
    return any(holding([dataset], keyword) for keyword in ("ImagePositionPatient", "ImageOrientationPatient"))
