"""Whether a file holds the voxels that its header announces: by its size before ITK allocates, then by its checksums.

The libraries inside ITK fill what is missing or damaged with zeros, or with whatever lay in memory, and say nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError

GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_NOWHERE = np.empty(0, dtype=np.int64)
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


def require_size(stored: Stored, values: int, value_bytes: int) -> None:
    """Refuse a file that cannot hold so many values, without a look at them.

    Raises:
        ImageError: it ends early.
    """
    wanted = stored.skip + values * value_bytes
    size = stored.path.stat().st_size - stored.offset
    least = {"raw": wanted, "deflate": wanted // _DEFLATE_MOST, "hex": 2 * wanted, "text": 2 * values - 1}
    if size < least[stored.packing]:
        raise _incomplete(stored, wanted, max(size, 0))


def verify_voxels(
    stored: Stored, values: int, value_bytes: int, decimals: np.dtype[Any] | None = None
) -> NDArray[np.int64]:
    """Unpack what is compressed, piece by piece, checksum included, and forget it.

    Args:
        stored: of a file that `require_size` let pass.
        values: how many are announced.
        value_bytes: of one value.
        decimals: the type of values among which to look for NaN and infinity; None: no look.

    Returns:
        The places of values that are NaN or infinite, in the order of the file.

    Raises:
        ImageError: the data end early, hold much more than announced, or are damaged.
    """
    if stored.packing != "deflate" and decimals is None:
        return _NOWHERE
    wanted, came, finder = stored.skip + values * value_bytes, 0, _NotFinite(decimals, stored.skip)
    try:
        for piece in _pieces(stored):
            came += len(piece)
            if came > wanted + _CHUNK and stored.packing == "deflate":
                announced = f"the {wanted} bytes announced"
                msg = f"{stored.path.name!r} is damaged: its compressed data hold more than {announced}. Copy it again."
                raise ImageError(msg)
            finder.look_at(piece)
    except (EOFError, zlib.error) as error:
        msg = f"{stored.path.name!r} is damaged: its compressed data end early or fail their checksum. Copy it again."
        raise ImageError(msg) from error
    if came < wanted:
        raise _incomplete(stored, wanted, came)
    return np.concatenate(finder.places)


class _NotFinite:
    """Finds NaN and infinity in values that come in pieces."""

    def __init__(self, decimals: np.dtype[Any] | None, skip: int) -> None:
        self._decimals, self._skip = decimals, skip
        self._rest, self._done = b"", 0
        self.places = [_NOWHERE]

    def look_at(self, piece: bytes) -> None:
        if self._decimals is None:
            return
        rest = self._rest + piece[self._skip :]
        self._skip = max(self._skip - len(piece), 0)
        values = np.frombuffer(rest, dtype=self._decimals, count=len(rest) // self._decimals.itemsize)
        self.places.append(self._done + np.flatnonzero(~np.isfinite(values)))
        self._rest, self._done = rest[values.nbytes :], self._done + len(values)


def _incomplete(stored: Stored, wanted: int, came: int) -> ImageError:
    name = stored.path.name
    return ImageError(f"{name!r} is incomplete: its header announces {wanted} bytes, it has {came}. Copy it again.")


def _pieces(stored: Stored) -> Iterator[bytes]:
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
