"""After each epoch: the lesions that were held back, the best epoch so far, and whether to stop."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..encoders.devices import import_torch
from ..errors import TrainingError
from .checkpoint import CHECKPOINT
from .loop import Training
from .prepare import Shelf
from .scores import balanced_accuracy, mean_auc
from .views import centre

if TYPE_CHECKING:
    from torch import Tensor

_TOGETHER = 16
"""Patches at once."""


@dataclass(frozen=True)
class HeldBack:
    """Lesions that are not learned from."""

    numbers: list[int]
    classes: list[int]
    """The index of each one's class."""
    weights: list[float]
    """How much a lesion of each class counts."""


class Validation:
    """The held-back lesions of a run. Each process computes all of them, and so decides as the others do.

    Args:
        training: what is validated.
        shelf: has the patches.
        held_back: the lesions.
        size: edge of what the network is fed.
        frozen: modules that stay as they are while the others learn.
    """

    def __init__(self, training: Training, shelf: Shelf, held_back: HeldBack, size: int, frozen: Sequence[Any]) -> None:
        self._training, self._shelf, self._numbers = training, shelf, held_back.numbers
        self._truth, self._weights = np.array(held_back.classes), np.array(held_back.weights)
        self._size, self._frozen = size, frozen

    def set_modes(self) -> None:
        """Ready to learn; batch norms of what does not learn keep their numbers."""
        self._training.network.train()
        for module in self._frozen:
            module.eval()

    def after_epoch(self, epoch: int, *, patience: int, last: int) -> tuple[dict[str, float], bool]:
        """Scores of an epoch from 1, and whether it is the last: by its number, or as none was better for so long.

        Raises:
            TrainingError: the network gives no numbers.
        """
        scores, _ = self._scores()
        if not math.isfinite(scores["validation_loss"]):
            msg = (
                f"The validation loss of epoch {epoch} is no number. The last good checkpoint is kept in {CHECKPOINT}. "
                "Lower `learning_rate`, and begin anew in another folder (--output)."
            )
            raise TrainingError(msg)
        notes = self._training.notes
        if "best_epoch" not in notes or scores["validation_loss"] < notes["best_loss"]:
            notes |= {"best_epoch": float(epoch), "best_loss": scores["validation_loss"]}
            state = self._training.network.state_dict()
            self._training.best = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
        stop = epoch == last or epoch - notes["best_epoch"] >= patience
        notes["stopped"] = float(stop)
        return scores, stop

    def of_best(self, names: Sequence[str]) -> tuple[str, dict[str, float]]:
        """A CSV of the best epoch's shares for each lesion, by its row in the table; and the scores."""
        self._training.network.load_state_dict(self._training.best)
        scores, shares = self._scores()
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["row", "label", *(f"share_{name}" for name in names)])
        for number, truth, row in zip(self._numbers, self._truth, shares, strict=True):
            writer.writerow([number, names[truth], *(f"{value:.6g}" for value in row)])
        return stream.getvalue(), scores

    def _scores(self) -> tuple[dict[str, float], NDArray[np.float64]]:
        logits = self._logits()
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        weights = self._weights[self._truth]
        surprise = -np.log(np.maximum(shares[np.arange(len(shares)), self._truth], 1e-30))
        scores = {
            "validation_loss": float((weights * surprise).sum() / weights.sum()),
            "validation_balanced_accuracy": balanced_accuracy(self._truth, shares),
            "validation_auc": mean_auc(self._truth, shares),
        }
        return scores, shares

    def _logits(self) -> NDArray[np.float64]:
        torch = import_torch()
        network, fabric = self._training.network, self._training.processes.fabric
        network.eval()
        found = []
        with torch.no_grad(), fabric.autocast():
            for low in range(0, len(self._numbers), _TOGETHER):
                patches = [self._patch(number) for number in self._numbers[low : low + _TOGETHER]]
                found.append(network(torch.stack(patches)[None].to(fabric.device))[0].double().cpu().numpy())
        self.set_modes()
        logits: NDArray[np.float64] = np.concatenate(found)
        return logits

    def _patch(self, number: int) -> Tensor:
        return centre(import_torch().from_numpy(self._shelf.read(number)[:1]), self._size)
