"""The header of a MetaImage file (https://itk.org/Wiki/ITK/MetaIO/Documentation)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...affine import FloatArray
from ...texts import decoded, finite_number
from .header import ImageHeader, header_line, several_values, space_and_time, whole_number
from .integrity import Stored, data_file, is_many_files, unreadable
from .kinds import not_its_kind
from .place import POWERS_OF_TEN, axes_unknown, placed_grid, to_mm

_LONGEST_HEADER = 1 << 20
_MOST_DIMENSIONS = 10
_SPACING, _SIZE = "ElementSpacing", "ElementSize"
_ORIGIN = ("Offset", "Position", "Origin", "ImagePosition")
_AXES = ("TransformMatrix", "Orientation", "Rotation")
_UNITS = "DistanceUnits"
_REMARK = "Comment"
_OF_NO_CT = {"MET_MOD_MR", "MET_MOD_NM", "MET_MOD_US"}
_SPELLING = {name.lower(): name for name in (_SPACING, _SIZE, *_ORIGIN, *_AXES, _UNITS)}
_UNIT_LENGTH = 1e-3
_UPRIGHT = {"RAI", "???"}  # named by where each axis begins: at the right, the front, the feet
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


def read_header(path: Path) -> ImageHeader:
    """The header of a MetaImage file, whose voxels follow it or lie in a file of their own.

    Raises:
        ImageError: it is no MetaImage, its place is not told in numbers, or it keeps its voxels in a way that is not
            read.
    """
    fields, start = _fields(path)
    dimensions = _whole(path, fields, "NDims")
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise unreadable(path, f"its field NDims should be 3, and is {fields.get('NDims', 'missing')}")
    sizes = [int(size) for size in _required(path, fields, "DimSize", dimensions)]
    spatial, time_points = space_and_time(path, sizes)
    if (channels := _whole(path, fields, "ElementNumberOfChannels", missing=1)) != 1:
        raise several_values(path, sizes, channels)
    _require_spelling(path, fields)
    _require_hu(path, fields)
    unit = fields.get(_UNITS, "mm").strip()
    unit = "mm" if unit == "?" else unit
    if unit not in POWERS_OF_TEN:
        raise unreadable(path, f"its field {_UNITS} is {unit[:80]!r}, not one of {', '.join(POWERS_OF_TEN)}")
    spacing, notes = _spacing(path, fields, dimensions)
    axes, more = _axes(path, fields, dimensions)
    origin = _numbers(path, fields, _ORIGIN, dimensions)
    first = np.zeros(3) if origin is None else to_mm(np.array(origin[:3]), unit)
    grid, found = placed_grid(path, spatial, first, axes * to_mm(spacing, unit), unit)
    return ImageHeader(
        _stored(path, fields, start, math.prod(sizes)),
        grid,
        has_origin=origin is not None,
        time_points=time_points,
        notes=(*found, *notes, *more),
    )


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of the header, and where it ends in the file: after the line of ElementDataFile."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in fields:
            line = header_line(file, path, _LONGEST_HEADER)
            if not line:
                raise not_its_kind(path)
            text = decoded(line).strip("\ufeff \t\r\n")
            if not text:
                continue
            name, *value = (part.strip() for part in re.split("[=:]", text, maxsplit=1))
            if not value:
                raise not_its_kind(path)
            if name in fields and name != _REMARK:
                raise unreadable(path, f"its header has the field {name[:80]!r} twice")
            fields[name] = value[0]
        return fields, file.tell()


def _require_spelling(path: Path, fields: Mapping[str, str]) -> None:
    """Refuse a field of the place in other capitals, which most readers take for a remark."""
    for name in sorted(fields.keys() - set(_SPELLING.values())):
        if name.lower() in _SPELLING:
            raise unreadable(path, f"its field {name} should be written {_SPELLING[name.lower()]}")


def _require_hu(path: Path, fields: Mapping[str, str]) -> None:
    """Refuse the values of another modality, and those that are to be scaled, which most readers do not."""
    if fields.get("Modality", "") in _OF_NO_CT:
        raise unreadable(path, f"its field Modality is {fields['Modality']}, and a CT has MET_MOD_CT")
    told = [fields.get(f"ElementToIntensityFunction{name}", str(none)) for name, none in (("Slope", 1), ("Offset", 0))]
    if [*map(finite_number, told)] != [1, 0]:
        scale = f"ElementToIntensityFunctionSlope and Offset are {told[0][:40]!r} and {told[1][:40]!r}"
        raise unreadable(path, f"its values are to be scaled ({scale}), which programs do or do not")


def _spacing(path: Path, fields: Mapping[str, str], dimensions: int) -> tuple[FloatArray, tuple[str, ...]]:
    """The distance of neighbouring voxels along i, j and k. `ElementSize` is how large they are: it may be another."""
    spacing = _numbers(path, fields, (_SPACING,), dimensions)
    size = _numbers(path, fields, (_SIZE,), dimensions)
    told = spacing or size
    if told is None:
        raise axes_unknown(path, f"its header should have the field {_SPACING} (or {_SIZE}), and has none")
    notes = () if size in {None, told} else (f"the file's voxels overlap or have gaps: its {_SPACING} was used",)
    return np.array(told[:3]), notes


def _axes(path: Path, fields: Mapping[str, str], dimensions: int) -> tuple[FloatArray, tuple[str, ...]]:
    """The directions of i, j and k in LPS as columns; where none are told, those of the patient, with a note."""
    matrix = _numbers(path, fields, _AXES, dimensions**2)
    if matrix is None:
        begins = fields.get("AnatomicalOrientation", "RAI").strip().upper()
        if begins not in _UPRIGHT:
            told = f"its AnatomicalOrientation is {begins[:80]!r}, and it has no {_AXES[0]}"
            raise axes_unknown(path, told)
        return np.eye(3), (
            "the file does not say how its axes run: they were taken for the patient's left, back and head",
        )
    spatial = min(dimensions, 3)  # the fourth is time
    axes = np.array(matrix).reshape(dimensions, dimensions)[:spatial, :spatial].T
    lengths = [math.hypot(*axis) for axis in axes.T]
    if wrong := [length for length in lengths if abs(length - 1) > _UNIT_LENGTH]:
        raise unreadable(path, f"its axes should have the length 1 in the header, and one has {wrong[0]:g}")
    centre = _numbers(path, fields, ("CenterOfRotation",), dimensions)
    if centre is not None and any(centre) and not np.array_equal(axes, np.eye(spatial)):
        return axes, ("the file's CenterOfRotation was not used, as no reader of images does",)
    return axes, ()


def _required(path: Path, fields: Mapping[str, str], name: str, count: int) -> list[str]:
    """So many whole numbers, which must be there."""
    words = fields.get(name, "missing").split()
    if len(words) != count or not all(re.fullmatch(r"\d{1,10}", word, re.ASCII) for word in words):
        raise unreadable(
            path, f"its field {name} should be {count} whole numbers, and is {fields.get(name, 'missing')[:80]!r}"
        )
    return words


def _numbers(path: Path, fields: Mapping[str, str], names: Sequence[str], count: int) -> tuple[float, ...] | None:
    """The numbers in the field that has one of these names, which mean the same; None where there is no such field."""
    told = {}
    for name in (name for name in names if name in fields):
        told[name] = tuple(map(finite_number, fields[name].split()))
        if len(told[name]) != count or any(map(math.isnan, told[name])):
            raise unreadable(path, f"its field {name} should be {count} numbers, and is {fields[name][:80]!r}")
    if len(set(told.values())) > 1:
        raise unreadable(path, f"its fields {' and '.join(told)} mean the same, and tell different numbers")
    return next(iter(told.values()), None)


def _stored(path: Path, fields: Mapping[str, str], start: int, count: int) -> Stored:
    """Where and how the file keeps its voxels."""
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
    rest = holder.stat().st_size - offset
    dtype = _value_type(path, fields)
    if is_packed:
        _require_packed_size(path, fields, rest)
        return Stored(holder, "deflate", dtype, count, offset)
    if not _is_true(fields, "BinaryData"):
        return Stored(holder, "text", dtype, count, offset)
    if fields["ElementType"] in {"MET_LONG", "MET_ULONG"} and rest == 8 * count:  # as some systems write them
        dtype = np.dtype(dtype.str.replace("4", "8"))
    return Stored(holder, "raw", dtype, count, -1 if skip == -1 else offset)


def _value_type(path: Path, fields: Mapping[str, str]) -> np.dtype[np.generic]:
    """The type of one stored value; little-endian, where the header does not say."""
    name = fields.get("ElementType", "missing")
    if name not in _TYPES:
        raise unreadable(path, f"its field ElementType should be a number's, such as MET_SHORT, and is {name[:80]!r}")
    is_big = any(_is_true(fields, order) for order in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"))
    return np.dtype(_TYPES[name]).newbyteorder(">" if is_big else "<")


def _require_packed_size(path: Path, fields: Mapping[str, str], rest: int) -> None:
    """Refuse compressed voxels whose length is told wrongly; where it is not told, or as 0, they end with the file."""
    told = _whole(path, fields, "CompressedDataSize")
    if told not in {0, rest}:
        raise unreadable(path, f"its header announces {told} bytes of compressed voxels, and {rest} follow")


def _whole(path: Path, fields: Mapping[str, str], name: str, missing: int = 0) -> int:
    return whole_number(path, fields.get(name, str(missing)), name)


def _is_true(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "")[:1] in {"T", "t", "1"}
