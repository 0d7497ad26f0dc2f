"""What the headers of NIfTI, NRRD and MetaImage files tell alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...errors import ImageError
from ...geometry import VoxelGrid
from .integrity import Stored, unreadable
from .kinds import not_its_kind
from .place import shown


@dataclass(frozen=True)
class ImageHeader:
    """How to read an image file."""

    stored: Stored
    grid: VoxelGrid
    """LPS mm; where no origin is told, counted from the first voxel's centre."""
    has_origin: bool = True
    time_points: int = 1
    time_is_fastest: bool = False
    """Whether the time points of a voxel lie side by side in the file; else one volume comes after the other."""
    scaling: tuple[float, float] | None = None
    """Slope and intercept from stored values to HU; None: they are HU."""
    notes: tuple[str, ...] = ()


def header_line(file: BinaryIO, path: Path, most: int) -> bytes:
    """The next line of a header in text; nothing at the end of the file.

    Raises:
        ImageError: the header is longer than `most` bytes, or a line has control characters that readers could take for
            the end of a line or of a text.
    """
    line = file.readline(most)
    if file.tell() > most or b"\0" in line or b"\r" in line.rstrip(b"\r\n"):
        raise not_its_kind(path)
    return line


def whole_number(path: Path, text: str, field: str) -> int:
    """The whole number in a field of a header.

    Raises:
        ImageError: it is none.
    """
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise unreadable(path, f"its field {field} is {text[:80]!r}, not a whole number")
    return int(text)


def space_and_time(path: Path, size: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """The number of voxels along the three axes of space, and of time points, where time may be the fourth.

    Axes of one after the third are none.

    Raises:
        ImageError: fewer dimensions, or more.
    """
    while len(size) > 3 and size[-1] == 1:
        size = size[:-1]
    if len(size) not in {3, 4}:
        msg = (
            f"A scan has three dimensions, or four with time, {path.name!r} has {len(size)} ({shown(tuple(size))}). "
            "Give a file with one volume: all slices, one time point."
        )
        raise ImageError(msg)
    return tuple(size[:3]), size[3] if len(size) == 4 else 1


def several_values(path: Path, size: Sequence[int], count: int) -> ImageError:
    """The one sentence for a file with more than one value per voxel."""
    return ImageError(
        f"A CT has one value per voxel, {path.name!r} ({shown(tuple(size))}) has {count}. "
        "Give the CT itself, not a colour picture, a vector field or complex numbers."
    )
