"""What the replies `loaded` and `encoded` say of heads and of their predictions, as people read it in the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..encoders import Encoder
from ..heads.chosen import ChosenHeads, Member
from ..heads.head import Head
from ..heads.prediction import Prediction
from ..words import in_window


def tell_heads(heads: ChosenHeads, encoder: Encoder) -> list[dict[str, Any]]:
    """The field `heads` of `loaded`."""
    return [_tell(member, encoder) for member in heads.members]


def tell_predictions(predictions: Mapping[str, Prediction]) -> list[dict[str, Any]]:
    """The field `predictions` of `encoded`."""
    return [
        {"head": name, "values": one.values and list(one.values), "note": in_window(one.note)}
        for name, one in predictions.items()
    ]


def tell_head(head: Head, sha256: str) -> dict[str, Any]:
    """What is to be known of a head to read its numbers; `sha256` is its file's."""
    return {
        "id": head.id,
        "title": head.title,
        "task": head.task,
        "outputs": list(head.outputs),
        "sha256": sha256,
        "columns": list(head.origin.columns),
        "label_meaning": head.label_meaning,
        "population": head.training.population,
        "metrics": [{**vars(metric), "text": metric.text} for metric in head.metrics],
        "is_calibrated": head.calibration.kind != "none",
        "is_verified": head.origin.is_verified,
        "warnings": [in_window(warning) for warning in head.warnings],
        "caution": head.caution,
        "date": head.date,
        "licence": head.licence,
        "citation": head.citation,
    }


def _tell(member: Member, encoder: Encoder) -> dict[str, Any]:
    weights = (member.encoder or encoder).weights
    return {**tell_head(member.head, member.sha256), "source": member.source, "weights_sha256": weights.sha256}
