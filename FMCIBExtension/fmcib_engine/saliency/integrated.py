"""Integrated gradients: what each voxel adds to the target on the way from air to the patch (Sundararajan et al. 2017).

    (patch - air) times the mean gradient on the straight line between them

so that all voxels together add up to score(patch) - score(air), up to the error of the sum over the line. Air is 0 in
the network's scale, -1024 HU: voxels of air get nothing by construction.
"""

from __future__ import annotations

import numpy as np

from .scorer import Array, Scorer

BASELINE_HU = -1024.0
_AIR = np.float32(0.0)


class IntegratedGradients:
    """Signed; in the target's own unit.

    Args:
        scorer: the target.
        patch: as fed.
        samples: points on the line, the middles of equal parts; those that come first lie far apart, so that a map of
            few is a coarse one of all.
    """

    def __init__(self, scorer: Scorer, patch: Array, *, samples: int) -> None:
        self.total = samples
        self._scorer, self._patch = scorer, patch
        self._shares = [(place + 0.5) / samples for place in spread(samples)]
        self._sum = np.zeros(patch.shape, np.float64)
        self._done = 0
        self._rise = scorer.value - float(scorer.scores(np.full_like(patch, _AIR)[None])[0])

    def add(self, first: int, count: int) -> None:
        shares = np.array(self._shares[first : first + count], np.float32)[:, None, None, None]
        gradients = self._scorer.gradients(_AIR + shares * (self._patch - _AIR))
        self._sum += gradients.astype(np.float64).sum(axis=0)
        self._done += count

    def map(self) -> Array:
        return np.asarray((self._patch - _AIR) * (self._sum / max(self._done, 1)), np.float32)

    def measured(self) -> dict[str, float]:
        """What the map's sum should be, and what it is: their difference is the error of the sum over the line."""
        return {"rise_from_baseline": self._rise, "sum_of_map": float(self.map().sum(dtype=np.float64))}


def spread(count: int) -> list[int]:
    """0 … count - 1, each beginning of it spread over the whole.

    >>> spread(6)
    [0, 4, 2, 1, 5, 3]
    """
    bits = max(count - 1, 1).bit_length()
    backwards = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(2**bits))
    return [number for number in backwards if number < count]
