"""DICOM SEG (PS3.3 A.51, A.91): binary, fractional and label maps, their segments overlapping or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...affine import FloatArray, cross, dot, lengths
from ...errors import SeedError
from ...geometry import VoxelGrid
from ...readers.dicom.dataset import macros_of
from ...readers.dicom.pixel_data import UNPACKED
from ...readers.dicom.values import code_of, damage, first_of, numbers_of, text_of
from ...readers.itk import import_package
from ..shape import Mask

if TYPE_CHECKING:
    from ...readers.dicom.objects import Dataset

_LEAN = 1e-3
_OFF_STEPS = 0.1
_SAME_MM = 1e-3
_MOST_SLICES = 20_000


@dataclass(frozen=True)
class Segment:
    """What the object says of one of its segments."""

    number: int
    label: str
    tracking_id: str = ""


@dataclass(frozen=True)
class _Frame:
    number: int
    """In the object, from 0."""
    segment: int | None
    """None: of a label map, whose values tell."""
    position: tuple[float, ...]
    k: int = 0


class Segmentation:
    """A SEG whose frames have their places; pixels are read segment by segment.

    Raises:
        SeedError: it has no frames, or they make no grid; a clause says why.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._unpacked: dict[int, NDArray[Any]] = {}
        self._kind = code_of(dataset, "SegmentationType")
        if self._kind not in {"BINARY", "FRACTIONAL", "LABELMAP"}:
            msg = f"a segmentation is binary, fractional or a label map, its SegmentationType is {self._kind[:20]!r}"
            raise SeedError(msg)
        self._shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or ()), None)
        self._groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
        (count,) = numbers_of([dataset], "NumberOfFrames", 1) or (0.0,)
        if not self._groups or count != len(self._groups):
            msg = f"it should tell the place of each of its {count:.0f} frames, and tells {len(self._groups)}"
            raise SeedError(msg)
        self.segments = [_segment(item) for item in dataset.get("SegmentSequence") or ()]
        if self._kind == "LABELMAP":  # what lies around is described as a segment, too
            (around,) = numbers_of([dataset], "PixelPaddingValue", 1) or (0.0,)
            self.segments = [segment for segment in self.segments if segment.number != around]
        self.grid, self._frames = self._placed([self._frame(number) for number in range(len(self._groups))])

    def mask(self, segment: Segment) -> Mask | None:
        """The voxels of a segment; None where it has none.

        Raises:
            SeedError: its pixels cannot be read.
        """
        found = [np.empty((0, 3), dtype=np.int64)]
        for frame in self._frames:
            if frame.segment in {None, segment.number}:
                j, i = np.nonzero(self._inside(frame, segment))
                found.append(np.column_stack([i, j, np.full(len(i), frame.k)]))
        indices = np.concatenate(found)
        return Mask.of_indices(indices, self.grid) if len(indices) else None

    def _inside(self, frame: _Frame, segment: Segment) -> NDArray[np.bool_]:
        pixels = self._pixels_of(frame)
        if self._kind == "LABELMAP":
            return np.asarray(pixels == segment.number)
        if self._kind == "BINARY":
            return np.asarray(pixels != 0)
        (most,) = numbers_of([self._dataset], "MaximumFractionalValue", 1) or (255.0,)
        return np.asarray(pixels.astype(np.float64) * 2 >= most)

    def _pixels_of(self, frame: _Frame) -> NDArray[Any]:
        """The values of a frame; those of a label map are kept, as each of its segments asks for all of them."""
        if self._kind != "LABELMAP":
            return _pixels(self._dataset, frame.number)
        if frame.number not in self._unpacked:
            self._unpacked[frame.number] = _pixels(self._dataset, frame.number)
        return self._unpacked[frame.number]

    def _frame(self, number: int) -> _Frame:
        groups = macros_of(self._groups[number], self._shared)
        segment = numbers_of(groups, "ReferencedSegmentNumber", 1)
        position = numbers_of(groups, "ImagePositionPatient", 3)
        if not position or (not segment and self._kind != "LABELMAP"):
            missing = "where in the patient it lies" if not position else "which segment it shows"
            msg = f"its frame {number + 1} does not say {missing}"
            raise SeedError(msg)
        return _Frame(number, int(segment[0]) if segment and self._kind != "LABELMAP" else None, position)

    def _placed(self, frames: Sequence[_Frame]) -> tuple[VoxelGrid, list[_Frame]]:
        """The grid of all frames, and these with their slice k in it."""
        row, column, spacing = self._axes()
        normal = cross(row, column)
        positions = np.array([frame.position for frame in frames])
        heights = dot(positions, normal)
        first = positions[int(heights.argmin())]
        beside = positions - first - np.outer(heights - heights.min(), normal)
        step = self._step(heights)
        ks = (heights - heights.min()) / step
        if (
            lengths(beside).max() > max(_OFF_STEPS * min(spacing), _SAME_MM)
            or np.abs(ks - np.rint(ks)).max() > _OFF_STEPS
        ):
            msg = "its frames do not lie at equal steps behind each other"
            raise SeedError(msg)
        (rows,), (columns,) = (numbers_of([self._dataset], name, 1) or (0.0,) for name in ("Rows", "Columns"))
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = row * spacing[1], column * spacing[0]
        affine[:3, 2], affine[:3, 3] = normal * step, first
        count = int(np.rint(ks).max()) + 1
        if min(rows, columns) < 1 or count > _MOST_SLICES:
            msg = f"its size would be {columns:.0f} x {rows:.0f} x {count} voxels"
            raise SeedError(msg)
        placed = [_Frame(f.number, f.segment, f.position, round(float(k))) for f, k in zip(frames, ks, strict=True)]
        return VoxelGrid((int(columns), int(rows), count), affine), placed

    def _axes(self) -> tuple[FloatArray, FloatArray, tuple[float, ...]]:
        """Unit vectors along rows and along columns, LPS, and the spacing between rows and between columns."""
        every = [macros_of(groups, self._shared) for groups in self._groups]
        axes = {numbers_of(groups, "ImageOrientationPatient", 6) for groups in every}
        spacings = {numbers_of(groups, "PixelSpacing", 2) for groups in every}
        if len(axes) != 1 or len(spacings) != 1 or not (spacing := spacings.pop()) or not (axis := axes.pop()):
            msg = "its frames should have one orientation and one pixel spacing, and have none or several"
            raise SeedError(msg)
        row, column = np.array(axis[:3]), np.array(axis[3:])
        off = max(abs(float(lengths(row)) - 1), abs(float(lengths(column)) - 1), abs(float(dot(row, column))))
        if off > _LEAN or min(spacing) <= 0:
            msg = "its rows and columns should be at right angles, with a spacing of more than 0"
            raise SeedError(msg)
        return row / lengths(row), column / lengths(column), spacing

    def _step(self, heights: FloatArray) -> float:
        """Between slices, in mm: the smallest between frames, or a part of it that the header tells."""
        groups = macros_of(self._groups[0], self._shared)
        between = next((value for value in numbers_of(groups, "SpacingBetweenSlices", 1) if value > _SAME_MM), 0.0)
        thickness = next((value for value in numbers_of(groups, "SliceThickness", 1) if value > _SAME_MM), 0.0)
        gaps = np.diff(np.sort(heights))
        gaps = gaps[gaps > _SAME_MM]
        if len(gaps) == 0:
            if not (step := between or thickness):
                msg = "its one slice does not say how thick it is"
                raise SeedError(msg)
            return step
        smallest, span = float(gaps.min()), float(heights.max() - heights.min())
        times = smallest / between if between else 1.0
        if times > 1.5 and abs(times - round(times)) <= _OFF_STEPS:
            smallest /= round(times)
        return span / round(span / smallest)


