"""Whether a file holds the voxels that its header announces, found out before ITK allocates or reads anything.

The libraries inside ITK fill what is missing or damaged with zeros, or with whatever lay in memory, and say nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from ..errors import ImageError

GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_DEFLATE_MOST = 1032  # a byte of deflate unpacks to no more than so many

LONGEST_PATH = 900
"""In bytes. Where ITK cannot read an NRRD file, it writes why into 1,024 bytes; more of them end the process."""

NOT_ITS_KIND = "it is damaged, incomplete, or not of the kind that its name says"


@dataclass(frozen=True)
class Stored:
    """Where and how the voxels of an image are stored, as its header says."""

    path: Path
    """The file that holds them: the image itself, or the file that its header names."""
    packing: Literal["raw", "deflate", "hex", "text"]
    offset: int = 0
    """Bytes in the file before them, or before what they are packed in."""
    skip: int = 0
    """Bytes before them once they are unpacked."""


def unreadable(path: Path, reason: str) -> ImageError:
    """The one sentence for a file that is no scan, as a clause says why."""
    return ImageError(f"{path.name!r} cannot be read as a scan: {reason}. Export the scan again.")


def header_line(file: BinaryIO, path: Path, most: int) -> bytes:
    """The next line of a header in text; nothing at the end of the file.

    Raises:
        ImageError: the header is longer than `most` bytes, or a line has control characters that ITK could take for the
            end of a line or of a text.
    """
    line = file.readline(most)
    if file.tell() > most or b"\0" in line or b"\r" in line.rstrip(b"\r\n"):
        raise unreadable(path, NOT_ITS_KIND)
    return line


def is_many_files(data: str) -> bool:
    """Whether a header names a list of files, or a pattern with numbers, as those of its voxels."""
    return data.startswith("LIST") or re.search(r"%.*\s-?\d", data) is not None


def data_file(header: Path, name: str) -> Path:
    """The file that a header names as that of its voxels.

    Raises:
        ImageError: there is no such file.
    """
    path = header.parent / name
    try:
        is_there = path.is_file() and len(str(path).encode()) <= LONGEST_PATH
    except OSError:  # a name that is too long
        is_there = False
    if not is_there:
        raise unreadable(header, f"the file with its voxels, {path.name[:80]!r}, is missing")
    return path


def require_voxels(stored: Stored, values: int, value_bytes: int) -> None:
    """Refuse a file that cannot hold so many values, or whose compressed data do not unpack to them, checksum included.

    Compressed data are unpacked piece by piece and forgotten.

    Raises:
        ImageError: it ends early, holds much more than announced, or is damaged.
    """
    name, wanted = stored.path.name, stored.skip + values * value_bytes
    size = stored.path.stat().st_size - stored.offset
    least = {"raw": wanted, "deflate": wanted // _DEFLATE_MOST, "hex": 2 * wanted, "text": 2 * values - 1}
    if size < least[stored.packing]:
        raise _incomplete(name, wanted, max(size, 0))
    if stored.packing != "deflate":
        return
    came = 0
    try:
        for piece in pieces(stored):
            came += len(piece)
            if came > wanted + _CHUNK:
                announced = f"the {wanted} bytes announced"
                msg = f"{name!r} is damaged: its compressed data hold more than {announced}. Copy it again."
                raise ImageError(msg)
    except (EOFError, zlib.error) as error:
        msg = f"{name!r} is damaged: its compressed data end early or fail their checksum. Copy it again."
        raise ImageError(msg) from error
    if came < wanted:
        raise _incomplete(name, wanted, came)


def _incomplete(name: str, wanted: int, came: int) -> ImageError:
    return ImageError(f"{name!r} is incomplete: its header announces {wanted} bytes, it has {came}. Copy it again.")


def pieces(stored: Stored) -> Iterator[bytes]:
    """The bytes that are stored, unpacked if they are packed, `skip` included, a megabyte at a time.

    Raises:
        EOFError: compressed data end early.
        zlib.error: they are no compressed data, or fail their checksum.
    """
    with stored.path.open("rb") as file:
        file.seek(stored.offset)
        if stored.packing == "deflate":
            yield from _unpacked(file)
        else:
            yield from iter(lambda: file.read(_CHUNK), b"")


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file, unpacked: one zlib stream, or gzip members one after the other."""
    packed = file.read(_CHUNK)
    while True:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # zlib or gzip: told by the first bytes
        while not unpacker.eof:
            packed = packed or file.read(_CHUNK)
            if not packed:
                raise EOFError
            yield unpacker.decompress(packed, _CHUNK)
            packed = unpacker.unconsumed_tail
        packed = unpacker.unused_data
        packed += file.read(_CHUNK) if len(packed) < len(GZIP) else b""
        if not packed.startswith(GZIP):
            return
