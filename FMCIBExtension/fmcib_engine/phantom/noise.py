"""Noise that is the same on every machine: hashed integers, smoothed by sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def smooth_noise(rows: int, columns: int, *, scales: int) -> Array:
    """Hashed integers of about unit variance, smoothed with 1 2 1 at `scales` distances 1, 2, 4, ..."""
    lattice = np.arange(rows, dtype=np.uint32)[:, np.newaxis] * np.uint32(73856093)
    lattice = lattice ^ (np.arange(columns, dtype=np.uint32) * np.uint32(19349663))
    noise = (hash_integers(lattice) >> np.uint32(16)).astype(np.float32) - 32767.5
    for scale in range(scales):
        for axis in (0, 1):
            noise = noise + 0.5 * (np.roll(noise, 2**scale, axis) + np.roll(noise, -(2**scale), axis))
    deviation = 18918.6 * 1.5 * 2.0 ** (scales - 1)
    return (noise / deviation).astype(np.float32)


def noise_window(noise: Array, k: int, shape: tuple[int, ...]) -> Array:
    """Another part of the noise for each slice."""
    return noise[k * 37 % 97 :, k * 61 % 97 :][: shape[0], : shape[1]]


def hash_integers(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mixed bits of any integer; unsigned overflow wraps the same everywhere."""
    for factor in (0x7FEB352D, 0x846CA68B):
        values = (values ^ (values >> np.uint32(16))) * np.uint32(factor)
    return values ^ (values >> np.uint32(15))
