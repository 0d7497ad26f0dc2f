"""Fixtures of the tests of the worker's process; each test file names this one as its plugin."""

from __future__ import annotations

import pytest
from FMCIBModuleLib.Worker.WorkerProcess import WorkerProcess
from worker_support import GOOD, Answers, isAlive, makePatches, odd, spinUntil


@pytest.fixture(scope="session")
def patches():
    return makePatches(100)


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
def lives(tmp_path):
    """The numbers of all processes that a worker lived in so far."""
    file = tmp_path / "lives"
    file.touch()

    def read() -> list[int]:
        return [int(line) for line in file.read_text(encoding="utf-8").split()]

    read.file = file
    return read


@pytest.fixture
def startWorker(lives, tmp_path):
    """Makes a worker with a habit; all are closed after the test, and none may be left."""
    workers = []

    def start(habit="good", *more, **options) -> WorkerProcess:
        environment = {"ODD_WORKER_LIVES": str(lives.file), **options.pop("environment", {})}
        workers.append(WorkerProcess(odd(habit, *more), environment, **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()
    spinUntil(lambda: not any(isAlive(pid) for pid in lives()))


@pytest.fixture
def worker(startWorker):
    """A good one, told to load."""
    worker = startWorker()
    worker.load(GOOD)
    return worker
