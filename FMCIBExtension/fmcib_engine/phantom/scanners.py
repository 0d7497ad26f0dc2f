"""Six imaginary scanners, by what a picture shows of a scanner: pixels, slices, kernels and noise.

They stand for kinds, not for makes: the ranges are those of chest and body protocols of the last 25 years. The public
scans that the tests know have pixels of 0.69 to 0.98 mm, slices of 1 to 3 mm and, in soft tissue, a noise of 12 to 21
HU (tenth percentile of the standard deviation in 7 x 7 pixels). Not imitated: streaks, rings, motion, beam hardening,
tube voltage, noise that differs from place to place.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Kernel:
    """What reconstruction does in the plane of a slice."""

    blur_mm: float
    """Standard deviation of its point spread."""
    boost: float
    """How much of what a further blur would take away is added: edges overshoot."""
    grain_mm: float
    """Standard deviation of the blur of its noise."""
    hollow: float
    """Share of the noise's coarse part that is missing, as after filtered back projection: 0 to 1."""


KERNELS = {
    "soft": Kernel(0.75, 0.0, 0.75, 0.7),
    "standard": Kernel(0.55, 0.15, 0.5, 0.8),
    "sharp": Kernel(0.4, 0.7, 0.3, 0.95),
    "iterative": Kernel(0.55, 0.1, 0.95, 0.3),
}


@dataclass(frozen=True)
class Scanner:
    """Ranges that a scan's numbers are drawn from."""

    about: str
    pixel_mm: Range
    thickness_mm: Range
    overlap: Range
    """Distance from slice to slice, as a share of the thickness."""
    kernels: dict[str, float]
    """How often each is used."""
    noise_hu: Range
    """Standard deviation in a slice, before anything is resampled."""


SCANNERS = {
    "A": Scanner("few rows, thick slices", (0.75, 0.98), (5.0, 5.0), (1.0, 1.0), {"soft": 1.0}, (8.0, 14.0)),
    "B": Scanner("general purpose", (0.70, 0.92), (2.5, 3.0), (0.8, 1.0), {"standard": 1.0}, (12.0, 20.0)),
    "C": Scanner("thin slices, sharp kernel", (0.68, 0.82), (1.0, 1.25), (0.9, 1.0), {"sharp": 1.0}, (30.0, 45.0)),
    "D": Scanner("iterative reconstruction", (0.68, 0.88), (1.5, 2.0), (0.7, 1.0), {"iterative": 1.0}, (6.0, 10.0)),
    "E": Scanner("low dose", (0.68, 0.82), (1.25, 2.0), (0.8, 1.0), {"standard": 2.0, "sharp": 1.0}, (26.0, 42.0)),
    "F": Scanner("beside a PET", (0.95, 1.17), (3.3, 4.0), (0.75, 1.0), {"soft": 2.0, "standard": 1.0}, (8.0, 15.0)),
}  # fmt: skip
"""A site knows nothing of them: any site may be seen by any scanner."""
