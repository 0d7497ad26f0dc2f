"""The header of a NIfTI-1 or NIfTI-2 file, in one piece or as a pair (https://nifti.nimh.nih.gov)."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .header import ImageHeader, several_values, space_and_time
from .integrity import GZIP, NOT_ITS_KIND, Stored, data_file, unpacked, unreadable
from .kinds import not_its_kind
from .nifti_place import grid_of
from .place import axes_unknown

_FIELDS = ("sizeof_hdr", "dim", "datatype", "bitpix", "pixdim", "vox_offset", "scl_slope", "scl_inter", "xyzt_units",
           "qform_code", "sform_code", "quatern", "qoffset", "srow", "magic", "intent_code")  # fmt: skip
_NIFTI_1 = np.dtype(
    {
        "names": _FIELDS,
        "formats": [
            "i4",
            "8i2",
            "i2",
            "i2",
            "8f4",
            "f4",
            "f4",
            "f4",
            "u1",
            "i2",
            "i2",
            "3f4",
            "3f4",
            "(3,4)f4",
            "V4",
            "i2",
        ],
        "offsets": [0, 40, 70, 72, 76, 108, 112, 116, 123, 252, 254, 256, 268, 280, 344, 68],
        "itemsize": 348,
    }
)
_NIFTI_2 = np.dtype(
    {
        "names": _FIELDS,
        "formats": [
            "i4",
            "8i8",
            "i2",
            "i2",
            "8f8",
            "i8",
            "f8",
            "f8",
            "i4",
            "i4",
            "i4",
            "3f8",
            "3f8",
            "(3,4)f8",
            "V8",
            "i4",
        ],
        "offsets": [0, 16, 12, 14, 104, 168, 176, 184, 500, 344, 348, 352, 376, 400, 4, 504],
        "itemsize": 540,
    }
)
_ONE_FILE, _PAIR = (b"n+1\0", b"n+2\0"), (b"ni1\0", b"ni2\0")
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_SEVERAL_VALUES = {32: 2, 1792: 2, 2048: 2, 128: 3, 2304: 4}  # complex numbers and colours
_MOST_DIMENSIONS = 7
_VECTOR = 1007  # of the field intent_code: the fifth axis has the parts of a vector


def read_header(path: Path) -> ImageHeader:
    """The header of a NIfTI file, plain or compressed; of a pair, either file may be given.

    Raises:
        ImageError: another format, no place in the patient, a field that is impossible or not supported.
    """
    holder = _partner(path, ".hdr") if _is_named(path, ".img") else path
    content, is_packed = _first_bytes(holder)
    fields, layout = _fields(holder, content)
    size = _size(holder, fields)
    if fields["intent_code"] == _VECTOR and len(size) == 5 and size[4] > 1:
        raise several_values(path, size, size[4])
    dtype = _value_type(holder, fields, size)
    spatial, time_points = space_and_time(path, size)
    scaling = _scaling(holder, float(fields["scl_slope"]), float(fields["scl_inter"]))
    magic = bytes(fields["magic"].tobytes())[:4]
    data, first = holder, float(fields["vox_offset"])
    if magic in _PAIR:
        data = _voxels_of_pair(path, holder)
        is_packed = is_packed_file(data)
    least = 0 if magic in _PAIR else layout.itemsize + 4
    if not (least <= first < 2**48 and first.is_integer()):
        raise unreadable(holder, f"its field vox_offset should be a whole number from {least} on, and is {first:g}")
    grid, notes = grid_of(holder, fields, spatial)
    stored = Stored(data, "deflate" if is_packed else "raw", dtype, math.prod(size), skip=int(first))
    return ImageHeader(stored, grid, time_points=time_points, scaling=scaling, notes=notes)


def _is_named(path: Path, ending: str) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(ending)


def _partner(path: Path, ending: str) -> Path:
    """The other file of a pair, packed or not."""
    stem = path.name[: -len(".img.gz")] if path.name.lower().endswith(".gz") else path.name[: -len(".img")]
    ways = [path.with_name(f"{stem}{ending}"), path.with_name(f"{stem}{ending}.gz")]
    return next((way for way in ways if way.is_file()), None) or data_file(path, f"{stem}{ending}")


def _voxels_of_pair(path: Path, header: Path) -> Path:
    if _is_named(path, ".img"):
        return path
    if not _is_named(header, ".hdr"):
        raise unreadable(header, "it is the header of a NIfTI pair, whose name should end in .hdr beside an .img")
    return _partner(header, ".img")


def is_packed_file(path: Path) -> bool:
    """Whether a file is a gzip archive, whatever its name says."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _first_bytes(path: Path) -> tuple[bytes, bool]:
    """The unpacked header, and whether it was packed."""
    is_packed = is_packed_file(path)
    with path.open("rb") as file:
        if not is_packed:
            return file.read(_NIFTI_2.itemsize), False
        try:
            content = b""
            for piece in unpacked(file, _NIFTI_2.itemsize):
                content += piece
                if len(content) >= _NIFTI_2.itemsize:
                    break
        except (EOFError, zlib.error) as error:
            if len(content) < _NIFTI_1.itemsize:
                raise unreadable(path, NOT_ITS_KIND) from error
        return content[: _NIFTI_2.itemsize], True


