"""The plain gradient: how the target changes with each voxel (Simonyan et al. 2014). One pass, at once."""

from __future__ import annotations

from .scorer import Array, Scorer


class Gradient:
    """Derivative of the score by the voxels, signed."""

    total = 1

    def __init__(self, scorer: Scorer, patch: Array) -> None:
        self._scorer, self._patch = scorer, patch
        self._found = patch * 0

    def add(self, first: int, count: int) -> None:
        self._found = self._scorer.gradients(self._patch[None])[first : first + count][0]

    def map(self) -> Array:
        return self._found

    def measured(self) -> dict[str, float]:
        return {}
