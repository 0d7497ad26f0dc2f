"""The header of an NRRD file, as far as ITK takes it on trust (https://teem.sourceforge.net/nrrd/format.html)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from .integrity import NOT_ITS_KIND, Stored, data_file, header_line, is_many_files, unreadable

_LONGEST_HEADER = 16 << 20
_LONGEST_FIELD = 400  # bytes: from 1,000 on, one that ITK does not understand ends the process
_PACKINGS: Mapping[str, Literal["raw", "deflate", "hex", "text"]] = {
    "raw": "raw",
    "gz": "deflate",
    "gzip": "deflate",
    "hex": "hex",
    "txt": "text",
    "text": "text",
    "ascii": "text",
}
_SPACES = {
    *("lps", "ras", "las"),
    *("left-posterior-superior", "right-anterior-superior", "left-anterior-superior"),
}  # ITK takes the directions in any other for LPS


def stored_voxels(path: Path) -> Stored:
    """Where and how an NRRD file keeps its voxels.

    Raises:
        ImageError: it is no NRRD, does not say where it lies, or keeps its voxels in a way that is not read.
    """
    fields, start = _fields(path)
    _require_place(path, fields)
    encoding = fields.get("encoding", "").lower()
    if encoding not in _PACKINGS:
        raise unreadable(path, f"its voxels are stored as {encoding[:80]!r}, not as {', '.join(_PACKINGS)}")
    packing = _PACKINGS[encoding]
    if fields.get("lineskip", "0") != "0":
        raise unreadable(path, "its voxels come after lines to be skipped")
    skip = fields.get("byteskip", "0")
    if not re.fullmatch(r"-?\d{1,18}", skip, re.ASCII):
        raise unreadable(path, f"its field 'byte skip' is {skip[:80]!r}, not a whole number")
    skipped = max(int(skip), 0)  # -1: the voxels are the last bytes of the file
    data = fields.get("datafile", "")
    if is_many_files(data):
        raise unreadable(path, "its voxels are spread over several files, and only one is read")
    if data:
        return Stored(data_file(path, data), packing, skip=skipped)
    return Stored(path, packing, offset=start, skip=skipped)


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of the header, their names without blanks and in small letters; and where it ends in the file."""
    fields = {}
    with path.open("rb") as file:
        if file.read(4) != b"NRRD":
            raise unreadable(path, NOT_ITS_KIND)
        header_line(file, path, _LONGEST_HEADER)
        while (line := header_line(file, path, _LONGEST_HEADER)).strip():
            name, _, value = line.decode("utf-8", "replace").partition(":")
            is_field = not name.startswith("#") and not value.startswith("=")
            if is_field and len(line) > _LONGEST_FIELD:
                raise unreadable(path, NOT_ITS_KIND)
            if is_field:
                fields["".join(name.split()).lower()] = value.strip()
        return fields, file.tell()


def _require_place(path: Path, fields: Mapping[str, str]) -> None:
    """Refuse a file from which it cannot be told where in the patient it lies: ITK would put it anywhere.

    A 4D file as ITK writes it has no name for its space, which is LPS.
    """
    if fields.get("dimension") in {"1", "2"}:
        return  # refused for that, later
    space = fields.get("space", "").lower()
    if not space and fields.get("dimension") == fields.get("spacedimension") == "4":
        space = "lps"
    if space not in _SPACES or "spacedirections" not in fields or "(" not in fields.get("spaceorigin", ""):
        raise unreadable(
            path,
            "its header does not say where it lies in the patient ('space' as LPS, RAS or LAS, 'space directions' and "
            "'space origin')",
        )
    if units := set(re.findall(r"[^\"\s]+", fields.get("spaceunits", ""))) - {"mm"}:
        raise unreadable(path, f"its lengths are in {', '.join(sorted(units))}, not in mm")