def _fields(path: Path, content: bytes) -> tuple[Any, np.dtype[Any]]:
    """The header's fields, in the byte order that its first one shows, and their layout."""
    for layout in (_NIFTI_1, _NIFTI_2):
        for ordered in (layout.newbyteorder("<"), layout.newbyteorder(">")):
            if len(content) >= layout.itemsize:
                fields = np.frombuffer(content, ordered, 1)[0]
                if fields["sizeof_hdr"] == layout.itemsize:
                    _require_nifti(path, bytes(fields["magic"].tobytes())[:4])
                    return fields, ordered
    raise not_its_kind(path)


def _require_nifti(path: Path, magic: bytes) -> None:
    if magic not in _ONE_FILE + _PAIR:
        raise axes_unknown(path, "it is an Analyze file, whose header has no place for that")


def _size(path: Path, fields: Any) -> list[int]:  # noqa: ANN401 - a record of numpy
    """The number of voxels along each axis, the fastest first."""
    axes, *sizes = (int(value) for value in fields["dim"])
    if not 1 <= axes <= _MOST_DIMENSIONS:
        raise unreadable(path, f"its field dim should begin with 1 to {_MOST_DIMENSIONS} axes, and has {axes}")
    used = [max(size, 1) if axis > 2 else size for axis, size in enumerate(sizes[:axes])]
    if min(used) < 1:
        raise unreadable(path, f"its field dim should be positive numbers, and is {used}")
    return used


def _value_type(path: Path, fields: Any, size: list[int]) -> np.dtype[Any]:  # noqa: ANN401 - a record of numpy
    code, bits = int(fields["datatype"]), int(fields["bitpix"])
    if code in _SEVERAL_VALUES:
        raise several_values(path, size, _SEVERAL_VALUES[code])
    if code not in _TYPES:
        known = ", ".join(map(str, _TYPES))
        raise unreadable(path, f"its field datatype is {code}, and what is read are {known}")
    dtype: np.dtype[Any] = np.dtype(fields.dtype["dim"].base.byteorder + _TYPES[code])
    if bits != dtype.itemsize * 8:
        reason = f"its field bitpix should be {dtype.itemsize * 8} for the datatype {code}, and is {bits}"
        raise unreadable(path, reason)
    return dtype


def _scaling(path: Path, slope: float, intercept: float) -> tuple[float, float] | None:
    """Slope and intercept, refused if readers understand them differently; a slope of 0 or NaN means: not scaled."""
    is_scaled = slope != 0 and not math.isnan(slope)
    is_clear = (
        math.isfinite(slope) and math.isfinite(intercept) if is_scaled else intercept == 0 or math.isnan(intercept)
    )
    if not is_clear:
        fields = f"scl_slope and scl_inter are {slope:g} and {intercept:g}"
        raise unreadable(
            path,
            f"its voxels would be scaled by {slope:g} and moved by {intercept:g} ({fields}), which has no one meaning",
        )
    return (slope, intercept) if is_scaled and (slope, intercept) != (1, 0) else None
