"""What both commands do between beginning and end: the steps that are left, with their rate, metrics and progress."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .batches import Example, Order, batches
from .folder import METRICS
from .loop import AfterEpoch, Judge, Pace, Training, train, unjudged
from .metrics import Metrics
from .optimizer import rate_at

Shown = Callable[[int, int], AbstractContextManager[Callable[[int], None]]]
"""Given how many steps there are and how many are done: shows them, and gives what is told of more."""


@dataclass(frozen=True)
class Steps:
    """What a command's steps are.

    Attributes:
        order: of the lesions.
        example: makes a lesion's tensor.
        judge: gives a step's loss.
        noted: columns of the metrics.
        after_epoch: called after each epoch.
    """

    order: Order
    example: Example
    judge: Judge
    noted: tuple[str, ...]
    after_epoch: AfterEpoch = unjudged


def take_steps(training: Training, settings: Any, steps: Steps, folder: Path, shown: Shown) -> None:
    """Take the steps that are left.

    Args:
        training: where it stands.
        settings: of either command.
        steps: what they are.
        folder: of the run.
        shown: the progress of the first process.

    Raises:
        FmcibError: as `train` and `batches`.
    """
    a_epoch, first = steps.order.steps_per_epoch, training.processes.is_first
    count = settings.epochs * a_epoch
    warm_up = min(round(settings.warm_up_epochs * a_epoch), count)
    rate = partial(rate_at, steps=count, warm_up=warm_up, highest=settings.learning_rate)
    loader = batches(steps.order, range(training.step, count), steps.example, settings.workers)
    with (
        Metrics(folder / METRICS, steps.noted, training.step) if first else nullcontext() as metrics,
        shown(count, training.step) if first else nullcontext(_nothing) as advance,
    ):
        pace = Pace(count, rate, settings.checkpoint_minutes * 60, lambda: advance(1), steps.after_epoch)
        train(training, loader, steps.judge, pace, metrics, folder)


def _nothing(_: int) -> None:
    """Progress of a process that shows none."""
