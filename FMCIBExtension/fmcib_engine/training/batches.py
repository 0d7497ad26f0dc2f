"""Which lesions a step sees, in which order, as which tensors: all of it follows from the seed and the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..encoders.devices import import_torch
from .ahead import ahead

if TYPE_CHECKING:
    from torch import Tensor

Example = Callable[[int, int], "Tensor"]
"""Epoch and number of a lesion -> its tensor for one step."""


@dataclass(frozen=True)
class Order:
    """The order of the lesions. What is left of an epoch behind its last whole step is left out, as in upstream.

    Attributes:
        numbers: of the lesions.
        batch_size: lesions in a step, of all processes.
        seed: of the run.
        share: which of them this process sees.
        together: how many neighbours in `numbers` stay neighbours, such as twins: a divisor of the batch size.
    """

    numbers: Sequence[int]
    batch_size: int
    seed: int
    share: slice
    together: int = 1

    @property
    def steps_per_epoch(self) -> int:
        return len(self.numbers) // self.batch_size

    def of_step(self, step: int) -> list[tuple[int, int]]:
        """(Epoch, number of the lesion) of this process, for a step from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        few = np.random.default_rng([self.seed, epoch]).permutation(len(self.numbers) // self.together)
        order = (few[:, np.newaxis] * self.together + np.arange(self.together)).ravel()
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size][self.share]
        return [(epoch, self.numbers[index]) for index in chosen]


class _Step:
    """Makes the tensors of a step, in whatever process it is asked; in another, straight into shared memory."""

    def __init__(self, example: Example) -> None:
        self._example = example

    def __call__(self, places: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        collate: Any = import_torch().utils.data.default_collate
        tensors, numbers = collate([(self._example(epoch, number), number) for epoch, number in places])
        return tensors, numbers


class _Steps:
    """The places of each step, as often as they are asked for."""

    def __init__(self, order: Order, steps: range) -> None:
        self._order, self._steps = order, steps

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return (self._order.of_step(step) for step in self._steps)

    def __len__(self) -> int:
        return len(self._steps)


def batches(order: Order, steps: range, example: Example, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(Tensors of this process's lesions stacked, their numbers) for each step, made ahead by `workers` processes.

    Raises:
        FmcibError, OSError: as `ahead`.
    """
    return ahead(_Step(example), _Steps(order, steps), workers)
