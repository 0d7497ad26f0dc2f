"""One step of one row: what it gives, or the sentence that stands in the row instead."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..errors import FmcibError

_log = logging.getLogger(__name__)

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Failure:
    sentence: str


def attempt(step: Callable[[], Outcome]) -> Outcome | Failure:
    """What `step` gives, or why it gave nothing: the one place where a row's error is kept from the others."""
    try:
        return step()
    except FmcibError as error:
        return Failure(str(error))
    except MemoryError:
        return Failure("There is not enough memory for this scan. Close other programs, or use a larger computer.")
    except OSError as error:
        return Failure(
            f"The system refused: {error.strerror or type(error).__name__}. Check the scan's path and rights."
        )
    except Exception as error:  # noqa: BLE001  one bad row never stops a batch
        _log.error("Unforeseen %s in one row", type(error).__name__, exc_info=_log.isEnabledFor(logging.DEBUG))
        return Failure(f"Unforeseen {type(error).__name__}; the log has the details. Please report it.")
