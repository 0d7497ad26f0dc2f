"""Patches that wait -> results: features, predictions, and how steady they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from .. import pipeline
from ..encoders import Encoded, Encoder
from ..heads.chosen import ChosenHeads, Lesion
from ..heads.prediction import Prediction
from ..preprocessing import Patch
from ..results.lesion import LesionResult
from ..stability.cheap import steadiness
from .attempts import Failure, attempt
from .cutting import ENCODE, Waiting


def encode_all(waiting: Sequence[Waiting], encoder: Encoder, heads: ChosenHeads) -> list[LesionResult]:
    """All at once; where that fails, one by one, so that only the one at fault is an error."""
    together = attempt(lambda: pipeline.encode([item.patch for item in waiting], encoder))
    results = []
    for index, item in enumerate(waiting):
        alone = attempt(partial(_encode_one, item.patch, encoder)) if isinstance(together, Failure) else together[index]
        if isinstance(alone, Failure):
            failed = LesionResult(
                item.seed, item.point, item.patch, source=item.source, error=alone.sentence, step=ENCODE
            )
            results.append(failed)
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
