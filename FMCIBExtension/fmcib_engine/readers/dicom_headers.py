"""The headers of DICOM files: which are CT slices, which series there are, and which of them is meant."""

from __future__ import annotations

import math
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ImageError, SeriesError
from .itk import import_package

if TYPE_CHECKING:
    from pydicom import Dataset

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
_LEGACY_ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.2"

_KEYWORDS = [
    "SOPClassUID",
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "NumberOfFrames",
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "ModalityLUTSequence",
    "PhotometricInterpretation",
    "BitsStored",
    "PixelRepresentation",
]

_SUFFIXES = {".dcm", ".dicom", ".ima"}

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Header:
    """What one DICOM file says about itself; lengths are in mm, positions in LPS. Nothing of the patient."""

    path: Path
    sop_class: str
    modality: str
    series_uid: str
    series_number: str
    frames: int
    samples: int
    """Values per pixel: 1, or 3 in colour."""
    rows: int
    columns: int
    position: Numbers
    """Centre of the first pixel, LPS; empty where the header does not say, as are the next two."""
    orientation: Numbers
    """Unit vectors along a row and along a column, six numbers (PS3.3 C.7.6.2.1.1)."""
    pixel_spacing: Numbers
    """Between rows, between columns, in this order (PS3.3 10.7.1.3)."""
    thicknesses: Numbers
    """SliceThickness and SpacingBetweenSlices, whichever are there and positive."""
    stored_as: tuple[float, float, int, int]
    """RescaleSlope, RescaleIntercept, BitsStored, PixelRepresentation. An absent slope, or one of 0, is 1."""
    not_hu: str
    """Why its values would not come out as HU; empty where they do."""

    @property
    def is_ct(self) -> bool:
        """Whether it is a CT image; one without a SOP class is judged by its modality."""
        return self.sop_class in {_CT_IMAGE, _ENHANCED_CT, _LEGACY_ENHANCED_CT} or (
            not self.sop_class and self.modality == "CT"
        )

    @property
    def is_multiframe(self) -> bool:
        return self.frames > 1 or self.sop_class in {_ENHANCED_CT, _LEGACY_ENHANCED_CT}


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


def read_headers(files: Iterable[Path], *, all_dicom: bool) -> list[Header]:
    """The headers of the DICOM files among `files`; the others are passed over, if they may be.

    A file that is empty or named as DICOM, and is not, may be a slice that got lost, and is refused.

    Args:
        files: to look at.
        all_dicom: whether each of them is meant, as in a list that the user gave.

    Raises:
        ImageError: a file that cannot be opened, that should be DICOM and is not, or whose header is damaged.
        DependencyError: pydicom is not installed.
    """
    pydicom = import_package("pydicom")
    headers = []
    for path in files:
        if is_dicom(path):
            try:
                dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_KEYWORDS)
                headers.append(_header(path, dataset))
            except (EOFError, OSError, TypeError, ValueError, struct.error, zlib.error) as error:
                msg = f"The DICOM header of {path.name!r} is damaged. Copy or export the file again, or remove it."
                raise ImageError(msg) from error
        elif all_dicom or path.suffix.lower() in _SUFFIXES or path.stat().st_size == 0:
            msg = (
                f"{path.name!r} should be a DICOM file with the mark DICM at byte 128, and is not: it is damaged, "
                "empty, or written without the mark. Copy or export it again, or remove it."
            )
            raise ImageError(msg)
    return headers


