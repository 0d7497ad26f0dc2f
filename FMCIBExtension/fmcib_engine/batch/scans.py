"""Which seeds are of one scan, and which scans lie in one place: a scan is read once however many lesions it has."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from ..seeds import LesionSeed


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
