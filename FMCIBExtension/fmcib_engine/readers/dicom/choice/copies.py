"""Images that are copies of others, and the places at which images lie."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ....errors import ImageError
from ...itk import import_package, itk_errors, itk_name, voxels_of
from ..header import Header, Numbers
from ..pixel_data import BIG_ENDIAN, UNPACKED
from ..pixels import GDCM
from ..values import damage, quiet_pydicom

Key = TypeVar("Key", bound=Hashable)


def without_copies(images: Sequence[Header]) -> list[Header]:
    """One image of those that lie at one place and have the same pixels: as they are stored or, if that differs, in HU.

    So a slice that was sent twice, once compressed, is one slice.
    """
    stored: dict[Path, tuple[str, bytes]] = {}
    kept: list[Header] = []
    for group in grouped(images, place_of).values():
        if len(group) == 1 or not group[0].position:
            kept += group
            continue
        stored |= {image.path: _stored(image.path) for image in group if image.path not in stored}
        once = list({(image.frame, image.stored_as, stored[image.path]): image for image in reversed(group)}.values())
        ways = {(image.stored_as, stored[image.path][0]) for image in once}
        if len(ways) > 1 and not any(image.is_multiframe for image in once):
            once = list({_values_in_hu(image): image for image in once}.values())
        kept += once
    return kept


def _stored(path: Path) -> tuple[str, bytes]:
    """Transfer syntax and digest of the pixels; of pixels that end early, one that no other file has."""
    pydicom = import_package("pydicom")
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(path, specific_tags=["PixelData"], force=True)
            syntax = str(dataset.file_meta.get("TransferSyntaxUID") or "")
        return _packing(syntax), hashlib.sha256(dataset.PixelData).digest()
    except damage():
        return "", str(path).encode()


def _packing(syntax: str) -> str:
    """The transfer syntax, if it changes how pixels are stored."""
    return "" if syntax in UNPACKED and syntax != BIG_ENDIAN else syntax


def _values_in_hu(image: Header) -> bytes:
    """A digest of the values of a classic image; of one that GDCM does not read, one that no other has."""
    sitk = import_package("SimpleITK")
    try:
        with itk_errors(sitk, [image.path]):
            voxels = voxels_of(sitk, sitk.ReadImage(itk_name(image.path), imageIO=GDCM))
    except ImageError:
        return str(image.path).encode()
    return hashlib.sha256((voxels.astype(np.float64) + 0.0).tobytes()).digest()  # + 0.0: -0 is 0


def place_of(image: Header) -> Numbers:
    """Where an image lies, to a hundredth of a millimetre: LPS mm; empty where its header does not say."""
    return tuple(round(value, 2) for value in image.position)


def grouped(images: Sequence[Header], key: Callable[[Header], Key]) -> dict[Key, list[Header]]:
    """The images of each key, in their order."""
    groups: dict[Key, list[Header]] = defaultdict(list)
    for image in images:
        groups[key(image)].append(image)
    return groups
