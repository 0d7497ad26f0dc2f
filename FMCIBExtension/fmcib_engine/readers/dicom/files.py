"""Files -> what they hold: one `Header` for each DICOM image, by pydicom, without a look at the pixels."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from ...errors import ImageError
from ..itk import import_package
from .header import CT_IMAGES, MULTIFRAME_CT, Header, Numbers
from .hu import NO_RESCALE, rescale_of
from .lost import is_page
from .padding import padding_of
from .signature import HEAD, begins_as_dicom
from .times import times_of
from .values import (
    code_of,
    codes_of,
    damage,
    digest_of,
    first_of,
    holding,
    name_digest_of,
    numbers_of,
    quiet_pydicom,
    tag_of,
    text_of,
    told,
)

if TYPE_CHECKING:
    from pydicom import Dataset

_KEYWORDS = """
SOPClassUID SOPInstanceUID Modality ImageType SeriesInstanceUID SeriesNumber StudyInstanceUID FrameOfReferenceUID
SeriesDescription PatientID PatientName NumberOfFrames SamplesPerPixel Rows Columns ImagePositionPatient
ImageOrientationPatient PixelSpacing SliceLocation SliceThickness SpacingBetweenSlices RescaleSlope RescaleIntercept
RescaleType ModalityLUTSequence RealWorldValueMappingSequence PhotometricInterpretation PixelPresentation BitsAllocated
BitsStored HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit TemporalPositionIdentifier
TemporalPositionTimeOffset NominalPercentageOfCardiacPhase NominalPercentageOfRespiratoryPhase TriggerTime
AcquisitionNumber AcquisitionDate AcquisitionTime AcquisitionDateTime ContentDate ContentTime SeriesDate SeriesTime
InstanceCreationDate InstanceCreationTime KVP MonoenergeticEnergyEquivalent ConvolutionKernel FilterType
ReconstructionAlgorithm ContrastBolusAgent ImageComments InstanceNumber SharedFunctionalGroupsSequence
PerFrameFunctionalGroupsSequence
""".split()  # noqa: SIM905  a list of quoted words would be three times as long

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

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
UNPACKED = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN, DEFLATED})
"""The transfer syntaxes whose pixels are as they are."""

_ENCAPSULATED = 0xFFFFFFFF
_ENDS_EARLY, _AS_DECIMALS = -1, -2
_DECIMALS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009))  # FloatPixelData and DoubleFloatPixelData
_DEPTHS = frozenset({0, 8, 12, 16, 32})  # bits of a pixel; 0: the header does not say, and GDCM will
_NO_FOLDER = "The folder {} cannot be opened. Check its rights, or remove it."
_DAMAGED = "The DICOM file {} is damaged or incomplete. Copy or export it again."
_NO_DICOM = (
    "{} should be a DICOM file, and is not: it is damaged, empty, or of another kind. Copy or export it again, or "
    "remove it."
)

State = tuple[int, int]
"""Size and time of a file."""


@dataclass(frozen=True)
class Content:
    """What one file holds."""

    state: State
    images: tuple[Header, ...] = ()
    """Also of objects that are no CT, whose headers say only what they are."""
    fault: str = ""
    """Why nothing can be read of it, a sentence with `{}` for its name."""
    series_uid: str = ""
    """The series that a damaged header still tells, if it does."""
    oddity: str = ""
    """What is unusual about how it is written, and did not hinder reading it."""
    is_dicom: bool = False
    is_empty: bool = False
    is_folder: bool = False
    """Whether it is a folder that cannot be opened: nobody knows what it holds."""


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does.

    Raises:
        ImageError: it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return begins_as_dicom(file.read(HEAD))
    except OSError as error:
        msg = f"A scan is made of files that can be opened, but {path.name!r} cannot: {error.strerror}."
        raise ImageError(msg) from error


def state_of(path: Path) -> State:
    """Size and time of a file; impossible ones where it is not there, which whoever opens it will tell."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def read_contents(files: Iterable[Path]) -> dict[Path, Content]:
    """What each file holds, in the order of `files`. Each is opened once; pixels are not read.

    Raises:
        DependencyError: pydicom is not installed.
    """
    pydicom = import_package("pydicom")
    with quiet_pydicom():
        return {path: _content(pydicom, path) for path in files}


