"""The packages that heads are trained with, imported at their first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import DependencyError


def import_for_heads(module: str) -> Any:
    """A module of scikit-learn, lifelines or pandas.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(root := module.split(".", maxsplit=1)[0], root)
        msg = (
            f"Heads are trained with {package}, which cannot be imported ({error}). Install the engine's extra [heads]."
        )
        raise DependencyError(msg) from error
