"""A worker that is turned by hand: each request is answered when the test says so, and how it says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic
from FMCIBModuleLib.Signal import Signal
from FMCIBModuleLib.Worker.WorkerMessages import CANCELLED
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerFailure

HEADER = {"device": "cpu", "engine": "pytorch", "note": ""}
"""Of each reply `encoded`."""


class HandWorker:
    """Offers what `AnalysisLogic` asks of a `WorkerProcess`. The first feature is the mean of the patch.

    Attributes:
        open: what is not answered.
        long: what `compute` was asked, and is not answered: wish, patch, onDone, onPart, onError.
        stopped: the numbers of those that were to end.
        sha256: of the weights, as `load` tells it.
        heads, headProblems: what `load` tells of heads.
        says: what those say of each patch, as the reply `encoded` tells it.
        loaded: the last reply to `load`; None before.
        stateChanged: as of a `WorkerProcess`; the test emits it.
        tellProgress: of the `load` that was asked for last; called with a step and a fraction.
    """

    def __init__(self) -> None:
        self.open: list[tuple[Any, Callable, Callable]] = []
        self._ids = count(1001)
        self._idOf: dict[int, int] = {}
        self.long: list[tuple[dict, Any, Callable, Callable, Callable]] = []
        self.stopped: list[int] = []
        self.sha256 = "0" * 64
        self.heads: list[dict[str, Any]] = []
        self.headProblems: list[str] = []
        self.says: list[dict[str, Any]] = []
        self.loaded: dict[str, Any] | None = None
        self.stateChanged = Signal()
        self.tellProgress: Callable[[str, float], Any] = lambda _text, _fraction: None

    def load(
        self, settings: EncoderSettings, onDone: Callable, onError: Callable, onProgress: Callable, **_options: Any
    ) -> int:
        self.tellProgress = onProgress
        return self._ask(settings, onDone, onError)

    def encode(self, patch, onDone: Callable, onError: Callable) -> int:
        return self._ask(patch, onDone, onError)

    def _ask(self, asked: Any, onDone: Callable, onError: Callable) -> int:
        number = next(self._ids)
        self.open.append((asked, onDone, onError))
        self._idOf[id(self.open[-1])] = number
        return number

    def compute(self, wish: dict, patch, onDone: Callable, onPart: Callable, onError: Callable) -> int:
        self.long.append((wish, patch, onDone, onPart, onError))
        return len(self.long)

    def stop(self, number: int) -> None:
        self.stopped.append(number)

    def answer(self, failure: WorkerFailure | None = None) -> None:
        """The oldest request."""
        asked, onDone, onError = self.open.pop(0)
        if failure is not None:
            onError(failure)
        elif isinstance(asked, EncoderSettings):
            told = {"heads": list(self.heads), "head_problems": list(self.headProblems)}
            self.loaded = _loaded(asked) | told | {"weights_sha256": self.sha256}
            onDone(self.loaded)
        else:
            features = np.zeros(4096, dtype=np.float32)
            features[0] = asked.array.mean()
            onDone(features, {**HEADER, "predictions": list(self.says)}, self.loaded)

    def wait(self, timeoutSeconds: float | None = None) -> None:  # noqa: ARG002
        while self.open:
            self.answer()

    def cancel(self, *requestIds: int) -> None:
        for number in requestIds:
            if number <= len(self.long):
                *_, onError = self.long.pop(number - 1)
                onError(CANCELLED)
        chosen = [each for each in self.open if self._idOf[id(each)] in requestIds]
        self.open = [each for each in self.open if each not in chosen]
        for _, _, onError in chosen:
            onError(CANCELLED)

    def close(self) -> None:
        self.open = []


def _loaded(settings: EncoderSettings) -> dict[str, Any]:
    return {
        "encoder_id": "fmcib",
        "weights_name": settings.weights,
        "weights_sha256": "0" * 64,
        "caution": "",
        "precision": "float32",
        "precision_deviation": None,
        "engine_deviation": None,
        "versions": {"torch": "2.0", "monai": "1.0"},
    }


class HandLogic(AnalysisLogic):
    """An analysis with such a worker, which writes down what it told.

    Attributes:
        hand: the worker.
        failures, ends: the sentences of `failed`, and one entry for each `finished`.
    """

    def __init__(self) -> None:
        self.hand = HandWorker()
        super().__init__(self.hand, EncoderSettings("first"))
        self.failures: list[str] = []
        self.ends: list[bool] = []
        self.failed.connect(self.failures.append)
        self.finished.connect(lambda: self.ends.append(True))
