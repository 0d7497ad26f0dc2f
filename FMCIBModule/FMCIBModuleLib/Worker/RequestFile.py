"""A question to a task that is too long for a command line: a file that only this user can read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer


def writeRequest(name: str, asked: Mapping[str, Any]) -> Path:
    """A new file with a task's question. The task removes it; whoever asked does so where the task was ended before.

    Raises:
        OSError: it cannot be written.
    """
    handle, path = tempfile.mkstemp(prefix=f"fmcib-{name}-", suffix=".json", dir=slicer.app.temporaryPath)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asked, file)
    except OSError:
        Path(path).unlink(missing_ok=True)
        raise
    return Path(path)
