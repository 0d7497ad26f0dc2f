"""The header of an NRRD file (https://teem.sourceforge.net/nrrd/format.html)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ...affine import FloatArray
from ...errors import ImageError
from ...texts import decoded, finite_number
from .header import ImageHeader, header_line, several_values, space_and_time, whole_number
from .integrity import Stored, data_file, is_many_files, unreadable
from .kinds import not_its_kind
from .place import POWERS_OF_TEN, axes_unknown, placed_grid, to_mm

_LONGEST_HEADER = 16 << 20
_MOST_DIMENSIONS = 16
_PACKINGS: Mapping[str, Literal["raw", "deflate", "hex", "text"]] = {
    "raw": "raw",
    "gz": "deflate",
    "gzip": "deflate",
    "hex": "hex",
    "txt": "text",
    "text": "text",
    "ascii": "text",
}
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_TYPE_OF = {name: code for code, names in _TYPES.items() for name in names}
_TO_LPS = {
    ("lps", "left-posterior-superior"): (1.0, 1.0, 1.0),
    ("ras", "right-anterior-superior"): (-1.0, -1.0, 1.0),
    ("las", "left-anterior-superior"): (1.0, -1.0, 1.0),
}
_SPACES = {name: signs for names, signs in _TO_LPS.items() for name in names}
_UNITS = {
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), "mm"),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), "cm"),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), "m"),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers"), "um"),
}
_SEGMENT = re.compile(r"Segment(\d+)_(\w+)")
_TIMES = {"list", "time"}
_VECTOR = re.compile(r"none|\(([^()]*)\)", re.IGNORECASE)


def read_header(path: Path) -> ImageHeader:
    """The header of an NRRD file, whose voxels follow it or lie in a file of their own.

    Raises:
        ImageError: it is no NRRD, a segmentation, does not say how it lies, or keeps its voxels in a way that is not
            read.
    """
    header, segments = read_mask_header(path)
    if segments:
        msg = f"{path.name!r} is a segmentation of Slicer's, and no CT. Give the scan on which it was drawn."
        raise ImageError(msg)
    return header


def read_mask_header(path: Path) -> tuple[ImageHeader, dict[int, dict[str, str]]]:
    """The header of an NRRD file, and what it tells of each segment by its number (ID, Name, LabelValue, Layer, …).

    The layers of a segmentation are the header's time points.

    Raises:
        ImageError: as `read_header`, but for segmentations.
    """
    fields, segments, start = _fields(path)
    sizes = _sizes(path, fields)
    if len(sizes) < 3:
        space_and_time(path, sizes)
    vectors = _axes(path, fields, len(sizes))
    time_axis, others = _time_axis(path, fields, sizes, vectors)
    spatial = [axis for axis in range(len(sizes)) if axis not in others]
    grid_size, time_points = tuple(sizes[axis] for axis in spatial), sizes[time_axis] if time_axis is not None else 1
    signs = np.array(_signs(path, fields))
    unit = _unit(path, fields)
    axes = to_mm(np.array([vectors[axis] for axis in spatial]).T[:3], unit) * signs[:, None]
    origin = _origin(path, fields)
    first = np.zeros(3) if origin is None else to_mm(origin, unit) * signs
    grid, notes = placed_grid(path, grid_size, first, axes, unit)
    header = ImageHeader(
        _stored(path, fields, start, math.prod(sizes)),
        grid,
        has_origin=origin is not None,
        time_points=time_points,
        time_is_fastest=time_points > 1 and time_axis == 0,
        notes=notes,
    )
    return header, segments


def _fields(path: Path) -> tuple[dict[str, str], dict[int, dict[str, str]], int]:
    """The fields of the header, their names without blanks and in small letters; those of segments; where it ends."""
    fields: dict[str, str] = {}
    segments: dict[int, dict[str, str]] = {}
    with path.open("rb") as file:
        if file.read(4) != b"NRRD":
            raise not_its_kind(path)
        header_line(file, path, _LONGEST_HEADER)
        while (line := header_line(file, path, _LONGEST_HEADER)).strip():
            name, _, value = decoded(line).partition(":")
            if value.startswith("=") and (segment := _SEGMENT.fullmatch(name)):
                segments.setdefault(int(segment[1]), {})[segment[2]] = value[1:].strip()
            if name.startswith("#") or value.startswith("="):
                continue
            name = "".join(name.split()).lower()
            if fields.get(name, value.strip()) != value.strip():
                raise unreadable(path, f"its header has the field {name[:80]!r} twice")
            fields[name] = value.strip()
        return fields, segments, file.tell()


def _sizes(path: Path, fields: Mapping[str, str]) -> list[int]:
    """The number of voxels along each axis, the fastest first."""
    dimension = whole_number(path, fields.get("dimension", "missing"), "'dimension'")
    words = fields.get("sizes", "").split()
    is_sound = len(words) == dimension and all(re.fullmatch(r"\d{1,10}", word, re.ASCII) for word in words)
    if not (1 <= dimension <= _MOST_DIMENSIONS and is_sound):
        said = f"{dimension} and {fields.get('sizes', 'missing')[:80]!r}"
        raise unreadable(path, f"its fields 'dimension' and 'sizes' should tell how many voxels it has, and are {said}")
    return [int(word) for word in words]


def _vectors(text: str) -> list[tuple[float, ...] | None] | None:
    """The vectors of a field, None for each `none`, NaN for what is no number; None for a text that is no such list."""
    if _VECTOR.sub("", text).strip():
        return None
    found = _VECTOR.finditer(text)
    return [
        tuple(finite_number(word.strip()) for word in match[1].split(",")) if match[1] is not None else None
        for match in found
    ]


def _axes(path: Path, fields: Mapping[str, str], dimension: int) -> list[tuple[float, ...] | None]:
    """The step along each axis in the file's space; None for an axis that is none of space."""
    if "spacedirections" not in fields:
        raise axes_unknown(path, "its header has no field 'space directions'")
    text = fields["spacedirections"]
    vectors = _vectors(text)
    if vectors is None or len(vectors) != dimension:
        raise unreadable(path, f"its field 'space directions' should be {dimension} vectors, and is {text[:80]!r}")
    told = [vector for vector in vectors if vector is not None]
    if len(told) < 3 or any(map(math.isnan, (value for vector in told for value in vector))):
        raise axes_unknown(path, f"its field 'space directions' is {text[:80]!r}")
    if len(told) > 4 or {len(vector) for vector in told} != {len(told)}:
        raise unreadable(path, f"its field 'space directions' should be three vectors of three, and is {text[:80]!r}")
    if len(told) == 4 and (any(vector[3] for vector in told[:3]) or any(told[3][:3])):
        raise unreadable(path, f"its axes of space lean into time ('space directions' is {text[:80]!r})")
    return vectors


