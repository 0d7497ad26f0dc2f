"""What is trained on: lesions with a label and a group, and how their patches are cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Patches = NDArray[np.float32]
"""(1 + elsewhere, 50, 50, 50), as the recipe scales them: the lesion, then patches of its scan away from lesions."""


@dataclass(frozen=True)
class Lesion:
    """One lesion of a source."""

    number: int
    """Its row in the table, from 1; or the number of its case."""
    label: str = ""
    """Its class, where the source has one."""
    group: str = ""
    """What must not be torn apart by a split, such as the patient."""
    part: str = ""
    """`train` or `validation`, where the user has split."""


@dataclass(frozen=True)
class Cut:
    """What became of one lesion."""

    number: int
    patches: Patches | None = None
    problem: str = ""
    """Why there are none: a sentence."""


class Source(Protocol):
    """Where lesions come from."""

    @property
    def lesions(self) -> Sequence[Lesion]:
        """All of them, whether they can be cut or not."""

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences about what is left out, or may not be what the user meant."""

    @property
    def facts(self) -> dict[str, str]:
        """What is kept with the result about where they come from; no paths."""

    @property
    def jobs(self) -> Sequence[Sequence[int]]:
        """Numbers of the lesions that are cut together, as those of one scan."""

    def cut(self, numbers: Sequence[int]) -> Iterator[Cut]:
        """The patches of some lesions of one job; nothing that goes wrong with one stops the others."""
