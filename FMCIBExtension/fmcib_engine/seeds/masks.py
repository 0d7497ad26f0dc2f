"""Masks in NIfTI, NRRD, MetaImage, and Slicer's .seg.nrrd: a seed for each label, segment or separate part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import TableError
from ..readers.images import Labels, Segment, read_labels
from .gathered import Gathered, Named
from .lesion import GivenScan, SeedTable
from .shape import Mask
from .wanted import Wanted

_MOST_LABELS = 1000
_NOTHING = "voxels of a lesion: it is 0 everywhere"
_ADVICE = "Give a mask in which the lesion is drawn."


def read_mask(path: Path, scan: GivenScan, wanted: Wanted) -> SeedTable:
    """The lesions that a mask outlines, on whatever grid; their seeds and sizes are of the mask's own voxels.

    Raises:
        TableError: it is empty, has none that is wanted, or more labels than lesions.
        ImageError: it cannot be read as a mask.
    """
    try:
        labels = read_labels(path)
    except OSError as error:
        msg = f"The mask {path.name!r} cannot be opened: {error.strerror}. Check its path and rights."
        raise TableError(msg) from error
    found = Gathered(path.name, wanted)
    if labels.segments:
        for segment in labels.segments:
            if found.takes(segment.name):
                _add_segment(found, labels, segment, scan)
        return found.table("segments", _ADVICE)
    for number, mask in _labelled(path, labels):
        if found.takes(str(number)):
            found.outline(Named(str(number)), "mask", scan, mask)
    return found.table(_NOTHING, _ADVICE)


def _add_segment(found: Gathered, labels: Labels, segment: Segment, scan: GivenScan) -> None:
    where = labels.layers[segment.layer] == segment.label
    if (mask := _boxed(where, labels)) is None:
        found.refuse(Named(segment.name), scan, "the segment is empty")
        return
    found.outline(Named(segment.name), "segmentation", scan, mask)


def _boxed(where: NDArray[np.bool_], labels: Labels) -> Mask | None:
    (box,) = ndimage.find_objects(where.astype(np.int8), max_label=1)
    return None if box is None else _mask(where[box], box, labels)


def _labelled(path: Path, labels: Labels) -> Iterator[tuple[int, Mask]]:
    """The labels of a mask and their voxels, in ascending order."""
    (layer,) = labels.layers
    boxes = [(number, box) for number, box in enumerate(ndimage.find_objects(layer), 1) if box is not None]
    if len(boxes) > _MOST_LABELS:
        told = f"A mask has a label for each lesion, {path.name} has {len(boxes)} of them"
        msg = f"{told}: it may be a scan. Give the mask, and the scan beside it (--image)."
        raise TableError(msg)
    for number, box in boxes:
        yield number, _mask(layer[box] == number, box, labels)


def _mask(array: NDArray[np.bool_], box: tuple[slice, slice, slice], labels: Labels) -> Mask:
    k, j, i = box
    return Mask(array, np.array([i.start, j.start, k.start]), labels.grid)
