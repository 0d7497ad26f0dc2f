"""The eight sites of DeepLesion's labels, each with its usual neighbours.

Imitated is what a 50 mm cube shows of a place, so that a radiologist says which place it is: ellipsoids, tubes, plates
and layers, bent by smooth random fields. Not imitated: the whole body (farther than some 80 mm from the lesion the
picture thins out), what a lesion does to its neighbours (it lies over them, and neither pushes nor infiltrates them),
other disease but emphysema and aortic calcium, operations, and whatever has no site of its own here: spleen, adrenals,
pancreas, breast, brain, neck, heart.
"""

from __future__ import annotations

from . import abdomen, bone, kidney, liver, lung, mediastinum, pelvis, soft_tissue
from .scene import Scene, Site

SITES: dict[str, Site] = {
    "bone": bone.SITE,
    "abdomen": abdomen.SITE,
    "mediastinum": mediastinum.SITE,
    "liver": liver.SITE,
    "lung": lung.SITE,
    "kidney": kidney.SITE,
    "soft tissue": soft_tissue.SITE,
    "pelvis": pelvis.SITE,
}
"""In the order of DeepLesion's numbers, from 1."""

__all__ = ["SITES", "Scene", "Site"]
