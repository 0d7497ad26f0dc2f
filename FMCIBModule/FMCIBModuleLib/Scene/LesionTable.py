"""The results of one CT as table nodes under it: its lesions, one a row, and their features, one lesion a column.

Features of two encoders never stand in one table: each encoder has its own, and a lesion is in one of them. What heads
say of a lesion stands in its row, in columns that are there while a row has something in them.

All cells are text, exactly that of the engine's feature table: Slicer saves a table's numbers with six digits, and what
is saved with a scene must come back to the last bit. The features stand apart because a table of 4,096 columns takes
half a second to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import slicer
import vtk
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.results.schema import COLUMNS
from slicer.i18n import tr as _
from slicer.util import NodeModify

from .HeadColumns import byHead, isOfHead, meaningOf
from .SubjectHierarchy import resultNodes, tagResult

KEY_COLUMN = "lesion_key"
"""The lesion's stable id: of the seeds node, then of the control point in it. Renaming and reordering keep it."""
GRID_COLUMN = "scan_grid"
"""Fingerprint of where the scan's voxels lay; another one now means that the row is stale."""
OWN_COLUMNS = {
    KEY_COLUMN: "stable id of the lesion: its seeds node and control point",
    GRID_COLUMN: "fingerprint of the scan's geometry when the patch was cut",
}
FEATURE_COLUMN = "feature"
ENCODER = "FMCIB.Encoder"
"""Attribute of a table of features: whose. Without it, as of scenes before there were several, FMCIB's."""
_FIRST_ENCODER = "fmcib"


