"""Whether a DICOM file ends before its pixels do, by the lengths that it tells, without reading them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from ..itk import import_package
from .files import DEFLATED, pixel_length
from .values import damage, quiet_pydicom

_ITEM, _END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)


def ends_early(path: Path) -> bool:
    """Whether the file is shorter than its pixel data say (PS3.5 7.1), compressed ones piece by piece (A.4).

    Deflated files are not looked at: they cannot be read at all if they end early.
    """
    pydicom = import_package("pydicom")
    try:
        with path.open("rb") as file, quiet_pydicom():
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["Rows"], force=True)
            if header.file_meta.get("TransferSyntaxUID") == DEFLATED:
                return False
            length = pixel_length(file, is_little=header.original_encoding[1] is not False)
            size = path.stat().st_size
            return not _has_end(file, size) if length is None else length == 0 or file.tell() + length > size
    except damage():
        return True


def _has_end(file: BinaryIO, size: int) -> bool:
    """Whether all pieces are there, and the mark of their end."""
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) == _END:
            return True
        if (group, element) != _ITEM or file.tell() + length > size:
            return False
        file.seek(length, 1)
    return False
