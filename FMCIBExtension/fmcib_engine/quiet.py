"""A library that would tell its makers of its use, without that part of it.

`import openvino` alone gives each user a number, kept in `~/intel`, and its converter sends it to a service that counts
visitors. It does neither where its package `openvino_telemetry` cannot be imported, which pip installs along.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """The package, imported at its first use; its telemetry cannot be imported in this process any more.

    Raises:
        ImportError: it is not installed, or damaged.
    """
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # as Python wants it: an import of this fails
    return import_module("openvino")
