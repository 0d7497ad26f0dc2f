"""Does this installation compute what it should? The probe's patch and its features against values stored here.

The features are those of the demonstration weights, so that the test needs no file: it covers geometry, resampling,
MONAI's network, torch and the device. Whether a weights file is the published one is a matter of its checksum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .phantom import probe_patch
from .weights import DEMONSTRATION_SOURCE, load_encoder

PATCH_STEP, FEATURE_STEP = 16, 256
"""Every 16th voxel along each axis and every 256th feature are compared."""

EXPECTED_PATCH: tuple[float, ...] = ()
EXPECTED_FEATURES: tuple[float, ...] = ()


@dataclass(frozen=True)
class Check:
    """One comparison with stored values."""

    what: str
    deviation: float
    limit: float

    @property
    def good(self) -> bool:
        return self.deviation <= self.limit


def run_self_test(device: str = "auto") -> list[Check]:
    """Recompute the stored values on a device, in float32. Seconds, and 1.5 GB of memory.

    Raises:
        DependencyError, DeviceError, OutOfMemoryError: the features cannot be computed at all.
    """
    patch = probe_patch()
    voxels = patch[::PATCH_STEP, ::PATCH_STEP, ::PATCH_STEP].ravel()
    features = load_encoder(DEMONSTRATION_SOURCE, device=device).encode([patch])[0].features[::FEATURE_STEP]
    return [
        Check("patch, largest difference", float(np.abs(voxels - np.array(EXPECTED_PATCH)).max()), 1e-5),
        Check("features, relative difference", _relative(features, np.array(EXPECTED_FEATURES)), 1e-4),
    ]


def _relative(values: NDArray[np.float32], expected: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(values - expected) / np.linalg.norm(expected))
