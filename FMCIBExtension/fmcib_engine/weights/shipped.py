"""The weights that come with the engine: those of the small encoder, trained on computer-made lesions, licensed MIT.

They are installed from the first minute, under the ID `small`, and are what is computed with where nobody has others.
The variable FMCIB_SMALL_WEIGHTS names a file in their place: such as one that was just trained, before it ships.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..encoders import COMPUTER_MADE
from ..encoders.small import SPEC
from .about import is_cut_short, read_about
from .checkpoint import read_checkpoint
from .files import file_sha256
from .record import Record

if TYPE_CHECKING:
    from torch import Tensor

VARIABLE = "FMCIB_SMALL_WEIGHTS"
SMALL = SPEC.id
"""Their ID, which is also their encoder's."""
CAUTION = COMPUTER_MADE
SHIPPED = "shipped with the engine"
"""In the place of a record's checksum and source."""

_FILE = Path(__file__).with_name("small.safetensors")


@dataclass(frozen=True)
class ShippedRecord(Record):
    """The same as of a file in the store, but it lies elsewhere."""

    @property
    def path(self) -> Path:
        return shipped_file()

    @property
    def problem(self) -> str:
        """Why nothing can be computed with it, as far as its header tells; empty if nothing is known."""
        if read_about(self.path).encoder == SMALL and not is_cut_short(self.path):
            return ""
        return f"{self.file} is no whole file of the encoder {SMALL}. {again()}"


def shipped_file() -> Path:
    """Where it should be."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else _FILE


def again() -> str:
    """How the file comes to be here, as a sentence."""
    if os.environ.get(VARIABLE):
        return f"The variable {VARIABLE} says where it is: let it name such a file, or unset it."
    return "Install the engine again, with which it comes."


def shipped() -> ShippedRecord | None:
    """What is known of it; None where this copy of the engine has none."""
    path = shipped_file()
    try:
        size, sha256 = path.stat().st_size, file_sha256(path)
    except OSError:
        return None
    return ShippedRecord(
        id=SMALL,
        file=path.name,
        size=size,
        sha256=sha256,
        checksum=SHIPPED,
        source=SHIPPED,
        time="",
        licence=SPEC.weights_licence,
        notice="",
        encoder=SPEC.id,
        caution=CAUTION,
    )


def caution_for(encoder_id: str, trunk: Mapping[str, Tensor], said: str) -> str:
    """The caution of tensors: the shipped ones mean the same in whatever file; of others, what their file says.

    Raises:
        WeightsError, DependencyError, OutOfMemoryError: they are of the small encoder, and the shipped file cannot be
            read.
    """
    return CAUTION if encoder_id == SMALL and _is_shipped(trunk) else said


def _is_shipped(trunk: Mapping[str, Tensor]) -> bool:
    path = shipped_file()
    if not path.is_file():
        return False
    mine = read_checkpoint(path).trunk
    return mine.keys() == trunk.keys() and all(
        mine[key].shape == trunk[key].shape and bool((mine[key] == trunk[key]).all()) for key in mine
    )
