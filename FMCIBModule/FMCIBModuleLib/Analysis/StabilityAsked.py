"""What is asked of a lesion's stability: where the seed is moved, and the other lesions that a rank needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.stability.jitter import PAPERS_DRAWS, PAPERS_VARIANCE, Jitter, grid, in_mask, normal
from fmcib_engine.stability.one import Others
from fmcib_engine.volume import Volume
from slicer.i18n import tr as _

from ..Errors import AnalysisError
from ..Scene.LesionInScene import LesionInScene
from ..Scene.Lesions import volumesWithLesions
from ..Scene.LesionTable import LesionTable
from ..Scene.SeedSources import maskFromSegment

NORMAL, GRID, SEGMENT = "normal", "grid", "segment"
_FARTHEST_MM = 25.0
"""From the seed to the segment: beyond it, no patch of that holds the seed."""


@dataclass(frozen=True)
class Wanted:
    """What the user chose. The defaults are the paper's.

    Attributes:
        kind: `NORMAL`, `GRID` or `SEGMENT`.
        draws: how many seeds; not of a grid.
        variance: along each axis, mm²; of `NORMAL`.
        steps, stepMm: to each side of the seed along each axis; of a `GRID`.
        segmentationNode, segmentId: of a `SEGMENT`.
        perturb: whether the patch is changed as well.
        randomSeed: the same number, the same draws and noise.
    """

    kind: str = NORMAL
    draws: int = PAPERS_DRAWS
    variance: float = PAPERS_VARIANCE
    steps: int = 2
    stepMm: float = 4.0
    segmentationNode: Any = None
    segmentId: str = ""
    perturb: bool = True
    randomSeed: int = 0


def jitterOf(volumeNode, seed: PatientPoint, wanted: Wanted) -> Jitter:
    """Where the seed is moved.

    Raises:
        InputError: no draw, or too many; a spread or step that is none.
        SeedError, ImageError: no segment, an empty one, one that lies under a warp.
        AnalysisError: a segment of another scan, or of another lesion.
    """
    if wanted.kind == GRID:
        return grid(seed, wanted.steps, wanted.stepMm)
    if wanted.kind == SEGMENT:
        return in_mask(_maskOf(volumeNode, seed, wanted), wanted.draws, wanted.randomSeed)
    return normal(seed, wanted.draws, wanted.variance, wanted.randomSeed)


def drawnOn(segmentationNode) -> str:
    """The ID of the scan that a segmentation was drawn on; empty where nobody noted one."""
    return segmentationNode.GetNodeReferenceID(segmentationNode.GetReferenceImageGeometryReferenceRole()) or ""


def _maskOf(volumeNode, seed: PatientPoint, wanted: Wanted) -> Volume:
    node = wanted.segmentationNode
    mask = maskFromSegment(node, wanted.segmentId)
    name = node.GetSegmentation().GetSegment(wanted.segmentId).GetName()
    if (scan := drawnOn(node)) and scan != volumeNode.GetID():
        text = _("The segment {segment} was drawn on another scan than {scan}. Choose one that was drawn on this scan.")
        raise AnalysisError(text.format(segment=name, scan=volumeNode.GetName()))
    places = mask.grid.to_patient(np.argwhere(mask.array)[:, ::-1])
    distance = float(np.sqrt(((places - seed.to_array()) ** 2).sum(axis=1).min()))
    if distance > _FARTHEST_MM:
        text = _("The segment {segment} lies {distance:.0f} mm from the seed: it is not this lesion's. Choose its own.")
        raise AnalysisError(text.format(segment=name, distance=distance))
    return mask


def othersOf(lesion: LesionInScene, patchSha: str, recipeId: str, loaded: Mapping[str, Any]) -> Others:
    """The other lesions of the scene whose features are of the same network: of this scan, then of others.

    Args:
        lesion: the one itself.
        patchSha: of its patch, by which a second seed at its place is known.
        recipeId: of its patch.
        loaded: the worker's reply to `load`.
    """
    own, elsewhere, left = [], [], 0
    for volumeNode in volumesWithLesions():
        table = LesionTable(volumeNode)
        for key, row in table.rows().items():
            if LesionInScene(volumeNode, key) == lesion or row["status"] != "ok" or row["patch_sha256"] == patchSha:
                continue
            network = row["weights_sha256"], row["precision"], row["recipe_id"]
            features = table.features(key)
            if features is None or network != (loaded["weights_sha256"], loaded["precision"], recipeId):
                left += 1
            else:
                (own if volumeNode is lesion.volumeNode else elsewhere).append(features)
    if not own and not elsewhere:
        return Others.none(_whyNone(left))
    told = []
    if own:
        text = _("1 other lesion of the scan") if len(own) == 1 else _("{count} other lesions of the scan")
        told.append(text.format(count=len(own)))
    if elsewhere:
        one, several = _("1 lesion of another scan in this scene"), _("{count} lesions of other scans in this scene")
        told.append((one if len(elsewhere) == 1 else several).format(count=len(elsewhere)))
    return Others(np.stack([*own, *elsewhere]), ", ".join(told))


def _whyNone(left: int) -> str:
    if left == 1:
        return _("the other lesion of this scene is of other weights: analyse it again")
    if left:
        return _("the {count} other lesions of this scene are of other weights: analyse them again").format(count=left)
    return _("no other lesion of this scene is analysed yet")
