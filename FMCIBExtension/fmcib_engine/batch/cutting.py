"""The scan of some seeds, read once, and their patches on the way to the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .. import pipeline
from ..geometry import PatientPoint
from ..preprocessing import Patch
from ..results.lesion import LesionResult
from ..seeds import LesionSeed
from ..stability.cheap import Moved, move
from ..volume import Source, Volume
from .attempts import Failure, attempt

LIST, READ, CUT, ENCODE = "list", "read", "cut", "encode"
"""The steps in which a row can fail."""

ReadVolume = Callable[[LesionSeed], Volume]
"""Reads the scan of a seed: its file or folder, series and time point."""


@dataclass(frozen=True)
class Waiting:
    """A patch on its way to the network."""

    seed: LesionSeed
    point: PatientPoint
    patch: Patch
    source: Source
    moved: Moved | None = None
    """Patches around it, where the run wants to know how steady its numbers are."""


def cut_all(
    seeds: list[LesionSeed], read_volume: ReadVolume, recipe_id: str, draws: int
) -> Iterator[LesionResult | Waiting]:
    """The patches of the seeds of one scan, which is read once, and not at all where no seed is usable."""
    usable = [seed for seed in seeds if not seed.problem]
    for seed in seeds:
        if seed.problem:
            yield LesionResult(seed, error=seed.problem, step=LIST)
    if not usable:
        return
    volume = attempt(lambda: read_volume(usable[0]))
    for seed in usable:
        if isinstance(volume, Failure):
            yield LesionResult(seed, error=volume.sentence, step=READ)
        else:
            yield _cut(seed, volume, recipe_id, draws)


def _cut(seed: LesionSeed, volume: Volume, recipe_id: str, draws: int) -> LesionResult | Waiting:
    point = attempt(lambda: seed.point(volume.grid))
    if isinstance(point, Failure):
        return LesionResult(seed, source=volume.source, error=point.sentence, step=CUT)
    patch = attempt(lambda: pipeline.cut(volume, point, recipe_id))
    if isinstance(patch, Failure):
        return LesionResult(seed, point, source=volume.source, error=patch.sentence, step=CUT)
    moved = move(volume, point, seed.row, draws, recipe_id) if draws else None
    return Waiting(seed, point, patch, volume.source, moved)
