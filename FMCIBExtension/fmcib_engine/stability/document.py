"""One lesion's steadiness as JSON: the same bytes for the same numbers. No name of a file, no date."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..encoders import Encoder, WeightsIdentity
from ..geometry import VoxelGrid
from ..results.versions import installed_versions
from .numbers import in_words
from .one import Answer, Steadiness

SCHEMA = "fmcib-stability-1"


@dataclass(frozen=True)
class ComputedBy:
    """The network, where it was computed, and the versions of packages there."""

    encoder_id: str
    weights: WeightsIdentity
    device: str
    engine: str
    precision: str
    versions: Mapping[str, str]

    @classmethod
    def of(cls, encoder: Encoder) -> ComputedBy:
        """In this process."""
        where = encoder.device, encoder.engine, encoder.precision
        return cls(encoder.spec.id, encoder.weights, *where, installed_versions())


def document_of(found: Steadiness, by: ComputedBy) -> dict[str, Any]:
    """All numbers: of the undisturbed lesion, of each draw with its place, of each change of the patch; and sums.

    Args:
        found: what was computed.
        by: by what.
    """
    own = found.undisturbed
    document = {
        "schema": SCHEMA,
        "use": "for research only",
        "encoder": {
            "id": by.encoder_id,
            "weights": by.weights.name,
            "weights_sha256": by.weights.sha256,
            "caution": by.weights.caution,
            "recipe_id": found.asked.recipe_id,
            "device": by.device,
            "engine": by.engine,
            "precision": by.precision,
        },
        "versions": dict(by.versions),
        "random_seed": found.asked.random_seed,
        "seed_lps_mm": list(own.point),
        "patch_sha256": own.patch_sha256,
        "warnings": [*own.quality.warnings(), *_notes(found)],
        "jitter": {"how": found.jitter.how, "grid_xyz": found.jitter.grid, "step_mm": found.jitter.step_mm},
        "heads": [_head(found, index) for index in range(len(found.heads))],
        "cosine": {**_cosine(found, found.drawn), "by_place": _cosine_map(found)},
        "other_lesions": found.others.about,
        "draws": [_answer(found, each) for each in found.drawn],
        "left_out": [{"name": each.name, "lps_mm": list(each.point), "why": each.why} for each in found.left_out],
        "perturbations": [
            {"about": perturbation.about, **_answer(found, each), "rank": _rank(found, [each])}
            for perturbation, each in zip(found.asked.perturbations, found.changed, strict=True)
        ],
    }
    return dict(_plain(document))


def as_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _head(found: Steadiness, index: int) -> dict[str, Any]:
    head = found.heads[index]
    prediction = found.undisturbed.predictions[head.id]
    spreads = found.spreads()
    same = found.same_class(head)
    return {
        "id": head.id,
        "sha256": head.sha256,
        "note": prediction.note,
        "outputs": {name: asdict(spreads[head.id, name]) for name in head.outputs if (head.id, name) in spreads},
        "likeliest": {"class": same[0], "stays_in": same[1], "of": same[2]} if same else None,
        "by_place": _maps(found, index),
    }


def _maps(found: Steadiness, index: int) -> dict[str, Any] | None:
    """Of a grid: each output [z, y, x], and where its first point lies."""
    head = found.heads[index]
    maps = {name: made for name in head.outputs if (made := found.map_of(head.id, name))}
    if not maps:
        return None
    grid = next(iter(maps.values()))[0]
    return {**_place(grid), "outputs_zyx": {name: values.astype(float).tolist() for name, (_, values) in maps.items()}}


def _cosine_map(found: Steadiness) -> dict[str, Any] | None:
    made = found.map_of_cosine()
    return {**_place(made[0]), "zyx": made[1].astype(float).tolist()} if made else None


def _place(grid: VoxelGrid) -> dict[str, Any]:
    return {"origin_lps_mm": grid.origin.tolist(), "spacing_mm": grid.spacing.tolist()}


def _notes(found: Steadiness) -> list[str]:
    """Of where it was computed."""
    every = (found.undisturbed, *found.drawn, *found.changed)
    return list(dict.fromkeys(each.note for each in every if each.note))


def _cosine(found: Steadiness, answers: Sequence[Answer]) -> dict[str, Any]:
    similar = found.cosines(answers)
    return {"mean": float(similar.mean()), "min": float(similar.min()), "rank": _rank(found, answers)}


def _rank(found: Steadiness, answers: Sequence[Answer]) -> dict[str, Any]:
    rank = found.rank(answers)
    numbers = asdict(rank) if rank else {}
    return {**numbers, "in_words": in_words(rank, found.others.about)}


def _answer(found: Steadiness, answer: Answer) -> dict[str, Any]:
    moved = answer.point.to_array() - found.undisturbed.point.to_array()
    return {
        "name": answer.name,
        "moved_mm": moved.tolist(),
        "padded_fraction": answer.quality.padded_fraction,
        "cosine": float(found.cosines([answer])[0]),
        "predictions": {
            head.id: dict(zip(head.outputs, values, strict=True))
            for head in found.heads
            if (values := answer.predictions[head.id].values)
        },
    }


def _plain(value: Any) -> Any:
    """What is no number is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