class LesionTable:
    """The lesions of one CT. Its nodes are looked up in the scene each time: the scene is where results live."""

    def __init__(self, volumeNode) -> None:
        self._volumeNode = volumeNode

    @property
    def node(self):
        """The table node of the lesions; None before the first."""
        return next(iter(self._find("lesions", KEY_COLUMN)), None)

    @property
    def featuresNode(self):
        """The first of `featuresNodes`; None before the first."""
        return next(iter(self.featuresNodes), None)

    @property
    def featuresNodes(self) -> list:
        """The table nodes of the features, one for each encoder, one column a lesion."""
        return self._find("features", FEATURE_COLUMN)

    def _find(self, role: str, firstColumn: str) -> list:
        """A table of a scene that was saved without its data has no columns, and is none."""
        found = resultNodes(self._volumeNode, "vtkMRMLTableNode", role)
        return [node for node in found if node.GetTable().GetColumnByName(firstColumn) is not None]

    def keys(self) -> list[str]:
        """The lesions' keys, in the order of the rows."""
        return [] if self.node is None else _texts(self.node.GetTable().GetColumnByName(KEY_COLUMN))

    def rows(self) -> dict[str, dict[str, str]]:
        """The cells of all lesions by column, by the lesions' keys, in their order."""
        return {key: self._cells(index) for index, key in enumerate(self.keys())}

    def row(self, key: str) -> dict[str, str] | None:
        """The cells of a lesion by column; None where it has no row."""
        keys = self.keys()
        return self._cells(keys.index(key)) if key in keys else None

    def _cells(self, index: int) -> dict[str, str]:
        table = self.node.GetTable()
        names = [*_columnNames(), *self.headColumns(), *self.userColumns()]
        return {name: table.GetValueByName(index, name).ToString() for name in names}

    def headColumns(self) -> list[str]:
        """Names of the columns of heads; those of one head stand together."""
        return [] if self.node is None else _headColumns(self.node)

    def userColumns(self) -> list[str]:
        """Names of the columns that the user has added, such as a label; they go with their lesions."""
        if self.node is None:
            return []
        table = self.node.GetTable()
        names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
        return [name for name in names if name and name not in _columnNames() and not isOfHead(name)]

    def features(self, key: str) -> np.ndarray | None:
        """The features of a lesion, float32, shape (n,), as they were computed; None where there are none."""
        texts = self.featureTexts(key)
        return np.array(texts, dtype=np.float32) if texts else None

    def featureTexts(self, key: str) -> list[str]:
        """The same as they stand in a table; empty where there are none."""
        columns = [node.GetTable().GetColumnByName(key) for node in self.featuresNodes]
        return next((_texts(column) for column in columns if column is not None), [])

    def write(self, key: str, cells: Mapping[str, str], features: Sequence[str], order: Sequence[str] = ()) -> None:
        """Put a lesion's row in the place of its former one, or where it belongs among those of `order`, or at the end.

        Args:
            key: of the lesion.
            cells: by column, those of heads among them.
            features: none, where there is an error.
            order: keys of lesions in the order in which the user has them.
        """
        node = self.node or self._create("lesions", _("FMCIB lesions"))
        with NodeModify(node):
            _addColumns(node)  # those that a scene of an earlier version lacks
            keys = self.keys()
            later = set(order[order.index(key) + 1 :]) if key in order else set()
            index = next(
                (at for at, other in enumerate(keys) if other == key or (key not in keys and other in later)), len(keys)
            )
            if key not in keys:
                node.GetTable().InsertRow(index)
            for name in _columnNames():
                _setCell(node, index, name, key if name == KEY_COLUMN else cells[name])
            _setHeadCells(node, index, {onOneLine(name): text for name, text in cells.items() if isOfHead(name)})
            self._number()
        self._writeFeatures(key, features, cells["encoder_id"] or _FIRST_ENCODER)

    def rename(self, key: str, name: str) -> None:
        """The lesion's name; nothing where it has no row."""
        self.update(key, {"lesion_id": name})

    def update(self, key: str, cells: Mapping[str, str]) -> None:
        """Change some cells of a lesion's row; nothing where it has none."""
        keys = self.keys()
        if key in keys:
            with NodeModify(self.node):
                for name, text in cells.items():
                    _setCell(self.node, keys.index(key), name, text)

    def swap(self, key: str, other: str) -> None:
        """Change the places of two lesions' rows; nothing where one has none."""
        self.reorder([each for each in reversed(self.keys()) if each in (key, other)])

    def reorder(self, keys: Sequence[str]) -> None:
        """Put the rows of these lesions in this order, in the places that they have together; the others stay."""
        own = self.keys()
        wanted = [key for key in keys if key in own]
        places = [index for index, key in enumerate(own) if key in wanted]
        rows = [self.row(key) for key in wanted]
        if not rows:
            return
        with NodeModify(self.node):
            _addColumns(self.node)  # those that a scene of an earlier version lacks
            for index, row in zip(places, rows, strict=True):
                for name, text in row.items():
                    _setCell(self.node, index, name, text)
            self._number()

    def remove(self, key: str) -> None:
        """Take the lesion's row and features away, if there are any."""
        keys = self.keys()
        if key not in keys:
            return
        with NodeModify(self.node):
            self.node.RemoveRow(keys.index(key))
            _removeEmptyHeads(self.node)
            self._number()
        for features in self.featuresNodes:
            _removeColumn(features, key)

    def _number(self) -> None:
        """The column `row` counts from 1, as in the engine's table."""
        node = self.node
        for index in range(node.GetNumberOfRows()):
            _setCell(node, index, "row", str(index + 1))

    def _writeFeatures(self, key: str, features: Sequence[str], encoderId: str) -> None:
        """In the encoder's table; those of another encoder go, and their table with the last of them."""
        for node in self.featuresNodes:
            if features and _encoderOf(node) != encoderId:
                _removeLast(node, key)
            else:
                with NodeModify(node):
                    _removeColumn(node, key)
        if not features:
            return
        node = next((each for each in self.featuresNodes if _encoderOf(each) == encoderId), None)
        if node is None:
            node = self._create("features", _featuresTitle(encoderId))
            node.SetAttribute(ENCODER, encoderId)
            _addColumn(node, FEATURE_COLUMN, [f"pred_{index}" for index in range(len(features))])
        with NodeModify(node):
            _addColumn(node, key, features)

    def _create(self, role: str, title: str):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(title))
        tagResult(node, self._volumeNode, role)
        node.SetLocked(True)  # a number that can be typed over is none
        node.SetUseColumnTitleAsColumnHeader(True)
        if role == "lesions":
            _addColumns(node)
        return node


