"""What a header says that may tell apart images of one place: when they were taken, and how they were made."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from .header import TIMES
from .values import codes_of, digest_of, told, words_of

if TYPE_CHECKING:
    from pydicom import Dataset

_ELEMENTS = {
    "temporal position": ("TemporalPositionIndex", "TemporalPositionIdentifier", "TemporalPositionTimeOffset"),
    "cardiac phase": ("NominalPercentageOfCardiacPhase",),
    "respiratory phase": ("NominalPercentageOfRespiratoryPhase",),
    "trigger time": ("TriggerTime", "NominalCardiacTriggerDelayTime", "ActualCardiacTriggerDelayTime"),
    "acquisition number": ("AcquisitionNumber", "FrameAcquisitionNumber"),
    "energy": ("MonoenergeticEnergyEquivalent", "KVP"),
    "convolution kernel": ("ConvolutionKernel", "FilterType", "ReconstructionAlgorithm"),
    "slice thickness": ("SliceThickness",),
    "stack": ("StackID",),
    "series number": ("SeriesNumber",),
    "contrast agent": ("ContrastBolusAgent",),
    "instance number": ("InstanceNumber",),
}
_ACQUIRED = ("AcquisitionDate", "AcquisitionTime")
_MOMENTS = {
    "content time": ("", "ContentDate", "ContentTime"),
    "series time": ("", "SeriesDate", "SeriesTime"),
    "creation time": ("", "InstanceCreationDate", "InstanceCreationTime"),
}


def times_of(dataset: Dataset, groups: list[Dataset]) -> tuple[str, ...]:
    """In the order of `TIMES`, as text, moments in seconds; empty where the header does not say.

    Args:
        dataset: the file's.
        groups: the datasets of the one image, in which to look first.
    """
    found = {name: _text([*groups, dataset], keywords) for name, keywords in _ELEMENTS.items()}
    found |= {name: _moment([dataset], *keywords) for name, keywords in _MOMENTS.items()}
    frame = told(groups, "FrameAcquisitionDateTime", "AcquisitionDateTime")
    found["acquisition time"] = _seconds(str(frame)) if frame else _moment(groups, "", *_ACQUIRED)
    found["start of the acquisition"] = _moment([dataset], "AcquisitionDateTime", *_ACQUIRED)
    found["image type"] = " ".join(codes_of(told([*groups, dataset], "FrameType", "ImageType")))
    found["series description"] = digest_of(dataset, "SeriesDescription")
    found["image comment"] = digest_of(dataset, "ImageComments")
    return tuple(found[name] for name in TIMES)


def _text(groups: list[Dataset], keywords: tuple[str, ...]) -> str:
    """Numbers in one spelling."""
    text = " ".join(words_of(told(groups, *keywords)))
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else str(number)


def _moment(groups: list[Dataset], both: str, day: str, time: str) -> str:
    """Seconds of a DT, or of a DA and a TM."""
    moment = told(groups, both) if both else None
    clock = str(told(groups, time) or "")
    return _seconds(str(moment)) if moment else _seconds(f"{told(groups, day) or ''}{clock}" if clock else "")


def _seconds(moment: str) -> str:
    """Seconds, as text, of [YYYYMMDD]HHMMSS.FFFFFF (PS3.5 6.2, also as in old files); anything else as it is."""
    digits = re.sub(r"[+-]\d{4}$|[ :]", "", moment)
    parts = re.fullmatch(r"(?:(\d{4})[.]?(\d\d)[.]?(\d\d))?(\d\d)(\d\d)?(\d\d(?:\.\d*)?)?", digits)
    if not parts:
        return moment
    year, month, day, hour, minute, second = parts.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() if year else 0
    except ValueError:
        return moment
    return f"{days * 86400 + int(hour) * 3600 + int(minute or 0) * 60 + float(second or 0):.6f}"
