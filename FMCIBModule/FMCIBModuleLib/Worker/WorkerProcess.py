"""The engine's worker in a process of its own: requests go in, each is answered once, whatever happens over there.

Nothing here blocks but `wait` and `close`, and torch is never imported: a crash or a lack of memory over there never
takes Slicer along. Callbacks are called from the event loop or from `wait`, never before the call has returned the id
of its request; but `cancel` calls those that it cancels. They may call anything here. One that raises is logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

import numpy as np
import qt
from fmcib_engine.framing import Header
from fmcib_engine.preprocessing import Patch

from ..Soon import Soon
from .WorkerDispatcher import WorkerDispatcher
from .WorkerLaunch import makeLaunch
from .WorkerMessages import EncoderSettings, WorkerFailure
from .WorkerRequests import Request

__all__ = ["EncoderSettings", "WorkerFailure", "WorkerProcess"]

_WAIT_STEP_MS = 50

OnError = Callable[[WorkerFailure], Any]


class WorkerProcess:
    """A worker that is started at the first request, again after it was lost, and ended by `close`.

    One that is lost three times without a result between is not started again before the next `load` or `warm`.

    Attributes:
        stateChanged: emitted with `state` when it changes.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        parent: Any = None,
        patienceSeconds: float = 60.0,
    ) -> None:
        """
        Args:
            command: program and arguments; by default Slicer's Python with the engine that this process has.
            environment: variables for it beside this process's own.
            parent: the QObject that owns the process; by default the application.
            patienceSeconds: without a sign of life for so long, the worker is taken for dead; thrice that at its start.

        Raises:
            EngineError: there is no engine, or it is of another version than this module.
        """
        if parent is None:  # PythonQt would delete an orphan inside its own signal
            parent = qt.QCoreApplication.instance()
        self._dispatcher = WorkerDispatcher(makeLaunch(command, environment, patienceSeconds), parent)
        self.stateChanged = self._dispatcher.stateChanged
        self._settings: EncoderSettings | None = None
        self._proceedSoon = Soon(self._dispatcher.proceed)
        self._isClosed = False

    @property
    def state(self) -> str:
        """Stopped, starting, loading, computing, or ready."""
        return self._dispatcher.state

    @property
    def loaded(self) -> Header | None:
        """The reply `loaded` of the encoder that the worker has now; None while it has none."""
        return self._dispatcher.loaded[1] if self._dispatcher.loaded else None

    @property
    def lastLog(self) -> str:
        """The last lines that workers wrote to stderr."""
        return "\n".join(self._dispatcher.logLines)

    def load(
        self,
        settings: EncoderSettings,
        onDone: Callable[[Header], Any] | None = None,
        onError: OnError | None = None,
        onProgress: Callable[[str, float], Any] | None = None,
        mayKeep: bool = False,
    ) -> int:
        """Load an encoder. All that `encode` is given from now on is for these settings.

        Args:
            settings: which.
            onDone: called with the worker's reply.
            onError: called with the failure.
            onProgress: called with any number of steps (0 to 1).
            mayKeep: one that is there already will do; else its file is read again.

        Returns:
            The id of the request. `onDone` is given the worker's reply, `onProgress` any number of steps (0 to 1).
        """
        return self._add(settings, None, onDone, onError, onProgress, mayKeep=mayKeep)

    def warm(self, settings: EncoderSettings) -> None:
        """Like `load` if another encoder is there or on its way, or none; quiet, and nothing cancels it.

        If it fails, the next `encode` tries again, and is told why it cannot be.
        """
        last = self._dispatcher.requests.lastLoad()
        loaded = self._dispatcher.loaded
        if settings == (last.settings if last else loaded[0] if loaded else None):
            self._settings = settings
        else:
            self._add(settings, isOwn=True)

    def encode(
        self, patch: Patch, onDone: Callable[[np.ndarray, Header, Header], Any], onError: OnError | None = None
    ) -> int:
        """Compute the features of a patch with the encoder of the last `load` or `warm`, in the order of the calls.

        Returns:
            The id of the request. `onDone` is given the features (float32), the header of the worker's reply, and that
            of its reply to the `load` of the very encoder that computed them: another life may have another PyTorch.

        Raises:
            RuntimeError: nothing was loaded ever, or this is closed.
        """
        if self._settings is None:
            msg = "There is no encoder to encode with. Call load or warm first."
            raise RuntimeError(msg)
        return self._add(self._settings, patch, onDone, onError)

    def encodeAll(
        self,
        patches: Sequence[Patch],
        onDone: Callable[[np.ndarray, Header, Header], Any],
        onError: OnError | None = None,
    ) -> int:
        """The same for 1 to 32 patches of one lesion, which go through the network together.

        Returns:
            The id of the request. `onDone` is given the features (n, k), float32, and two headers as by `encode`.

        Raises:
            RuntimeError: nothing was loaded ever, or this is closed.
        """
        if self._settings is None:
            msg = "There is no encoder to encode with. Call load or warm first."
            raise RuntimeError(msg)
        return self._add(self._settings, None, onDone, onError, patches=tuple(patches))

    def compute(
        self,
        wish: Mapping[str, Any],
        patch: Patch,
        onDone: Callable[[Header, bytes, Header], Any],
        onPart: Callable[[Header, bytes], Any] | None = None,
        onError: OnError | None = None,
    ) -> int:
        """Ask for what takes many steps, with the encoder of the last `load` or `warm`.

        What is to be encoded meanwhile is encoded between two steps. Another encoder ends it with what it has.

        Args:
            wish: `type` and fields of one of the protocol's long requests, such as `explain`.
            patch: what it is about.
            onDone: called with the header and payload of the reply, and the header of that to the `load`; `done` and
                `total` of the header tell whether it came to its end.
            onPart: called with header and payload of each `part`.
            onError: called with the failure.

        Raises:
            RuntimeError: nothing was loaded ever, or this is closed.
        """
        if self._settings is None:
            msg = "There is no encoder to compute with. Call load or warm first."
            raise RuntimeError(msg)
        return self._add(self._settings, patch, onDone, onError, wish=dict(wish), onPart=onPart)

    def stop(self, requestId: int) -> None:
        """End a long request after the step that it is at: `onDone` is given what it has. `cancel` is at once.

        One that has not begun is answered with the failure `cancelled`.
        """
        self._dispatcher.stop([requestId])
        self._dispatcher.proceed()

    def forget(self, requestId: int) -> None:
        """Answer a request with the failure `cancelled`, now; what is being computed of it is computed to its end."""
        self._dispatcher.cancel([requestId], mayRestart=False)

    def cancel(self, *requestIds: int) -> None:
        """Answer requests with the failure `cancelled`, now. If one is being computed, a fresh worker takes over."""
        self._dispatcher.cancel(requestIds)

    def cancelAll(self) -> None:
        """All but what `compute` was asked for, which is none of the analysis."""
        self._dispatcher.cancel(self._dispatcher.requests.openShortIds())

    def restart(self) -> None:
        """Compute in a fresh process, where what was installed or set meanwhile counts. No request is lost."""
        self._dispatcher.restart()
        self._dispatcher.proceed()

    def letGo(self) -> bool:
        """End the worker so that nothing has its weights open, as before they are removed; false while it is needed.

        It is gone when this returns true. The next request starts another.
        """
        return self._dispatcher.letGo()

    def wait(self, requestIds: Iterable[int] | None = None, timeoutSeconds: float | None = None) -> None:
        """Return when these requests, or all, are answered: for scripts that run without an event loop.

        Raises:
            TimeoutError: they are not answered yet; they go on.
        """
        wanted = None if requestIds is None else set(requestIds)
        deadline = None if timeoutSeconds is None else monotonic() + timeoutSeconds
        while True:
            self._dispatcher.proceed()
            if not self._isOpen(wanted):
                return
            if deadline is not None and monotonic() >= deadline:
                msg = f"The features were not computed within {timeoutSeconds:g} seconds."
                raise TimeoutError(msg)
            self._dispatcher.step(_WAIT_STEP_MS)

    def close(self) -> None:
        """End the worker. No callback is called any more, and no request is taken."""
        self._isClosed = True
        self._proceedSoon.close()
        self.stateChanged.disconnectAll()
        self._dispatcher.close()

    def _isOpen(self, wanted: set[int] | None) -> bool:
        isOpen = set(self._dispatcher.requests.openIds())
        return bool(isOpen if wanted is None else isOpen & wanted)

    def _add(self, *what: Any, **options: Any) -> int:
        """Queue a request, and see to it from the event loop: its callbacks come after its id."""
        if self._isClosed:
            msg = "This worker process was closed."
            raise RuntimeError(msg)
        request = Request(next(self._dispatcher.ids), *what, **options)
        self._settings = request.settings
        self._dispatcher.add(request)
        self._proceedSoon()
        return request.id
