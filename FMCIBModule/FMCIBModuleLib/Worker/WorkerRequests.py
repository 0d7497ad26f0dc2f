"""The books of `WorkerProcess`: which requests wait, are in flight, are answered. Each is answered once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmcib_engine.framing import Header
from fmcib_engine.preprocessing import Patch

from .WorkerMessages import CANCELLED, EncoderSettings, WorkerFailure

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Request:
    """An `encode`, an `encode_all`, a long request about a patch, or a `load`, which has no patch.

    Attributes:
        id: not used twice.
        settings: of the encoder to load, or to encode with.
        patch: the one to encode, or that the long request is about.
        patches: those to encode together.
        onDone, onError, onProgress, onPart: as `WorkerProcess` says.
        isOwn: a `load` that nobody asked for, and nobody is told of.
        mayKeep: whether a `load` is answered at once where the worker has that encoder.
        wish: type and fields of a long request.
        isStopped: whether a long request was asked to end with what it has.
    """

    id: int
    settings: EncoderSettings
    patch: Patch | None = None
    onDone: Callable[..., Any] | None = None
    onError: Callable[[WorkerFailure], Any] | None = None
    onProgress: Callable[[str, float], Any] | None = None
    isOwn: bool = False
    mayKeep: bool = False
    wish: Mapping[str, Any] | None = None
    onPart: Callable[[Header, bytes], Any] | None = None
    isStopped: bool = False
    patches: Sequence[Patch] = ()

    @property
    def isLoad(self) -> bool:
        return self.patch is None and not self.patches

    @property
    def isSingle(self) -> bool:
        return self.patch is not None and not self.isLong

    @property
    def isLong(self) -> bool:
        return self.wish is not None


class Requests:
    """Every request from its beginning to its callback.

    Attributes:
        waiting: not sent yet, in their order.
        inFlight: sent, the oldest first, by id. A cancelled one stays until the worker has answered it.
    """

    def __init__(self) -> None:
        self.waiting: deque[Request] = deque()
        self.inFlight: dict[int, Request] = {}
        self._unanswered: dict[int, Request] = {}
        self._undelivered: dict[int, tuple[Request, Callable[..., Any] | None, tuple[Any, ...]]] = {}

    def add(self, request: Request) -> None:
        self.waiting.append(request)
        if not request.isOwn:
            self._unanswered[request.id] = request

    def oldestInFlight(self) -> Request | None:
        return next(iter(self.inFlight.values()), None)

    def shortInFlight(self) -> list[Request]:
        return [request for request in self.inFlight.values() if not request.isLong]

    def longInFlight(self) -> list[Request]:
        return [request for request in self.inFlight.values() if request.isLong]

    def lastLoad(self) -> Request | None:
        """Of those that wait or are in flight."""
        pending = (*self.inFlight.values(), *self.waiting)
        return next((request for request in reversed(pending) if request.isLoad), None)

    def isUnanswered(self, request: Request) -> bool:
        return request.id in self._unanswered

    def openIds(self) -> list[int]:
        """Of the requests whose callback was not called yet."""
        return [*self._undelivered, *self._unanswered]

    def openShortIds(self) -> list[int]:
        """The same, without those of long ones."""
        delivered = [number for number, (request, *_) in self._undelivered.items() if not request.isLong]
        return [*delivered, *(number for number, request in self._unanswered.items() if not request.isLong)]

    def succeed(self, request: Request, *result: Any) -> None:
        self._answer(request, request.onDone, result)

    def fail(self, request: Request, failure: WorkerFailure) -> None:
        if request.isOwn:
            _log.info("The encoder was not loaded: %s", failure.message)
        self._answer(request, request.onError, (failure,))

    def failAll(self, failure: WorkerFailure) -> None:
        """All that wait or are in flight."""
        pending = (*self.inFlight.values(), *self.waiting)
        self.inFlight.clear()
        self.waiting.clear()
        for request in pending:
            self.fail(request, failure)

    def failLoad(self, load: Request, failure: WorkerFailure) -> None:
        """A load, and what waits for it: never let another encoder answer."""
        self.fail(load, failure)
        while self.waiting and not self.waiting[0].isLoad and self.waiting[0].settings == load.settings:
            self.fail(self.waiting.popleft(), failure)

    def cancel(self, ids: Iterable[int]) -> list[Request]:
        """Answer those that are not delivered yet with `CANCELLED`; those of them that are in flight."""
        chosen = set(ids)
        for requestId in chosen & self._undelivered.keys():
            request, *_ = self._undelivered[requestId]
            self._undelivered[requestId] = (request, request.onError, (CANCELLED,))
        cancelled = [request for requestId, request in self._unanswered.items() if requestId in chosen]
        for request in cancelled:
            self.fail(request, CANCELLED)
        self.waiting = deque(request for request in self.waiting if request not in cancelled)
        return [request for request in cancelled if request.id in self.inFlight]

    def takeBack(self) -> None:
        """What is in flight waits again, before all else, unless it was cancelled, or was to end anyway."""
        lost = [request for request in self.inFlight.values() if request.id in self._unanswered]
        self.inFlight.clear()
        for request in lost:
            if request.isStopped:
                self.fail(request, CANCELLED)
        self.waiting.extendleft(request for request in reversed(lost) if not request.isStopped)

    def deliver(self) -> None:
        """Call the callbacks of the answered. They may call anything, this again as well."""
        while self._undelivered:
            _, callback, values = self._undelivered.pop(next(iter(self._undelivered)))
            call(callback, *values)

    def clear(self) -> None:
        """Forget everything; no callback is called any more."""
        for books in (self.waiting, self.inFlight, self._unanswered, self._undelivered):
            books.clear()

    def _answer(self, request: Request, callback: Callable[..., Any] | None, values: tuple[Any, ...]) -> None:
        if self._unanswered.pop(request.id, None) is not None:
            self._undelivered[request.id] = (request, callback, values)


def call(callback: Callable[..., Any] | None, *values: Any) -> None:
    """One that raises is logged: the other requests have nothing to do with it."""
    if callback is None:
        return
    try:
        callback(*values)
    except Exception:  # noqa: BLE001 - whatever it is, it is the caller's
        _log.exception("A callback failed")
