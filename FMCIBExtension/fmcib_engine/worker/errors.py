"""The worker's `error` replies: which exception has which code, and what the user reads."""

from __future__ import annotations

import logging
import sys

from ..encoders.batching import is_out_of_memory
from ..errors import (
    DependencyError,
    DeviceError,
    FeatureError,
    FmcibError,
    HeadError,
    InputError,
    OutOfMemoryError,
    ProtocolError,
    WeightsError,
)
from ..framing import pack
from ..words import in_window
from .requests import Id

CODES: tuple[tuple[type[FmcibError], str], ...] = (
    (InputError, "bad_request"),
    (ProtocolError, "bad_request"),  # inside a frame that is one
    (WeightsError, "weights"),
    (HeadError, "weights"),
    (FeatureError, "weights"),
    (DeviceError, "device"),
    (DependencyError, "dependency"),
    (OutOfMemoryError, "out_of_memory"),
)
_LONGEST_MESSAGE = 2000

_log = logging.getLogger(__name__)


def error_frame(request_id: Id | None, code: str, message: str) -> bytes:
    """The reply, as people read it in the window."""
    told = in_window(message)[:_LONGEST_MESSAGE]
    return pack({"type": "error", "id": request_id, "code": code, "message": told})


def explain(error: Exception) -> tuple[str, str]:
    """Code and message of an exception.

    The text of one that is not ours goes to the log only: it may name a folder, and is not written for the user.
    """
    for kind, code in CODES:
        if isinstance(error, kind):
            return code, str(error)
    if isinstance(error, MemoryError) or ("torch" in sys.modules and is_out_of_memory(error)):
        _log.warning("Out of memory: %s", error)
        return "out_of_memory", "The memory of this computer or of its GPU is not enough. Close other programs."
    _log.error("Unforeseen error in a request", exc_info=error)
    return "internal", f"Unforeseen {type(error).__name__}; the log has the details. Please report it."
