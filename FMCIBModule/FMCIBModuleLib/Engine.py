"""Where the engine is: beside this module inside Slicer, in `FMCIBExtension` of a checkout, or installed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ENGINE_VERSION = "0.1.0"
"""The version of the engine that this module was made and tested with. Numbers come from no other."""


class EngineError(RuntimeError):
    """The engine is not there, or is another one."""


def engineFolder() -> Path:
    """The folder that holds the package `fmcib_engine`: a process that is given it as PYTHONPATH has the same engine.

    Raises:
        EngineError: there is none, or it is of another version than this module.
    """
    return Path(importEngine().__file__).parent.parent


def importEngine():
    """The package `fmcib_engine`, which loads neither torch nor MONAI.

    Raises:
        EngineError: as `engineFolder`.
    """
    beside = Path(__file__).resolve().parents[1]
    for folder in (beside, beside.parent / "FMCIBExtension"):
        if (folder / "fmcib_engine" / "__init__.py").is_file() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))  # before any other: the one that came with this module
            break
    try:
        engine = importlib.import_module("fmcib_engine")
    except ImportError as error:
        msg = (
            f"The package fmcib_engine, which belongs to this module, cannot be imported: {error}. "
            "Install the FMCIB extension again."
        )
        raise EngineError(msg) from error
    if engine.__version__ != ENGINE_VERSION:
        msg = (
            f"This module needs fmcib_engine {ENGINE_VERSION}, but {engine.__version__} is installed and comes first. "
            "Uninstall that package from Slicer's Python, or install the FMCIB extension again; then restart Slicer."
        )
        raise EngineError(msg)
    return engine
