"""What several commands' options share."""

from __future__ import annotations

import click

from ..weights import DEMONSTRATION_SOURCE
from ..weights.shipped import SMALL, shipped
from ..weights.store import PUBLISHED_ENCODER, installed_encoder


def require_weights(weights: str | None, encoder: str) -> str:
    """The weights that are named, else the installed ones of an encoder.

    Raises:
        UsageError: there are none.
    """
    if not (chosen := weights or installed_encoder(encoder)):
        trial = (
            f"{SMALL}` computes with the small encoder" if shipped() else f"{DEMONSTRATION_SOURCE}` with random numbers"
        )
        msg = (
            f"No weights. Fetch the published ones: `fmcib-engine weights download {PUBLISHED_ENCODER}`. Or give a "
            "checkpoint of an encoder with --weights FILE or the variable FMCIB_WEIGHTS; "
            f"`--weights {trial}, for trying out."
        )
        raise click.UsageError(msg)
    return chosen
