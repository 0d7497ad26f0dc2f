"""Scans that nobody was exposed for: a chest to show and test with, and a small probe for the self-test."""

from __future__ import annotations

from .chest import NODULE_DIAMETER_MM, PHANTOM_SEED, chest_phantom
from .probe import PROBE_SEED, probe_patch, probe_volume

__all__ = [
    "NODULE_DIAMETER_MM",
    "PHANTOM_SEED",
    "PROBE_SEED",
    "chest_phantom",
    "probe_patch",
    "probe_volume",
]
