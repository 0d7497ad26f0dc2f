"""What takes many steps: between two of them shorter requests are answered, and it can end with what it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..encoders import Encoder
from ..framing import Header
from ..heads.chosen import ChosenHeads
from ..preprocessing import Patch


@dataclass(frozen=True)
class Part:
    """How far a long request has come."""

    done: int
    total: int
    """Steps; the last part is whole, with as many done."""
    tell: Callable[[], tuple[Header, bytes]]
    """Makes the result so far: what is added to the reply, and its payload."""


Make = Callable[[Mapping[str, Any], Patch, Encoder, ChosenHeads], Iterator[Part]]
"""From the request's fields and patch, and what is loaded, to one part or more."""
