"""What a head says of one lesion, and which columns it has: all that tables and messages need. Needs no package."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """Numbers in the order of the head's outputs, or none; and what belongs beside them."""

    values: tuple[float, ...] | None
    note: str
    """Sentences, separated by semicolons."""


@dataclass(frozen=True)
class HeadColumns:
    """A head of a run."""

    id: str
    outputs: tuple[str, ...]
    """Names of its numbers, in order: the classes; of a survival head the hazard and each time."""
    sha256: str
    """Of its file; of a fine-tuned head, which is in a file with its encoder, of that."""
