"""What a few draws around a seed say of a row: part of a result, as its features are. Needs no package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_RANK = "no rank beside the cosine: a row is compared with no other lesion here (`fmcib-engine stability` does)"


@dataclass(frozen=True)
class OutputSpread:
    """Of one output of a head over the draws."""

    sd: float
    low: float
    high: float
    """Smallest and largest."""


@dataclass(frozen=True)
class RowSteadiness:
    """Of one row. Without draws in the scan the numbers are nothing."""

    draws: int
    """In the scan, and computed."""
    left_out: int
    cosine_mean: float | None = None
    cosine_min: float | None = None
    spreads: Mapping[str, tuple[OutputSpread, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By head, in the order of its outputs."""
    note: str = NO_RANK
