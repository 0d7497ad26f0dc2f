"""`slicer.parameterNodeWrapper`: typed attributes that are kept in a vtkMRMLScriptedModuleNode, in Slicer's own form.

Imitates `Base/Python/slicer/parameterNodeWrapper/wrapper.py:305`, values that are kept
(`Base/Python/slicer/parameterNodeWrapper/wrapper.py:84`), its serializers
(`Base/Python/slicer/parameterNodeWrapper/serializers.py:236` and on) and validators
(`Base/Python/slicer/parameterNodeWrapper/validators.py:83` and on). Names and text of the parameters are Slicer's, so
that a scene saved here opens there and back.

Supported: str, int, float, bool, pathlib.Path, enumerations, MRML nodes; the widgets of `SlicerHost.GuiConnectors`.
"""

from __future__ import annotations

import enum
import pathlib
import typing
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import vtk

__all__ = ["Choice", "Default", "Exclude", "Maximum", "Minimum", "WithinRange", "parameterNodeWrapper"]


class Default:
    """Annotation: the value of a parameter that nobody has set."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator else self._value


class _Validator:
    """Annotation: what a value must be."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


class Choice(_Validator):
    def __init__(self, choices: Any) -> None:
        self.choices = choices

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            msg = f"Value is {value}, but must be one of {self.choices}"
            raise ValueError(msg)


class Exclude(_Validator):
    def __init__(self, excludedValues: Any) -> None:
        self.excludedValues = excludedValues

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            msg = f"Value is {value}, but must not be one of {self.excludedValues}"
            raise ValueError(msg)


class WithinRange(_Validator):
    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            msg = f"Value must be within range [{self.minimum}, {self.maximum}], is {value}"
            raise ValueError(msg)


class Minimum(_Validator):
    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            msg = f"Value must be at least {self.minimum}, is {value}"
            raise ValueError(msg)


class Maximum(_Validator):
    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            msg = f"Value must be at most {self.maximum}, is {value}"
            raise ValueError(msg)


@dataclass(frozen=True)
class _Parameter:
    """One typed attribute, and its text in the node."""

    name: str
    kind: type
    validators: list[_Validator]
    default: Default

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, value: Any) -> None:
        """Set it. Raises ValueError or TypeError, and sets nothing, where it is not allowed."""
        self._check(value)
        if issubclass(self.kind, slicer.vtkMRMLNode):
            node.SetParameter(self.name, "")  # says that it was set: None is a value, too
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        elif issubclass(self.kind, enum.Enum):
            node.SetParameter(self.name, value.name)
        else:
            node.SetParameter(self.name, str(value))

    def read(self, node: slicer.vtkMRMLScriptedModuleNode) -> Any:
        if not node.HasParameter(self.name):
            self.write(node, self.default.value)
        if issubclass(self.kind, slicer.vtkMRMLNode):
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.kind is bool:
            return text == "True"
        return self.kind[text] if issubclass(self.kind, enum.Enum) else self.kind(text)

    def _check(self, value: Any) -> None:
        allowed = (int, float) if self.kind is float else self.kind
        if value is None and not issubclass(self.kind, slicer.vtkMRMLNode):
            msg = f"{self.name}: value must not be None"
            raise ValueError(msg)
        if value is not None and not isinstance(value, allowed):
            msg = f"{self.name}: value must be of type {self.kind}, is {value!r}"
            raise TypeError(msg)
        for validator in self.validators:
            validator.validate(value)


class _KeptValue:
    """The value of one parameter of one node, as it was when this wrapper last wrote it or heard that the node changed.

    Each has an observer of its own. VTK calls the first observer of an object last: whoever is called before reads the
    former value.
    """

    def __init__(self, parameter: _Parameter, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        self._parameter, self._node, self._isWriting = parameter, node, False
        self._value = parameter.read(node)  # writes the default of one that is not there
        me = weakref.ref(self)  # an observer must not keep a wrapper alive
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: me()._renew())

    def __del__(self) -> None:
        self._node.RemoveObserver(self._tag)

    def read(self) -> Any:
        return self._value

    def write(self, value: Any) -> None:
        """Its own wrapper has the new value before anybody hears of it."""
        self._isWriting = True
        try:
            with slicer.util.NodeModify(self._node):
                self._parameter.write(self._node, value)
                self._value = self._parameter.read(self._node)
        finally:
            self._isWriting = False

    def _renew(self) -> None:
        if not self._isWriting:
            self._value = self._parameter.read(self._node)


