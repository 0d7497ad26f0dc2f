"""The header of a MetaImage file, as far as ITK takes it on trust (https://itk.org/Wiki/ITK/MetaIO/Documentation)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .integrity import NOT_ITS_KIND, Stored, data_file, header_line, is_many_files, unreadable

_LONGEST_HEADER = 1 << 20
_MOST_DIMENSIONS = 10  # more, or less than 1, ends the process inside ITK
_SPACING = ("ElementSpacing", "ElementSize")
_ORIGIN = ("Offset", "Position", "Origin", "ImagePosition")
_AXES = ("TransformMatrix", "Orientation", "Rotation")
_UNITS = "DistanceUnits"
_SPELLING = {name.lower(): name for name in (*_SPACING, *_ORIGIN, *_AXES, _UNITS)}
_UNIT_LENGTH = 1e-3
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def stored_voxels(path: Path) -> Stored:
    """Where and how a MetaImage file keeps its voxels.

    Raises:
        ImageError: it is no MetaImage, its place is not told in numbers, or it keeps its voxels in a way that is not
            read.
    """
    fields, start = _fields(path)
    if not 1 <= _whole(path, fields, "NDims") <= _MOST_DIMENSIONS:
        raise unreadable(path, f"its field NDims should be 3, and is {fields.get('NDims', 'missing')}")
    _require_place(path, fields)
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


def _require_place(path: Path, fields: Mapping[str, str]) -> None:
    """Refuse a file from which it cannot be told where in the patient it lies: ITK would put it anywhere.

    Only the axes may be missing, which are then those of the patient: several writers leave them out.
    """
    for name in sorted(fields.keys() - set(_SPELLING.values())):
        if name.lower() in _SPELLING:  # ITK takes it for a remark
            raise unreadable(path, f"its field {name} should be written {_SPELLING[name.lower()]}")
    if (unit := fields.get(_UNITS, "mm")) != "mm":
        raise unreadable(path, f"its lengths are in {unit[:80]!r}, not in mm")
    dimensions = int(fields["NDims"])
    for names in (_SPACING, _ORIGIN):
        if _numbers(path, fields, names, dimensions) is None:
            reason = f"its header should have the field {names[0]} (or {', '.join(names[1:])}), and has none"
            raise unreadable(path, f"{reason}, so that it does not say where it lies in the patient")
    spatial = min(dimensions, 3)  # the fourth is time
    if matrix := _numbers(path, fields, _AXES, dimensions**2):
        lengths = [math.hypot(*matrix[axis * dimensions :][:spatial]) for axis in range(spatial)]
        if wrong := [length for length in lengths if abs(length - 1) > _UNIT_LENGTH]:
            raise unreadable(path, f"its axes should have the length 1 in the header, and one has {wrong[0]:g}")


def _numbers(path: Path, fields: Mapping[str, str], names: Sequence[str], count: int) -> tuple[float, ...] | None:
    """The numbers in the field that has one of these names, which mean the same; None where there is no such field.

    ITK would take a word for 0, leave out what is missing, and choose among several fields.
    """
    told = {}
    for name in (name for name in names if name in fields):
        words = fields[name].split()
        told[name] = tuple(float(word) if _NUMBER.fullmatch(word) else math.inf for word in words)
        if len(words) != count or not all(map(math.isfinite, told[name])):
            raise unreadable(path, f"its field {name} should be {count} numbers, and is {fields[name][:80]!r}")
    if len(set(told.values())) > 1:
        raise unreadable(path, f"its fields {' and '.join(told)} mean the same, and tell different numbers")
    return next(iter(told.values()), None)


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
