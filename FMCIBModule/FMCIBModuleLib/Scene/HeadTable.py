"""The heads whose numbers stand in the rows of one CT: what must be known to read them, also in a saved scene.

Each is a row, told by its ID and the SHA-256 of its file, as another may have its name later. All cells are text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import NodeModify

from .LesionTable import onOneLine
from .SubjectHierarchy import resultNodes, tagResult

_COLUMNS = {
    "head": "its name, as in the columns of the lesions",
    "sha256": "SHA-256 of its file; of a head in fine-tuned weights, of these",
    "title": "what it tells",
    "task": "classification, or survival",
    "label_meaning": "what the label was that it learned",
    "worth": "its metrics, with 95 % confidence intervals where there are some; sentences, semicolons between",
    "population": "on whom it was trained",
    "is_calibrated": "true, or false: then its numbers are an order, and no chances",
    "is_verified": "true, or false: then nobody knows of which features it was made",
    "warnings": "sentences, semicolons between",
    "caution": "what its numbers do not say",
    "columns": "the user's columns that it needs beside the features, commas between",
    "source": "where it is from",
    "weights_sha256": "SHA-256 of the weights whose features it is given",
    "date": "when it was trained",
    "licence": "of the head",
    "citation": "what to cite",
}
_ROLE = "heads"


class HeadTable:
    """The heads of one CT. Its node is looked up in the scene each time."""

    def __init__(self, volumeNode) -> None:
        self._volumeNode = volumeNode

    @property
    def node(self):
        """The table node; None before the first head. One of a scene that was saved without its data is none."""
        found = resultNodes(self._volumeNode, "vtkMRMLTableNode", _ROLE)
        return next((node for node in found if node.GetTable().GetColumnByName("sha256") is not None), None)

    def facts(self, head: str, sha256: str) -> dict[str, str]:
        """The cells of a head by column; empty where it is not known."""
        node = self.node
        if node is None:
            return {}
        table, wanted = node.GetTable(), (head, sha256)
        for row in range(node.GetNumberOfRows()):
            if tuple(_cell(table, row, name) for name in ("head", "sha256")) == wanted:
                return {name: _cell(table, row, name) for name in _COLUMNS}
        return {}

    def write(self, heads: Iterable[Mapping[str, Any]]) -> None:
        """Add those that are not there yet.

        Args:
            heads: as the worker's reply to `load` tells them.
        """
        news = [each for each in heads if not self.facts(each["id"], each["sha256"])]
        if not news:
            return
        node = self.node or self._create()
        with NodeModify(node):
            _addColumns(node)  # those that a scene of an earlier version lacks
            for each in news:
                row = node.AddEmptyRow()
                for name, text in _cellsOf(each).items():
                    node.SetCellText(row, node.GetColumnIndex(name), onOneLine(text))

    def _create(self):
        title = slicer.mrmlScene.GenerateUniqueName(_("FMCIB heads"))
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", title)
        tagResult(node, self._volumeNode, _ROLE)
        node.SetLocked(True)
        node.SetUseColumnTitleAsColumnHeader(True)
        _addColumns(node)
        return node


def _addColumns(node: Any) -> None:
    for name, meaning in _COLUMNS.items():
        if node.GetTable().GetColumnByName(name) is None:
            column = vtk.vtkStringArray()
            column.SetName(name)
            column.SetNumberOfValues(node.GetNumberOfRows())
            node.AddColumn(column)
            node.SetColumnDescription(name, meaning)


def _cell(table: Any, row: int, name: str) -> str:
    """Empty where the scene is of a version that did not have the column."""
    return "" if table.GetColumnByName(name) is None else table.GetValueByName(row, name).ToString()


def sentencesOf(text: str) -> list[str]:
    """Those of a cell."""
    return [each for each in text.split("; ") if each]


def inOneCell(sentences: Iterable[str]) -> str:
    """Sentences as one text."""
    return "; ".join(each.replace(";", ",") for each in sentences)


def worthOf(metric: Mapping[str, Any]) -> str:
    """A metric as a sentence, which says whether it has an interval."""
    about = f" ({metric['about']})" if metric["about"] else ""
    isAlone = metric["low"] is None
    return metric["text"] + about + (_(", no confidence interval is told") if isAlone else "")


def _cellsOf(head: Mapping[str, Any]) -> dict[str, str]:
    known = {"head": head["id"], "worth": inOneCell(map(worthOf, head["metrics"]))}
    known |= {"warnings": inOneCell(head["warnings"]), "columns": ", ".join(head["columns"])}
    known |= {name: str(head[name]).lower() for name in ("is_calibrated", "is_verified")}
    return {name: known[name] if name in known else str(head[name]) for name in _COLUMNS}
