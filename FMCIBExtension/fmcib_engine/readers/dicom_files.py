"""DICOM files -> one `Header` for each image that they hold, by pydicom, without a look at the pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import ImageError
from .dicom_header import CT_IMAGE, MULTIFRAME_CT, Header
from .dicom_hu import rescale_of
from .dicom_padding import padding_of
from .dicom_times import times_of
from .dicom_values import digest_of, first_of, name_digest_of, numbers_of, text_of, told, words_of
from .itk import import_package

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

_DEFLATED = "1.2.840.10008.1.2.1.99"
_SUFFIXES = {".dcm", ".dicom", ".ima"}


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do: 128 bytes of anything, then `DICM` (PS3.10 7.1).

    Raises:
        ImageError: it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError as error:
        msg = f"A scan is made of files that can be opened, but {path.name!r} cannot: {error.strerror}."
        raise ImageError(msg) from error


def read_headers(files: Iterable[Path], *, all_dicom: bool) -> tuple[list[Header], list[str]]:
    """The headers of the DICOM files among `files`, and a sentence for each file that may be a slice that got lost.

    Such is a file whose header is damaged, or that is empty or named as DICOM and is not. Others are passed over.

    Args:
        files: to look at.
        all_dicom: whether each of them is meant, as in a list that the user gave.

    Raises:
        ImageError: a file that cannot be opened, or, of a list, that is not DICOM.
        DependencyError: pydicom is not installed.
    """
    pydicom = import_package("pydicom")
    headers, lost = [], []
    for path in files:
        if is_dicom(path):
            try:
                headers += _images(pydicom, path, _read(pydicom, path))
            except damage(pydicom):
                lost.append(f"The DICOM file {path.name!r} is damaged or incomplete. Copy or export it again.")
        elif all_dicom or path.suffix.lower() in _SUFFIXES or path.stat().st_size == 0:
            msg = (
                f"{path.name!r} should be a DICOM file with the mark DICM at byte 128, and is not: it is damaged, "
                "empty, or written without the mark. Copy or export it again, or remove it."
            )
            if all_dicom:
                raise ImageError(msg)
            lost.append(msg)
    return headers, lost


def damage(pydicom: ModuleType) -> tuple[type[Exception], ...]:
    """What pydicom raises on bytes that are no DICOM, and what is raised on values of a wrong kind.

    There is no memory for the length that a damaged element claims; a sound header takes little.
    """
    return (
        *(pydicom.errors.BytesLengthException, pydicom.errors.InvalidDicomError, struct.error, zlib.error),
        *(ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, RecursionError),
        *(MemoryError, TypeError, ValueError),
    )


def _read(pydicom: ModuleType, path: Path) -> Dataset:
    """The header of a file, which is complete if the pixels follow.

    pydicom reads a header that ends early without an error. So a file without pixels must be known to be an object
    that has none, by the class that its first bytes name.

    Raises:
        EOFError: it ends before its pixels.
    """
    with path.open("rb") as file:
        dataset: Dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_KEYWORDS)
        pixels_follow = file.tell() < path.stat().st_size
    is_deflated = dataset.file_meta.get("TransferSyntaxUID") == _DEFLATED  # read at once; its end is checked by zlib
    if not (pixels_follow or is_deflated or _is_no_image(pydicom, dataset)):
        raise EOFError
    return dataset


def _is_no_image(pydicom: ModuleType, dataset: Dataset) -> bool:
    """Whether the class of an object, in the file meta and in the data set alike, is one that is no CT.

    A UID that ends early, as in a file that does, is neither known nor told twice.
    """
    sop_class = pydicom.uid.UID(text_of(dataset, "SOPClassUID"))
    is_whole = sop_class.name != sop_class or sop_class == dataset.file_meta.get("MediaStorageSOPClassUID")
    return bool(sop_class) and is_whole and sop_class not in {CT_IMAGE, *MULTIFRAME_CT}


def _images(pydicom: ModuleType, path: Path, dataset: Dataset) -> list[Header]:
    """One header for each image of a file; of an object that is no CT, only what it is."""
    sop_class = text_of(dataset, "SOPClassUID")
    if sop_class and sop_class not in {CT_IMAGE, *MULTIFRAME_CT}:
        other = pydicom.Dataset()
        other.SOPClassUID, other.Modality = sop_class, text_of(dataset, "Modality")
        return [_header(path, 0, other, [other])]
    if not _is_multiframe(dataset):
        return [_header(path, 0, dataset, [dataset])]
    (shared,) = dataset.get("SharedFunctionalGroupsSequence") or [None]
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or [None] * int(dataset.get("NumberOfFrames") or 1)
    return [_header(path, number, dataset, _macros(frame, shared)) for number, frame in enumerate(frames)]


def _is_multiframe(dataset: Dataset) -> bool:
    return int(dataset.get("NumberOfFrames") or 1) > 1 or dataset.get("SOPClassUID") in MULTIFRAME_CT


def _macros(frame: Dataset | None, shared: Dataset | None) -> list[Dataset]:
    """The functional groups of one frame, its own before those that it shares with the others (PS3.3 C.7.6.16)."""
    return [
        element.value[0]
        for groups in (frame, shared)
        if groups is not None
        for element in groups
        if element.VR == "SQ" and element.value
    ]


def _header(path: Path, number: int, dataset: Dataset, groups: list[Dataset]) -> Header:
    """`groups` are the datasets in which to look for what may differ from frame to frame, in this order."""
    thicknesses = numbers_of(groups, "SliceThickness", 1) + numbers_of(groups, "SpacingBetweenSlices", 1)
    is_multiframe = _is_multiframe(dataset)
    rescale = rescale_of(dataset, groups, is_multiframe=is_multiframe)
    return Header(
        path=path,
        frame=number,
        is_multiframe=is_multiframe,
        sop_class=text_of(dataset, "SOPClassUID"),
        modality=text_of(dataset, "Modality"),
        image_type=words_of(first_of(groups, "FrameType") or dataset.get("ImageType")),
        series_uid=text_of(dataset, "SeriesInstanceUID").strip(" \0"),
        series_number=str(told([dataset], "SeriesNumber") or ""),
        instance_uid=text_of(dataset, "SOPInstanceUID"),
        belongs_to=(
            digest_of(dataset, "StudyInstanceUID"),
            digest_of(dataset, "PatientID"),
            name_digest_of(dataset, "PatientName"),
            digest_of(dataset, "FrameOfReferenceUID"),
        ),
        times=times_of(dataset, groups),
        samples=int(dataset.get("SamplesPerPixel") or 1),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        position=numbers_of(groups, "ImagePositionPatient", 3),
        orientation=numbers_of(groups, "ImageOrientationPatient", 6),
        slice_location=numbers_of(groups, "SliceLocation", 1),
        pixel_spacing=numbers_of(groups, "PixelSpacing", 2),
        thicknesses=tuple(value for value in thicknesses if value > 0),
        stored_as=(
            rescale.slope,
            rescale.intercept,
            int(dataset.get("BitsStored") or 0),
            int(dataset.get("PixelRepresentation") or 0),
        ),
        not_hu=rescale.not_hu,
        unsure_hu=rescale.unsure,
        padding=padding_of(dataset),
    )
