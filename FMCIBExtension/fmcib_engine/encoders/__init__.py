"""Networks that turn a patch into features: the protocol, the registry, one file per network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import InputError
from . import fmcib, small
from .base import (
    ENGINES,
    PRECISIONS,
    Encoded,
    Encoder,
    EncoderSpec,
    Precision,
    WeightsIdentity,
    feature_names,
)
from .cautions import COMPUTER_MADE, DEMONSTRATION, DEMONSTRATION_MEANING

__all__ = [
    "BY_WEIGHTS",
    "COMPUTER_MADE",
    "DEMONSTRATION",
    "DEMONSTRATION_MEANING",
    "ENCODERS",
    "ENGINES",
    "PRECISIONS",
    "Encoded",
    "Encoder",
    "EncoderSpec",
    "Precision",
    "WeightsIdentity",
    "feature_names",
    "find_encoder",
]

ENCODERS: Mapping[str, EncoderSpec] = MappingProxyType({spec.id: spec for spec in (fmcib.SPEC, small.SPEC)})
"""Every encoder: the one place where a new one is entered."""

BY_WEIGHTS = "auto"
"""In the place of an encoder's ID: whichever the weights are of."""


def find_encoder(encoder_id: str) -> EncoderSpec:
    """The encoder of an id.

    Raises:
        InputError: an unknown id.
    """
    if encoder_id not in ENCODERS:
        msg = f"An encoder is one of {', '.join(ENCODERS)}, got {encoder_id!r}. Choose one of these."
        raise InputError(msg)
    return ENCODERS[encoder_id]
