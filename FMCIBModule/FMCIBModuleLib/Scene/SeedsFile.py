"""A file of markups -> its node. Slicer's own reader takes what it does not understand for points at the origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from fmcib_engine.errors import InputError, SeedError
from fmcib_engine.seeds import POINT_SUFFIXES, read_points


def readSeeds(path: Path) -> tuple[Any, list[str]]:
    """The markups node of a file, and the labels of its points that are not placed anywhere.

    Raises:
        InputError: no such file, or none of Slicer's.
        SeedError: several lists, no placed point, or coordinates that are no numbers.
    """
    if not path.is_file():
        msg = f"There is no file of seeds {path.name}. Check its path."
        raise InputError(msg)
    if path.suffix.lower() not in POINT_SUFFIXES:
        raise _noMarkups(path)
    if problem := next((point.problem for point in read_points(path) if point.is_placed and point.problem), ""):
        msg = f"A point of {path.name} has no place: {problem}. Place it again in Slicer, and save the list."
        raise SeedError(msg)
    if path.suffix.lower() == ".json" and len(json.loads(path.read_bytes())["markups"]) > 1:
        msg = f"{path.name} holds several lists, of which Slicer reads the first. Save the points as one list."
        raise SeedError(msg)
    try:
        node = slicer.util.loadMarkups(str(path))
    except RuntimeError as error:
        raise _noMarkups(path) from error
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    points = range(node.GetNumberOfControlPoints())
    loose = [node.GetNthControlPointLabel(n) for n in points if node.GetNthControlPointPositionStatus(n) != defined]
    if node.IsA("vtkMRMLMarkupsFiducialNode") and len(loose) == len(points):
        msg = f"{path.name} holds no placed point. Place one in each lesion, and save it again."
        raise SeedError(msg)
    return node, loose


def _noMarkups(path: Path) -> InputError:
    return InputError(f"{path.name} is no file of markups. Save the points in Slicer as .mrk.json.")
