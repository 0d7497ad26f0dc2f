"""Many lesions in one process: one result or one error per seed, each scan read once, the network fed in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..encoders import Encoder
from ..heads.chosen import ChosenHeads
from ..results.lesion import LesionResult
from ..seeds import LesionSeed
from ..seeds.by_scan import by_scan
from .cutting import ReadVolume, Waiting, cut_all
from .encoding import encode_all


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
    waiting: list[Waiting] = []
    for same_scan in by_scan(seeds):
        for ready in cut_all(same_scan, read_volume, recipe_id, draws):
            if isinstance(ready, LesionResult):
                yield ready
                continue
            waiting.append(ready)
            if len(waiting) >= encoder.batch_size:
                yield from encode_all(waiting, encoder, heads)
                waiting = []
    if waiting:
        yield from encode_all(waiting, encoder, heads)
