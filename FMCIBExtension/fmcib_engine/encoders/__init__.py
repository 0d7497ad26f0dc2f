"""Networks that turn a patch into features: the protocol, the registry, one file per network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import fmcib
from .base import (
    DEMONSTRATION,
    DEMONSTRATION_MEANING,
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
    "PRECISIONS",
    "Encoded",
    "Encoder",
    "EncoderSpec",
    "Precision",
    "WeightsIdentity",
]

ENCODERS: Mapping[str, EncoderSpec] = MappingProxyType({fmcib.SPEC.id: fmcib.SPEC})
