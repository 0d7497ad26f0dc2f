"""What a run needs to go on: weights, the optimizer's memory, and how many steps are done. One file, one rename.

The schedule, the order of the lesions and all random numbers follow from the step, and are not stored.
"""

from __future__ import annotations

import pickle
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoders.devices import import_torch
from ..errors import OutputError
from ..results.files import write_whole

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT = "checkpoint.pt"
_FORMAT = 1
_DAMAGED = (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, pickle.UnpicklingError)


@dataclass(eq=False)
class Checkpoint:
    """A run after a step.

    Attributes:
        digest: of the settings that it belongs to.
        step: how many are done.
        network: all its tensors.
        optimizer: as torch gives it.
        notes: plain numbers of the command: the best epoch, and the like.
        best: tensors of the best epoch, where there is one.
    """

    digest: str
    step: int
    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    notes: dict[str, float] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint.

    Raises:
        OutputError: it cannot be written; the one before is still there.
    """
    content = {"format": _FORMAT, **vars(checkpoint)}
    write_whole(folder / CHECKPOINT, lambda path: import_torch().save(content, path))


def read_checkpoint(folder: Path, digest: str) -> Checkpoint | None:
    """The folder's checkpoint of settings with this digest, or None where no step was kept.

    Nothing that the file holds is run.

    Raises:
        OutputError: it is damaged, or of another run.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    torch = import_torch()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what a damaged file seems to be
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=False)
        if content.pop("format") == _FORMAT and content["digest"] == digest:
            return Checkpoint(**content)
    except _DAMAGED:
        pass
    msg = f"{CHECKPOINT} in {folder.name} is damaged, or of another run. Begin anew in another folder (--output)."
    raise OutputError(msg)
