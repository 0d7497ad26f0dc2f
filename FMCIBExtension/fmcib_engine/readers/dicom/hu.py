"""Whether the values of a DICOM image are HU: what its header says, and what the voxels show where it says nothing.

HU are the stored values times RescaleSlope plus RescaleIntercept (PS3.3 C.11.1), of the rescale type HU, which a header
need not name (C.8.2.1).

* A header that names anything else is refused: another rescale type, a map, a lookup table, inverted or coloured
  pixels.
* A header may leave it open: slope or intercept are absent or empty, the slope is 0, or the rescale type is US
  ("unspecified"; SimpleITK writes it). Then a slope counts as 1 and an intercept as 0, as GDCM has it. Such a scan is
  read, with a note, if all its slices leave the same open and its voxels lie as HU do; else it is refused.
* A header that says HU is believed; where its voxels do not lie as HU do, a note says so.

Voxels lie as HU do if lung, fat or noisy air, between -1000 and -50 HU, are among them, not much bone, and hardly any
between -2000 and -1300: in a scan that lacks its intercept of about -1024, air is near 0 and soft tissue near 1,000; in
one from which it was taken twice, lung is near -1,850. -1000 is no sign, nor is the lowest value: scans are padded with
them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SeriesError
from .header import Header, Numbers
from .values import code_of, codes_of, first_of, numbers_of

if TYPE_CHECKING:
    from pydicom import Dataset

_RESCALE = ("RescaleSlope", "RescaleIntercept")
_HU = {"HU", "[HNSF'U]", "HOUNSFIELD", "HOUNSFIELD UNIT", "HOUNSFIELD UNITS"}
_UNSPECIFIED = {"US", "UNSPECIFIED"}
_MAPS = {"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "PERMEABILITY", "SUBTRACTION"}
_MAPS |= {"MAT_SPECIFIC", "MAT_FRACTIONAL", "MAT_MODIFIED", "MAT_VALUE_BASED", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY"}
_MAPS |= {"STD_DEVIATION", "DIVISION", "MULTIPLICATION"}
"""Values of ImageType or FrameType of images that are no HU (PS3.3 C.8.2.1.1.1, C.8.15.3.2, C.8.16.1.4)."""
_MAP_WORDS = re.compile(
    r"(?<!NO_)(?<!MINUS_)IODINE(?!_REMOVED|_FREE)|^Z_?EFF|EFFECTIVE_?Z|EFFECTIVE_?ATOMIC|URIC_?ACID(?!_REMOVED)|"
    r"ELECTRON_?DENSITY|^RHO_?Z?$|VENTILATION|PERFUSED|^PBV$"
)
"""What vendors' words for such images hold; images of which iodine was removed (virtual non-contrast) are HU."""

_NOWHERE, _BELOW_AIR, _AIR, _FAT, _BONE = -2000, -1300, -1000, -50, 600  # HU
_LEAST_LIGHT = 0.01  # of the voxels above air: lung and fat
_MOST_DENSE = 0.2
_MOST_BELOW_AIR = 0.02  # of all voxels
_SAMPLES = 64  # along each axis


@dataclass(frozen=True)
class Rescale:
    """What a header says of the way from stored values to HU."""

    slope: float
    intercept: float
    not_hu: str
    """Why its values would not come out as HU; empty where they may."""
    unsure: str
    """What it leaves open; empty where it says HU."""


NO_RESCALE = Rescale(1.0, 0.0, "", "")
"""Of an image that is no slice for another reason."""


def rescale_of(dataset: Dataset, groups: list[Dataset], *, is_multiframe: bool) -> Rescale:
    """The rescale of one image; of a frame its own groups count first, as for GDCM, then the whole file's."""
    if not any(name in group for group in groups for name in _RESCALE):
        groups = [*groups, dataset]
    slope, intercept = (numbers_of(groups, name, 1) for name in _RESCALE)
    unsure = _why_unsure(groups, slope, intercept)
    not_hu = _why_not_hu(dataset, groups, (*slope, *intercept))
    if is_multiframe and (len(slope) != len(intercept) or slope == (0.0,)):  # GDCM then takes neither, or a slope of 0
        not_hu = not_hu or unsure
    elif not_hu and unsure:
        not_hu = f"{unsure}, and {not_hu}"
    return Rescale((slope[0] if slope else 0.0) or 1.0, intercept[0] if intercept else 0.0, not_hu, unsure)


def _why_not_hu(dataset: Dataset, groups: list[Dataset], rescale: Numbers) -> str:
    """What of a header makes other numbers of its pixels than HU (PS3.3 C.8.2.1, C.8.15.3, C.11.1)."""
    rescale_type = _rescale_type(groups)
    image_type = codes_of(first_of(groups, "FrameType") or dataset.get("ImageType"))
    photometric = code_of(dataset, "PhotometricInterpretation") or "MONOCHROME2"
    rescaled = [{numbers_of([group], name, 1) for group in groups} - {()} for name in _RESCALE]
    bits, high_bit = (numbers_of([dataset], name, 1) for name in ("BitsStored", "HighBit"))
    presentation = codes_of(first_of([*groups, dataset], "PixelPresentation")) or ("MONOCHROME",)
    is_mapped = len(rescale) == 2 and _is_mapped_otherwise([dataset, *groups], rescale)
    complaints = (
        (rescale_type not in _HU | _UNSPECIFIED, f"its rescale type is {rescale_type}"),
        (_is_map(image_type), f"its image type is {' '.join(image_type)}"),
        (max(map(len, rescaled)) > 1, "a frame's own rescale slope or intercept is not the one that all share"),
        (is_mapped, "its real world value mapping gives other HU than its rescale slope and intercept"),
        (bool(bits and high_bit) and high_bit[0] != bits[0] - 1, "its high bit is not the last of its stored bits"),
        (bool(dataset.get("ModalityLUTSequence")), "its values go through a lookup table"),
        (photometric != "MONOCHROME2", f"its photometric interpretation is {photometric}"),
        (presentation != ("MONOCHROME",), f"its pixel presentation is {' '.join(presentation)}"),
    )
    return next((complaint for found, complaint in complaints if found), "")


