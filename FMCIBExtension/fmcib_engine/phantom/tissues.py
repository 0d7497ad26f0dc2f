"""HU of tissues, by contrast phase.

Without contrast: the table of Buzug, Computed Tomography (2008), p. 475 (air, lung, fat, water, kidney, spleen, blood,
liver, bone), the liver as wide as Int J Legal Med 133:1861 (2019) found it in healthy ones (58, standard deviation 9)
and lower, as fat makes it. What that lacks (marrow, disc, bowel, node, stool) is what radiology teaches, without one
source. With contrast: round numbers of everyday practice at 120 kV, no model of how contrast flows: arteries first,
then veins and organs, late the urine.

Measured on the public scans that the tests know, to compare: lung -904 to -856 (the commonest value of five chests),
fat -110 to -98, liver 42, urine -1; in the arterial phase an aorta of 548 and a liver of 86.
"""

from __future__ import annotations

from .dice import Dice

Range = tuple[float, float]

PHASES = ("none", "arterial", "portal", "delayed")

_EVER: dict[str, Range] = {
    "air": (-1000.0, -985.0),
    "gas": (-990.0, -930.0),
    "lung": (-905.0, -835.0),
    "fat": (-115.0, -92.0),
    "skin": (10.0, 45.0),
    "water": (0.0, 14.0),
    "cortex": (650.0, 1150.0),
    "marrow": (110.0, 260.0),
    "fatty_marrow": (-40.0, 60.0),
    "disc": (70.0, 105.0),
    "stool": (-60.0, 40.0),
    "cord": (20.0, 40.0),
}
"""What contrast does not change."""

_BY_PHASE: dict[str, tuple[Range, Range, Range, Range]] = {
    "artery": ((36, 50), (230, 480), (130, 175), (90, 125)),
    "vein": ((36, 50), (60, 150), (135, 180), (90, 125)),
    "portal": ((36, 50), (70, 130), (150, 190), (95, 125)),
    "liver": ((40, 66), (60, 86), (95, 125), (80, 100)),
    "spleen": ((40, 54), (95, 130), (105, 130), (80, 100)),
    "kidney": ((28, 38), (140, 190), (165, 205), (120, 150)),
    "medulla": ((26, 36), (55, 85), (130, 180), (120, 150)),
    "urine": ((0, 12), (0, 12), (0, 15), (300, 700)),
    "bladder": ((-3, 12), (0, 12), (0, 14), (0, 180)),
    "muscle": ((45, 60), (50, 65), (55, 72), (55, 70)),
    "bowel": ((28, 42), (60, 95), (75, 105), (60, 80)),
    "node": ((28, 46), (50, 80), (70, 100), (60, 85)),
    "tumour": ((25, 45), (40, 60), (50, 75), (50, 70)),
}
"""Ranges for each of `PHASES`."""

TISSUES = (*_EVER, *_BY_PHASE)


def tissue_ranges(phase: str) -> dict[str, Range]:
    number = PHASES.index(phase)
    return _EVER | {
        name: (float(low), float(high)) for name, ranges in _BY_PHASE.items() for low, high in [ranges[number]]
    }


def tissues_of(phase: str, dice: Dice) -> dict[str, float]:
    """The HU of each tissue of one patient."""
    return {name: dice.uniform(low, high) for name, (low, high) in tissue_ranges(phase).items()}
