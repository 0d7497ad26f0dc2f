"""Images that are copies of others, and the places at which images lie."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

from ..itk import import_package
from .header import Header, Numbers
from .values import damage, quiet_pydicom

Key = TypeVar("Key", bound=Hashable)


def without_copies(images: Sequence[Header]) -> list[Header]:
    """One image of those that lie at one place and have the same pixels."""
    digests: dict[Path, bytes] = {}
    kept: list[Header] = []
    for group in grouped(images, place_of).values():
        if len(group) == 1 or not group[0].position:
            kept += group
            continue
        digests |= {image.path: _pixel_digest(image.path) for image in group if image.path not in digests}
        kept += {(image.frame, image.stored_as, digests[image.path]): image for image in reversed(group)}.values()
    return kept


def _pixel_digest(path: Path) -> bytes:
    """Of the pixels as they are stored; of pixels that end early, one that no other file has."""
    pydicom = import_package("pydicom")
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(path, specific_tags=["PixelData"], force=True)
        return hashlib.sha256(dataset.PixelData).digest()
    except damage():
        return str(path).encode()


def place_of(image: Header) -> Numbers:
    """Where an image lies, to a hundredth of a millimetre: LPS mm; empty where its header does not say."""
    return tuple(round(value, 2) for value in image.position)


def grouped(images: Sequence[Header], key: Callable[[Header], Key]) -> dict[Key, list[Header]]:
    """The images of each key, in their order."""
    groups: dict[Key, list[Header]] = defaultdict(list)
    for image in images:
        groups[key(image)].append(image)
    return groups
