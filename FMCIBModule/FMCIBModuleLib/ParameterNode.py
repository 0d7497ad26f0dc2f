"""What the user has chosen: one typed value, saved with the scene."""

from __future__ import annotations

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import Choice, parameterNodeWrapper


@parameterNodeWrapper
class FMCIBParameterNode:
    """
    volume - the CT; its seeds are found in the scene (`Seeds.findSeedsNode`).
    analyseOnPlacing - whether a seed is analysed as soon as it is placed or has been moved.
    jumpOnPlacing - whether the other slice views go to a seed that was placed or has been moved.
    showAllBoxes - whether the boxes of all lesions are shown, not only of those that are chosen in the list.
    weights - an installed ID, a file, or "demonstration" (random numbers, for trying out).
    device - auto, cpu, cuda, cuda:N or mps.
    precision - of the network; less than float32 changes the features, and their rows say by how much.
    """

    volume: vtkMRMLScalarVolumeNode
    analyseOnPlacing: bool = True
    jumpOnPlacing: bool = True
    showAllBoxes: bool = False
    weights: str = "fmcib"
    device: str = "auto"
    precision: Annotated[str, Choice(["float32", "tf32", "bfloat16", "float16"])] = "float32"
