"""Whether a file holds DICOM, by its first bytes: with the mark of a DICOM file, or a data set without it.

Planning systems write slices without preamble, mark and file meta (PS3.10 7.1 wants all three), as ACR-NEMA did. Such a
file begins with small elements in ascending order, which text, archives and other images do not.
"""

from __future__ import annotations

import struct

HEAD = 1024
"""Bytes that are looked at."""

_MARK = slice(128, 132)
_FIRST_GROUPS = (0x0002, 0x0008)
_LAST_GROUP = 0x0020
_ELEMENTS = 3  # so many in order are no chance
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


def begins_as_dicom(head: bytes) -> bool:
    """Whether the first bytes of a file, `HEAD` of them or all, are those of DICOM."""
    return head[_MARK] == b"DICM" or any(
        _is_data_set(head, order, is_explicit) for order, is_explicit in (("<", False), ("<", True), (">", True))
    )


def _is_data_set(head: bytes, order: str, is_explicit: bool) -> bool:  # noqa: FBT001  two ways to write an element
    """Whether three elements follow each other, their tags ascending, from group 2 or 8 (PS3.5 7.1.2, 7.1.3)."""
    place, last = 0, -1
    for _ in range(_ELEMENTS):
        if place + 12 > len(head):
            return False
        group, element = struct.unpack_from(f"{order}HH", head, place)
        tag, vr = group << 16 | element, head[place + 4 : place + 6]
        if tag <= last or group > _LAST_GROUP or (last < 0 and group not in _FIRST_GROUPS):
            return False
        if is_explicit and vr not in _LONG | _SHORT:
            return False
        if is_explicit and vr in _LONG:
            place += 12 + struct.unpack_from(f"{order}I", head, place + 8)[0]
        elif is_explicit:
            place += 8 + struct.unpack_from(f"{order}H", head, place + 6)[0]
        else:
            place += 8 + struct.unpack_from(f"{order}I", head, place + 4)[0]
        last = tag
    return True