def parameterNodeWrapper(cls: type) -> type:
    """Class decorator: `MyNode(node)` has an attribute for each annotation of the class, kept in the node.

    Raises:
        TypeError: a kind of value, or an annotation, that the host does not know.
    """
    parameters = {}
    for name, annotation in typing.get_type_hints(cls, include_extras=True).items():
        parameters[name] = _parameter(cls, name, annotation)
        setattr(cls, name, _asAttribute(name))

    def initialize(self, parameterNode: slicer.vtkMRMLScriptedModuleNode) -> None:
        self.parameterNode = parameterNode
        self._connections = None
        self._kept = {name: _KeptValue(parameter, parameterNode) for name, parameter in parameters.items()}

    cls.__init__ = initialize
    cls.allParameters = parameters
    cls.default = lambda _self, name: parameters[name].default
    cls.dataType = staticmethod(lambda name: typing.get_type_hints(cls, include_extras=True)[name])
    cls.getValue = lambda self, name: self._kept[name].read()
    cls.setValue = lambda self, name, value: self._kept[name].write(value)
    cls.connectGui, cls.connectParametersToGui, cls.disconnectGui = _connectGui, _connectParametersToGui, _disconnectGui
    for method in ("StartModify", "EndModify", "AddObserver", "RemoveObserver", "Modified"):
        setattr(cls, method, _forwarded(method))
    return cls


def _connectGui(self: Any, gui: Any) -> int:
    """Connect the widgets below this one, or in this namespace, by their property `SlicerParameterName`."""
    from SlicerHost import GuiConnectors

    return self.connectParametersToGui(GuiConnectors.widgets(gui))


def _connectParametersToGui(self: Any, mapping: dict[str, Any]) -> int:
    """Name of the parameter -> widget. Each widget shows the parameter's value at once; the tag ends the connection."""
    from SlicerHost import GuiConnectors

    unknown = set(mapping) - set(self.allParameters)
    if unknown:
        msg = f"Cannot find a param with the given name: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    self._connections = self._connections or GuiConnectors.Connections(self)
    connectors = {}
    for name, widget in mapping.items():
        parameter = self.allParameters[name]
        choices = next((each.choices for each in parameter.validators if isinstance(each, Choice)), None)
        connectors[name] = GuiConnectors.create(widget, parameter.kind, choices)
    return self._connections.add(connectors)


def _disconnectGui(self: Any, tag: int) -> None:
    if self._connections is not None:
        self._connections.remove(tag)


def _parameter(cls: type, name: str, annotation: Any) -> _Parameter:
    kind, *extras = typing.get_args(typing.Annotated[annotation, "any"])[:-1]
    if not (
        isinstance(kind, type) and issubclass(kind, (str, int, float, pathlib.Path, enum.Enum, slicer.vtkMRMLNode))
    ):
        msg = f"The host's parameterNodeWrapper does not know {kind}, the type of {cls.__name__}.{name}"
        raise TypeError(msg)
    defaults = [extra for extra in extras if isinstance(extra, Default)]
    validators = [extra for extra in extras if isinstance(extra, _Validator)]
    if len(defaults) > 1 or len(defaults) + len(validators) != len(extras):
        msg = f"The host's parameterNodeWrapper does not know the annotations of {cls.__name__}.{name}: {extras}"
        raise TypeError(msg)
    default = Default(getattr(cls, name)) if hasattr(cls, name) else (defaults or [_plainDefault(kind)])[0]
    return _Parameter(name, kind, validators, default)


def _plainDefault(kind: type) -> Default:
    """Of a node None, of an enumeration its first member, otherwise empty, zero, False."""
    if issubclass(kind, slicer.vtkMRMLNode):
        return Default(None)
    return Default(next(iter(kind)) if issubclass(kind, enum.Enum) else kind())


def _asAttribute(name: str) -> property:
    return property(lambda self: self._kept[name].read(), lambda self, value: self._kept[name].write(value))


def _forwarded(method: str) -> Callable[..., Any]:
    return lambda self, *values: getattr(self.parameterNode, method)(*values)
