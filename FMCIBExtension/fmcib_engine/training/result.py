"""The result of a run: one safetensors file that the engine reads as an encoder's weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..weights.checkpoint import Checkpoint, write_safetensors
from .folder import RESULT, RunFolder
from .networks import Trainable

if TYPE_CHECKING:
    from torch import Tensor

COMPUTER_MADE = "TRAINED ON COMPUTER-MADE LESIONS: shows how it works, says nothing about patients"


def write_result(
    run: RunFolder,
    trainable: Trainable,
    state: dict[str, Tensor],
    *,
    command: str,
    numbers: dict[str, Any],
    classes: list[str] | None = None,
    begun_with: Path | None = None,
) -> None:
    """Write trunk and head, and note in the folder that the run is done.

    The names are those of `weights.checkpoint`: `model.trunk.*` as published for encoders, and, of a head with classes,
    `model.heads.*` with `0.0.weight`, `1.0.weight`, … as in the published fine-tuned files, last the classes in their
    order. A projection head is left out: it is of no use to anyone.

    Args:
        run: the folder.
        trainable: the encoder.
        state: all tensors, as `trunk.*` and `head.*`.
        command: which made it.
        numbers: to be noted beside it.
        classes: of the head; None for a projection head.
        begun_with: the weights that it began with, whose notice goes on.

    Raises:
        OutputError: it cannot be written.
    """
    settings = run.settings
    about: dict[str, Any] = {"made_by": f"fmcib-engine {command}", "encoder": trainable.spec.id, "seed": settings.seed}
    about |= {"recipe": trainable.spec.recipe_id, "settings_sha256": run.facts()["settings_sha256"]}
    if classes:
        about["classes"] = classes
    if settings.phantoms or (begun_with and is_computer_made(begun_with)):
        about["notice"] = COMPUTER_MADE
    # One entry: safetensors writes several in an order of chance, and the same run should give the same bytes.
    weights = Checkpoint(_below("trunk.", state), _below("head.", state) if classes else {})
    write_safetensors(run.path / RESULT, weights, {"fmcib": json.dumps(about)})
    run.finish({**numbers, **({"classes": classes} if classes else {})})


def is_computer_made(weights: Path) -> bool:
    """Whether a file says of itself that computer-made lesions were trained on."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "pt") as file:
            return COMPUTER_MADE in (file.metadata() or {}).get("fmcib", "")
    except (SafetensorError, OSError):  # of another kind: a published one
        return False


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor.detach().cpu() for name, tensor in state.items() if name.startswith(prefix)
    }
