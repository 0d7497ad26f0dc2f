"""Networks that turn a patch into features: the protocol, the registry, one file per network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import InputError
from . import fmcib
from .base import (
    DEMONSTRATION,
    DEMONSTRATION_MEANING,
    ENGINES,
    PRECISIONS,
    Encoded,
    Encoder,
    EncoderSpec,
    Precision,
    WeightsIdentity,
)

__all__ = [
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
    "find_encoder",
]

ENCODERS: Mapping[str, EncoderSpec] = MappingProxyType({fmcib.SPEC.id: fmcib.SPEC})


def find_encoder(encoder_id: str) -> EncoderSpec:
    """The encoder of an id.

    Raises:
        InputError: an unknown id.
    """
    if encoder_id not in ENCODERS:
        msg = f"An encoder is one of {', '.join(ENCODERS)}, got {encoder_id!r}. Choose one of these."
        raise InputError(msg)
    return ENCODERS[encoder_id]
