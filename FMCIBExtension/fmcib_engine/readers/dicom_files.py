"""DICOM files -> one `Header` for each image that they hold, by pydicom, without a look at the pixels."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ImageError
from .dicom_header import CT_IMAGE, MULTIFRAME_CT, Header, Numbers
from .itk import import_package

if TYPE_CHECKING:
    from pydicom import Dataset

_KEYWORDS = """
SOPClassUID SOPInstanceUID Modality ImageType SeriesInstanceUID SeriesNumber StudyInstanceUID FrameOfReferenceUID
PatientID PatientName NumberOfFrames SamplesPerPixel Rows Columns ImagePositionPatient ImageOrientationPatient
PixelSpacing SliceThickness SpacingBetweenSlices RescaleSlope RescaleIntercept RescaleType ModalityLUTSequence
PhotometricInterpretation PixelPresentation BitsStored PixelRepresentation TemporalPositionIdentifier
NominalPercentageOfCardiacPhase TriggerTime AcquisitionNumber AcquisitionDate AcquisitionTime AcquisitionDateTime
SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
""".split()  # noqa: SIM905  a list of quoted words would be three times as long

_MAPS = {"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "PERMEABILITY"}
"""Values of ImageType or FrameType of images that are no HU (PS3.3 C.8.15.3.2)."""

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
                headers += _images(path, _read(pydicom, path))
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
    sop_class = pydicom.uid.UID(dataset.file_meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID") or "")
    is_other = sop_class.name != sop_class and sop_class not in {CT_IMAGE, *MULTIFRAME_CT}
    is_deflated = dataset.file_meta.get("TransferSyntaxUID") == _DEFLATED  # read at once; its end is checked by zlib
    if not (pixels_follow or is_other or is_deflated):
        raise EOFError
    return dataset


def _images(path: Path, dataset: Dataset) -> list[Header]:
    """One header for each image of a file."""
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
    thicknesses = _numbers(groups, "SliceThickness", 1) + _numbers(groups, "SpacingBetweenSlices", 1)
    slope, intercept = (_numbers(groups, keyword, 1) for keyword in ("RescaleSlope", "RescaleIntercept"))
    is_multiframe = _is_multiframe(dataset)
    return Header(
        path=path,
        frame=number,
        is_multiframe=is_multiframe,
        sop_class=_text(dataset, "SOPClassUID"),
        modality=_text(dataset, "Modality"),
        image_type=_words(_first(groups, "FrameType") or dataset.get("ImageType")),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        series_number=_text(dataset, "SeriesNumber"),
        instance_uid=_text(dataset, "SOPInstanceUID"),
        belongs_to=(
            _digest(dataset, "StudyInstanceUID"),
            _digest(dataset, "FrameOfReferenceUID"),
            _digest(dataset, "PatientID"),
            _digest(dataset, "PatientName"),
        ),
        times=_times(groups),
        samples=int(dataset.get("SamplesPerPixel") or 1),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        position=_numbers(groups, "ImagePositionPatient", 3),
        orientation=_numbers(groups, "ImageOrientationPatient", 6),
        pixel_spacing=_numbers(groups, "PixelSpacing", 2),
        thicknesses=tuple(value for value in thicknesses if value > 0),
        stored_as=(
            (slope[0] if slope else 0.0) or 1.0,
            intercept[0] if intercept else 0.0,
            int(dataset.get("BitsStored") or 0),
            int(dataset.get("PixelRepresentation") or 0),
        ),
        not_hu="it has no rescale slope and intercept" if is_multiframe and not slope else _why_not_hu(dataset, groups),
    )


def _why_not_hu(dataset: Dataset, groups: list[Dataset]) -> str:
    """What of a header would make other numbers of its pixels than HU (PS3.3 C.8.2.1, C.8.15.3, C.11.1)."""
    rescale_type = str(_first(groups, "RescaleType") or "HU").strip().upper()
    image_type = _words(_first(groups, "FrameType") or dataset.get("ImageType"))
    photometric = _text(dataset, "PhotometricInterpretation") or "MONOCHROME2"
    presentation = str(_first(groups, "PixelPresentation") or dataset.get("PixelPresentation") or "MONOCHROME")
    complaints = (
        (rescale_type != "HU", f"its rescale type is {rescale_type}"),
        (bool(_MAPS.intersection(image_type)), f"its image type is {' '.join(image_type)}"),
        (bool(dataset.get("ModalityLUTSequence")), "its values go through a lookup table"),
        (photometric != "MONOCHROME2", f"its photometric interpretation is {photometric}"),
        (presentation != "MONOCHROME", f"its pixel presentation is {presentation}"),
    )
    return next((complaint for found, complaint in complaints if found), "")


def _times(groups: list[Dataset]) -> tuple[str, ...]:
    date = str(_first(groups, "AcquisitionDate") or "")
    values = (
        _first(groups, "TemporalPositionIndex", "TemporalPositionIdentifier"),
        _first(groups, "NominalPercentageOfCardiacPhase"),
        _first(groups, "TriggerTime"),
        _first(groups, "AcquisitionNumber", "FrameAcquisitionNumber"),
        _first(groups, "AcquisitionDateTime", "FrameAcquisitionDateTime")
        or date + str(_first(groups, "AcquisitionTime") or ""),
    )
    return tuple("" if value is None else str(value) for value in values)


def _first(groups: Iterable[Dataset], *keywords: str) -> object | None:
    """The first of the elements that is there and not empty."""
    values = (group.get(keyword) for keyword in keywords for group in groups)
    return next((value for value in values if value not in (None, "")), None)


def _numbers(groups: Iterable[Dataset], keyword: str, count: int) -> Numbers:
    """The `count` finite numbers of an element; nothing if it is absent, empty or of another length."""
    value = _first(groups, keyword)
    if value is None:
        return ()
    numbers = tuple(float(part) for part in np.atleast_1d(np.asarray(value, dtype=object)))
    return numbers if len(numbers) == count and all(math.isfinite(number) for number in numbers) else ()


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "")


def _words(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value or ())  # type: ignore[attr-defined]


def _digest(dataset: Dataset, keyword: str) -> str:
    text = _text(dataset, keyword).strip().casefold()
    return hashlib.sha256(text.encode(errors="replace")).hexdigest() if text else ""
