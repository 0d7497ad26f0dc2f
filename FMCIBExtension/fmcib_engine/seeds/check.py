"""Whether seeds lie in their scans; where one does not, whether it would in another frame. Headers alone are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import FmcibError, SeedError
from ..geometry import VoxelGrid, frames_inside
from ..readers import HeaderMemory, read_grid
from .by_scan import by_scan
from .lesion import LesionSeed, SeedTable

_SPOKEN = {"lps": "LPS (mm)", "ras": "RAS (mm)", "ijk": "voxels (ijk)"}


def checked(
    table: SeedTable, memory: HeaderMemory | None = None, on_scan: Callable[[], None] = lambda: None
) -> SeedTable:
    """The seeds in LPS mm; those that cannot be used have a `problem`.

    Args:
        table: of any source.
        memory: of the headers of folders.
        on_scan: called after each scan.
    """
    memory = memory or HeaderMemory()
    done: dict[int, LesionSeed] = {}
    for seeds in scans_to_check(table):
        first = seeds[0]
        grid = table.grids.get((first.image, first.series_uid, first.time_point)) or _grid_of(first, memory)
        for seed in seeds:
            done[id(seed)] = replace(seed, problem=grid) if isinstance(grid, str) else _placed(seed, grid)
        on_scan()
    return replace(table, seeds=tuple(done.get(id(seed), seed) for seed in table.seeds))


def scans_to_check(table: SeedTable) -> list[list[LesionSeed]]:
    """The seeds that have no problem, by scan; the scans of one folder follow each other."""
    return by_scan(seed for seed in table.seeds if not seed.problem)


def _grid_of(seed: LesionSeed, memory: HeaderMemory) -> VoxelGrid | str:
    """Where the scan of a seed lies, or why nobody knows."""
    try:
        return read_grid(
            seed.image, series_uid=seed.series_uid or None, time_point=seed.time_point, needs_origin=True, memory=memory
        )
    except FmcibError as error:
        return str(error)
    except OSError as error:
        return f"The scan {seed.image.name!r} cannot be opened: {error.strerror}. Check its path and rights."


def _placed(seed: LesionSeed, grid: VoxelGrid) -> LesionSeed:
    try:
        point = seed.point(grid)
        grid.require_inside(point)
    except SeedError as error:
        return replace(seed, problem=f"{error}{_other_frame(seed, grid)}")
    return replace(seed, coordinates=tuple(point), frame="lps")


def _other_frame(seed: LesionSeed, grid: VoxelGrid) -> str:
    """A sentence where the coordinates would fit in another frame than the one that they are said to be in."""
    others = [_SPOKEN[frame] for frame in frames_inside(seed.coordinates, grid) if frame != seed.frame]
    return f" Read as {' or as '.join(others)} they would lie inside." if others else ""
