"""Which seeds are of one scan, which scans lie in one place, and how a scan is read: once for all its lesions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from ..readers import HeaderMemory, read_volume
from ..volume import Volume
from .lesion import LesionSeed


def by_scan(seeds: Iterable[LesionSeed], place: Callable[[Path], Hashable] | None = None) -> list[list[LesionSeed]]:
    """The seeds of each scan; the scans of one folder or file follow each other, in whatever spelling it is given.

    `place` tells what is the same for two spellings; else `place_of` does.
    """
    places: dict[Hashable, dict[tuple[str, int | None, bool], list[LesionSeed]]] = {}
    for seed in seeds:
        in_voxels = seed.frame == "ijk"  # such seeds need less of a scan
        scans = places.setdefault((place or place_of)(seed.image), {})
        scans.setdefault((seed.series_uid, seed.time_point, in_voxels), []).append(seed)
    return [scan for scans in places.values() for scan in scans.values()]


def place_of(image: Path) -> Hashable:
    """What is the same for two paths to one file or folder; of one that is not there, the path."""
    try:
        status = image.stat()
    except (OSError, ValueError):  # ValueError: a zero in its name
        return image
    return (status.st_dev, status.st_ino) if status.st_ino else image.resolve()


def read_scan(seed: LesionSeed, memory: HeaderMemory | None = None) -> Volume:
    """The scan of a seed; `memory` spares the other scans of its folder the headers.

    Raises:
        ImageError: as `read_volume`.
    """
    return read_volume(
        seed.image,
        series_uid=seed.series_uid or None,
        time_point=seed.time_point,
        needs_origin=seed.frame != "ijk",
        memory=memory,
    )
