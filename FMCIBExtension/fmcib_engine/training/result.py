"""The result of a run: one safetensors file that the engine reads as an encoder's weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoders import COMPUTER_MADE, EncoderSpec
from ..weights.about import About, read_about
from ..weights.checkpoint import Checkpoint, read_checkpoint, write_safetensors
from ..weights.shipped import caution_for
from .folder import RESULT, RunFolder

if TYPE_CHECKING:
    from torch import Tensor


def write_result(
    run: RunFolder,
    spec: EncoderSpec,
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
        spec: of the encoder.
        state: all tensors, as `trunk.*` and `head.*`.
        command: which made it.
        numbers: to be noted beside it.
        classes: of the head; None for a projection head.
        begun_with: the weights that it began with, whose caution goes on.

    Raises:
        OutputError: it cannot be written.
    """
    caution = ""
    if run.settings.phantoms:
        caution = COMPUTER_MADE
    elif begun_with:
        caution = caution_for(spec.id, read_checkpoint(begun_with).trunk, read_about(begun_with).caution)
    source = f"fmcib-engine {command}, seed {run.settings.seed}, settings sha256:{run.facts()['settings_sha256']}"
    weights = Checkpoint(_below("trunk.", state), _below("head.", state) if classes else {})
    about = About(spec.id, caution, source, tuple(classes or ()))
    write_safetensors(run.path / RESULT, weights, about.metadata)
    run.finish({**numbers, **({"classes": classes} if classes else {})})


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor.detach().cpu() for name, tensor in state.items() if name.startswith(prefix)
    }