def _is_map(image_type: Sequence[str]) -> bool:
    words = [re.sub(r"[ -]+", "_", word) for word in image_type]
    return bool(_MAPS.intersection(words)) or any(_MAP_WORDS.search(word) for word in words)


def _why_unsure(groups: list[Dataset], slope: Numbers, intercept: Numbers) -> str:
    """What a header leaves open of its values; nothing where it says that they are HU."""
    missing = [name for name, number in (("slope", slope), ("intercept", intercept)) if not number]
    if missing:
        return f"it has no rescale {' and '.join(missing)}"
    if slope[0] == 0:
        return "its rescale slope is 0"
    rescale_type = _rescale_type(groups)
    return f"its rescale type is {rescale_type} (unspecified)" if rescale_type in _UNSPECIFIED else ""


def _rescale_type(groups: list[Dataset]) -> str:
    """In capitals and without blanks around it; HU where the header names none."""
    words = {*codes_of(first_of(groups, "RescaleType"))} - {""}
    return " and ".join(sorted(words)) or "HU"


def _is_mapped_otherwise(groups: list[Dataset], rescale: Numbers) -> bool:
    """Whether a real world value mapping to HU (PS3.3 C.7.6.16.2.11) is another than slope and intercept."""
    mappings = [mapping for group in groups for mapping in group.get("RealWorldValueMappingSequence") or [group]]
    for mapping in mappings:
        units = [str(unit.get("CodeValue")) for unit in mapping.get("MeasurementUnitsCodeSequence") or []]
        theirs = tuple(n for key in ("Slope", "Intercept") for n in numbers_of([mapping], f"RealWorldValue{key}", 1))
        if units == ["[hnsf'U]"] and len(theirs) == 2 and not np.allclose(theirs, rescale, atol=1e-3):
            return True
    return False


def require_hu_in_headers(images: Sequence[Header]) -> None:
    """Refuse images whose headers say that their values do not come out as HU.

    Raises:
        SeriesError: one of them.
    """
    for image in images:
        if image.not_hu:
            msg = f"A CT is wanted in HU, but of {image.path.name!r} {image.not_hu}. Choose or export another series."
            raise SeriesError(msg)


def require_hu(slices: NDArray[Any], images: Sequence[Header]) -> tuple[str, ...]:
    """What a reader of the numbers should know of whether they are HU.

    Args:
        slices: of each image its values, padding already taken out, [slice, row, column].
        images: their headers.

    Raises:
        SeriesError: headers that leave it open and are not alike in that, or whose values do not lie as HU do.
    """
    unsure = {image.unsure_hu: image.path.name for image in reversed(images)}
    reason, name = next(((reason, name) for reason, name in unsure.items() if reason), ("", ""))
    light, dense, below_air = _shares(slices)
    lie_as_hu = light >= _LEAST_LIGHT and dense <= _MOST_DENSE and below_air <= _MOST_BELOW_AIR
    lie = f"{light:.1%} of the voxels above {_AIR} lie below {_FAT}, as lung and fat do, and {dense:.1%} above {_BONE}"
    if below_air > _MOST_BELOW_AIR:
        lie = f"{below_air:.1%} of the voxels lie between {_NOWHERE} and {_BELOW_AIR}, below air"
    if len(unsure) > 1:
        wrong = "unlike other slices"
    elif reason and not lie_as_hu:
        wrong = f"and its values do not lie as HU do: {lie}"
    elif reason:
        return (f"the header does not say HU ({reason}); the values lie as HU do and were taken for HU",)
    else:
        return () if lie_as_hu else (f"the header says HU, but the values do not lie as HU do: {lie}",)
    msg = f"A CT is wanted in HU, but of {name!r} {reason}, {wrong}. Export it with rescale slope and intercept, in HU."
    raise SeriesError(msg)


def _shares(slices: NDArray[Any]) -> tuple[float, float, float]:
    """Of the voxels above air, the shares as light as lung and fat, and as dense as bone; of all, the share below air.

    The lowest value is no air. Not all voxels are looked at.
    """
    some = slices[tuple(np.s_[:: max(1, count // _SAMPLES)] for count in slices.shape)]
    above = some[some > _AIR]
    count = max(above.size, 1)
    below = np.count_nonzero((some > max(_NOWHERE, some.min())) & (some < _BELOW_AIR)) / some.size
    return float(np.count_nonzero(above < _FAT) / count), float(np.count_nonzero(above > _BONE) / count), float(below)
