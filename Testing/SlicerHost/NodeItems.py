"""The items of a node selector's list: None, the nodes that it takes, and what may be done with them."""

from __future__ import annotations

import weakref
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

ID = QtCore.Qt.ItemDataRole.UserRole
EXTRA = QtCore.Qt.ItemDataRole.UserRole + 1
"""What an item after the nodes does: `DELETE`, or the class of the node that it makes."""


class NodeItems:
    """Keeps the items as the scene is; `options` are the selector's properties, `attributes` what nodes must have.

    Which nodes it takes: `Libs/MRML/Widgets/qMRMLSortFilterProxyModel.cxx:208`.
    """

    def __init__(self, combo: QtWidgets.QComboBox, options: dict[str, Any]) -> None:
        self._combo, self._options = combo, options
        self._putBelowScene()
        self.attributes: dict[str, tuple[str, Any]] = {}
        self.scene: slicer.vtkMRMLScene | None = None
        self._observed: dict[str, tuple[slicer.vtkMRMLNode, int]] = {}

    def before(self) -> int:
        """How many items there are before the first node."""
        return int(self._options["noneEnabled"] and self.scene is not None)

    def count(self) -> int:
        return sum(bool(self._combo.itemData(row, ID)) for row in range(self._combo.count))

    def rowOf(self, nodeID: str | None) -> int:
        return self._combo.findData(nodeID, ID) if nodeID else -1

    def update(self) -> None:
        """All over again: the scene was closed or imported. No node is chosen any more, which is told."""
        for nodeID in list(self._observed):
            self._unobserve(nodeID)
        hadNode = bool(self._combo.itemData(self._combo.currentIndex, ID))
        wasBlocked = self._combo.blockSignals(True)
        while self.count():
            self._combo.removeItem(self.before())
        self._combo.setCurrentIndex(self.before() - 1)
        self._combo.blockSignals(wasBlocked)
        if hadNode:
            self._combo.currentTextChanged.emit(self._combo.currentText)
        self.filter()

    def filter(self) -> None:
        """Other nodes are wanted; the chosen one stays chosen if it is one of them."""
        nodes = self._nodes()
        wanted = {node.GetID() for node in nodes} | {None}
        for row in reversed(range(self._combo.count)):
            if self._combo.itemData(row, ID) not in wanted:
                self._removeRow(row)
        for node in nodes:
            self.insert(node)

    def updateOthers(self) -> None:
        """The items before and after the nodes; the chosen node stays chosen."""
        current = self._combo.itemData(self._combo.currentIndex, ID)
        wasBlocked = self._combo.blockSignals(True)
        for row in reversed(range(self._combo.count)):
            if not self._combo.itemData(row, ID):
                self._combo.removeItem(row)
        if self.before():
            self._combo.insertItem(0, self._options["noneDisplay"])
        if self.scene is not None:
            self._addExtras()
        row = self.rowOf(current)
        self._combo.setCurrentIndex(row if row >= 0 else self.before() - 1)
        self._combo.blockSignals(wasBlocked)

    def insert(self, node: slicer.vtkMRMLNode) -> bool:
        """Whether this node is one of those that are wanted."""
        if self.rowOf(node.GetID()) >= 0 or not self._isOfWantedClass(node):
            return False
        self._observe(node)
        if not self._hasAttribute(node):
            return False
        self._combo.insertItem(self.before() + self._listedBefore(node), node.GetName() or "", node.GetID())
        return True

    def remove(self, node: slicer.vtkMRMLNode) -> None:
        self._unobserve(node.GetID())
        row = self.rowOf(node.GetID())
        if row >= 0:
            self._removeRow(row)

    def _removeRow(self, row: int) -> None:
        """After the chosen one the item above it is chosen, as by Qt 5.15; Qt 6.12 takes the one below."""
        if row != self._combo.currentIndex:
            self._combo.removeItem(row)
            return
        wasBlocked = self._combo.blockSignals(True)
        self._combo.removeItem(row)
        self._combo.setCurrentIndex(row - 1)
        self._combo.blockSignals(wasBlocked)
        self._combo.currentTextChanged.emit(self._combo.currentText)

    def label(self, nodeType: str) -> str:
        """`Libs/MRML/Widgets/qMRMLNodeComboBox.cxx:568`."""
        return (self.scene.GetTypeDisplayNameByClassName(nodeType) if self.scene is not None else "") or "node"

    def _listedBefore(self, node: slicer.vtkMRMLNode) -> int:
        """How many nodes in the list come before this one in the scene."""
        ids = [each.GetID() for each in self._nodes()]
        return sum(self.rowOf(each) >= 0 for each in ids[: ids.index(node.GetID())])

    def _nodes(self) -> list[slicer.vtkMRMLNode]:
        if self.scene is None:
            return []
        every = [self.scene.GetNthNode(index) for index in range(self.scene.GetNumberOfNodes())]
        return [node for node in every if self._isOfWantedClass(node) and self._hasAttribute(node)]

    def _isOfWantedClass(self, node: slicer.vtkMRMLNode) -> bool:
        if node.GetHideFromEditors() and not self._options["showHidden"]:
            return False
        if any(node.IsA(name) for name in self._options["hideChildNodeTypes"]) and self._options["showChildNodeTypes"]:
            return False
        types = self._options["nodeTypes"]
        exact = not self._options["showChildNodeTypes"]
        return not types or any(node.GetClassName() == name if exact else node.IsA(name) for name in types)

    def _hasAttribute(self, node: slicer.vtkMRMLNode) -> bool:
        for nodeType, (name, value) in self.attributes.items():
            found = node.GetAttribute(name)
            if node.IsA(nodeType) and (found is None or (value is not None and found != str(value))):
                return False
        return True

    def _addExtras(self) -> None:
        """`Libs/MRML/Widgets/qMRMLNodeComboBox.cxx:265`."""
        extras = []
        if self._options["addEnabled"]:
            extras += [(f"Create new {self.label(each)}", each) for each in self._options["nodeTypes"]]
        if self._options["removeEnabled"]:
            types = self._options["nodeTypes"]
            extras.append((f"Delete current {self.label(types[0] if len(types) == 1 else '')}", "DELETE"))
        if extras:
            self._combo.insertSeparator(self._combo.count)
        for text, action in extras:
            self._combo.addItem(text)
            self._combo.setItemData(self._combo.count - 1, action, EXTRA)
            index = self._combo.model().index(self._combo.count - 1, 0, self._combo.rootModelIndex())
            item = self._model.itemFromIndex(self._combo.model().mapToSource(index))
            item.setFlags(QtCore.Qt.ItemFlag.ItemIsEnabled)

    def _putBelowScene(self) -> None:
        """As measured in Slicer, the items are children of one for the scene: `rootModelIndex()` of the combo box.

        The proxy is there because a combo box puts new items of Qt's own model beside the root, not below it.
        """
        self._model = QtGui.QStandardItemModel(self._combo)
        scene = QtGui.QStandardItem("Scene")
        scene.setColumnCount(1)
        self._model.appendRow(scene)
        proxy = QtCore.QIdentityProxyModel(self._combo)
        proxy.setSourceModel(self._model)
        self._combo.setModel(proxy)
        self._combo.setRootModelIndex(proxy.index(0, 0))

    def _observe(self, node: slicer.vtkMRMLNode) -> None:
        if node.GetID() in self._observed:
            return
        me = weakref.ref(self)  # an observer must not keep a selector alive

        def onModified(node, _event) -> None:
            if me() is not None:
                me()._onModified(node)

        self._observed[node.GetID()] = node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, onModified)

    def _unobserve(self, nodeID: str) -> None:
        if nodeID in self._observed:
            node, tag = self._observed.pop(nodeID)
            node.RemoveObserver(tag)

    def _onModified(self, node: slicer.vtkMRMLNode) -> None:
        scene = self.scene
        if scene is None or scene.IsClosing() or scene.IsImporting() or node.GetScene() is None:
            return
        row = self.rowOf(node.GetID())
        if row < 0:
            self.insert(node)
        elif not (self._isOfWantedClass(node) and self._hasAttribute(node)):
            self._removeRow(row)
        elif self._combo.itemText(row) != node.GetName():
            self._combo.setItemText(row, node.GetName() or "")

    def __del__(self) -> None:
        for nodeID in list(self._observed):
            self._unobserve(nodeID)