def _time_axis(
    path: Path, fields: Mapping[str, str], sizes: Sequence[int], vectors: Sequence[tuple[float, ...] | None]
) -> tuple[int | None, set[int]]:
    """Which axis is time, or the list of a sequence; and all axes that are none of space."""
    others = {axis for axis, vector in enumerate(vectors) if vector is None}
    if not others and len(sizes) == 4:
        others = {3}  # a fourth axis of the same space, as ITK writes time
        return 3, others
    kinds = (fields.get("kinds", "").lower().split() + ["???"] * len(sizes))[: len(sizes)]
    long = [axis for axis in sorted(others) if sizes[axis] != 1]
    if any(kinds[axis] not in _TIMES for axis in long):
        raise several_values(path, sizes, math.prod(sizes[axis] for axis in long))
    if len(long) > 1 or (long and long[0] not in {0, len(sizes) - 1}):
        reason = "its axes should be three of space, or three of space and a list before or after them"
        raise unreadable(path, f"{reason}: 'kinds' is {fields['kinds'][:80]!r}")
    return (long[0] if long else None), others


def _signs(path: Path, fields: Mapping[str, str]) -> tuple[float, float, float]:
    """What makes the file's space LPS. A 4D file as ITK writes it has no name for its space, which is LPS."""
    space = fields.get("space", "").lower().removesuffix("-time")
    if len(space) == 4 and space[:3] in _SPACES and space[3] == "t":
        space = space[:3]
    if not space and fields.get("dimension") == fields.get("spacedimension") == "4":
        space = "lps"
    if space not in _SPACES:
        said = f"is {fields['space'][:80]!r}" if "space" in fields else "is missing"
        raise axes_unknown(path, f"its field 'space' should be LPS, RAS or LAS, and {said}")
    return _SPACES[space]


