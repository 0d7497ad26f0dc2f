"""One DICOM file -> what a list of series needs of it: a few elements, read up to the first that none is behind.

`readers/dicom` reads more of each file, and keeps nothing of the patient; here that is what is asked for. Images of one
series share what they say of patient, study and series: it is understood once, and known again by its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..readers.dicom.header import CT_IMAGES, MULTIFRAME_CT
from ..readers.dicom.lost import is_page
from ..readers.dicom.pixel_data import DEFLATED
from ..readers.dicom.signature import HEAD, begins_as_dicom
from ..readers.dicom.values import (
    code_of,
    codes_of,
    damage,
    digest_of,
    first_of,
    name_digest_of,
    numbers_of,
    tag_of,
    text_of,
    words_of,
)
from ..readers.itk import import_package
from .series import Patient

_OF_SERIES = """
SpecificCharacterSet ImageType SOPClassUID StudyDate Modality SeriesDescription PatientName PatientID BodyPartExamined
SliceThickness SpacingBetweenSlices ConvolutionKernel StudyInstanceUID SeriesInstanceUID SeriesNumber
ImageOrientationPatient FrameOfReferenceUID NumberOfFrames PhotometricInterpretation Rows Columns PixelSpacing
""".split()  # noqa: SIM905  a list of quoted words would be three times as long
_OF_IMAGE = ("SOPInstanceUID", "ImagePositionPatient")
_LAST = 0x00280030
"""PixelSpacing: what is wanted of a classic image is up to it."""

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What images of one series, made alike, share; lengths in mm."""

    uid: str
    study_uid: str
    frame_uid: str
    patient: Patient
    identity: tuple[str, str, str]
    """Digests of study, number and name, in which spellings of a name do not count."""
    modality: str
    sop_class: str
    study_date: str
    series_number: str
    description: str
    body_part: str
    kernel: str
    image_type: tuple[str, ...]
    thickness: Numbers
    between: Numbers
    """SpacingBetweenSlices."""
    orientation: Numbers
    is_multiframe: bool
    """Whether each frame has its own place, which is read apart from this (`gather`)."""
    is_page: bool

    @property
    def is_slice(self) -> bool:
        return not (self.is_page or "LOCALIZER" in self.image_type)


@dataclass(frozen=True, slots=True)
class Image:
    """One file that holds an image, or another DICOM object."""

    path: str
    facts: Facts
    instance_uid: str
    position: Numbers
    """Centre of the first pixel, LPS mm; empty where the header does not say."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A file of which nothing can be told."""

    path: str
    is_dicom: bool
    """Else it is of another kind."""
    reason: str = ""
    """Of the system, where it cannot be opened."""


class Headers:
    """Reads files, in any number of threads; `quiet_pydicom` is the caller's, once for all of them."""

    def __init__(self) -> None:
        self._pydicom = import_package("pydicom")
        self._partial = import_package("pydicom.filereader").read_partial
        self._series = tuple(map(tag_of, _OF_SERIES))
        self._place = tag_of("ImagePositionPatient")
        self._tags = [*map(tag_of, (*_OF_SERIES, *_OF_IMAGE))]
        self._known: dict[tuple[object, ...], Facts] = {}

    def read(self, path: str) -> Image | Fault:
        """What one file says. Nothing that is wrong with it is raised."""
        try:
            with Path(path).open("rb") as file:
                if not begins_as_dicom(file.read(HEAD)):
                    return Fault(path, is_dicom=False)
                file.seek(0)
                dataset = self._partial(file, stop_when=_is_beyond, specific_tags=self._tags, force=True)
                ends = not file.read(1) and dataset.file_meta.get("TransferSyntaxUID") != DEFLATED
            image = self._image(path, dataset)
            return Fault(path, is_dicom=True) if ends and image.facts.sop_class in {"", *CT_IMAGES} else image
        except damage() as error:
            reason = error.strerror or "" if isinstance(error, OSError) else ""
            return Fault(path, is_dicom=not reason, reason=reason)

    def _image(self, path: str, dataset: Any) -> Image:  # noqa: ANN401  pydicom is not imported here
        raw = (*(_bytes(dataset, tag) for tag in self._series), b"" if self._place in dataset else None)
        facts = self._known.get(raw)
        if facts is None:
            facts = self._known[raw] = _facts(dataset, has_place=self._place in dataset)
        position = numbers_of([dataset], "ImagePositionPatient", 3)
        return Image(path, facts, text_of(dataset, "SOPInstanceUID").strip(" \0"), position)


def image_of(path: str, dataset: Any) -> Image:  # noqa: ANN401
    """What a dataset says that was not read from a file, such as one of a server.

    Raises:
        as `readers.dicom.values.damage`: an element is not of its kind.
    """
    place = tag_of("ImagePositionPatient")
    facts = _facts(dataset, has_place=place in dataset)
    position = numbers_of([dataset], "ImagePositionPatient", 3)
    return Image(path, facts, _plain(dataset, "SOPInstanceUID"), position)


def _is_beyond(tag: int, _vr: str | None, _length: int) -> bool:
    return tag > _LAST


def _bytes(dataset: Any, tag: int) -> object:  # noqa: ANN401
    """An element as it lies in the file, or a text of it where pydicom has understood it already."""
    value = dataset.get_item(tag).value if tag in dataset else None
    return value if isinstance(value, bytes | None) else str(value)


def _facts(dataset: Any, *, has_place: bool) -> Facts:  # noqa: ANN401
    image_type = codes_of(first_of([dataset], "ImageType"))
    sop_class = text_of(dataset, "SOPClassUID") or text_of(dataset.file_meta, "MediaStorageSOPClassUID")
    orientation = numbers_of([dataset], "ImageOrientationPatient", 6)
    frames = int((numbers_of([dataset], "NumberOfFrames", 1) or (1.0,))[0])
    is_multiframe = frames > 1 or sop_class in MULTIFRAME_CT
    return Facts(
        uid=_plain(dataset, "SeriesInstanceUID"),
        study_uid=_plain(dataset, "StudyInstanceUID"),
        frame_uid=_plain(dataset, "FrameOfReferenceUID"),
        patient=Patient(_plain(dataset, "PatientID"), _plain(dataset, "PatientName")),
        identity=(
            *(digest_of(dataset, "StudyInstanceUID"), digest_of(dataset, "PatientID")),
            name_digest_of(dataset, "PatientName"),
        ),
        modality=code_of(dataset, "Modality"),
        sop_class=sop_class,
        study_date="".join(filter(str.isdigit, _plain(dataset, "StudyDate")))[:8],
        series_number=_plain(dataset, "SeriesNumber"),
        description=_plain(dataset, "SeriesDescription"),
        body_part=_plain(dataset, "BodyPartExamined").upper(),
        kernel="\\".join(words_of(first_of([dataset], "ConvolutionKernel"))).strip(" \0"),
        image_type=image_type,
        thickness=_positive(dataset, "SliceThickness"),
        between=_positive(dataset, "SpacingBetweenSlices"),
        orientation=orientation,
        is_multiframe=is_multiframe,
        is_page=sop_class in CT_IMAGES
        and is_page(dataset, image_type, has_place=is_multiframe or has_place or bool(orientation)),
    )


def _plain(dataset: Any, keyword: str) -> str:  # noqa: ANN401
    return text_of(dataset, keyword).strip(" \0")


def _positive(dataset: Any, keyword: str) -> Numbers:  # noqa: ANN401
    return tuple(number for number in numbers_of([dataset], keyword, 1) if number > 0)
