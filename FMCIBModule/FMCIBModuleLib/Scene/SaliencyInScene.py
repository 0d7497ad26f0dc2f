"""Saliency maps in the scene: an overlay for each lesion and target, with all that the engine says of the map."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from fmcib_engine.geometry import VoxelGrid
from slicer.i18n import tr as _

from .LesionInScene import LesionInScene
from .OverlayInScene import Look, OverlayInScene, overlaysOf

KIND = "saliency"


def saliencyOf(lesion: LesionInScene, target: str) -> OverlayInScene:
    """The map of a target, whether it is there or not."""
    return OverlayInScene(lesion, KIND, target)


def explainedTargets(lesion: LesionInScene) -> list[str]:
    """Of which there are maps."""
    return [overlay.which for overlay in overlaysOf(lesion, KIND)]


def writeSaliency(lesion: LesionInScene, name: str, grid: VoxelGrid, facts: Mapping[str, Any], values: bytes):
    """Put a map into the scene, in the place of one of the same target.

    Args:
        lesion: whose.
        name: of the lesion.
        grid: of its patch, LPS mm.
        facts: as the worker's reply to `explain` tells them.
        values: raw, little-endian float32 [z, y, x].

    Raises:
        KeyError, ValueError: they are no map of this patch.
    """
    array = np.frombuffer(values, "<f4").reshape(grid.size[::-1])
    if not np.isfinite(array).all():
        raise ValueError(facts["target"])
    title = _("Saliency of {lesion}: {target}").replace("{target}", facts["target"])
    look = Look(title, facts["unit"], bool(facts["is_signed"]))
    told = {fact: value if isinstance(value, str) else json.dumps(value) for fact, value in facts.items()}
    return saliencyOf(lesion, facts["target"]).show(name, array, grid, look, told | {"lesion_key": lesion.key})


def factsOf(overlay: OverlayInScene) -> dict[str, Any]:
    """What is known of a map, by the names of the engine's `MapFacts`; empty where the scene lost that.

    Numbers and lists are so again; what is damaged is left as it is.
    """
    return {fact: _read(fact, text) for fact, text in overlay.facts.items()}


_TEXTS = frozenset(
    {"method", "target", "target_meaning", "unit", "encoder_id", "weights", "weights_sha256", "recipe_id"}
)
"""Facts that are text, and might look like a number."""


def _read(fact: str, text: str) -> Any:
    if fact in _TEXTS or fact.endswith("sha256"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
