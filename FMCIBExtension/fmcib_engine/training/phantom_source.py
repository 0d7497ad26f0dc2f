"""Computer-made lesions as what is trained on: the one place that knows how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from ..batch import Failure, attempt
from ..errors import InputError
from ..phantom import lesions as generator
from ..preprocessing import PATCH_SIZE
from ..preprocessing.patch import scaled
from .sources import Cut, Lesion, Patches

LABELS = ("site", "outline", "density", "scanner")
"""What can be learned of them."""
CLEAR_MM = 15.0
_TOGETHER = 16
"""Lesions in one job."""


class PhantomSource:
    """The first lesions of a run of the generator.

    Args:
        count: how many.
        seed: of the generator's run.
        elsewhere: patches away from the lesion, for each.
        label: of `LABELS`, several joined by `+`; or empty.
        clear: only lesions whose outline is easy to see: of `CLEAR_MM` and more, smooth or with long strands.
        twins: lesions 2n and 2n + 1 are case n, with its roughness r and with 1 - r: all else is the same, tissue,
            neighbours and noise. What tells one from the other is the outline alone.

    Raises:
        InputError: an unknown label.
    """

    def __init__(
        self, count: int, seed: int, elsewhere: int, label: str = "", *, clear: bool = False, twins: bool = False
    ) -> None:
        self._names = label.split("+") if label else []
        if unknown := [name for name in self._names if name not in LABELS]:
            msg = (
                f"Computer-made lesions have the labels {', '.join(LABELS)}, got {unknown[0]!r}. Choose one of these, "
                "or several joined by +."
            )
            raise InputError(msg)
        self._count, self._seed, self._elsewhere, self._clear = count, seed, elsewhere, clear
        self._twins = twins

    @property
    def warnings(self) -> Sequence[str]:
        return ()

    @property
    def facts(self) -> dict[str, str]:
        facts = {"phantoms": str(self._count), "phantom_seed": str(self._seed), "edition": generator.EDITION}
        chosen = {"clear": self._clear, "twins": self._twins}
        return facts | {name: "yes" for name, given in chosen.items() if given}

    @cached_property
    def lesions(self) -> Sequence[Lesion]:
        numbers = range(self._count)
        return [Lesion(number, self._label_of(number), f"case {self._place_of(number)[0]}") for number in numbers]

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
        return scaled(hu)

    def _label_of(self, number: int) -> str:
        case = self._case(number)
        return " ".join(str(getattr(case, name)) for name in self._names)

    def _place_of(self, number: int) -> tuple[int, bool]:
        """The number of its case, and whether it is the second twin."""
        return (number // 2, number % 2 == 1) if self._twins else (number, False)

    def _case(self, number: int) -> generator.Case:
        own, second = self._place_of(number)
        case = self._first(own)
        if not second:
            return case
        return generator.sample_case(own, self._seed, roughness=1.0 - case.roughness, diameter_mm=case.diameter_mm)

    def _first(self, number: int) -> generator.Case:
        case = generator.sample_case(number, self._seed)
        if not self._clear:
            return case
        smallest, largest = generator.DIAMETERS_MM
        share = (case.diameter_mm - smallest) / (largest - smallest)
        diameter = CLEAR_MM + (largest - CLEAR_MM) * share
        # the six tenths in the middle are left out, and what they would have been lies at the ends
        rough = 0.4 * case.roughness + (0.6 if case.roughness >= 0.5 else 0.0)
        return generator.sample_case(number, self._seed, roughness=rough, diameter_mm=diameter)
