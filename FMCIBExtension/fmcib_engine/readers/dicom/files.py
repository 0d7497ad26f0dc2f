"""Files -> what they hold: one `Header` for each DICOM image, by pydicom, without a look at the pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from ...errors import ImageError
from ..itk import import_package
from .dataset import headers_of
from .header import CT_IMAGES, Header
from .pixel_data import DEFLATED, PixelData, pixels_behind
from .signature import HEAD, begins_as_dicom
from .values import damage, quiet_pydicom, tag_of, text_of

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
    ends_early: bool = False
    """Whether it is shorter than its pixel data say."""
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
            dataset, pixels = _read(pydicom, file, state[0])
            if pixels is None:
                return Content(state, fault=_DAMAGED, series_uid=_series_told(dataset), is_dicom=True)
            oddity = _oddity(dataset)
            images = tuple(headers_of(path, dataset, pixels))
            return Content(state, images, oddity=oddity, is_dicom=True, ends_early=pixels.ends_early)
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


def _read(pydicom: ModuleType, file: BinaryIO, size: int) -> tuple[Dataset, PixelData | None]:
    """The header of a file, and what follows of its pixels; None where the file ends within its header.

    pydicom reads a header that ends early without an error. It is complete if the pixels follow; so a file without
    pixels must be known to be an object that has none, by the class that its first bytes name.
    """
    tags = [tag_of(keyword) for keyword in _KEYWORDS]
    dataset: Dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags, force=True)
    if tag_of("SOPClassUID") not in dataset and dataset.file_meta.get("MediaStorageSOPClassUID"):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    if file.tell() < size or dataset.file_meta.get("TransferSyntaxUID") == DEFLATED:
        return dataset, pixels_behind(file, dataset, size)
    return dataset, PixelData() if _is_no_image(pydicom, dataset) else None


def _series_told(dataset: Dataset) -> str:
    """The series UID of a header that ends early, if another element follows: it is whole then."""
    tag = tag_of("SeriesInstanceUID")
    return text_of(dataset, "SeriesInstanceUID") if max(dataset.keys(), default=0) > tag else ""


def _is_no_image(pydicom: ModuleType, dataset: Dataset) -> bool:
    """Whether the class of an object, in the file meta and in the data set alike, is one that is no CT.

    A UID that ends early, as in a file that does, is neither known nor told twice.
    """
    sop_class = pydicom.uid.UID(text_of(dataset, "SOPClassUID"))
    is_whole = sop_class.name != sop_class or sop_class == dataset.file_meta.get("MediaStorageSOPClassUID")
    return bool(sop_class) and is_whole and sop_class not in CT_IMAGES
