"""Whether the values of a DICOM image come out as HU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dicom_values import first_of, text_of, words_of

if TYPE_CHECKING:
    from pydicom import Dataset

_RESCALE = ("RescaleSlope", "RescaleIntercept")
_MAPS = {"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "PERMEABILITY", "SUBTRACTION"}
_MAPS |= {"MAT_SPECIFIC", "MAT_FRACTIONAL", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY"}
"""Values of ImageType or FrameType of images that are no HU (PS3.3 C.8.2.1.1.1, C.8.15.3.2)."""


def why_not_hu(dataset: Dataset, groups: list[Dataset]) -> str:
    """What of a header would make other numbers of its pixels than HU (PS3.3 C.8.2.1, C.8.15.3, C.11.1)."""
    rescale_type = str(first_of(groups, "RescaleType") or "HU").strip().upper()
    image_type = words_of(first_of(groups, "FrameType") or dataset.get("ImageType"))
    photometric = text_of(dataset, "PhotometricInterpretation") or "MONOCHROME2"
    rescaled = [{float(group.get(name) or 0) for group in groups if name in group} for name in _RESCALE]
    bits = int(dataset.get("BitsStored") or 0)
    presentation = str(first_of(groups, "PixelPresentation") or dataset.get("PixelPresentation") or "MONOCHROME")
    complaints = (
        (rescale_type != "HU", f"its rescale type is {rescale_type}"),
        (bool(_MAPS.intersection(image_type)), f"its image type is {' '.join(image_type)}"),
        (
            max(map(len, rescaled)) > 1,
            "a frame's own rescale slope or intercept is not the one that all share",
        ),
        (int(dataset.get("HighBit", bits - 1)) != bits - 1, "its high bit is not the last of its stored bits"),
        (bool(dataset.get("ModalityLUTSequence")), "its values go through a lookup table"),
        (photometric != "MONOCHROME2", f"its photometric interpretation is {photometric}"),
        (presentation != "MONOCHROME", f"its pixel presentation is {presentation}"),
    )
    return next((complaint for found, complaint in complaints if found), "")
