"""The module `qt` as Slicer's Python sees it (PythonQt), made of PySide6.

PythonQt and PySide6 wrap the same classes in different idioms. In PythonQt a property is an attribute (`timer.active`),
a signal is connected by its text (`timer.connect("timeout()", f)`), and an attribute that does not exist cannot be set.
Each class is wrapped when it is first asked for. What PythonQt does was read from its sources, and measured in Slicer.
"""

from __future__ import annotations

import ctypes
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from PySide6 import QtCore

from . import TruthValues

VIRTUAL = frozenset({"sizeHint", "minimumSizeHint", "spacing"})
"""Properties whose getter is virtual: as attributes they would be called by Qt in place of its own."""

STATIC = frozenset({"singleShot"})
"""Properties that PythonQt hides behind a static function of the same name."""


unknownSignals: list[str] = []
"""What PythonQt would have printed of signals that do not exist; a test fails where there is one."""


class _WrappedType(type(QtCore.QObject)):
    """The class of the module `qt`; each derives from its PySide6 class alone.

    As in PythonQt an object is an instance of its very class, and not of those that this has in C++:
    `isinstance(qt.QPushButton(), qt.QAbstractButton)` is False. `inherits("QAbstractButton")` asks C++.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]):
        # in each class, also in those that derive from a wrapped one: PySide6 looks for these two nowhere else
        return super().__new__(cls, name, bases, {"connect": connect, "disconnect": disconnect} | body)

    def __instancecheck__(cls, instance: object) -> bool:
        return cls.__subclasscheck__(type(instance))

    def __subclasscheck__(cls, subclass: type) -> bool:
        """Classes that a module has derived are looked through, down to the first that is one of C++."""
        mro = subclass.__mro__
        last = next((number for number, each in enumerate(mro) if _isOfCpp(each)), len(mro))
        return cls in mro[: last + 1] or (_isWrapped(cls) and cls.wrapped in mro[last : last + 1])


def _isWrapped(cls: type) -> bool:
    """Whether this is a class of the module `qt`, and not one derived from it."""
    return "wrapped" in cls.__dict__


def _isOfCpp(cls: type) -> bool:
    """Whether this stands for a class that Slicer has from C++: of `qt`, of PySide6, or a stand-in of the host."""
    return cls.__module__.partition(".")[0] in {"qt", "PySide6", "SlicerHost"}


def wrap(cls: type) -> type:
    """The class with PythonQt's idioms: properties, `connect` and `disconnect` by text, no new attributes."""
    body: dict[str, Any] = {"__module__": "qt", "wrapped": cls}
    body |= {"__setattr__": _setExisting, "findChildren": _findChildren}
    if issubclass(cls, QtCore.QIODevice):
        body["write"] = _write
    meta = cls.staticMetaObject
    for index in range(meta.propertyCount()):
        name = meta.property(index).name()
        if name not in VIRTUAL | STATIC:
            body[name] = _asAttribute(cls, name)
    body["name"] = body["objectName"]
    if hasattr(cls, "exec"):
        body["exec_"] = cls.exec
    return _WrappedType(cls.__name__, (cls,), body)


def _asAttribute(cls: type, name: str) -> property:
    """Through the getter and setter where Qt has them: PySide6 cannot convert every property of its own."""
    capital = name[0].upper() + name[1:]
    getter = next((getattr(cls, each) for each in (name, f"is{capital}") if callable(getattr(cls, each, None))), None)
    setter = getattr(cls, f"set{capital}", None)

    isStatic = inspect.isbuiltin(getter)  # of the application: its name, its version

    def read(self: QtCore.QObject) -> Any:
        value = getter() if isStatic else getter(self) if getter else self.property(name)
        return tuple(value) if isinstance(value, list) else value

    def write(self: QtCore.QObject, value: Any) -> None:
        if setter:
            setter(value) if inspect.isbuiltin(setter) else setter(self, value)
        elif not self.setProperty(name, value):
            msg = f"Property '{name}' of type '{type(self).__name__}' does not accept {value!r}"
            raise ValueError(msg)

    return property(read, write)


_ignoring: list[bool] = []


@contextmanager
def ignoringNewAttributes() -> Iterator[None]:
    """While PySide6 itself sets attributes that PythonQt does not have."""
    _ignoring.append(True)
    try:
        yield
    finally:
        _ignoring.pop()


def _setExisting(self: QtCore.QObject, name: str, value: Any) -> None:
    """A class of Qt or of the host takes no new attribute, nor one in the place of a method or signal; one that a
    module derives from it does."""
    if _ignoring and not name.startswith("_"):
        return
    isOwn = name.startswith("_") and type(self).__module__ != "qt"  # of a stand-in
    if _isOfCpp(type(self)) and not isOwn:
        if not hasattr(type(self), name):
            msg = f"'{name}' does not exist on {type(self).__name__}, and a C++ object takes no new attributes"
            raise AttributeError(msg)
        if callable(known := getattr(type(self), name)) and not isinstance(known, QtCore.Property):
            msg = f"Slot '{name}' can not be overwritten on {type(self).__name__} object"
            raise AttributeError(msg)
    type(self).wrapped.__setattr__(self, name, value)


