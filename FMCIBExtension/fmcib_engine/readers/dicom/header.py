"""What one DICOM image says about itself: a classic file, or one frame of a multi-frame file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...affine import FloatArray, cross

MULTIFRAME_CT = frozenset({"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
"""Enhanced CT, and legacy converted enhanced CT."""
CT_IMAGES = MULTIFRAME_CT | {"1.2.840.10008.5.1.4.1.1.2"}
"""The SOP classes of CT images."""

TIMES = (
    *("temporal position", "cardiac phase", "respiratory phase", "trigger time", "acquisition number"),
    *("acquisition time", "start of the acquisition", "content time", "series time", "energy", "convolution kernel"),
    *("contrast agent", "image type", "slice thickness", "stack", "series number", "series description"),
    *("image comment", "creation time", "instance number"),
)
"""What tells images of one place apart, the most telling first."""

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """What one image says about itself; lengths are in mm, positions in LPS. Nothing of the patient but digests."""

    path: Path
    frame: int
    """Which frame of its file, from 0."""
    is_multiframe: bool
    sop_class: str
    modality: str
    image_type: tuple[str, ...]
    series_uid: str
    series_number: str
    instance_uid: str
    belongs_to: tuple[str, ...]
    """Digests of study, PatientID, PatientName and frame of reference; empty where the header does not say."""
    times: tuple[str, ...]
    """In the order of `TIMES`; empty where the header does not say."""
    samples: int
    """Values per pixel: 1, or 3 in colour."""
    rows: int
    columns: int
    position: Numbers
    """Centre of the first pixel, LPS; empty where the header does not say, as are the next three."""
    orientation: Numbers
    """Directions along a row and along a column, in LPS."""
    slice_location: Numbers
    """SliceLocation, mm: a place along the normal, from nobody knows where (PS3.3 C.7.6.2.1.2)."""
    pixel_spacing: Numbers
    """Between rows, then between columns, in this order (PS3.3 10.7.1.3)."""
    thicknesses: Numbers
    """SliceThickness and SpacingBetweenSlices, whichever are there and positive."""
    stored_as: tuple[float, float, int, int]
    """RescaleSlope, RescaleIntercept, BitsStored, PixelRepresentation. An absent slope, or one of 0, is 1."""
    not_hu: str
    """Why its values would not come out as HU; empty where they may."""
    unsure_hu: str
    """What the header leaves open of its values; empty where it says that they are HU."""
    padding: Numbers
    """Lowest and highest stored value that stand for padding; empty where none is declared."""
    problem: str
    """What of its values cannot be used, as "has RescaleSlope '1,0'"; empty where all can."""
    pixel_problem: str
    """What is wrong with its pixels, as "is damaged or incomplete: …"; empty where the header knows of nothing."""
    is_page: bool
    """Whether it is a page of text or a picture, and no slice: `lost` has the rule."""

    @property
    def is_ct(self) -> bool:
        """Whether it is a CT image; one without a SOP class is judged by its modality alone."""
        if not self.sop_class:
            return self.modality == "CT"
        return self.sop_class in CT_IMAGES and self.modality in {"CT", ""}

    @property
    def normal(self) -> FloatArray:
        """The row's direction times the column's, LPS (PS3.3 C.7.6.2.1.1); only where `orientation` is not empty."""
        return cross(self.orientation[:3], self.orientation[3:])

    @property
    def is_localizer(self) -> bool:
        return "LOCALIZER" in self.image_type

    @property
    def is_slice(self) -> bool:
        """Whether it may be one of a scan."""
        return not (self.is_localizer or self.is_page)


def shown(numbers: Iterable[float]) -> str:
    """A position or direction in a message."""
    return f"({', '.join(f'{number:z.6g}' for number in numbers)})"
