"""Does this installation compute what it should? The probe's patch and its features against values stored here.

The features are those of the demonstration weights, so that the test needs no file: it covers geometry, resampling,
MONAI's network, torch and the device. Whether a weights file is the published one is a matter of its checksum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..phantom import probe_patch
from ..weights import DEMONSTRATION_SOURCE, load_encoder

PATCH_STEP, FEATURE_STEP = 7919, 256
"""One voxel in 7919 (a prime, so that all axes are met) and one feature in 256 are compared."""

EXPECTED_PATCH: tuple[float, ...] = (
    0.35174561,
    0.05996285,
    0.05527272,
    0.14090265,
    0.06844075,
    0.06169577,
    0.35050935,
    0.05743169,
    0.52864581,
    0.34574142,
    0.05338542,
    0.34816489,
    0.06301461,
    0.05428299,
    0.05338542,
    0.16360295,
)
EXPECTED_FEATURES: tuple[float, ...] = (
    1.47184157,
    2.1297164,
    1.48187649,
    0.94679588,
    1.12012041,
    1.41211462,
    0.44530565,
    0.77738607,
    1.60068381,
    0.59135735,
    0.97837418,
    0.86591649,
    1.79431534,
    0.95009899,
    1.69244218,
    1.26173031,
)


@dataclass(frozen=True)
class Check:
    """One comparison with stored values."""

    what: str
    deviation: float
    limit: float

    @property
    def good(self) -> bool:
        return self.deviation <= self.limit


@dataclass(frozen=True)
class SelfTest:
    """What came of it."""

    checks: tuple[Check, ...]
    device: str
    """Where it was computed in the end."""
    engine: str
    """By which library."""
    engine_deviation: float | None
    """Of that from PyTorch; None of PyTorch."""
    note: str
    """Why it was not where it should be; empty otherwise."""

    @property
    def good(self) -> bool:
        return all(check.good for check in self.checks)


def run_self_test(device: str = "auto", engine: str = "auto") -> SelfTest:
    """Recompute the stored values on a device by an engine, in float32. Seconds, and 1.5 GB of memory.

    Raises:
        DependencyError, DeviceError, OutOfMemoryError: the features cannot be computed at all.
    """
    patch = probe_patch()
    voxels = patch.ravel()[::PATCH_STEP]
    encoder = load_encoder(DEMONSTRATION_SOURCE, device=device, engine=engine)
    (encoded,) = encoder.encode([patch])
    features = encoded.features[::FEATURE_STEP]
    checks = (
        Check("patch, largest difference", float(np.abs(voxels - np.array(EXPECTED_PATCH)).max()), 1e-5),
        Check("features, relative difference", _relative(features, np.array(EXPECTED_FEATURES)), 1e-4),
    )
    return SelfTest(checks, encoded.device, encoded.engine, encoder.engine_deviation, encoded.note)


def _relative(values: NDArray[np.float32], expected: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(values - expected) / np.linalg.norm(expected))