def _header(path: Path, dataset: Dataset) -> Header:
    slope, intercept = (_numbers(dataset, keyword, 1) for keyword in ("RescaleSlope", "RescaleIntercept"))
    thicknesses = _numbers(dataset, "SliceThickness", 1) + _numbers(dataset, "SpacingBetweenSlices", 1)
    return Header(
        path=path,
        sop_class=str(dataset.get("SOPClassUID") or ""),
        modality=str(dataset.get("Modality") or ""),
        series_uid=str(dataset.get("SeriesInstanceUID") or ""),
        series_number=str(dataset.get("SeriesNumber") or ""),
        frames=int(dataset.get("NumberOfFrames") or 1),
        samples=int(dataset.get("SamplesPerPixel") or 1),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        position=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6),
        pixel_spacing=_numbers(dataset, "PixelSpacing", 2),
        thicknesses=tuple(value for value in thicknesses if value > 0),
        stored_as=(
            (slope[0] if slope else 0.0) or 1.0,
            intercept[0] if intercept else 0.0,
            int(dataset.get("BitsStored") or 0),
            int(dataset.get("PixelRepresentation") or 0),
        ),
        not_hu=_why_not_hu(dataset),
    )


def _why_not_hu(dataset: Dataset) -> str:
    """What of a header would make other numbers of its pixels than HU (PS3.3 C.8.2.1, C.11.1)."""
    rescale_type = str(dataset.get("RescaleType") or "HU").strip().upper()
    if rescale_type != "HU":
        return f"its rescale type is {rescale_type}"
    if dataset.get("ModalityLUTSequence"):
        return "its values go through a lookup table"
    photometric = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")
    return "" if photometric == "MONOCHROME2" else f"its photometric interpretation is {photometric}"


def _numbers(dataset: Dataset, keyword: str, count: int) -> Numbers:
    """The `count` finite numbers of an element; nothing if it is absent, empty or of another length."""
    value = dataset.get(keyword)
    if value is None:
        return ()
    numbers = tuple(float(part) for part in np.atleast_1d(value))
    return numbers if len(numbers) == count and all(math.isfinite(number) for number in numbers) else ()


def choose_series(headers: Sequence[Header], series_uid: str | None) -> list[Header]:
    """The CT images of the series that is meant: the one of that UID, or the only one.

    Raises:
        SeriesError: no CT, several and no choice, or no series of that UID.
    """
    series: dict[str, list[Header]] = {}
    for header in headers:
        if header.is_ct:
            series.setdefault(header.series_uid, []).append(header)
    if not series:
        raise SeriesError(_no_ct(headers))
    if series_uid is None and len(series) == 1:
        return next(iter(series.values()))
    if series_uid in series:
        return series[series_uid]
    wanted = "One CT series is read at a time" if series_uid is None else f"There is no CT series {series_uid!r}"
    lines = [_line(uid, series[uid]) for uid in sorted(series, key=lambda uid: (series[uid][0].series_number, uid))]
    msg = "\n".join([f"{wanted}; choose one of these {len(series)} by its series UID:", *lines])
    raise SeriesError(msg)


def _no_ct(headers: Sequence[Header]) -> str:
    if not headers:
        return (
            "A folder or list is read as a DICOM CT series, but no file of it is DICOM. Give a NIfTI or NRRD by name."
        )
    from pydicom.uid import UID

    kinds = Counter(f"{h.modality or 'no modality'} ({UID(h.sop_class).name or 'no SOP class'})" for h in headers)
    found = ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items()))
    return f"A DICOM series of CT images is needed, but there is none among the DICOM files; found {found}."


def _line(uid: str, headers: Sequence[Header]) -> str:
    """One series in the list to choose from: no description and no names, which may be a patient's."""
    first = headers[0]
    if first.is_multiframe:
        spacing = "multi-frame"
    elif all(header.position and header.orientation for header in headers) and len(headers) > 1:
        normal = np.cross(first.orientation[:3], first.orientation[3:])
        steps = np.diff(np.sort([np.dot(header.position, normal) for header in headers]))
        spacing = f"{np.median(steps):.2f} mm between slices"
    else:
        spacing = "no slice spacing"
    count = f"{len(headers)} file{'s' if len(headers) > 1 else ''}"
    return (
        f"  {uid or '(empty)'}: series number {first.series_number or 'unknown'}, {count}, "
        f"{first.columns} x {first.rows}, {spacing}"
    )
