"""The packages that heads are trained with, imported at their first use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module, metadata
from types import MappingProxyType
from typing import Any

from ..errors import DependencyError

FOR_HEADS: Mapping[str, str] = MappingProxyType({"scikit-learn": "1.5", "lifelines": "0.30", "matplotlib": "3.8"})
"""What training needs beside the engine's other packages, and the oldest version; pyproject.toml has the same."""
INSTALL = "(in the window: Install, at Train a head; or the engine's extra [heads])"
"""How, in advice."""


def missing_for_heads() -> list[str]:
    """Those of them that are not installed, without importing any."""
    return [name for name in FOR_HEADS if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def import_for_heads(module: str) -> Any:
    """A module of scikit-learn, lifelines or pandas.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(root := module.split(".", maxsplit=1)[0], root)
        msg = f"Heads are trained with {package}, which cannot be imported ({error}). Install it {INSTALL}."
        raise DependencyError(msg) from error
