"""The header of a MetaImage file, as far as ITK takes it on trust (https://itk.org/Wiki/ITK/MetaIO/Documentation)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from .integrity import NOT_ITS_KIND, Stored, data_file, header_line, is_many_files, unreadable

_LONGEST_HEADER = 1 << 20
_MOST_DIMENSIONS = 10  # more, or less than 1, ends the process inside ITK
_PLACE = {"Offset", "Position", "Origin", "TransformMatrix", "Orientation", "Rotation", "ElementSpacing", "ElementSize"}


def stored_voxels(path: Path) -> Stored:
    """Where and how a MetaImage file keeps its voxels.

    Raises:
        ImageError: it is no MetaImage, its place is not told in numbers, or it keeps its voxels in a way that is not
            read.
    """
    fields, start = _fields(path)
    if not 1 <= _whole(path, fields, "NDims") <= _MOST_DIMENSIONS:
        raise unreadable(path, f"its field NDims should be 3, and is {fields.get('NDims', 'missing')}")
    for name in sorted(_PLACE & fields.keys()):
        _require_numbers(path, name, fields[name])
    data = fields["ElementDataFile"]
    if is_many_files(data):
        raise unreadable(path, "its voxels are spread over several files, and only one is read")
    is_local = data.upper() == "LOCAL"
    holder = path if is_local else data_file(path, data)
    skip = _whole(path, fields, "HeaderSize")
    is_packed = _is_true(fields, "CompressedData")
    if skip != 0 and (is_packed or (is_local and skip != -1)):
        raise unreadable(path, f"its header says that the voxels begin both at their place and {skip} bytes later")
    offset = start if is_local else max(skip, 0)
    if is_packed:
        _require_packed_size(path, fields, holder.stat().st_size - offset, is_local=is_local)
        return Stored(holder, "deflate", offset)
    return Stored(holder, "raw" if _is_true(fields, "BinaryData") else "text", offset)


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of the header, and where it ends in the file: after the line of ElementDataFile."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in fields:
            line = header_line(file, path, _LONGEST_HEADER)
            if not line:
                raise unreadable(path, NOT_ITS_KIND)
            name, *value = (part.strip() for part in re.split("[=:]", line.decode("utf-8", "replace"), maxsplit=1))
            if not value:
                raise unreadable(path, NOT_ITS_KIND)
            if name in fields:
                raise unreadable(path, f"its header has the field {name[:80]!r} twice")
            fields[name] = value[0]
        return fields, file.tell()


def _require_numbers(path: Path, name: str, text: str) -> None:
    """Refuse what is not finite numbers: ITK would take it for 0."""
    try:
        good = all(math.isfinite(float(number)) for number in text.split())
    except ValueError:
        good = False
    if not good:
        raise unreadable(path, f"its field {name} should be numbers, and is {text[:80]!r}")


def _require_packed_size(path: Path, fields: Mapping[str, str], rest: int, *, is_local: bool) -> None:
    """Refuse compressed voxels whose length is told wrongly or, in one file with the header, not told.

    ITK would give whatever lay in memory.
    """
    told = _whole(path, fields, "CompressedDataSize", missing=0 if is_local else rest)
    if told != rest:
        raise unreadable(path, f"its header announces {told} bytes of compressed voxels, and {rest} follow")


def _whole(path: Path, fields: Mapping[str, str], name: str, missing: int = 0) -> int:
    text = fields.get(name, str(missing))
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise unreadable(path, f"its field {name} should be a whole number, and is {text[:80]!r}")
    return int(text)


def _is_true(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "")[:1] in {"T", "t", "1"}