def _findChildren(self: QtCore.QObject, kind: type, name: str | None = None) -> tuple[QtCore.QObject, ...]:
    kind = kind.wrapped if _isWrapped(kind) else kind
    return tuple(QtCore.QObject.findChildren(self, kind, name))


def _write(self: QtCore.QIODevice, data: bytes | QtCore.QByteArray) -> int:
    """How many bytes were written: of a bytearray none, without a word, as in PythonQt."""
    if not isinstance(data, bytes | bytearray | QtCore.QByteArray):
        msg = f"The host does not know what a device makes of {type(data).__name__}: write bytes"
        raise TypeError(msg)
    return 0 if isinstance(data, bytearray) else QtCore.QIODevice.write(self, data)


def connect(self: QtCore.QObject, signal: str, slot: Callable[..., Any]) -> bool:
    """Call `slot` at the signal of this exact signature, as C++ writes it: `clicked(bool)`.

    Twice connected is twice called. The slot, and with it the object of a bound method, lives as long as the sender.
    Where there is no such signal, a line is printed, and it gives False.
    """
    text = signatureOf(self, signal)
    if text is None:
        return _refuse("connect", self, signal)
    connection = QtCore.QObject.connect(self, QtCore.SIGNAL(text), _adapter(slot, text))
    self.__dict__.setdefault("_connections", []).append((text, slot, connection))
    return True


def disconnect(self: QtCore.QObject, signal: str, slot: Callable[..., Any]) -> bool:
    """Undo one `connect` of an equal slot; False where there was none."""
    text = signatureOf(self, signal)
    if text is None:
        return _refuse("disconnect", self, signal)
    connections = self.__dict__.get("_connections", [])
    for index, (connectedText, connectedSlot, connection) in enumerate(connections):
        if (connectedText, connectedSlot) == (text, slot):
            del connections[index]
            return QtCore.QObject.disconnect(connection)
    return False


def _refuse(what: str, sender: QtCore.QObject, signal: str) -> bool:
    unknownSignals.append(f"QObject::{what}() signal '{signal}' does not exist on {type(sender).__name__}")
    print(f"PythonQt: {unknownSignals[-1]}", file=sys.stderr)
    return False


def signatureOf(sender: QtCore.QObject, signal: str) -> str | None:
    """The signal as PySide6 knows it: without classes of VTK, with which stand-ins list theirs in `_vtkSignals`."""
    text = bytes(QtCore.QMetaObject.normalizedSignature(signal).data()).decode()
    if text in getattr(type(sender), "_vtkSignals", ()):
        return re.sub(r"vtk\w+\*", "PyObject", text)
    return None if "PyObject" in text or sender.metaObject().indexOfSignal(text) < 0 else text


def _adapter(slot: Callable[..., Any], signature: str) -> Callable[..., Any]:
    """PythonQt calls a function with as many values as the signal gives and the function takes, lists as tuples."""
    count = 0 if signature.endswith("()") else signature.count(",") + 1
    code = getattr(getattr(slot, "__func__", slot), "__code__", None)
    if code is not None and not code.co_flags & inspect.CO_VARARGS:
        count = min(count, code.co_argcount - inspect.ismethod(slot))
    return lambda *values: slot(*(tuple(each) if isinstance(each, list) else each for each in values[:count]))


class _Qt(ModuleType):
    """Looks for a name in Qt's modules, and wraps it if it is a class of objects."""

    def __init__(self, modules: list[ModuleType]) -> None:
        super().__init__("qt", "Qt with PythonQt's idioms")
        self._modules = modules

    def __getattr__(self, name: str) -> Any:
        for module in self._modules:
            found = getattr(module, name, None)
            if found is not None and not name.startswith("_"):
                value = wrap(found) if isinstance(found, type) and issubclass(found, QtCore.QObject) else found
                setattr(self, name, value)
                return value
        names = ", ".join(module.__name__ for module in self._modules)
        msg = f"qt has no {name} (it is made of {names})"
        raise AttributeError(msg)


def _keepConstantsAlive() -> None:
    """PySide6 6.12 drops a reference of None with each call that returns nothing, and of True or False with each
    method of Python that answers Qt so: Python 3.11 dies of it in the end."""
    if sys.version_info < (3, 12):
        for constant in (None, True, False):
            ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40


def makeQt(widgets: bool) -> ModuleType:
    """The module `qt`: QtCore alone, or with the classes of windows as well."""
    _keepConstantsAlive()
    modules: list[ModuleType] = [QtCore]
    if widgets:
        from PySide6 import QtGui, QtWidgets

        modules += [QtGui, QtWidgets]
    TruthValues.start(modules)
    return _Qt(modules)