def _origin(path: Path, fields: Mapping[str, str]) -> FloatArray | None:
    """The first voxel's centre in the file's space; None where it is told as not known."""
    text = fields.get("spaceorigin", "none")
    vectors = _vectors(text)
    if text.strip().lower() in {"", "none", "nan", "???"} or vectors == [None]:
        return None
    if vectors is None or len(vectors) != 1 or len(vectors[0] or ()) not in {3, 4}:
        raise unreadable(path, f"its field 'space origin' should be one vector, and is {text[:80]!r}")
    origin = np.array(vectors[0])[:3]
    if np.isfinite(origin).all():
        return origin
    if all(word.strip().lower() in {"nan", "none"} for word in text.strip("() ").split(",")):
        return None
    raise unreadable(path, f"its field 'space origin' should be numbers, and is {text[:80]!r}")


def _unit(path: Path, fields: Mapping[str, str]) -> str:
    """The unit of length: a key of `POWERS_OF_TEN`."""
    told = set()
    for field, spoken in (("spaceunits", "space units"), ("units", "units")):
        words = [
            word.strip() for pair in re.findall(r'"([^"]*)"|(\S+)', fields.get(field, "")) for word in pair if word
        ]
        lengths = {word for word in words if word.lower() not in {"", "???", "none", "s", "ms", "hu"}}
        if wrong := {word for word in lengths if word.lower() not in _UNITS}:
            raise unreadable(
                path,
                f"its lengths are in {', '.join(sorted(wrong))[:80]} ('{spoken}'), not in {', '.join(POWERS_OF_TEN)}",
            )
        told |= {_UNITS[word.lower()] for word in lengths}
    if len(told) > 1:
        raise unreadable(path, f"its lengths are in several units: {', '.join(sorted(told))}")
    return told.pop() if told else "mm"


def _stored(path: Path, fields: Mapping[str, str], start: int, count: int) -> Stored:
    """Where and how the file keeps its voxels."""
    encoding = fields.get("encoding", "").lower()
    if encoding not in _PACKINGS:
        raise unreadable(path, f"its voxels are stored as {encoding[:80]!r}, not as {', '.join(_PACKINGS)}")
    packing = _PACKINGS[encoding]
    dtype = _value_type(path, fields, packing)
    ends = {name: fields[name] for name in ("oldmin", "oldmax") if math.isfinite(finite_number(fields.get(name, "")))}
    if ends and dtype.kind in "iu":
        raise unreadable(path, f"its values were quantized ('old min', 'old max': {', '.join(ends.values())[:80]})")
    if fields.get("lineskip", "0") != "0":
        raise unreadable(path, "its voxels come after lines to be skipped")
    skip = whole_number(path, fields.get("byteskip", "0"), "'byte skip'")
    data = fields.get("datafile", "")
    if is_many_files(data):
        raise unreadable(path, "its voxels are spread over several files, and only one is read")
    holder, offset = (data_file(path, data), 0) if data else (path, start)
    if skip < 0 and packing == "raw":  # the voxels are the last bytes of the file
        return Stored(holder, packing, dtype, count, offset=-1)
    if packing in {"hex", "text"}:
        return Stored(holder, packing, dtype, count, offset=offset + max(skip, 0))
    return Stored(holder, packing, dtype, count, offset=offset, skip=max(skip, 0))


def _value_type(path: Path, fields: Mapping[str, str], packing: str) -> np.dtype[np.generic]:
    """The type of one stored value."""
    name = " ".join(fields.get("type", "missing").lower().split())
    if name not in _TYPE_OF:
        raise unreadable(path, f"its field 'type' should be a number's, such as short or float, and is {name[:80]!r}")
    dtype = np.dtype(_TYPE_OF[name])
    order = fields.get("endian", "missing").lower()
    if dtype.itemsize == 1 or packing == "text":
        return dtype
    if order not in {"little", "big"}:
        raise unreadable(path, f"its field 'endian' should be little or big, and is {order[:80]!r}")
    return dtype.newbyteorder("<" if order == "little" else ">")
