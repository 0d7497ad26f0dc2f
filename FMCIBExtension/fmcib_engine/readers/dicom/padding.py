"""Pixels that the header declares as padding are no tissue (PixelPaddingValue, PS3.3 C.7.5.1.1.2).

The rule, by the HU that padding would come out with:

* up to -950 it is air anyway, and stays as it is: upstream feeds it so, and so do the published features;
* above 3071, which no tissue has, each such voxel becomes air, -1024 HU;
* in between tissue may have the same value, and programs declare padding that is none. What is connected with the edge
  of its slice by such voxels, and is more than a few, becomes air, the rest stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .header import Header, Numbers
from .values import told, words_of

if TYPE_CHECKING:
    from pydicom import Dataset

AIR_HU = -1024
HIGHEST_AIR_HU, _HIGHEST_TISSUE_HU = -950, 3071
_FEWEST = 25  # pixels that hang together


def padding_of(dataset: Dataset) -> Numbers:
    """Lowest and highest stored value that stand for padding; nothing where the header declares none.

    The two may be written as US or as SS, whatever the pixels are (63536 is -2000), and with more bits than these: they
    are taken as GDCM takes pixels, BitsStored bits, signed as PixelRepresentation says.
    """
    bits = int(dataset.get("BitsStored") or dataset.get("BitsAllocated") or 16)
    found = []
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        value = told([dataset], keyword)
        if isinstance(value, bytes):  # of an unknown VR
            value = int.from_bytes(value[:2], "little")
        words = words_of(value)
        if not words:
            break
        stored = int(words[0]) % 2**bits
        is_negative = bool(dataset.get("PixelRepresentation")) and stored >= 2 ** (bits - 1)
        found.append(float(stored - 2**bits if is_negative else stored))
    return (min(found), max(found)) if found else ()


def find_padding(slices: NDArray[Any], images: Sequence[Header]) -> NDArray[np.bool_] | None:
    """Which voxels are padding that has to become air, [slice, row, column]; nothing where there are none."""
    found: NDArray[np.bool_] | None = None
    for index, image in enumerate(images):
        low, high = padding_in_hu(image)
        if high <= HIGHEST_AIR_HU:
            continue
        values = slices[index]
        padding = (values >= low) & (values <= high)
        if low <= _HIGHEST_TISSUE_HU:
            padding = _from_the_edge(padding) & (values > HIGHEST_AIR_HU)
        if padding.any():
            found = np.zeros(slices.shape, dtype=bool) if found is None else found
            found[index] = padding
    return found


def without_padding(slices: NDArray[Any], padding: NDArray[np.bool_]) -> NDArray[Any]:
    """The same with air for padding, in a type that holds both."""
    filled = np.array(slices, dtype=np.promote_types(slices.dtype, np.int16))
    filled[padding] = AIR_HU
    return filled


def note_of(padding: NDArray[np.bool_]) -> str:
    """As a note of the scan."""
    return f"{padding.mean():.1%} of the scan's voxels are declared padding (PixelPaddingValue): they were read as air"


def padding_in_hu(image: Header) -> tuple[float, float]:
    """Lowest and highest HU of declared padding, a quarter of a step wider; where there is none, below all HU."""
    if not image.padding:
        return -np.inf, -np.inf
    slope, intercept = image.stored_as[:2]
    ends = [value * slope + intercept for value in image.padding]
    return min(ends) - abs(slope) / 4, max(ends) + abs(slope) / 4


def _from_the_edge(padding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of it hangs together with the edge of the slice."""
    labels, _ = ndimage.label(padding, structure=np.ones((3, 3)))
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    is_large = np.bincount(labels.ravel())[edge] >= _FEWEST
    connected: NDArray[np.bool_] = np.isin(labels, edge[(edge > 0) & is_large])
    return connected