def _content(pydicom: ModuleType, path: Path) -> Content:
    state = state_of(path)
    try:
        with path.open("rb") as file:
            if not begins_as_dicom(file.read(HEAD)):
                return Content(state, fault=_NO_DICOM, is_empty=state[0] == 0)
            file.seek(0)
            dataset, pixel_bytes = _read(pydicom, file, state[0])
            if pixel_bytes == _ENDS_EARLY:
                return Content(state, fault=_DAMAGED, series_uid=_series_told(dataset), is_dicom=True)
            oddity = _oddity(dataset)
            images = tuple(_images(pydicom, path, dataset, pixel_bytes))
            return Content(state, images, oddity=oddity, is_dicom=True)
    except damage() as error:
        if path.is_dir():
            return Content(state, fault=_NO_FOLDER, is_folder=True)
        if isinstance(error, OSError) and error.strerror:
            return Content(state, fault=f"{{}} cannot be opened: {error.strerror}. Check its rights, or remove it.")
        return Content(state, fault="" if _is_known_as_other(pydicom, path) else _DAMAGED, is_dicom=True)


def _oddity(dataset: Dataset) -> str:
    """How a file is written otherwise than the standard wants (PS3.10 7.1). Values must not have been asked for yet."""
    if not dataset.file_meta.get("TransferSyntaxUID"):
        return "no file meta says how it is written, its first elements did"
    first = next(iter(dataset.values()), None)
    if getattr(first, "is_implicit_VR", dataset.original_encoding[0]) != dataset.original_encoding[0]:
        return "it is written with another VR (explicit, implicit) than its file meta announces"
    return ""


def _is_known_as_other(pydicom: ModuleType, path: Path) -> bool:
    """Whether a damaged object's file meta tells a class that is known, and is no CT."""
    try:
        sop_class = pydicom.uid.UID(text_of(pydicom.filereader.read_file_meta_info(path), "MediaStorageSOPClassUID"))
    except damage():
        return False
    return bool(sop_class.name != sop_class and sop_class not in CT_IMAGES)


def _read(pydicom: ModuleType, file: BinaryIO, size: int) -> tuple[Dataset, int | None]:
    """The header of a file, which is complete if the pixels follow, and the bytes of its pixels that are there.

    pydicom reads a header that ends early without an error. So a file without pixels must be known to be an object
    that has none, by the class that its first bytes name. The bytes of packed pixels are not counted.
    """
    tags = [tag_of(keyword) for keyword in _KEYWORDS]
    dataset: Dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags, force=True)
    if tag_of("SOPClassUID") not in dataset and dataset.file_meta.get("MediaStorageSOPClassUID"):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax == DEFLATED:  # read at once; its end is checked by zlib
        file.seek(0)
        return dataset, len(pydicom.dcmread(file, specific_tags=["PixelData"]).get("PixelData") or b"")
    if file.tell() < size:
        is_little = dataset.original_encoding[1] is not False
        if _has_decimals(file, is_little=is_little):
            return dataset, _AS_DECIMALS
        length = pixel_length(file, is_little=is_little)
        if length is None or (syntax and syntax not in UNPACKED):
            return dataset, None
        return dataset, min(length, size - file.tell())
    return dataset, None if _is_no_image(pydicom, dataset) else _ENDS_EARLY


def _has_decimals(file: BinaryIO, *, is_little: bool) -> bool:
    """Whether the pixels that come next are no integers. The file stays where it is."""
    start = file.tell()
    element = file.read(4)
    file.seek(start)
    return len(element) == 4 and struct.unpack("<HH" if is_little else ">HH", element) in _DECIMALS


def _series_told(dataset: Dataset) -> str:
    """The series UID of a header that ends early, if another element follows: it is whole then."""
    tag = tag_of("SeriesInstanceUID")
    return text_of(dataset, "SeriesInstanceUID") if max(dataset.keys(), default=0) > tag else ""


