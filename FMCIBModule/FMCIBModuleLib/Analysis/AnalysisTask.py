"""One lesion to analyse, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from fmcib_engine.preprocessing import DEFAULT_RECIPE, Patch
from fmcib_engine.volume import Volume

from ..Scene.SeedSources import SceneSeed


@dataclass(eq=False)
class Task:
    """One lesion to analyse.

    Attributes:
        volumeNode: its CT.
        seed: its point in LPS mm, and its name.
        order: keys of the lesions that were asked for together, in the user's order.
        recipeId: the preprocessing.
        volume, patch: what was read and cut, when its turn has come.
        touched: when the voxels had last been changed then, by `touchedAt`; they may be again before the answer.
        record: what was kept of the scan with its node then, by `recordText`.
    """

    volumeNode: Any
    seed: SceneSeed
    order: Sequence[str] = ()
    recipeId: str = DEFAULT_RECIPE
    volume: Volume | None = None
    patch: Patch | None = None
    touched: int = 0
    record: str = ""

    def isOf(self, volumeNode, key: str) -> bool:
        """Whether it is about this lesion of this CT; one seed may be on several."""
        return self.volumeNode is volumeNode and self.seed.key == key

    @property
    def isInScene(self) -> bool:
        """Whether its CT still is: the user may have removed it, or closed the scene."""
        return slicer.mrmlScene.GetNodeByID(self.volumeNode.GetID() or "") is self.volumeNode


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a task: features and the header of the worker's reply, or why there are none."""

    loaded: Mapping[str, Any]
    """The worker's reply to `load`: which network."""
    features: np.ndarray | None = None
    header: Mapping[str, Any] | None = None
    error: str = ""
