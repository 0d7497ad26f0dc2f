"""`slicer.qMRMLNodeComboBox`: chooses one of the scene's nodes of given classes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from shiboken6 import isValid

from .NodeItems import EXTRA, ID, NodeItems

_boxes: weakref.WeakSet[qMRMLNodeComboBox] = weakref.WeakSet()


def start(scene: slicer.vtkMRMLScene) -> None:
    """Observe the scene once and for all, and tell the selectors: none leaves an observer of it behind."""

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onAdded(scene, event, node) -> None:
        if not scene.IsImporting():
            _tell(lambda box: box._onAdded(node))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onAboutToBeRemoved(scene, event, node) -> None:
        if not scene.IsClosing():
            _tell(lambda box: box._onAboutToBeRemoved(node))

    scene.AddObserver(scene.NodeAddedEvent, onAdded)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, onAboutToBeRemoved)
    for event in (scene.EndCloseEvent, scene.EndImportEvent):
        scene.AddObserver(event, lambda *_: _tell(lambda box: box._items.update()))


def _tell(what: Callable[[qMRMLNodeComboBox], None]) -> None:
    for box in [each for each in _boxes if isValid(each)]:
        if box.mrmlScene() is not None:
            what(box)


def _option(name: str, kind: type | str) -> QtCore.Property:
    """A property that says which items there are."""

    def read(self) -> Any:
        return self._options[name]

    def write(self, value: Any) -> None:
        if kind == "QStringList":
            value = tuple(text for text in ([value] if isinstance(value, str) else value) if text)
        if value != self._options[name]:
            self._options[name] = value
            if name in FILTERS:
                self._items.filter()
            self._items.updateOthers()

    return QtCore.Property(kind, read, write)


FILTERS = {"nodeTypes": (), "hideChildNodeTypes": (), "showHidden": False, "showChildNodeTypes": True}
OTHERS = {"noneEnabled": False, "noneDisplay": "None", "addEnabled": True, "removeEnabled": True}
NODE_SIGNALS = {
    *("currentNodeChanged", "nodeActivated", "nodeAdded"),
    *("nodeAddedByUser", "nodeAddedByUserAction", "nodeAboutToBeRemoved"),
}


class qMRMLNodeComboBox(qt.QWidget):  # noqa: N801 - Slicer's name
    """`Libs/MRML/Widgets/qMRMLNodeComboBox.cxx:386`: a real combo box over the scene's nodes.

    As in Slicer it chooses no node any more when the scene is closed, and when one is imported, and tells so.
    Renaming and editing by its menu are not there: their properties can only be False.
    """

    currentNodeChanged = QtCore.Signal((object,), (bool,))
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated, nodeAdded, nodeAboutToBeRemoved = (QtCore.Signal(object) for _ in range(3))
    nodeAddedByUser, nodeAddedByUserAction = QtCore.Signal(object), QtCore.Signal(object)
    _vtkSignals = frozenset(f"{name}(vtkMRMLNode*)" for name in NODE_SIGNALS)

    nodeTypes = _option("nodeTypes", "QStringList")
    hideChildNodeTypes = _option("hideChildNodeTypes", "QStringList")
    showHidden = _option("showHidden", bool)
    showChildNodeTypes = _option("showChildNodeTypes", bool)
    noneEnabled = _option("noneEnabled", bool)
    noneDisplay = _option("noneDisplay", str)
    addEnabled = _option("addEnabled", bool)
    removeEnabled = _option("removeEnabled", bool)

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self._options = FILTERS | OTHERS
        self._requested = ""
        self._selectsNew = True
        self._baseNames: dict[str, str] = {}
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Preferred, policy.Fixed)
        self._combo = qt.QComboBox(self)
        self._combo.setSizePolicy(policy.Expanding, policy.Expanding)
        self._items = NodeItems(self._combo, self._options)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self.setFocusProxy(self._combo)
        self._combo.connect("currentTextChanged(QString)", self._onCurrentChanged)
        self._combo.connect("activated(int)", self._onActivated)
        self._combo.view().clicked.connect(self._onClicked)
        self.setEnabled(False)
        _boxes.add(self)

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._items.scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        """`Libs/MRML/Widgets/qMRMLNodeComboBox.cxx:790`: without `noneEnabled` the first node is chosen."""
        if scene is not None and scene is not slicer.mrmlScene:
            msg = "The host has one scene"
            raise NotImplementedError(msg)
        if scene is self._items.scene:
            return
        self._combo.blockSignals(True)
        self._items.scene = scene
        self._items.update()
        self._items.updateOthers()
        self._combo.setCurrentIndex(self._items.before() - 1)
        self._combo.blockSignals(False)
        first = None if self.noneEnabled or not self.nodeCount() else self.nodeFromIndex(0)
        wanted, self._requested = self._requested, ""
        self._select(wanted or _idOf(first))
        self.setEnabled(scene is not None)

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        return self._nodeAt(self._combo.currentIndex)

    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        self.setCurrentNodeID(_idOf(node))

    def setCurrentNodeID(self, nodeID: str) -> None:
        """No node where the list has none of this ID. Before there is a scene, it is remembered for then."""
        if self.mrmlScene() is None:
            self._requested = nodeID
        self._select(nodeID)

    def setCurrentNodeIndex(self, index: int) -> None:
        self._combo.setCurrentIndex((index if index < self.nodeCount() else -1) + self._items.before())

    def nodeCount(self) -> int:
        return self._items.count()

    def nodeFromIndex(self, index: int) -> slicer.vtkMRMLNode | None:
        return self._nodeAt(index + self._items.before())

    def addAttribute(self, nodeType: str, name: str, value: Any = None) -> None:
        """Only nodes of this class with this attribute, which has this value where one is given."""
        self._items.attributes[nodeType] = (name, value)
        self._items.filter()

    def removeAttribute(self, nodeType: str, name: str) -> None:
        if self._items.attributes.get(nodeType, ("",))[0] == name:
            del self._items.attributes[nodeType]
            self._items.filter()

    def addNode(self, nodeType: str | None = None) -> slicer.vtkMRMLNode | None:
        """`Libs/MRML/Widgets/qMRMLNodeComboBox.cxx:590`; None for a class that is not one of `nodeTypes`."""
        nodeType = nodeType or next(iter(self.nodeTypes), None)
        if nodeType not in self.nodeTypes:
            return None
        scene = self.mrmlScene()
        node = scene.CreateNodeByClass(nodeType)
        node.UnRegister(None)
        node.SetName(scene.GenerateUniqueName(self._baseNames.get(nodeType) or self._items.label(nodeType)))
        for name, value in self._items.attributes.values():
            node.SetAttribute(name, "" if value is None else str(value))
        node = scene.AddNode(node)
        if self._selectsNew:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        self.mrmlScene().RemoveNode(self.currentNode())

    def _setBaseName(self, name: str) -> None:
        self._baseNames |= dict.fromkeys(self.nodeTypes, name)

    def _setSizeAdjustPolicy(self, policy: int) -> None:
        self._combo.sizeAdjustPolicy = QtWidgets.QComboBox.SizeAdjustPolicy(int(policy))

    def _setSelectsNew(self, value: bool) -> None:
        self._selectsNew = value

    def _refuse(self, value: bool) -> None:
        if value:
            msg = "The host's node selector neither renames nor edits"
            raise NotImplementedError(msg)

    baseName = QtCore.Property(str, lambda self: self._baseNames.get(next(iter(self.nodeTypes), ""), ""), _setBaseName)
    currentNodeID = QtCore.Property(str, lambda self: _idOf(self.currentNode()), setCurrentNodeID)
    selectNodeUponCreation = QtCore.Property(bool, lambda self: self._selectsNew, _setSelectsNew)
    sizeAdjustPolicy = QtCore.Property(int, lambda self: int(self._combo.sizeAdjustPolicy), _setSizeAdjustPolicy)
    renameEnabled = QtCore.Property(bool, lambda _: False, _refuse)
    editEnabled = QtCore.Property(bool, lambda _: False, _refuse)

    def _nodeAt(self, row: int) -> slicer.vtkMRMLNode | None:
        nodeID = self._combo.itemData(row, ID)
        return self.mrmlScene().GetNodeByID(nodeID) if nodeID and self.mrmlScene() is not None else None

    def _select(self, nodeID: str) -> None:
        row = self._items.rowOf(nodeID)
        self._combo.setCurrentIndex(row if row >= 0 else self._items.before() - 1)

    def _onAdded(self, node: slicer.vtkMRMLNode) -> None:
        if self._items.insert(node):
            self.nodeAdded.emit(node)

    def _onAboutToBeRemoved(self, node: slicer.vtkMRMLNode) -> None:
        if self._items.rowOf(node.GetID()) >= 0:
            self.nodeAboutToBeRemoved.emit(node)
        self._items.remove(node)

    def _onCurrentChanged(self, _text: str) -> None:
        """`Libs/MRML/Widgets/qMRMLNodeComboBox.cxx:719`: also told when the current node gets another name."""
        node = self.currentNode()
        if node is None and self._combo.currentIndex != self._items.before() - 1:
            if self.nodeCount():
                self.setCurrentNode(self.nodeFromIndex(self.nodeCount() - 1))
            return
        self.currentNodeChanged.emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(_idOf(node))

    def _onActivated(self, index: int) -> None:
        if self.currentNode() is not None or (self.noneEnabled and index == 0):
            self.nodeActivated.emit(self.currentNode())

    def _onClicked(self, index: QtCore.QModelIndex) -> None:
        """`Libs/MRML/Widgets/qMRMLNodeComboBox.cxx:416`."""
        action = index.data(EXTRA)
        if not action:
            return
        self._combo.hidePopup()
        if action == "DELETE":
            self.removeCurrentNode()
        else:
            node = self.addNode(action)
            self.setCurrentNode(node)
            self.nodeAddedByUserAction.emit(node)


def _idOf(node: slicer.vtkMRMLNode | None) -> str:
    return node.GetID() if node is not None else ""
