"""SmoothGrad: gradients of noisy copies of the patch (Smilkov et al. 2017), also guided, as FMCIB's authors drew them.

The magnitude is the root of the mean square, so that it does not shrink with the number of copies; MONAI's is that
over the root of their number. The noise has its own generator, and copy n of a random seed is the same in any batch.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from .scorer import Array, Scorer


class SmoothGrad:
    """Root mean square of the gradients of noisy copies, never negative.

    Args:
        scorer: the target.
        patch: as fed.
        samples: how many copies.
        noise: standard deviation, as a share of the patch's range (largest minus smallest voxel).
        guided: by guided back-propagation.
        blur_voxels: standard deviation of a Gaussian over the map; 0 for none.
        random_seed: of the noise.
    """

    def __init__(
        self,
        scorer: Scorer,
        patch: Array,
        *,
        samples: int,
        noise: float,
        guided: bool,
        blur_voxels: float,
        random_seed: int,
    ) -> None:
        self.total = samples
        self._scorer, self._patch, self._guided, self._blur = scorer, patch, guided, blur_voxels
        self._deviation = np.float32(noise * float(patch.max() - patch.min()))
        self._seed = random_seed
        self._squares = np.zeros(patch.shape, np.float64)
        self._done = 0

    def add(self, first: int, count: int) -> None:
        copies = np.stack(
            [self._patch + self._deviation * self._noise(number) for number in range(first, first + count)]
        )
        gradients = self._scorer.gradients(copies, guided=self._guided)
        self._squares += (gradients.astype(np.float64) ** 2).sum(axis=0)
        self._done += count

    def map(self) -> Array:
        magnitude = np.sqrt(self._squares / max(self._done, 1))
        blurred = gaussian_filter(magnitude, self._blur) if self._blur else magnitude
        return np.asarray(blurred, np.float32)

    def measured(self) -> dict[str, float]:
        return {}

    def _noise(self, number: int) -> Array:
        return np.random.default_rng([self._seed, number]).standard_normal(self._patch.shape, np.float32)
