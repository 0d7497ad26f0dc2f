"""What the user has chosen: one typed value, saved with the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import Choice, parameterNodeWrapper


@parameterNodeWrapper
class FMCIBParameterNode:
    """
    volume - the CT; its seeds are found in the scene (`Seeds.findSeedsNode`).
    analyseOnPlacing - whether a seed is analysed as soon as it is placed or has been moved.
    jumpOnPlacing - whether the other slice views go to a seed that was placed or has been moved.
    showAllBoxes - whether the boxes of all lesions are shown, not only of those that are chosen in the list.
    weights - an installed ID (also "small", which comes along), a file, or "demonstration" (random numbers).
    device - auto, cpu, cuda, cuda:N or mps.
    engine - the library that computes: on a CPU in float32 auto takes OpenVINO where it is installed.
    heads - auto, none, or names with commas between: what is predicted of the lesions that are analysed from now on.
    hiddenHeads - those whose predictions are not shown, with commas between.
    headThresholds - JSON: the user's thresholds, 0 to 1, each by the SHA-256 of the head's file, a colon, and the
        output, such as `lung`: another head of the same name has none. None at first.
    precision - of the network; less than float32 changes the features, and their rows say by how much.
    """

    volume: vtkMRMLScalarVolumeNode
    analyseOnPlacing: bool = True
    jumpOnPlacing: bool = True
    showAllBoxes: bool = False
    weights: str = "fmcib"
    device: str = "auto"
    heads: str = "auto"
    hiddenHeads: str = ""
    headThresholds: str = ""
    engine: Annotated[str, Choice(["auto", "pytorch", "openvino"])] = "auto"
    precision: Annotated[str, Choice(["float32", "tf32", "bfloat16", "float16"])] = "float32"


_AFTER_ALL_WRAPPERS = -1.0
"""Priority of an observer; those of wrappers have 0, and VTK calls those of one priority in an order of its own."""


def _observeAfterWrappers(self: Any, event: int, callback: Callable[..., Any], priority: float = 0.0) -> int:
    """Observe the node, and read its new values when it has changed; returns the observer's tag.

    Each wrapper keeps the values, and renews them by observers of its own, of which VTK may call one last: by then the
    others have worked with the CT of before. `connectGui` observes by this method as well.
    """
    return int(self.parameterNode.AddObserver(event, callback, min(priority, _AFTER_ALL_WRAPPERS)))


FMCIBParameterNode.AddObserver = _observeAfterWrappers
