"""Grad-CAM and Grad-CAM++: where a stage of the network found what speaks for the target.

Selvaraju et al. 2017; Chattopadhay et al. 2018. The network's stages have 13, 7, 4 and 2 voxels an edge for a patch of
50: the last one says nothing of where, the first little of what.

A stage's voxel i looks at the patch around voxel i times its step, since every convolution is padded by half its width;
there it is drawn, with straight lines between. MONAI and others stretch the stage to the patch's edges instead, which
here would move it by up to 6 mm.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import affine_transform

from .scorer import Array, Scorer

STEPS = {2: 8, 3: 16}
"""Voxels of the patch from one voxel of a stage to the next."""


class GradCam:
    """The weighted sum of a stage's channels where it is positive, else 0.

    Args:
        scorer: the target.
        patch: as fed.
        stage: a key of `STEPS`.
        plus_plus: weigh by Grad-CAM++. Its factor exp(score), which all weights share, is left out: it scales the map
            and overflows.
    """

    total = 1

    def __init__(self, scorer: Scorer, patch: Array, *, stage: int, plus_plus: bool) -> None:
        self._scorer, self._patch, self._stage, self._plus_plus = scorer, patch, stage, plus_plus
        self._found = patch * 0

    def add(self, first: int, count: int) -> None:  # noqa: ARG002  there is one step
        channels, gradients = self._scorer.at_stage(self._patch, self._stage)
        weights = plus_plus_weights(channels, gradients) if self._plus_plus else gradients.mean(axis=(1, 2, 3))
        coarse = np.maximum((weights[:, None, None, None] * channels).sum(axis=0), 0)
        self._found = placed(coarse, STEPS[self._stage], self._patch.shape)

    def map(self) -> Array:
        return self._found

    def measured(self) -> dict[str, float]:
        return {}


def plus_plus_weights(channels: Array, gradients: Array) -> Array:
    """(channels, z, y, x) twice -> (channels,), equation 19 of the paper with the exponential's derivatives put in."""
    squares = gradients**2
    below = 2 * squares + (channels * gradients**3).sum(axis=(1, 2, 3), keepdims=True)
    shares = np.divide(squares, below, out=np.zeros_like(squares), where=below != 0)
    weights: Array = (shares * np.maximum(gradients, 0)).sum(axis=(1, 2, 3))
    return weights


def placed(coarse: Array, step: int, shape: tuple[int, ...]) -> Array:
    """A stage's map on the patch: its voxel i at voxel `step` * i, linear between, beyond the last as the last."""
    stretched = affine_transform(
        coarse.astype(np.float64), np.full(3, 1.0 / step), output_shape=shape, order=1, mode="nearest"
    )
    return np.asarray(stretched, np.float32)
