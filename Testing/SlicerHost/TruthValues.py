"""What is true and what is false of Qt's objects, as in PythonQt: also what is there may be false.

PythonQt asks an object `isEmpty`, else `isValid`, else `isNull`, whichever its class has (its generator's
`getDefaultNonZeroFunction`), so a layout without widgets is false, a menu without actions and a rectangle without area.
All other objects are true until Qt has destroyed them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from PySide6 import QtCore
from shiboken6 import isValid


def start(modules: list[ModuleType]) -> None:
    """Give Qt's own classes these truth values, so that objects which C++ has made have them as well."""
    QtCore.QObject.__bool__ = _isThere
    for module in modules:
        for name in dir(module):
            kind = getattr(module, name)
            if isinstance(kind, type) and kind.__module__ == module.__name__ and (answer := _answer(kind)) is not None:
                kind.__bool__ = answer


def _isThere(self: QtCore.QObject) -> bool:
    return isValid(self)


def _answer(kind: type) -> Callable[[Any], bool] | None:
    if hasattr(kind, "isEmpty"):
        return lambda self: isValid(self) and not self.isEmpty()
    if hasattr(kind, "isValid"):
        return lambda self: isValid(self) and self.isValid()
    if hasattr(kind, "isNull"):
        return lambda self: isValid(self) and not self.isNull()
    return None
