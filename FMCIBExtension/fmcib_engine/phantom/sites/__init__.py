"""The eight sites of DeepLesion's labels, each with its usual neighbours. What is imitated is a patch, not a body."""

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
