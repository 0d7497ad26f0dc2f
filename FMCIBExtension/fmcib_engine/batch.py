"""Many lesions: one result or one error per seed, each scan read once, the network fed in batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from . import pipeline
from .encoders import Encoded, Encoder
from .errors import FmcibError
from .geometry import PatientPoint
from .heads.chosen import ChosenHeads, Lesion
from .heads.prediction import Prediction
from .preprocessing import Patch
from .results.lesion import LesionResult
from .seeds import LesionSeed
from .stability.cheap import Moved, move, steadiness
from .volume import Source, Volume

_log = logging.getLogger(__name__)

Outcome = TypeVar("Outcome")

ReadVolume = Callable[[LesionSeed], Volume]
"""Reads the scan of a seed: its file or folder, series and time point."""


@dataclass(frozen=True)
class _Waiting:
    """A patch on its way to the network."""

    seed: LesionSeed
    point: PatientPoint
    patch: Patch
    source: Source
    moved: Moved | None = None
    """Patches around it, where the run wants to know how steady its numbers are."""


def analyse(
    seeds: Iterable[LesionSeed],
    *,
    read_volume: ReadVolume,
    encoder: Encoder,
    recipe_id: str,
    heads: ChosenHeads | None = None,
    draws: int = 0,
) -> Iterator[LesionResult]:
    """One result per seed, as they are ready: by folder or file in the order of their first rows, then by scan.

    Nothing that goes wrong with a seed, a scan or a batch stops the others. With heads each result has predictions.
    With `draws` each is computed as often again with its seed moved (`stability.cheap`).
    """
    heads = heads or ChosenHeads(encoder)
    waiting: list[_Waiting] = []
    for same_scan in by_scan(seeds):
        for ready in _cut_all(same_scan, read_volume, recipe_id, draws):
            if isinstance(ready, LesionResult):
                yield ready
                continue
            waiting.append(ready)
            if len(waiting) >= encoder.batch_size:
                yield from _encode_all(waiting, encoder, heads)
                waiting = []
    if waiting:
        yield from _encode_all(waiting, encoder, heads)


def by_scan(seeds: Iterable[LesionSeed]) -> list[list[LesionSeed]]:
    """The seeds of each scan; the scans of one folder or file follow each other, in whatever spelling it is given."""
    places: dict[Hashable, dict[tuple[str, int | None, bool], list[LesionSeed]]] = {}
    for seed in seeds:
        in_voxels = seed.frame == "ijk"  # such seeds need less of a scan
        scans = places.setdefault(place_of(seed.image), {})
        scans.setdefault((seed.series_uid, seed.time_point, in_voxels), []).append(seed)
    return [scan for scans in places.values() for scan in scans.values()]


def place_of(image: Path) -> Hashable:
    """What is the same for two paths to one file or folder; of one that is not there, the path."""
    try:
        status = image.stat()
    except (OSError, ValueError):  # ValueError: a zero in its name
        return image
    return (status.st_dev, status.st_ino) if status.st_ino else image.resolve()


def _cut_all(
    seeds: list[LesionSeed], read_volume: ReadVolume, recipe_id: str, draws: int
) -> Iterator[LesionResult | _Waiting]:
    """The patches of the seeds of one scan, which is read once, and not at all where no seed is usable."""
    usable = [seed for seed in seeds if not seed.problem]
    for seed in seeds:
        if seed.problem:
            yield LesionResult(seed, error=seed.problem)
    if not usable:
        return
    volume = attempt(lambda: read_volume(usable[0]))
    for seed in usable:
        if isinstance(volume, Failure):
            yield LesionResult(seed, error=volume.sentence)
        else:
            yield _cut(seed, volume, recipe_id, draws)


def _cut(seed: LesionSeed, volume: Volume, recipe_id: str, draws: int) -> LesionResult | _Waiting:
    point = attempt(lambda: seed.point(volume.grid))
    if isinstance(point, Failure):
        return LesionResult(seed, source=volume.source, error=point.sentence)
    patch = attempt(lambda: pipeline.cut(volume, point, recipe_id))
    if isinstance(patch, Failure):
        return LesionResult(seed, point, source=volume.source, error=patch.sentence)
    moved = move(volume, point, seed.row, draws, recipe_id) if draws else None
    return _Waiting(seed, point, patch, volume.source, moved)


def _encode_all(waiting: list[_Waiting], encoder: Encoder, heads: ChosenHeads) -> list[LesionResult]:
    """All at once; where that fails, one by one, so that only the one at fault is an error."""
    together = attempt(lambda: pipeline.encode([item.patch for item in waiting], encoder))
    results = []
    for index, item in enumerate(waiting):
        alone = attempt(partial(_encode_one, item.patch, encoder)) if isinstance(together, Failure) else together[index]
        if isinstance(alone, Failure):
            results.append(LesionResult(item.seed, item.point, item.patch, source=item.source, error=alone.sentence))
        else:
            steady = None
            if item.moved is not None:
                steady = steadiness(item.moved, alone.features, item.seed.extras, encoder, heads)
            results.append(LesionResult(item.seed, item.point, item.patch, alone, item.source, steadiness=steady))
    return _with_predictions(results, heads)


def _with_predictions(results: list[LesionResult], heads: ChosenHeads) -> list[LesionResult]:
    """Also of the heads whose encoder computes the patches once more; an error leaves the features as they are."""
    lesions = {
        index: Lesion(result.patch, result.encoded.features, result.seed.extras)
        for index, result in enumerate(results)
        if result.patch and result.encoded
    }
    said = attempt(lambda: heads.predict(list(lesions.values())))
    if isinstance(said, Failure):
        none = Prediction(None, f"no prediction: {said.sentence}")
        said = [{head.id: none for head in heads.columns}] * len(lesions)
    found = dict(zip(lesions, said, strict=True))
    return [replace(result, predictions=found.get(index, {})) for index, result in enumerate(results)]


def _encode_one(patch: Patch, encoder: Encoder) -> Encoded:
    (encoded,) = pipeline.encode([patch], encoder)
    return encoded


@dataclass(frozen=True)
class Failure:
    sentence: str


def attempt(step: Callable[[], Outcome]) -> Outcome | Failure:
    """What `step` gives, or why it gave nothing: the one place where a row's error is kept from the others."""
    try:
        return step()
    except FmcibError as error:
        return Failure(str(error))
    except MemoryError:
        return Failure("There is not enough memory for this scan. Close other programs, or use a larger computer.")
    except OSError as error:
        return Failure(
            f"The system refused: {error.strerror or type(error).__name__}. Check the scan's path and rights."
        )
    except Exception as error:  # noqa: BLE001  one bad row never stops a batch
        _log.error("Unforeseen %s in one row", type(error).__name__, exc_info=_log.isEnabledFor(logging.DEBUG))
        return Failure(f"Unforeseen {type(error).__name__}; the log has the details. Please report it.")
