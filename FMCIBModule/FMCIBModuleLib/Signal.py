"""A list of functions to call: how the logic tells the window, without Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

_log = logging.getLogger(__name__)


class Signal:
    """Calls every connected function, in the order in which they were connected.

    One that raises is logged and does not keep the others from being called: what happened is a fact already.
    """

    def __init__(self) -> None:
        self._slots: list[Callable[..., Any]] = []

    def connect(self, slot: Callable[..., Any]) -> None:
        if slot not in self._slots:
            self._slots.append(slot)

    def disconnect(self, slot: Callable[..., Any]) -> None:
        if slot in self._slots:
            self._slots.remove(slot)

    def disconnectAll(self) -> None:
        self._slots.clear()

    def emit(self, *values: Any) -> None:
        for slot in tuple(self._slots):
            try:
                slot(*values)
            except Exception:  # noqa: BLE001  whatever it is, it is the listener's
                _log.exception("A listener failed")
