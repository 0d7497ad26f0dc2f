"""Points that were marked in Slicer, whatever file they were saved in, as LesionSeeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from .lesion import GivenScan, LesionSeed, SeedTable

FRAMES: Mapping[str, Frame] = {"LPS": "lps", "1": "lps", "RAS": "ras", "0": "ras"}
"""As Slicer's files spell them."""
_MOST_TOLD = 5
_LARGEST = 64 << 20


@dataclass(frozen=True)
class MarkedPoint:
    """A control point, or the centre of an ROI."""

    label: str
    coordinates: tuple[float, float, float]
    """In mm, in `frame`; without meaning where it is not placed."""
    frame: Frame
    is_placed: bool = True
    is_selected: bool = True
    diameter_mm: float | None = None
    """The largest edge of an ROI."""
    problem: str = ""
    """Why its place cannot be understood."""


def content_of(path: Path) -> bytes:
    """What a file of points holds.

    Raises:
        TableError: it is larger than any such file.
        OSError: it cannot be opened.
    """
    if (size := path.stat().st_size) > _LARGEST:
        msg = f"{path.name} has {size >> 20} MB, files of points have at most {_LARGEST >> 20} MB. Give the right file."
        raise TableError(msg)
    return path.read_bytes()


def seeds_of_points(
    path: Path, points: Sequence[MarkedPoint], scan: GivenScan, frame: Frame | None, kind: str = "points"
) -> SeedTable:
    """A seed for each point that is placed and selected; the others are told in a warning.

    Raises:
        TableError: there is none, or `frame` is not the file's.
    """
    if wrong := {point.frame for point in points} - {frame or point.frame for point in points}:
        told = wrong.pop()
        msg = f"{path.name} says that its points are in {told}, not in {frame}. Leave the frame out (--frame)."
        raise TableError(msg)
    kept = [(number, point) for number, point in enumerate(points, 1) if point.is_placed and point.is_selected]
    if not kept:
        raise no_points(path)
    seeds = tuple(
        LesionSeed(
            row=number,
            lesion_id=point.label or str(number),
            image=scan.image,
            coordinates=point.coordinates,
            frame=point.frame,
            diameter_mm=point.diameter_mm,
            series_uid=scan.series_uid,
            time_point=scan.time_point,
            label=point.label,
            origin=kind,
            problem=f"Point {number} of {path.name}: {point.problem}. Place it again." if point.problem else "",
        )
        for number, point in kept
    )
    return SeedTable(seeds, warnings=_left_out(points))


def no_points(path: Path) -> TableError:
    """The one sentence for a file of points of which none is to be analysed."""
    return TableError(f"{path.name} holds no placed and selected point. Place one in each lesion, and save it again.")


def _left_out(points: Sequence[MarkedPoint]) -> tuple[str, ...]:
    """Sentences about the points that are no seeds."""
    unplaced = [number for number, point in enumerate(points, 1) if not point.is_placed]
    unselected = [number for number, point in enumerate(points, 1) if point.is_placed and not point.is_selected]
    kinds = (("have no place", unplaced), ("are not selected", unselected))
    return tuple(f"Points that {kind} are left out: {few(numbers)}." for kind, numbers in kinds if numbers)


def few(numbers: Sequence[int]) -> str:
    """The first of some numbers, and how many more there are."""
    more = f" and {len(numbers) - _MOST_TOLD} more" if len(numbers) > _MOST_TOLD else ""
    return ", ".join(map(str, numbers[:_MOST_TOLD])) + more
