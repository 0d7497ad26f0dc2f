"""The pixels of a DICOM file, without reading them: how they are stored, how long they are, and whether all are there.

Lengths are those that the file tells (PS3.5 7.1), of packed pixels piece by piece (A.4).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ..itk import import_package

if TYPE_CHECKING:
    from pydicom import Dataset

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
UNPACKED = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN, DEFLATED})
"""The transfer syntaxes whose pixels are as they are."""

_ENCAPSULATED = 0xFFFFFFFF
_ITEM, _END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_DECIMALS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009))  # FloatPixelData and DoubleFloatPixelData


@dataclass(frozen=True)
class PixelData:
    """What a file has of its pixels."""

    length: int | None = None
    """Bytes that are there; None where they are packed, or there are none to count."""
    ends_early: bool = False
    """Whether the file ends before they do. Deflated files cannot be read at all then."""
    are_decimals: bool = False


def pixels_behind(file: BinaryIO, header: Dataset, size: int) -> PixelData:
    """What an open file of `size` bytes has behind its header, which was read up to the pixels; these come next."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax == DEFLATED:  # read at once; its end is checked by zlib
        file.seek(0)
        pydicom = import_package("pydicom")
        return PixelData(len(pydicom.dcmread(file, specific_tags=["PixelData"]).get("PixelData") or b""))
    is_little = header.original_encoding[1] is not False
    if _has_decimals(file, is_little=is_little):
        return PixelData(are_decimals=True)
    length = pixel_length(file, is_little=is_little)
    if length is None:
        return PixelData(ends_early=not _has_end(file, size))
    here = min(length, size - file.tell())
    is_packed = syntax and syntax not in UNPACKED
    return PixelData(None if is_packed else here, ends_early=length == 0 or here < length)


def pixel_length(file: BinaryIO, *, is_little: bool) -> int | None:
    """What the element of the pixels, which comes next in a file, says of their length in bytes (PS3.5 7.1.2).

    None where they are packed. Their first byte comes next then.
    """
    start = file.tell()
    element = file.read(12)
    is_explicit = element[4:6] in {b"OW", b"OB", b"UN"}
    at, end = (8, 12) if is_explicit else (4, 8)
    if len(element) < end:
        return 0
    file.seek(start + end)
    (length,) = struct.unpack_from("<I" if is_little else ">I", element, at)
    return None if length == _ENCAPSULATED else int(length)


def _has_decimals(file: BinaryIO, *, is_little: bool) -> bool:
    """Whether the pixels that come next are no integers. The file stays where it is."""
    start = file.tell()
    element = file.read(4)
    file.seek(start)
    return len(element) == 4 and struct.unpack("<HH" if is_little else ">HH", element) in _DECIMALS


def _has_end(file: BinaryIO, size: int) -> bool:
    """Whether all pieces of packed pixels are there, and the mark of their end."""
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) == _END:
            return True
        if (group, element) != _ITEM or file.tell() + length > size:
            return False
        file.seek(length, 1)
    return False
