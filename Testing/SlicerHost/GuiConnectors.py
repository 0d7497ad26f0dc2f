"""What joins a widget and a parameter, for four kinds of widgets.

As `Base/Python/slicer/parameterNodeWrapper/guiConnectors.py:53`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer


class _Connector:
    """Reads and writes a widget, and calls back when it is changed."""

    signal = ""

    def __init__(self, widget: Any, choices: Any) -> None:
        self._widget, self._choices = widget, choices

    def connect(self, callback: Callable[[], None]) -> None:
        """As Slicer's connectors do it: by the signal itself, not by its text."""
        self._callback = callback
        getattr(self._widget, self.signal).connect(self._changed)

    def disconnect(self) -> None:
        getattr(self._widget, self.signal).disconnect(self._changed)

    def _changed(self, *_) -> None:
        self._callback()

    def read(self) -> Any:
        raise NotImplementedError

    def write(self, value: Any) -> None:
        raise NotImplementedError


class _CheckBox(_Connector):
    """`Base/Python/slicer/parameterNodeWrapper/guiConnectors.py:162`."""

    signal = "toggled"  # Slicer's is stateChanged(int), which Qt 6 discourages; the same for two states

    def read(self) -> bool:
        return self._widget.checked

    def write(self, value: bool) -> None:
        self._widget.checked = value


class _ComboBox(_Connector):
    """`Base/Python/slicer/parameterNodeWrapper/guiConnectors.py:418`: the choices themselves are its items."""

    signal = "currentIndexChanged"

    def __init__(self, widget: Any, choices: Any) -> None:
        super().__init__(widget, choices)
        if choices is None:
            msg = "ComboBoxToStringableConnector requires the Choice annotation to be used."
            raise RuntimeError(msg)
        widget.clear()
        for choice in choices:
            widget.addItem(str(choice))

    def read(self) -> str:
        return self._choices[self._widget.currentIndex]

    def write(self, value: str) -> None:
        self._widget.currentIndex = list(self._choices).index(value)


class _LineEdit(_Connector):
    """`Base/Python/slicer/parameterNodeWrapper/guiConnectors.py:515`."""

    signal = "textChanged"

    def read(self) -> str:
        return self._widget.text

    def write(self, value: str) -> None:
        if value != self._widget.text:  # writing moves the cursor to the end
            self._widget.text = value


class _NodeComboBox(_Connector):
    """`Base/Python/slicer/parameterNodeWrapper/guiConnectors.py:745`."""

    signal = "currentNodeChanged"

    def read(self) -> slicer.vtkMRMLNode | None:
        return self._widget.currentNode()

    def write(self, value: slicer.vtkMRMLNode | None) -> None:
        self._widget.setCurrentNode(value)


def create(widget: Any, kind: type, choices: Any) -> _Connector:
    """By the exact class of the widget, as in Slicer. Raises RuntimeError where Slicer or the host has none."""
    pairs = {
        (qt.QCheckBox, bool): _CheckBox,
        (qt.QComboBox, str): _ComboBox,
        (qt.QLineEdit, str): _LineEdit,
    }
    if type(widget) is slicer.qMRMLNodeComboBox and issubclass(kind, slicer.vtkMRMLNode):
        widget.nodeTypes = [kind.__name__]
        return _NodeComboBox(widget, choices)
    if (type(widget), kind) not in pairs:
        msg = f"Unable to create GUI connector from datatype '{kind}' to widget type '{type(widget)}'."
        raise RuntimeError(msg)
    return pairs[type(widget), kind](widget, choices)


def widgets(gui: Any) -> dict[str, Any]:
    """The widgets below this one, or in this namespace, that name a parameter."""
    isWidget = getattr(gui, "isWidgetType", lambda: False)()
    every = gui.findChildren(qt.QWidget) if isWidget else vars(gui).values()
    named = [(each.property("SlicerParameterName"), each) for each in every]
    return {name: widget for name, widget in named if name}


class Connections:
    """The connections of one parameter node: `Base/Python/slicer/parameterNodeWrapper/wrapper.py:195`."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._isUpdating = False
        self._connected: dict[int, tuple[dict[str, _Connector], int]] = {}
        self._next = 0

    def add(self, mapping: dict[str, _Connector]) -> int:
        import vtk

        tag, self._next = self._next, self._next + 1
        for name, connector in mapping.items():
            connector.write(self._owner.getValue(name))
            connector.connect(self._writer(name, connector))
        observer = self._owner.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())
        self._connected[tag] = mapping, observer
        return tag

    def remove(self, tag: int) -> None:
        if tag in self._connected:
            mapping, observer = self._connected.pop(tag)
            for connector in mapping.values():
                connector.disconnect()
            self._owner.RemoveObserver(observer)

    def _writer(self, name: str, connector: _Connector) -> Callable[[], None]:
        def write() -> None:
            if not self._isUpdating:
                with slicer.util.NodeModify(self._owner):
                    self._owner.setValue(name, connector.read())

        return write

    def _show(self) -> None:
        if self._isUpdating:
            return
        self._isUpdating = True
        try:
            with slicer.util.NodeModify(self._owner):
                for mapping, _ in list(self._connected.values()):
                    for name, connector in mapping.items():
                        connector.write(self._owner.getValue(name))
        finally:
            self._isUpdating = False
