"""Brings requests to a worker and its replies back, and puts a fresh worker in the place of a lost one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from fmcib_engine.framing import Header

from ..Signal import Signal
from . import WorkerMessages
from .WorkerConnection import WorkerConnection
from .WorkerLaunch import Launch
from .WorkerMessages import EncoderSettings, WorkerFailure
from .WorkerRequests import Request, Requests, call

_MOST_IN_FLIGHT = 2
"""One computes and one waits over there. The others wait here, where they can be cancelled without a word. Long ones
do not count: over there what is short overtakes them."""

_MOST_DEATHS = 3
_LOG_LINES = 50


class WorkerDispatcher:
    """The listener of one connection after the other.

    A `load` travels alone: nothing is sent before it is answered, so that no other encoder answers in its place.

    Attributes:
        ids: numbers for requests; none is used twice.
        requests: the books.
        loaded: the settings and the reply of the last `load` of this very worker; None before.
        logLines: the last lines of stderr.
        stateChanged: emitted with `state`.
    """

    def __init__(self, launch: Launch, parent: Any) -> None:
        self.ids = count(1)
        self.requests = Requests()
        self.loaded: tuple[EncoderSettings, Header] | None = None
        self.logLines: deque[str] = deque(maxlen=_LOG_LINES)
        self.stateChanged = Signal()
        self._launch = launch
        self._parent = parent
        self._connection: WorkerConnection | None = None
        self._dying: list[WorkerConnection] = []
        self._weightsOf: dict[EncoderSettings, str] = {}
        """SHA-256 of those that features are asked of: what the last `load` found that somebody asked for."""
        self._deaths = 0
        """In a row, without a result between them."""
        self._lastFailure: WorkerFailure | None = None
        self._toldState = self.state

    @property
    def state(self) -> str:
        """Stopped, starting, loading, computing, or ready."""
        if self._connection is None:
            return "stopped"
        if not self._connection.isReady:
            return "starting"
        oldest = self.requests.oldestInFlight()
        if oldest is None:
            return "ready"
        return "loading" if oldest.isLoad else "computing"

    def add(self, request: Request) -> None:
        """Queue a request; nothing happens before `proceed`. A `load` gives workers that died another chance."""
        if request.isLoad:
            self._deaths = 0
        self.requests.add(request)

    def proceed(self) -> None:
        """Send what can be sent, and call the callbacks of what is answered."""
        while self.requests.waiting:
            if self._deaths >= _MOST_DEATHS:
                self.requests.failAll(WorkerMessages.givenUp(self._lastFailure, _MOST_DEATHS))
            elif self._connection is None:
                self._connection = WorkerConnection(self._launch, self, self.logLines, self._parent)
                self._connection.start()  # may fail at once, and then nothing waits any more
            elif not (self._connection.isReady and self._sendNext()):
                break
        if self.state != self._toldState:
            self._toldState = self.state
            self.stateChanged.emit(self._toldState)
        self.requests.deliver()

    def cancel(self, ids: Iterable[int], *, mayRestart: bool = True) -> None:
        """Answer these requests with `CANCELLED`, and see to it that no time is lost with them.

        Unless the worker may be put in the place of a fresh one, what it computes it ends, and nobody hears of that.
        """
        oldest = self.requests.oldestInFlight()
        sent = self.requests.cancel(ids)
        if oldest in sent and mayRestart:
            self.restart()
        else:
            for request in sent:
                self._connection.send({"type": "cancel", "id": next(self.ids), "target": request.id})
        self.proceed()

    def stop(self, ids: Iterable[int]) -> None:
        """Have long requests end with what they have; nothing happens to others."""
        chosen = set(ids)
        for request in self.requests.longInFlight():
            if request.id in chosen and not request.isStopped:
                request.isStopped = True
                self._connection.send({"type": "cancel", "id": next(self.ids), "target": request.id})
        self.requests.cancel(
            request.id for request in tuple(self.requests.waiting) if request.isLong and request.id in chosen
        )

    def step(self, milliseconds: int) -> None:
        """Let things happen for up to so long without the event loop."""
        if self._connection is not None:
            self._connection.wait(milliseconds)
        for connection in tuple(self._dying):
            connection.reap()

    def close(self) -> None:
        """Forget every request, and end the worker."""
        self.requests.clear()
        connection, self._connection = self._connection, None
        for ending in filter(None, (connection, *self._dying)):
            ending.close()
        self._dying.clear()
        self.loaded = None

    def letGo(self) -> bool:
        """End the worker, which has its weights open, unless somebody waits for an answer. The next request starts one.

        It is gone when this returns true.
        """
        if self.requests.openIds():
            return False
        self.close()
        self.proceed()
        return True

    def onReady(self) -> None:
        self.proceed()

    def onFrame(self, header: Header, payload: bytes) -> None:
        """A reply, to what is in flight or to a `cancel`."""
        kind, requestId = header.get("type"), header.get("id")
        if kind in ("cancel_done", "cancel_ignored"):
            return
        if kind == "error" and requestId is None:  # after it the worker ends and answers nothing
            self._connection.fail(WorkerFailure(str(header.get("code")), str(header.get("message"))))
            return
        request = self.requests.inFlight.get(requestId) if isinstance(requestId, int) else None
        failure = None
        try:
            answer = self._read(kind, request, header, payload)
            if kind in ("encoded", "part", "result"):
                failure = WorkerMessages.mismatch(self.loaded[1], request.patch.sha256, header)
            if kind == "encoded_all":
                failure = WorkerMessages.mismatchOfAll(self.loaded[1], request.patches, header)
        except (AttributeError, KeyError, TypeError, ValueError):
            failure = WorkerMessages.notUnderstood()
        if failure is not None:
            self._connection.fail(failure)
            return
        if kind not in ("progress", "part"):
            del self.requests.inFlight[request.id]
        answer()
        self.proceed()

    def onEnd(self, failure: WorkerFailure) -> None:
        """The worker is lost: what it was at fails, the rest is for another one."""
        wasReady = self._connection.isReady
        self._leave()
        oldest = self.requests.oldestInFlight()
        if not wasReady:
            self.requests.failAll(failure)
        elif oldest is not None:
            del self.requests.inFlight[oldest.id]
            self.requests.takeBack()
            self._failOne(oldest, failure)
            self._deaths += 1
            self._lastFailure = failure
        self.proceed()

    def onGone(self, connection: WorkerConnection) -> None:
        if connection in self._dying:
            self._dying.remove(connection)

    def _leave(self) -> None:
        """Have no connection any more; the present one is ending."""
        self._dying.append(self._connection)
        self._connection = None
        self.loaded = None

    def _sendNext(self) -> bool:
        """Whether the next request could be sent, or has to wait for what is in flight."""
        request, short = self.requests.waiting[0], self.requests.shortInFlight()
        isLoaded = bool(self.loaded) and self.loaded[0] == request.settings
        isLoading = any(other.isLoad for other in short)
        if request.isLoad and isLoaded and request.mayKeep and not isLoading:
            self.requests.waiting.popleft()
            self._finishLoad(request, self.loaded[1])
            return True
        if request.isLoad or not isLoaded:
            return self._sendLoad(request)
        if isLoading or (len(short) >= _MOST_IN_FLIGHT and not request.isLong):
            return False
        self.requests.waiting.popleft()
        if self._weightsOf[request.settings] != self.loaded[1]["weights_sha256"]:
            self.requests.fail(request, WorkerMessages.CHANGED_WEIGHTS)
        else:
            self.requests.inFlight[request.id] = request
            wish = request.wish or {"type": "encode_all" if request.patches else "encode"}
            payload = b"".join(patch.to_bytes() for patch in request.patches or (request.patch,))
            self._connection.send({**wish, "id": request.id}, payload)
        return True

    def _sendLoad(self, request: Request) -> bool:
        """Whether the load that is this, or that this needs, could be sent. It travels alone; long ones make room."""
        self.stop(long.id for long in self.requests.longInFlight())
        if self.requests.inFlight:
            return False
        if not request.isLoad:
            self.requests.waiting.appendleft(self._makeReload(request.settings))
            return True
        self.requests.waiting.popleft()
        self.requests.inFlight[request.id] = request
        self._connection.send({"type": "load", "id": request.id, **asdict(request.settings)})
        return True

    def _makeReload(self, settings: EncoderSettings) -> Request:
        """For a fresh worker, or for one whose last `load` was for others."""
        return Request(next(self.ids), settings, isOwn=True)

    def _read(self, kind: Any, request: Request | None, header: Header, payload: bytes) -> Callable[[], Any]:
        """What is to be done about a reply.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: it is no reply to anything in flight.
        """
        if kind == "progress":
            return partial(call, request.onProgress, str(header["step"]), float(header["fraction"]))
        if kind == "loaded" and request.isLoad and "weights_sha256" in header:
            return partial(self._finishLoad, request, header)
        if kind in ("part", "result") and request.isLong:
            return partial(self._tellPart if kind == "part" else self._finish, request, header, payload)
        if (kind == "encoded" and request.isSingle) or (kind == "encoded_all" and request.patches):
            shape = (len(request.patches), header["feature_count"]) if request.patches else (header["feature_count"],)
            features = np.frombuffer(payload, "<f4").reshape(shape).astype(np.float32)
            return partial(self._finish, request, features, header)
        if kind == "error" and request is not None:
            return partial(self._failOne, request, WorkerFailure(str(header["code"]), str(header["message"])))
        if kind == "cancelled" and request is not None:
            return partial(self.requests.fail, request, WorkerMessages.CANCELLED)
        raise ValueError(kind)

    def _finishLoad(self, request: Request, header: Header) -> None:
        self.loaded = (request.settings, header)
        if not request.isOwn or request.settings not in self._weightsOf:
            self._weightsOf[request.settings] = header["weights_sha256"]
        self.requests.succeed(request, header)

    def _finish(self, request: Request, *result: Any) -> None:
        self._deaths = 0
        self.requests.succeed(request, *result, self.loaded[1])

    def _tellPart(self, request: Request, header: Header, payload: bytes) -> None:
        """Nobody is told of one that was cancelled meanwhile."""
        self._deaths = 0
        if self.requests.isUnanswered(request):
            call(request.onPart, header, payload)

    def _failOne(self, request: Request, failure: WorkerFailure) -> None:
        if not request.isLoad:
            self.requests.fail(request, failure)
            return
        self.requests.failLoad(request, failure)
        if self.loaded and self.loaded[0] == request.settings:
            self.loaded = None  # the worker has it still, but it is not what these settings mean now
        if failure.code == "dependency":  # only a fresh Python finds what is installed now
            self._connection.drop()
            self._leave()

    def restart(self) -> None:
        """Kill the worker, if there is one; a fresh one goes on where it was, or gets ready for what may come."""
        if self._connection is None:
            return
        settings = self.loaded[0] if self.loaded else None
        self._connection.drop()
        self._leave()
        self.requests.takeBack()
        if settings is not None and not self.requests.waiting:
            self.requests.add(self._makeReload(settings))
