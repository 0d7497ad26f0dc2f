"""A file of markups -> its node. Slicer's own reader takes what it does not understand for points at the origin."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from fmcib_engine.errors import InputError, SeedError

_VERSION = "Markups fiducial file version"
_SYSTEMS = {"LPS", "RAS", "0", "1"}
"""As .fcsv has them; 0 is RAS, 1 is LPS. IJK would be of a scan that the file does not name."""
_HOW = "Save the points in Slicer as .mrk.json."


def readSeeds(path: Path) -> tuple[Any, list[str]]:
    """The markups node of a file, and the labels of its points that are not placed anywhere.

    Raises:
        InputError: no such file, or none of Slicer's.
        SeedError: several lists, no placed point, coordinates that are no numbers, or in a frame that is not a
            patient's in mm.
    """
    if not path.is_file():
        msg = f"There is no file of seeds {path.name}. Check the path (--seeds)."
        raise InputError(msg)
    checks = {".json": _checkJson, ".fcsv": _checkFcsv}
    try:
        if path.suffix.lower() not in checks:
            raise _noMarkups(path)
        checks[path.suffix.lower()](path)
        node = slicer.util.loadMarkups(str(path))
    except (RuntimeError, OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise _noMarkups(path) from error
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    points = range(node.GetNumberOfControlPoints())
    loose = [node.GetNthControlPointLabel(n) for n in points if node.GetNthControlPointPositionStatus(n) != defined]
    if node.IsA("vtkMRMLMarkupsFiducialNode") and len(loose) == len(points):
        msg = f"{path.name} holds no placed point. Place one in each lesion, and save it again."
        raise SeedError(msg)
    return node, loose


def _noMarkups(path: Path) -> InputError:
    return InputError(f"{path.name} is no file of markups. {_HOW}")


def _checkJson(path: Path) -> None:
    """Markups of version 1: https://slicer.readthedocs.io, developer guide, Markups.

    Raises:
        SeedError: as `readSeeds`.
        ValueError, KeyError, TypeError, AttributeError: it is something else.
    """
    lists = json.loads(path.read_bytes())["markups"]
    if len(lists) > 1:
        msg = f"{path.name} holds several lists, of which Slicer reads the first. Save the points as one list."
        raise SeedError(msg)
    (markups,) = lists
    system = markups.get("coordinateSystem", "LPS")
    if system not in ("LPS", "RAS"):
        raise _otherFrame(path, system)
    units = markups.get("coordinateUnits") or "mm"
    if units != "mm" and list(units)[:1] != ["mm"]:
        msg = f"The coordinates of {path.name} should be in mm, and are in {str(units)[:40]!r}. {_HOW}"
        raise SeedError(msg)
    for point in markups.get("controlPoints", []):
        if point.get("positionStatus", "defined") == "defined" and "position" in point:
            _requirePosition(path, point.get("label") or point.get("id"), point["position"])


def _checkFcsv(path: Path) -> None:
    """Point lists of Slicer 4: `# name = value`, then a line `id, x, y, z, …` for each point.

    Raises:
        SeedError: as `readSeeds`.
        ValueError: it is something else.
    """
    lines = [line for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines() if line.strip()]
    comments = [line[1:].partition("=") for line in lines if line.startswith("#")]
    said = {name.strip(): value.strip() for name, _, value in comments}
    if not said.get(_VERSION) or lines[0][:1] != "#":
        raise _noMarkups(path)
    if said.get("CoordinateSystem") not in _SYSTEMS:
        raise _otherFrame(path, said.get("CoordinateSystem"))
    for cells in csv.reader(line for line in lines if not line.startswith("#")):
        label = cells[11] if len(cells) > 11 else cells[0]
        _requirePosition(path, label, cells[1:4])


def _otherFrame(path: Path, system: object) -> SeedError:
    got = f"is {str(system)[:40]!r}" if system else "is not told"
    return SeedError(f"The coordinate system of {path.name} should be LPS or RAS, and {got}. {_HOW}")


def _requirePosition(path: Path, label: object, values: Any) -> None:
    try:
        isPlace = len(values) == 3 and all(math.isfinite(float(value)) for value in values)
        isPlace = isPlace and not any(isinstance(value, bool) for value in values)
    except (TypeError, ValueError):
        isPlace = False
    if not isPlace:
        msg = (
            f"A point has three finite coordinates, but {str(label)[:80]!r} in {path.name} has "
            f"{str(values)[:80]}. Place it again in Slicer, and save the list."
        )
        raise SeedError(msg)
