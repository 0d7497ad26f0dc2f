"""One step after another, from where the last checkpoint ends, to the end or to what stops it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoders.batching import is_out_of_memory
from ..encoders.devices import import_torch
from ..errors import OutOfMemoryError, TrainingError
from .ahead import workers_told
from .checkpoint import CHECKPOINT, Checkpoint, write_checkpoint
from .metrics import Metrics
from .optimizer import set_rate
from .processes import Processes
from .views import place_seed

if TYPE_CHECKING:
    from torch import Tensor

Judge = Callable[[Any, "Tensor", "Tensor"], tuple["Tensor", dict[str, "Tensor"]]]
"""The network, a step's tensors and its lesions' numbers -> the loss, and numbers to be noted."""
Rate = Callable[[int], float]
AfterEpoch = Callable[[int], tuple[dict[str, float], bool]]
"""Called with an epoch from 1 when it is over: gives numbers to be noted, and whether the training is to stop."""


@dataclass(eq=False)
class Training:
    """What is trained, and how far it is.

    Attributes:
        network: its parameters on the device, under their own names.
        optimizer: of these.
        processes: that train together.
        seed: of the run.
        digest: of its settings.
        steps_per_epoch: steps in an epoch.
        step: how many steps are done.
        notes, best: see `Checkpoint`.
    """

    network: Any
    optimizer: Any
    processes: Processes
    seed: int
    digest: str
    steps_per_epoch: int
    step: int = 0
    notes: dict[str, float] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wrapped, self._stepper = self.processes.set_up(self.network, self.optimizer)

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Go to where a checkpoint is."""
        if checkpoint is None:
            return
        self.network.load_state_dict(checkpoint.network)
        self._stepper.load_state_dict(checkpoint.optimizer)
        self.step, self.notes, self.best = checkpoint.step, checkpoint.notes, checkpoint.best

    def keep(self, folder: Path) -> None:
        """Write the checkpoint, once for all processes.

        Raises:
            OutputError: it cannot be written.
        """
        if self.processes.is_first:
            optimizer = self._stepper.state_dict()
            state = self.network.state_dict()
            write_checkpoint(folder, Checkpoint(self.digest, self.step, state, optimizer, self.notes, self.best))

    def take(self, tensors: Tensor, numbers: Tensor, judge: Judge, rate: float) -> dict[str, float]:
        """One step, and what is to be noted of it.

        Raises:
            TrainingError: the loss or the gradient is no number; the weights are as before.
            OutOfMemoryError: the device has no room.
        """
        torch = import_torch()
        torch.manual_seed(place_seed(self.seed, self.step))
        set_rate(self._stepper, rate)
        try:
            loss, noted = judge(self._wrapped, tensors.to(self.processes.fabric.device), numbers)
            self._stepper.zero_grad()
            self.processes.fabric.backward(loss)
        except Exception as error:
            if is_out_of_memory(error):
                msg = "The device has no memory for a step of this size. Lower `batch_size`, and begin anew."
                raise OutOfMemoryError(msg) from error
            raise
        gradients = [each.grad for each in self.network.parameters() if each.grad is not None]
        slope = float(torch.stack([each.norm() for each in gradients]).norm())
        values = {"loss": self.processes.mean(loss), "slope": slope, "rate": rate}
        self._require_numbers(values)
        self._stepper.step()
        self.step += 1
        return values | {name: self.processes.mean(value) for name, value in noted.items()}

    def _require_numbers(self, values: dict[str, float]) -> None:
        for name, meaning in (("loss", "loss"), ("slope", "gradient")):
            if not math.isfinite(values[name]):
                msg = (
                    f"The {meaning} of step {self.step + 1} is no number ({values[name]}). The last good checkpoint is "
                    f"kept in {CHECKPOINT}. Lower `learning_rate`, or use `precision: float32`, and begin anew in "
                    "another folder (--output)."
                )
                raise TrainingError(msg)


def unjudged(_: int) -> tuple[dict[str, float], bool]:
    """Nothing is noted after an epoch, and the training goes on."""
    return {}, False


@dataclass(frozen=True)
class Pace:
    """When to stop, and what to do meanwhile.

    Attributes:
        steps: of the whole run.
        rate: learning rate of a step from 0.
        checkpoint_seconds: between checkpoints; 0 for one a step.
        advance: told after each step.
        after_epoch: called after each epoch.
    """

    steps: int
    rate: Rate
    checkpoint_seconds: float
    advance: Callable[[], None]
    after_epoch: AfterEpoch = unjudged


def train(
    training: Training, batches: Iterable[Any], judge: Judge, pace: Pace, metrics: Metrics | None, folder: Path
) -> None:  # noqa: E501, PLR0913
    """Take the steps that are left, and keep a checkpoint now and then, and at the end.

    Args:
        training: where it stands.
        batches: of the steps that are left.
        judge: gives a step's loss.
        pace: see there.
        metrics: where numbers go; None in all processes but the first.
        folder: of the run.

    Raises:
        TrainingError, OutOfMemoryError, OutputError: as `Training` says.
    """
    kept = began = time.monotonic()
    with training.processes.exact(), workers_told():
        for tensors, numbers in batches:
            values = training.take(tensors, numbers, judge, pace.rate(training.step))
            epoch, into_epoch = divmod(training.step, training.steps_per_epoch)
            stop = False
            if into_epoch == 0:
                noted, stop = pace.after_epoch(epoch)
                values |= noted
            if metrics:
                values["seconds"] = time.monotonic() - began  # with what was waited for patches
                metrics.write(training.step, epoch + (into_epoch > 0), values)
            if stop or training.step == pace.steps or time.monotonic() - kept >= pace.checkpoint_seconds:
                training.keep(folder)
                kept = time.monotonic()
            pace.advance()
            began = time.monotonic()
            if stop:
                return
