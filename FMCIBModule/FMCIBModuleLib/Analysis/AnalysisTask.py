"""One lesion to analyse, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fmcib_engine.preprocessing import DEFAULT_RECIPE, Patch

from ..Scene.LesionInScene import LesionInScene
from ..Scene.ScanSnapshot import ScanSnapshot
from ..Scene.SeedSources import SceneSeed


@dataclass(eq=False)
class Task:
    """One lesion to analyse.

    Attributes:
        volumeNode: its CT.
        seed: its point in LPS mm, and its name.
        order: keys of the lesions that were asked for together, in the user's order.
        recipeId: the preprocessing: the network's own, when its turn has come.
        scan, patch: what was read and cut, when its turn has come.
    """

    volumeNode: Any
    seed: SceneSeed
    order: Sequence[str] = ()
    recipeId: str = DEFAULT_RECIPE
    scan: ScanSnapshot | None = None
    patch: Patch | None = None

    @property
    def lesion(self) -> LesionInScene:
        """The lesion of this CT that it is about; one seed may be on several."""
        return LesionInScene(self.volumeNode, self.seed.key)


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a task: features and the header of the worker's reply, or why there are none."""

    loaded: Mapping[str, Any]
    """The worker's reply to `load`: which network."""
    features: np.ndarray | None = None
    header: Mapping[str, Any] | None = None
    error: str = ""
