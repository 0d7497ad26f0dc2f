"""What stability found of a lesion, in the scene: its JSON as a text node, its numbers as tables, its map as a volume.

All is read from the JSON, which is that of the engine (`fmcib_engine.stability.document`); the tables are for people.
Their cells are text, as those of the lesions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.stability.document import SCHEMA, as_json
from slicer.i18n import tr as _
from slicer.util import NodeModify

from .LesionInScene import LESION, NAMED, LesionInScene, namedAfter
from .LesionTable import onOneLine
from .OverlayInScene import Look, OverlayInScene, overlaysOf
from .SubjectHierarchy import resultNodes, tagResult

_JSON, _SUMS, _DRAWS = "stability", "stabilityNumbers", "stabilityDraws"
MAP = "stabilityMap"
"""The kind of its maps, see `OverlayInScene`."""
_CLASSES = {
    _JSON: "vtkMRMLTextNode",
    _SUMS: "vtkMRMLTableNode",
    _DRAWS: "vtkMRMLTableNode",
}
_TITLES = {
    _JSON: _("Stability of {lesion}"),
    _SUMS: _("Stability of {lesion}: predictions"),
    _DRAWS: _("Stability of {lesion}: draws"),
}
"""By the role of a node."""
STABILITY_ROLES = tuple(_CLASSES)
"""Of what outlives an analysis that fails, since it tells itself of which seed and voxels it is."""
COSINE = "cosine"

Document = Mapping[str, Any]


class StabilityInScene:
    """Of one lesion. Its nodes are looked up in the scene each time."""

    def __init__(self, lesion: LesionInScene) -> None:
        self._lesion = lesion

    @property
    def document(self) -> dict[str, Any] | None:
        """What was found, as the engine tells it; None where nothing was, or the text is damaged."""
        node = self.node(_JSON)
        try:
            found = json.loads(node.GetText() or "") if node else None
        except ValueError:
            return None
        return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None

    @property
    def tables(self) -> list:
        """The table nodes: of predictions, and of draws."""
        return [node for role in (_SUMS, _DRAWS) if (node := self.node(role))]

    @property
    def maps(self) -> list[OverlayInScene]:
        """Those that are in the scene."""
        return overlaysOf(self._lesion, MAP)

    def write(self, name: str, document: Document) -> None:
        """Put what was found in the place of what was there, whose maps go.

        Args:
            name: of the lesion.
            document: as the engine tells it.
        """
        self._removeMaps()
        text = self.node(_JSON) or self._make(_JSON, name)
        text.SetText(as_json(dict(document)))
        for role, columns in ((_SUMS, _numbersOf(document)), (_DRAWS, _drawsOf(document))):
            _fill(self.node(role) or self._make(role, name), columns)

    def showMap(self, name: str, quantity: str) -> OverlayInScene:
        """A volume of one quantity by the place of the seed, a voxel for each, in the place of one that was there.

        Args:
            name: of the lesion.
            quantity: one of `mapNames`.

        Returns:
            The map; voxels whose seed was outside of the scan are not a number.
        """
        document = self.document
        grid, values = mapOf(document, quantity)
        found = OverlayInScene(self._lesion, MAP, quantity)
        title = _("Stability of {lesion}: {quantity} by the place of the seed").replace("{quantity}", quantity)
        facts = {
            "how": document["jitter"]["how"],
            "weights": document["encoder"]["weights"],
            "weights_sha256": document["encoder"]["weights_sha256"],
            "patch_sha256": document["patch_sha256"],
        }
        isNew = found.node is None
        found.show(name, values, grid, Look(title, "1"), facts)
        if isNew:
            found.setShare(0.0)  # all of it: here a small value is as telling as a large one
        return found

    def _removeMaps(self) -> None:
        for each in self.maps:
            each.remove()

    def node(self, role: str):
        """The node of a role; None where there is none."""
        found = resultNodes(self._lesion.volumeNode, _CLASSES[role], role)
        return next((node for node in found if node.GetAttribute(LESION) == self._lesion.key), None)

    def _make(self, role: str, name: str):
        node = slicer.mrmlScene.AddNewNodeByClass(_CLASSES[role])
        node.SetAttribute(LESION, self._lesion.key)
        node.SetAttribute(NAMED, _TITLES[role])
        node.SetName(namedAfter(_TITLES[role], name))
        tagResult(node, self._lesion.volumeNode, role)
        if role in (_SUMS, _DRAWS):
            node.SetLocked(True)
            node.SetUseColumnTitleAsColumnHeader(True)
        return node


def mapNames(document: Document) -> list[str]:
    """What can be shown by the place of the seed: `cosine`, then head and output with a colon; none without a grid."""
    if not document["cosine"].get("by_place"):
        return []
    heads = [head for head in document["heads"] if head["by_place"]]
    return [COSINE, *(f"{head['id']}:{output}" for head in heads for output in head["by_place"]["outputs_zyx"])]


def mapOf(document: Document, quantity: str) -> tuple[VoxelGrid, np.ndarray]:
    """Where its values lie (LPS), and they themselves, float32 [z, y, x].

    Raises:
        KeyError: there is no such map.
    """
    if quantity == COSINE:
        place = document["cosine"]["by_place"]
        values = place["zyx"]
    else:
        head, _colon, output = quantity.partition(":")
        place = {each["id"]: each["by_place"] for each in document["heads"]}[head]
        values = place["outputs_zyx"][output]
    array = np.array(values, dtype=np.float32)  # null becomes NaN
    grid = VoxelGrid.from_parts(
        array.shape[::-1], origin=place["origin_lps_mm"], spacing=place["spacing_mm"], direction=np.eye(3)
    )
    return grid, array


def _numbersOf(document: Document) -> dict[str, list[str]]:
    """A row for each output of each head, and one for the cosine."""
    names = ("value", "mean", "sd", "low", "high", "draws")
    rows = [
        {"head": head["id"], "output": output, **{name: _text(spread[name]) for name in names}, "note": head["note"]}
        for head in document["heads"]
        for output, spread in head["outputs"].items()
    ]
    cosine = document["cosine"]
    rows.append(
        {
            "head": _("(features)"),
            "output": _("cosine to the undisturbed"),
            "mean": _text(cosine["mean"]),
            "low": _text(cosine["min"]),
            "draws": str(len(document["draws"])),
            "note": cosine["rank"]["in_words"],
        }
    )
    return _columns(("head", "output", *names, "note"), rows)


def _drawsOf(document: Document) -> dict[str, list[str]]:
    """A row for each draw, those that were left out as well, and for each change of the patch."""
    outputs = [f"{head['id']}:{output}" for head in document["heads"] for output in head["outputs"]]
    rows = []
    for each in (*document["draws"], *document["perturbations"]):
        said = {
            f"{head}:{name}": _text(value) for head, own in each["predictions"].items() for name, value in own.items()
        }
        moved = dict(zip(("moved_x_mm", "moved_y_mm", "moved_z_mm"), map(_text, each["moved_mm"]), strict=True))
        known = {"name": each["name"], "about": each.get("about", "the seed was moved, LPS mm"), **moved}
        rows.append(
            {**known, "cosine": _text(each["cosine"]), "padded_fraction": _text(each["padded_fraction"]), **said}
        )
    rows += [{"name": each["name"], "about": f"left out: {each['why']}"} for each in document["left_out"]]
    # neither the first cell of a row nor the last is empty: Slicer's reader of tables would lose them
    names = ("name", "moved_x_mm", "moved_y_mm", "moved_z_mm", "padded_fraction", "cosine", *outputs, "about")
    return _columns(names, rows)


def _columns(names: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    return {name: [row.get(name, "") for row in rows] for name in names}


def _text(number: float | None) -> str:
    return "" if number is None else repr(number)


def _fill(node, columns: Mapping[str, Sequence[str]]) -> None:
    with NodeModify(node):
        node.RemoveAllColumns()
        for name, texts in columns.items():
            column = vtk.vtkStringArray()
            column.SetName(onOneLine(name))
            for text in texts:
                column.InsertNextValue(onOneLine(text))
            node.AddColumn(column)
