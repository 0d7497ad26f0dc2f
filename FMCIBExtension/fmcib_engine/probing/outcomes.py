"""What a head is to tell: a class, or who dies sooner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEW = 10


@dataclass(frozen=True, eq=False)
class Classes:
    """Of each row a class, as its place among the names. Of two, the second is the one that is looked for."""

    codes: NDArray[np.intp]
    names: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """Numbers that a head gives: the log odds of the second of two; else one for each class."""
        return 1 if len(self.names) == 2 else len(self.names)

    @property
    def kinds(self) -> NDArray[np.intp]:
        """Of which enough rows must be there."""
        return self.codes

    @property
    def strata(self) -> NDArray[np.intp]:
        """What folds should hold in equal shares."""
        return self.codes

    def of(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Classes:
        return Classes(self.codes[rows], self.names)


@dataclass(frozen=True, eq=False)
class Survival:
    """Of each row a time, in the user's unit, and whether the event came then (else it was last seen without)."""

    times: NDArray[np.float64]
    events: NDArray[np.bool_]

    @property
    def outputs(self) -> int:
        return 1

    @property
    def kinds(self) -> NDArray[np.intp]:
        """1 of deaths."""
        return self.events.astype(np.intp)

    @property
    def strata(self) -> NDArray[np.intp]:
        """Deaths and others; one stratum where either are few: nothing is lost if a fold has none of them."""
        few = min(int(self.events.sum()), int((~self.events).sum())) < _FEW
        return np.zeros(len(self.events), dtype=np.intp) if few else self.kinds

    def of(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Survival:
        return Survival(self.times[rows], self.events[rows])


Outcome = Classes | Survival
