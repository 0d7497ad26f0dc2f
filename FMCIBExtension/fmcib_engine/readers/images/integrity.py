"""The bytes of an image file: whether it holds the voxels that its header announces, and these voxels.

First the file's size is compared with the header, before anything is allocated; then what is packed is unpacked,
checksum included. Nothing that is missing or damaged is filled with zeros.
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

from ...errors import ImageError
from ...paths import file_of, plain

GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_DEFLATE_MOST = 1032  # a byte of deflate unpacks to no more than so many

NOT_ITS_KIND = "it is damaged, incomplete, or not of the kind that its name says"


@dataclass(frozen=True)
class Stored:
    """Where and how the voxels of an image are stored, as its header says."""

    path: Path
    """The file that holds them: the image itself, or the file that its header names."""
    packing: Literal["raw", "deflate", "hex", "text"]
    dtype: np.dtype[Any]
    """Of one value, byte order included."""
    count: int
    """How many values there are, of all time points."""
    offset: int = 0
    """Bytes in the file before them, or before what they are packed in; -1: they are the last bytes of the file."""
    skip: int = 0
    """Bytes before them once they are unpacked."""

    @property
    def wanted(self) -> int:
        """How many bytes there must be once they are unpacked."""
        return self.skip + self.count * self.dtype.itemsize


def unreadable(path: Path, reason: str) -> ImageError:
    """The one sentence for a file that is no scan, as a clause says why."""
    return ImageError(f"{path.name!r} cannot be read as a scan: {reason}. Export the scan again.")


def is_many_files(data: str) -> bool:
    """Whether a header names a list of files, or a pattern with numbers, as those of its voxels."""
    return data.startswith("LIST") or re.search(r"%.*\s-?\d", data) is not None


def data_file(header: Path, name: str) -> Path:
    """The file that a header names as that of its voxels; a path of another computer means the file beside the header.

    Raises:
        ImageError: there is no such file.
    """
    last = re.split(r"[\\/]", plain(name))[-1]
    ways = [file_of(name, header.parent), file_of(last, header.parent)]
    try:
        return next(path for path in ways if path.is_file())
    except (StopIteration, OSError, ValueError) as error:  # not there, or a name that no file has
        raise unreadable(header, f"the file with its voxels, {last[:80]!r}, is missing") from error


def require_size(stored: Stored) -> None:
    """Refuse a file that cannot hold so many values, without a look at them.

    Raises:
        ImageError: it ends early.
    """
    size = stored.path.stat().st_size - max(stored.offset, 0)
    wanted = stored.wanted
    least = {"raw": wanted, "deflate": wanted // _DEFLATE_MOST, "hex": 2 * wanted, "text": 2 * stored.count - 1}
    if size < least[stored.packing]:
        raise _incomplete(stored, max(size, 0))


def read_values(stored: Stored, first: int, count: int) -> NDArray[Any]:
    """`count` of the stored values from number `first` on, shape (count,), in their own type and the machine's order.

    What is packed is unpacked to its end, to see its checksum.

    Raises:
        ImageError: the data end early, hold much more than announced, or are damaged.
        MemoryError: they do not fit.
    """
    if stored.packing == "text":
        return _from_text(stored)[first : first + count]
    values = np.empty(count, dtype=stored.dtype)
    target = values.view(np.uint8)
    start = stored.skip + first * stored.dtype.itemsize
    if stored.packing == "raw":
        _fill_from_file(stored, target, start)
    else:
        _fill(target, _unpacked_pieces(stored) if stored.packing == "deflate" else _hex_pieces(stored), start)
    if not values.dtype.isnative:
        values = values.byteswap(inplace=True).view(values.dtype.newbyteorder())
    return values


def _fill_from_file(stored: Stored, target: NDArray[np.uint8], start: int) -> None:
    offset = stored.path.stat().st_size - stored.wanted if stored.offset < 0 else stored.offset
    with stored.path.open("rb") as file:
        file.seek(offset + start)
        came = file.readinto(target.data)
    if came < len(target):
        raise _incomplete(stored, start + came)


def _fill(target: NDArray[np.uint8], pieces: Iterator[bytes], start: int) -> None:
    """Copy from the bytes that come in pieces those from number `start` on, and let the others pass."""
    place = -start
    for piece in pieces:
        low, high = max(place, 0), min(place + len(piece), len(target))
        if low < high:
            target[low:high] = np.frombuffer(piece, np.uint8, high - low, low - place)
        place += len(piece)


def _incomplete(stored: Stored, came: int) -> ImageError:
    announced = f"its header announces {stored.wanted} bytes, it has {came}"
    return ImageError(f"{stored.path.name!r} is incomplete: {announced}. Copy it again.")


def _unpacked_pieces(stored: Stored) -> Iterator[bytes]:
    """All that is packed, a megabyte at a time."""
    came = 0
    try:
        with stored.path.open("rb") as file:
            file.seek(stored.offset)
            for piece in unpacked(file):
                came += len(piece)
                if came > stored.wanted + _CHUNK:
                    more = f"its compressed data hold more than the {stored.wanted} bytes announced"
                    msg = f"{stored.path.name!r} is damaged: {more}. Copy it again."
                    raise ImageError(msg)
                yield piece
    except (EOFError, zlib.error) as error:
        msg = f"{stored.path.name!r} is damaged: its compressed data end early or fail their checksum. Copy it again."
        raise ImageError(msg) from error
    if came < stored.wanted:
        raise _incomplete(stored, came)


def unpacked(file: BinaryIO, most: int = _CHUNK) -> Iterator[bytes]:
    """The rest of a file, unpacked, at most so many bytes at a time: one zlib stream, or gzip members after each other.

    Raises:
        EOFError: compressed data end early.
        zlib.error: they are no compressed data, or fail their checksum.
    """
    packed = file.read(_CHUNK)
    while True:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # zlib or gzip: told by the first bytes
        while not unpacker.eof:
            packed = packed or file.read(_CHUNK)
            if not packed:
                raise EOFError
            yield unpacker.decompress(packed, most)
            packed = unpacker.unconsumed_tail
        packed = unpacker.unused_data
        packed += file.read(_CHUNK) if len(packed) < len(GZIP) else b""
        if not packed.startswith(GZIP):
            return


def _hex_pieces(stored: Stored) -> Iterator[bytes]:
    """The bytes that are written as pairs of hexadecimal digits."""
    try:
        content = bytes.fromhex(stored.path.read_bytes()[stored.offset :].decode("ascii"))
    except ValueError as error:
        msg = f"{stored.path.name!r} is damaged: its voxels should be hexadecimal digits, and are not. Copy it again."
        raise ImageError(msg) from error
    if len(content) < stored.wanted:
        raise _incomplete(stored, len(content))
    yield content


def _from_text(stored: Stored) -> NDArray[Any]:
    """All values, which are written as numbers in text."""
    words = stored.path.read_bytes()[stored.offset :].replace(b",", b" ").split()
    if len(words) < stored.count:
        announced = f"its header announces {stored.count} values, it has {len(words)}"
        msg = f"{stored.path.name!r} is incomplete: {announced}. Copy it again."
        raise ImageError(msg)
    native = stored.dtype.newbyteorder("=")
    try:
        return np.array(words[: stored.count]).astype(native)
    except (ValueError, OverflowError) as error:
        msg = f"{stored.path.name!r} is damaged: its voxels should be numbers in text, and are not. Copy it again."
        raise ImageError(msg) from error