def _segment(item: Dataset) -> Segment:
    (number,) = numbers_of([item], "SegmentNumber", 1) or (0.0,)
    label = text_of(item, "SegmentLabel").strip() or f"segment {number:.0f}"
    return Segment(int(number), label, text_of(item, "TrackingID").strip())


def _bits(dataset: Dataset, number: int) -> NDArray[np.uint8]:
    """The values of one frame of single bits (PS3.5 8.2); pydicom reads such a frame only if it begins at a byte.

    Raises:
        SeedError: they are incomplete.
    """
    (rows,), (columns,) = (numbers_of([dataset], name, 1) for name in ("Rows", "Columns"))
    count = int(rows) * int(columns)
    content = first_of([dataset], "PixelData")
    first, last = number * count, (number + 1) * count
    if not isinstance(content, bytes) or 8 * len(content) < last:
        msg = "its pixels are damaged or incomplete"
        raise SeedError(msg)
    held = np.frombuffer(content, np.uint8, (last + 7) // 8 - first // 8, first // 8)
    bits = np.unpackbits(held, bitorder="little")[first % 8 :][:count]
    return bits.reshape(int(rows), int(columns))


def _pixels(dataset: Dataset, number: int) -> NDArray[Any]:
    """The values of one frame, [row, column].

    Raises:
        SeedError: they are damaged, incomplete, or packed in a way that is not read here.
    """
    if text_of(dataset.file_meta, "TransferSyntaxUID") in UNPACKED and numbers_of([dataset], "BitsAllocated", 1) == (
        1.0,
    ):
        return _bits(dataset, number)
    pixels = import_package("pydicom.pixels")
    failures: tuple[type[Exception], ...] = (*damage(), RuntimeError)
    try:
        values: NDArray[Any] = pixels.pixel_array(dataset, index=number, raw=True)
    except failures as error:
        name = dataset.file_meta.TransferSyntaxUID.name if "TransferSyntaxUID" in dataset.file_meta else "unknown"
        msg = f"its pixels are damaged or incomplete, or packed as is not read here ({name})"
        raise SeedError(msg) from error
    if values.ndim != 2:
        msg = "its pixels should be one value each"
        raise SeedError(msg)
    return values
