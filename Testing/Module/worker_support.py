"""What tests of the worker's process share: patches, answers in a list, a while of the event loop."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import Patch, cut_patch
from fmcib_engine.volume import Volume
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings
from odd_workers import SCRIPT

GUARD = 240.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""


GOOD = EncoderSettings("good")
OTHER = EncoderSettings("other", device="cpu")


def makePatches(count: int) -> list[Patch]:
    """Different patches of one scan of noise."""
    random = np.random.default_rng(1)
    scan = Volume(random.integers(-1000, 400, (90, 90, 90), dtype=np.int16), VoxelGrid((90, 90, 90), np.eye(4)))
    return [cut_patch(scan, PatientPoint(*random.uniform(30, 60, 3))) for _ in range(count)]


def odd(habit: str, *more: str) -> list[str]:
    """The command of a worker with a bad habit; a good one, if it is none that `odd_workers` knows."""
    return [sys.executable, SCRIPT, habit, *more]


class Answers:
    """Callbacks that write down who was answered, how, in the order of the answers."""

    def __init__(self) -> None:
        self.order: list[object] = []
        self.results: dict[object, tuple] = {}
        self.failures: dict[object, object] = {}

    def of(self, name: object) -> tuple:
        """`onDone` and `onError` of one request."""
        return (lambda *values: self._note(name, self.results, values)), (
            lambda failure: self._note(name, self.failures, failure)
        )

    def codes(self) -> dict[object, str]:
        return {name: failure.code for name, failure in self.failures.items()}

    def _note(self, name: object, where: dict, value: object) -> None:
        self.order.append(name)
        where[name] = value


def spinUntil(isDone) -> None:
    """Let the event loop run until something is so."""
    import slicer

    end = time.monotonic() + GUARD
    while not isDone():
        assert time.monotonic() < end, "this did not happen"
        slicer.app.processEvents()
        time.sleep(0.001)


def spinFor(seconds: float) -> None:
    """Let the event loop run for a while, to see that something does not happen."""
    end = time.monotonic() + seconds
    spinUntil(lambda: time.monotonic() > end)


def isAlive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has buried yet does not."""
    if sys.platform == "linux":
        try:
            return Path("/proc", str(pid), "stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def encode(worker, patch, answers, name):
    return worker.encode(patch, *answers.of(name))
