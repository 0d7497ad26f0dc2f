"""Computer-made lesions as what is trained on: the one place that knows how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from ..batch import Failure, attempt
from ..errors import InputError
from ..phantom import lesions as generator
from ..preprocessing import PATCH_SIZE
from ..preprocessing.patch import HU_OF_ZERO, HU_PER_UNIT
from .sources import Cut, Lesion, Patches

LABELS = ("site", "outline", "density", "scanner")
"""What can be learned of them."""
_TOGETHER = 16
"""Lesions in one job."""


class PhantomSource:
    """The first lesions of a run of the generator.

    Args:
        count: how many.
        seed: of the generator's run.
        elsewhere: patches away from the lesion, for each.
        label: one of `LABELS`, or empty.

    Raises:
        InputError: an unknown label.
    """

    def __init__(self, count: int, seed: int, elsewhere: int, label: str = "") -> None:
        if label and label not in LABELS:
            msg = f"Computer-made lesions have the labels {', '.join(LABELS)}, got {label!r}. Choose one of these."
            raise InputError(msg)
        self._count, self._seed, self._elsewhere, self._label = count, seed, elsewhere, label

    @property
    def warnings(self) -> Sequence[str]:
        return ()

    @property
    def facts(self) -> dict[str, str]:
        return {"phantoms": str(self._count), "phantom_seed": str(self._seed), "edition": generator.EDITION}

    @cached_property
    def lesions(self) -> Sequence[Lesion]:
        numbers = range(self._count)
        return [Lesion(number, self._label_of(number), f"case {number}") for number in numbers]

    @property
    def jobs(self) -> Sequence[Sequence[int]]:
        return [range(low, min(low + _TOGETHER, self._count)) for low in range(0, self._count, _TOGETHER)]

    def cut(self, numbers: Sequence[int]) -> Iterator[Cut]:
        for number in numbers:
            drawn = attempt(lambda number=number: self._draw(number))  # type: ignore[misc]
            yield Cut(number, problem=drawn.sentence) if isinstance(drawn, Failure) else Cut(number, drawn)

    def _draw(self, number: int) -> Patches:
        case = self._case(number)
        elsewhere = [generator.draw_elsewhere(case, which, PATCH_SIZE) for which in range(self._elsewhere)]
        hu = np.stack([generator.draw(case, PATCH_SIZE).hu, *(each.hu for each in elsewhere)])
        return ((hu - np.float32(HU_OF_ZERO)) / np.float32(HU_PER_UNIT)).astype(np.float32)

    def _label_of(self, number: int) -> str:
        return str(getattr(self._case(number), self._label)) if self._label else ""

    def _case(self, number: int) -> generator.Case:
        return generator.sample_case(number, self._seed)
