"""Scans that nobody was exposed for: a chest to show and test with, a small probe for the self-test, lesions by the
thousand that know their truth.
"""

from __future__ import annotations

from .chest import NODULE_DIAMETER_MM, PHANTOM_SEED, chest_phantom
from .lesions import Case, LesionPatch, draw, draw_elsewhere, sample_case
from .probe import PROBE_SEED, probe_patch, probe_volume

__all__ = [
    "NODULE_DIAMETER_MM",
    "PHANTOM_SEED",
    "PROBE_SEED",
    "Case",
    "LesionPatch",
    "chest_phantom",
    "draw",
    "draw_elsewhere",
    "probe_patch",
    "probe_volume",
    "sample_case",
]
