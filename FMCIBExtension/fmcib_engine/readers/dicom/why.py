"""Why GDCM could not read the pixels of a file whose header is sound, in the words of that header."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..itk import import_package
from .pixel_data import UNPACKED, pixel_length
from .values import damage, quiet_pydicom, text_of

if TYPE_CHECKING:
    from pydicom import Dataset

_PACKED = frozenset(
    f"1.2.840.10008.1.2.{last}"
    for last in ("5", "4.50", "4.51", "4.53", "4.55", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91")
)
"""What GDCM decodes: RLE, JPEG, JPEG-LS and JPEG 2000."""
_NEEDED = ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation")
_WHOLE = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel")
_DECIMAL = ("RescaleSlope", "RescaleIntercept")
_DAMAGED = "is damaged or incomplete"


def why_unreadable(path: Path) -> str:
    """What is wrong with a file that GDCM does not read, as a predicate: "has no BitsAllocated".

    It is damaged only where its header says nothing that explains it.
    """
    pydicom = import_package("pydicom")
    try:
        with quiet_pydicom(), path.open("rb") as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            return _syntax(dataset) or _elements(dataset) or _behind(file, dataset, path.stat().st_size) or _DAMAGED
    except damage():
        return _DAMAGED


def _syntax(dataset: Dataset) -> str:
    """What of the transfer syntax is unknown, or contradicts how the data set is written."""
    from pydicom.uid import UID

    syntax = UID(dataset.file_meta.get("TransferSyntaxUID") or "")
    if not syntax:
        return "names no transfer syntax (0002,0010)" if dataset.file_meta else ""
    name = f"{syntax.name} ({syntax})" if syntax.name != syntax else f"{syntax} (unknown)"
    if syntax not in UNPACKED | _PACKED:
        return f"has the transfer syntax {name}, which is not read; Explicit VR Little Endian is"
    first = next(iter(dataset.values()), None)
    is_implicit = getattr(first, "is_implicit_VR", None)
    if is_implicit is not None and is_implicit != syntax.is_implicit_VR:
        how = "implicit" if is_implicit else "explicit"
        return f"contradicts itself: its file meta announces {name}, its data set is written with {how} VR"
    return ""


def _elements(dataset: Dataset) -> str:
    """What elements are missing, or of a wrong kind."""
    from pydicom.datadict import dictionary_VR

    missing = [keyword for keyword in _NEEDED if not text_of(dataset, keyword)]
    if missing:
        return f"has no {missing[0]}"
    for keyword in (*_WHOLE, *_DECIMAL):
        if keyword in dataset and dataset[keyword].VR not in {dictionary_VR(keyword), "UN"}:
            return f"has {keyword} as {dataset[keyword].VR}, not as {dictionary_VR(keyword)}"
    return ""


def _behind(file: BinaryIO, dataset: Dataset, size: int) -> str:
    """What follows unpacked pixels and is no DICOM, where all of them are there."""
    length = pixel_length(file, is_little=dataset.original_encoding[1] is not False)
    rest = 0 if length is None else size - file.tell() - length
    return f"has {rest} bytes behind its pixel data that are no DICOM" if rest > 0 else ""
