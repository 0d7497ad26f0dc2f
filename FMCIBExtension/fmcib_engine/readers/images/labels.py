"""Masks in NIfTI, NRRD, MetaImage, and Slicer's segmentations (.seg.nrrd): which voxels belong to which lesion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ImageError
from ...geometry import VoxelGrid
from . import nrrd
from .header import ImageHeader, whole_number
from .integrity import require_size
from .place import require_origin
from .read import image_header, image_kind, stored_values

_LARGEST_LABEL = 65535
_MOST_LAYERS = 256


@dataclass(frozen=True)
class Segment:
    """A segment of Slicer's."""

    name: str
    label: int
    layer: int
    """From 0. Segments of several layers may overlap."""


@dataclass(frozen=True, eq=False)
class Labels:
    """A mask.

    Attributes:
        layers: whole numbers [k, j, i], 0 outside; several only in a segmentation.
        grid: where the voxels lie, LPS mm.
        segments: what a segmentation tells of its labels; none in other files.
    """

    layers: tuple[NDArray[np.uint16], ...]
    grid: VoxelGrid
    segments: tuple[Segment, ...] = ()


def read_labels(path: Path) -> Labels:
    """The mask in a file.

    Raises:
        ImageError: what `read_image` refuses, but for segmentations; or values that are no labels.
        MemoryError: it does not fit into memory.
    """
    header, segments = _header(path)
    require_size(header.stored)
    layers = tuple(_labels(path, stored_values(header, layer)) for layer in range(header.time_points))
    return Labels(layers, header.grid, segments)


def _header(path: Path) -> tuple[ImageHeader, tuple[Segment, ...]]:
    if image_kind(path) != "nrrd":
        return image_header(path), ()
    header, told = nrrd.read_mask_header(path)
    if not told:
        return image_header(path), ()
    require_origin(path, is_told=header.has_origin)
    if header.time_points > _MOST_LAYERS:
        msg = f"{path.name!r} has {header.time_points} layers, of at most {_MOST_LAYERS}. Save fewer segments in it."
        raise ImageError(msg)
    return header, tuple(_segment(path, number, told[number], header.time_points) for number in sorted(told))


def _segment(path: Path, number: int, told: Mapping[str, str], layers: int) -> Segment:
    """One segment; Slicer before 4.11 wrote each into a layer of its own, with the label 1."""
    layer = whole_number(path, told.get("Layer", str(number)), f"Segment{number}_Layer")
    label = whole_number(path, told.get("LabelValue", "1"), f"Segment{number}_LabelValue")
    name = told.get("Name") or told.get("ID") or f"Segment {number + 1}"
    if not (0 <= layer < layers and 0 < label <= _LARGEST_LABEL):
        msg = (
            f"The segment {name!r} of {path.name!r} should have a label from 1 on, in one of {layers} layers; it has "
            f"the label {label} in layer {layer}. Save the segmentation again in Slicer."
        )
        raise ImageError(msg)
    return Segment(name, label, layer)


def _labels(path: Path, values: NDArray[Any]) -> NDArray[np.uint16]:
    """Values as labels.

    Raises:
        ImageError: negative ones, decimals, or larger ones than labels have.
    """
    found = np.empty(values.shape, dtype=np.uint16)
    for k, plane in enumerate(values):
        low, high = float(plane.min()), float(plane.max())
        if not (low >= 0 and high <= _LARGEST_LABEL):
            msg = (
                f"A mask holds whole numbers from 0 to {_LARGEST_LABEL}, {path.name!r} holds values from {low:g} to "
                f"{high:g}: it may be a scan. Give the mask, and the scan beside it (--image)."
            )
            raise ImageError(msg)
        found[k] = plane
        if plane.dtype.kind == "f" and not np.array_equal(found[k], plane):
            msg = (
                f"A mask holds whole numbers, {path.name!r} holds decimals: it may be a map of probabilities. Say from "
                "which value on a voxel belongs to the lesion, and save that as a mask."
            )
            raise ImageError(msg)
    return found
