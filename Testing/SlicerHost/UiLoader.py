"""`qt.QUiLoader`: makes the widgets of a .ui file as the host's own classes, for `slicer.util.loadUI`."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import ctk
import qt
import slicer
from PySide6 import QtCore, QtUiTools, QtWidgets

from . import PythonQt

WIDGETS = [
    "QCheckBox",
    "QComboBox",
    "QDialog",
    "QDoubleSpinBox",
    "QFrame",
    "QGroupBox",
    "QLabel",
    "QLineEdit",
    "QProgressBar",
    "QPushButton",
    "QSlider",
    "QSpinBox",
    "QTableWidget",
    "QTextEdit",
    "QToolButton",
    "QWidget",
    "ctkCollapsibleButton",
    "ctkDICOMTableManager",
    "qMRMLNodeComboBox",
    "qMRMLWidget",
]
LAYOUTS = ("QFormLayout", "QGridLayout", "QHBoxLayout", "QVBoxLayout")

NO_PROPERTIES = frozenset({"buddy"})
"""What a .ui file writes as properties and Qt treats otherwise."""


class QUiLoader:
    """Used by `Base/Python/slicer/util.py:633` (loadUI).

    Unlike Qt's, it raises where Slicer would print a warning, or show a plain widget in place of one that it lacks.
    """

    def load(self, device: QtCore.QIODevice, parent: qt.QWidget | None = None) -> qt.QWidget:
        """The top widget of the file.

        Raises:
            NotImplementedError: the file holds a class that the host does not know.
            ValueError: a property, signal or slot that its class does not have.
        """
        tree = ET.fromstring(bytes(device.readAll().data()))  # noqa: S314 - the module's own files
        _refuseUnknown(tree)
        connections = tree.find("connections")
        if connections is not None:
            tree.remove(connections)  # Qt's loader knows no signals with classes of MRML
        buffer = QtCore.QBuffer()
        buffer.setData(ET.tostring(tree))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        loader = _Loader()
        with PythonQt.ignoringNewAttributes():  # PySide6 would make each child an attribute of the top widget
            widget = loader.load(buffer, parent)
        # PySide6 forgets of which class an object is that nobody holds in Python
        widget.__dict__["_madeByLoader"] = loader.made
        objects = {each.objectName: each for each in loader.made}
        _checkProperties(tree, objects)
        for connection in connections if connections is not None else ():
            _connect(connection, objects)
        return widget


class _Loader(QtUiTools.QUiLoader):
    """Makes each object as the host's class of that name."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Any] = []

    def createWidget(self, className: str, parent=None, name: str = ""):
        return self._named(_class(className)(parent), name)

    def createLayout(self, className: str, parent=None, name: str = ""):
        isInWidget = isinstance(parent, QtWidgets.QWidget)
        return self._named(_class(className)(parent) if isInWidget else _class(className)(), name)

    def createAction(self, parent=None, name: str = ""):
        return self._named(qt.QAction(parent), name)

    def _named(self, made: Any, name: str) -> Any:
        made.setObjectName(name)
        self.made.append(made)
        return made


def _class(name: str) -> type:
    return getattr(ctk if name.startswith("ctk") else slicer if name.startswith("qMRML") else qt, name)


def _refuseUnknown(tree: ET.Element) -> None:
    unknown = {each.get("class") for each in tree.iter("widget")} - set(WIDGETS)
    unknown |= {each.get("class") for each in tree.iter("layout")} - set(LAYOUTS)
    if unknown:
        msg = f"The host does not know {', '.join(sorted(map(str, unknown)))}"
        raise NotImplementedError(msg)


def _checkProperties(tree: ET.Element, objects: dict[str, Any]) -> None:
    for element in tree.iter("widget"):
        meta = objects[element.get("name")].metaObject()
        for each in element.findall("property"):
            name = each.get("name")
            if each.get("stdset") != "0" and name not in NO_PROPERTIES and meta.indexOfProperty(name) < 0:
                msg = f"{element.get('class')} {element.get('name')!r} has no property {name!r}"
                raise ValueError(msg)


def _connect(connection: ET.Element, objects: dict[str, Any]) -> None:
    """A slot is found by its name: PySide6 has no signatures of the stand-ins' methods."""
    sender, signal, receiver, slot = (connection.findtext(name) for name in ("sender", "signal", "receiver", "slot"))
    name = slot.partition("(")[0]
    function = getattr(objects[receiver], name, None)
    if not callable(function):
        msg = f"{receiver} has no slot {slot}"
        raise ValueError(msg)  # noqa: TRY004 - a name in a file
    if PythonQt.signatureOf(objects[sender], signal) is None:
        msg = f"{sender} has no signal {signal}"
        raise ValueError(msg)
    objects[sender].connect(signal, function)