def _encoderOf(featuresNode) -> str:
    return featuresNode.GetAttribute(ENCODER) or _FIRST_ENCODER


def _featuresTitle(encoderId: str) -> str:
    if encoderId == _FIRST_ENCODER:
        return _("FMCIB features")
    return _("FMCIB features of the encoder {encoder}").format(encoder=encoderId)


def _removeLast(featuresNode, key: str) -> None:
    """A lesion's column, and the table that has no other."""
    table = featuresNode.GetTable()
    if table.GetColumnByName(key) is None:
        return
    _removeColumn(featuresNode, key)
    if table.GetNumberOfColumns() == 1:
        slicer.mrmlScene.RemoveNode(featuresNode)


def _columnNames() -> list[str]:
    return [KEY_COLUMN, *(column.name for column in COLUMNS), GRID_COLUMN]


def _addColumns(node) -> None:
    """Those of the lesions' table, with their units and meanings."""
    for name in _columnNames():
        if node.GetTable().GetColumnByName(name) is None:
            _addColumn(node, name, [""] * node.GetNumberOfRows())
    for column in COLUMNS:
        node.SetColumnUnitLabel(column.name, column.unit)
        node.SetColumnDescription(column.name, column.meaning)
    for name, meaning in OWN_COLUMNS.items():
        node.SetColumnDescription(name, meaning)


def _headColumns(node) -> list[str]:
    table = node.GetTable()
    found = byHead(table.GetColumnName(index) for index in range(table.GetNumberOfColumns()))
    return [name for own in found.values() for name in own]


def _setHeadCells(node, row: int, cells: Mapping[str, str]) -> None:
    """What heads say of the lesion of a row, in the place of what they said before."""
    for name in cells:
        if node.GetTable().GetColumnByName(name) is None:
            _addColumn(node, name, [""] * node.GetNumberOfRows())
            _describe(node, name)
    _arrangeHeads(node)
    for name in _headColumns(node):
        _setCell(node, row, name, cells.get(name, ""))
    _removeEmptyHeads(node)


def _describe(node, name: str) -> None:
    unit, meaning = meaningOf(name)
    node.SetColumnUnitLabel(name, unit)
    node.SetColumnDescription(name, meaning)


def _arrangeHeads(node) -> None:
    """The columns of heads as `byHead` has them, also on the screen and in the file that Slicer saves."""
    table, wanted = node.GetTable(), _headColumns(node)
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    if [name for name in names if isOfHead(name)] == wanted:
        return
    for name in wanted:
        texts = _texts(table.GetColumnByName(name))
        _removeColumn(node, name)
        _addColumn(node, name, texts)
        _describe(node, name)


def _removeEmptyHeads(node) -> None:
    """The columns in which no lesion has anything any more."""
    for name in _headColumns(node):
        if not any(_texts(node.GetTable().GetColumnByName(name))):
            _removeColumn(node, name)


def _setCell(node, row: int, name: str, text: str) -> None:
    node.SetCellText(row, node.GetColumnIndex(name), onOneLine(text))


def pointOf(row: Mapping[str, str]) -> PatientPoint:
    """The seed of a row, LPS mm."""
    return PatientPoint(*(float(row[name]) for name in ("coordX", "coordY", "coordZ")))


def warningsOf(row: Mapping[str, str]) -> list[str]:
    """The sentences in a row's cell of warnings."""
    return [each for each in row["warnings"].split("; ") if each]


def onOneLine(text: str) -> str:
    """Without what would break a line or a cell of the file that Slicer saves: it quotes nothing."""
    return " ".join(text.replace('"', "'").split())


def _texts(column) -> list[str]:
    return [column.GetValue(index) for index in range(column.GetNumberOfValues())]


def _addColumn(node, name: str, texts: Sequence[str]) -> None:
    column = vtk.vtkStringArray()
    column.SetName(name)
    for text in texts:
        column.InsertNextValue(text)
    node.AddColumn(column)


def _removeColumn(node, name: str) -> None:
    if node.GetTable().GetColumnByName(name) is not None:
        node.RemoveColumn(node.GetColumnIndex(name))
