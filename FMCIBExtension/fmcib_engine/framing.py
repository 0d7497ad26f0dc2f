"""One frame of bytes: a JSON header and a binary payload. Used by `Patch.to_bytes` and by the worker's messages.

offset  size  content
0       4     b"FMCI"
4       2     version of this format, little-endian (now 1)
6       2     zero
8       4     length H of the header, little-endian
12      8     length P of the payload, little-endian
20      H     header, a JSON object in UTF-8
20+H    P     payload
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from .errors import ProtocolError

VERSION = 1
MAGIC = b"FMCI"
_PREFIX = struct.Struct("<4sHHIQ")
MAX_HEADER = 1 << 20
MAX_PAYLOAD = 64 << 20

Header = dict[str, Any]


def pack(header: Header, payload: bytes = b"") -> bytes:
    """One frame as bytes.

    Raises:
        ProtocolError: a header or payload beyond the limits.
        ValueError: NaN or infinity in the header, which JSON does not have.
    """
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    if len(text) > MAX_HEADER or len(payload) > MAX_PAYLOAD:
        raise _too_long(len(text), len(payload))
    return _PREFIX.pack(MAGIC, VERSION, 0, len(text), len(payload)) + text + payload


def read_frame(read: Callable[[int], bytes]) -> tuple[Header, bytes] | None:
    """The next frame from `read(n)`, which gives up to n bytes and b"" at the end; None at a clean end.

    Raises:
        ProtocolError: another magic or version, a claimed length beyond the limits, a torn frame, or a broken header.
    """
    prefix = _read_exactly(read, _PREFIX.size, at_frame_start=True)
    if prefix is None:
        return None
    header_length, payload_length = _read_prefix(prefix)
    text = _read_exactly(read, header_length) or b""
    payload = _read_exactly(read, payload_length) or b""
    try:
        header = json.loads(text)
    except ValueError as error:
        msg = f"A frame's header is a JSON object in UTF-8: {error}"
        raise ProtocolError(msg) from error
    if not isinstance(header, dict):
        msg = f"A frame's header is a JSON object, got {type(header).__name__}."
        raise ProtocolError(msg)
    return header, payload


def unpack(frame: bytes) -> tuple[Header, bytes]:
    """Header and payload of exactly one frame.

    Raises:
        ProtocolError: not a frame, or more than one.
    """
    view = memoryview(frame)
    position = 0

    def read(count: int) -> bytes:
        nonlocal position
        chunk = bytes(view[position : position + count])
        position += len(chunk)
        return chunk

    result = read_frame(read)
    if result is None or position != len(frame):
        msg = f"Wanted exactly one frame, got {len(frame)} bytes of which the frame takes {position}."
        raise ProtocolError(msg)
    return result


def frame_length(start: bytes) -> int | None:
    """How many bytes the frame takes that begins like this; None while too little of it is known.

    For a reader that is given bytes as they come, and must not wait for more.

    Raises:
        ProtocolError: no frame begins like this.
    """
    if len(start) < _PREFIX.size:
        if not MAGIC.startswith(start[: len(MAGIC)]):
            msg = f"A frame starts with {MAGIC!r}, got {start[: len(MAGIC)]!r}."
            raise ProtocolError(msg)
        return None
    return _PREFIX.size + sum(_read_prefix(start[: _PREFIX.size]))


def _read_prefix(prefix: bytes) -> tuple[int, int]:
    """The lengths of header and payload."""
    magic, version, _, header_length, payload_length = _PREFIX.unpack(prefix)
    if magic != MAGIC or version != VERSION:
        msg = f"A frame starts with {MAGIC!r} and version {VERSION}, got {magic!r} and {version}."
        raise ProtocolError(msg)
    if header_length > MAX_HEADER or payload_length > MAX_PAYLOAD:
        raise _too_long(header_length, payload_length)
    return header_length, payload_length


def _too_long(header: int, payload: int) -> ProtocolError:
    return ProtocolError(
        f"A frame holds at most {MAX_HEADER} header and {MAX_PAYLOAD} payload bytes, got {header} and {payload}."
    )


def _read_exactly(read: Callable[[int], bytes], count: int, *, at_frame_start: bool = False) -> bytes | None:
    parts: list[bytes] = []
    missing = count
    while missing:
        chunk = read(missing)
        if not chunk:
            if at_frame_start and missing == count:
                return None
            msg = f"A frame ended early: {missing} of {count} bytes are missing."
            raise ProtocolError(msg)
        parts.append(chunk)
        missing -= len(chunk)
    return b"".join(parts)
