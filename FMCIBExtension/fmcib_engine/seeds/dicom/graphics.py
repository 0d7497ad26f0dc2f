"""Points and regions of a report -> where in the patient they lie, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...affine import FloatArray, lengths
from ...errors import SeedError
from ...geometry import VoxelGrid
from ...readers.dicom import CtSeries
from ...readers.dicom.header import Header
from ..outlines import voxels_inside
from ..shape import Mask
from .reports import Graphic

_HALF = 0.5
_AXES = {"CIRCLE": 1, "ELLIPSE": 2, "ELLIPSOID": 3}
"""Regions with a middle: how many pairs of points they are told by."""


@dataclass(frozen=True)
class Spot:
    """A point, or a region of which only the middle is wanted."""

    lps: FloatArray
    """mm, shape (3,)."""
    diameter_mm: float | None = None


def in_patient(graphic: Graphic, series: CtSeries | None) -> Graphic:
    """A graphic in LPS mm, whatever it was given in.

    Raises:
        SeedError: it lies in an image that is not one of the scan.
    """
    if graphic.points.shape[1] == 3:
        return graphic
    image = series.images.get(graphic.image) if series else None
    if image is None or not image.position or not image.orientation or not image.pixel_spacing:
        msg = "it is marked in an image that is not one of the scan, or does not say where it lies"
        raise SeedError(msg)
    return Graphic(graphic.kind, _lps(graphic.points, image))


def spots_of(graphic: Graphic) -> list[Spot]:
    """The points of a graphic in LPS mm, or the middle of its region; none of a closed outline.

    Raises:
        SeedError: of another kind, or with another count of points than that has.
    """
    points, kind = graphic.points, graphic.kind
    if kind == "POINT" and len(points) == 1:
        return [Spot(points[0])]
    if kind == "MULTIPOINT":
        return [Spot(point) for point in points]
    if kind == "POLYLINE" and len(points) == 2:
        return [Spot(points.mean(axis=0), float(lengths(points[1] - points[0])) or None)]
    if kind == "CIRCLE" and len(points) == 2:
        return [Spot(points[0], 2 * float(lengths(points[1] - points[0])) or None)]
    if kind in _AXES and len(points) == 2 * _AXES[kind]:
        return [Spot(points.mean(axis=0), float(lengths(points[1::2] - points[::2]).max()) or None)]
    if is_outline(graphic):
        return []
    told = f"{kind.lower()[:20]!r} of {len(points)} points"
    msg = f"a point, a line, an ellipse or a closed outline is needed, it has {told}"
    raise SeedError(msg)


def is_outline(graphic: Graphic) -> bool:
    """Whether a graphic is a closed line around a region."""
    closed = len(graphic.points) > 3 and bool(np.allclose(graphic.points[0], graphic.points[-1]))
    return (graphic.kind == "POLYGON" and len(graphic.points) >= 3) or (graphic.kind == "POLYLINE" and closed)


def outlined(graphics: Sequence[Graphic], grid: VoxelGrid) -> tuple[Mask | None, tuple[str, ...]]:
    """The voxels inside closed outlines in LPS mm, None where there are none; and sentences about doubts.

    Raises:
        SeedError: an outline that does not lie in the plane of a slice.
    """
    indices, doubts = voxels_inside([graphic.points for graphic in graphics], grid)
    return (Mask.of_indices(indices, grid) if len(indices) else None), doubts


def _lps(points: FloatArray, image: Header) -> FloatArray:
    """Column and row from the corner of the first pixel -> LPS mm (PS3.3 C.7.6.2.1.1)."""
    columns, rows = (points - _HALF).T
    along_row, along_column = np.array(image.orientation[:3]), np.array(image.orientation[3:])
    between_rows, between_columns = image.pixel_spacing
    lps: FloatArray = (
        np.array(image.position)
        + columns[:, np.newaxis] * (along_row * between_columns)
        + rows[:, np.newaxis] * (along_column * between_rows)
    )
    return lps
