"""The packages of the extra `dicomweb`, imported when they are first needed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ..errors import DependencyError


def import_package(name: str) -> ModuleType:
    """A package or a module of one.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        msg = f"A DICOMweb server needs the package {package}. Install the engine with its extra [dicomweb]."
        raise DependencyError(msg) from error