def pixel_length(file: BinaryIO, *, is_little: bool) -> int | None:
    """What the element of the pixels, which comes next in a file, says of their length in bytes (PS3.5 7.1.2).

    None where they are packed. Their first byte comes next then.
    """
    start = file.tell()
    element = file.read(12)
    is_explicit = element[4:6] in {b"OW", b"OB", b"UN"}
    at, end = (8, 12) if is_explicit else (4, 8)
    if len(element) < end:
        return 0
    file.seek(start + end)
    (length,) = struct.unpack_from("<I" if is_little else ">I", element, at)
    return None if length == _ENCAPSULATED else int(length)


def _is_no_image(pydicom: ModuleType, dataset: Dataset) -> bool:
    """Whether the class of an object, in the file meta and in the data set alike, is one that is no CT.

    A UID that ends early, as in a file that does, is neither known nor told twice.
    """
    sop_class = pydicom.uid.UID(text_of(dataset, "SOPClassUID"))
    is_whole = sop_class.name != sop_class or sop_class == dataset.file_meta.get("MediaStorageSOPClassUID")
    return bool(sop_class) and is_whole and sop_class not in CT_IMAGES


def _images(pydicom: ModuleType, path: Path, dataset: Dataset, pixel_bytes: int | None) -> list[Header]:
    """One header for each image of a file; of an object that is no CT, only what it is."""
    sop_class = text_of(dataset, "SOPClassUID")
    if sop_class and sop_class not in CT_IMAGES:
        other = pydicom.Dataset()
        other.SOPClassUID, other.Modality = sop_class, code_of(dataset, "Modality")
        return [_header(path, 0, other, [other], None)]
    if not _is_multiframe(dataset):
        return [_header(path, 0, dataset, [dataset], pixel_bytes)]
    (shared,) = dataset.get("SharedFunctionalGroupsSequence") or [None]
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or [None] * _frames(dataset)
    return [_header(path, number, dataset, _macros(frame, shared), pixel_bytes) for number, frame in enumerate(frames)]


def _frames(dataset: Dataset) -> int:
    return int((numbers_of([dataset], "NumberOfFrames", 1) or (1.0,))[0])


def _is_multiframe(dataset: Dataset) -> bool:
    return text_of(dataset, "SOPClassUID") in MULTIFRAME_CT or _frames(dataset) > 1


def _macros(frame: Dataset | None, shared: Dataset | None) -> list[Dataset]:
    """The functional groups of one frame, its own before those that it shares with the others (PS3.3 C.7.6.16)."""
    return [
        element.value[0]
        for groups in (frame, shared)
        if groups is not None
        for element in groups
        if element.VR == "SQ" and element.value
    ]


def _header(path: Path, number: int, dataset: Dataset, groups: list[Dataset], pixel_bytes: int | None) -> Header:
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
        pixel_problem=_pixel_problem(of_which, pixel_bytes),
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


def _pixel_problem(numbers: Mapping[str, int], pixel_bytes: int | None) -> str:
    """What of the depth, or of the length, of unpacked pixels cannot be.

    GDCM takes other depths for colours, and fills what a short element does not hold with chance.
    """
    allocated, stored = numbers["BitsAllocated"], numbers["BitsStored"]
    if pixel_bytes == _AS_DECIMALS:
        return "has its pixels as decimals (FloatPixelData), which are not read; integers are"
    if allocated not in _DEPTHS:
        return f"has BitsAllocated {allocated}, which is not read"
    if stored > allocated > 0:
        return f"has BitsStored {stored} of BitsAllocated {allocated}"
    if numbers["PixelRepresentation"] not in {0, 1}:
        return f"has PixelRepresentation {numbers['PixelRepresentation']}, neither 0 nor 1"
    frames, samples = (max(numbers[keyword], 1) for keyword in ("NumberOfFrames", "SamplesPerPixel"))
    wanted = math.ceil(numbers["Rows"] * numbers["Columns"] * frames * samples * allocated / 8)
    if pixel_bytes is None or pixel_bytes >= wanted:
        return ""
    return f"is damaged or incomplete: its pixel data have {pixel_bytes} bytes of {wanted}"


def _has_place(dataset: Dataset) -> bool:
    """Whether an image says anything of where it lies, right or wrong."""
    return any(holding([dataset], keyword) for keyword in ("ImagePositionPatient", "ImageOrientationPatient"))
