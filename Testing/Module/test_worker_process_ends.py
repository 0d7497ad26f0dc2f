"""Cancel, close, and every other end: no process is left, and nobody is told what he does not want to hear."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import FMCIBModuleLib
import pytest
from fmcib_engine import __file__ as engineFile
from worker_support import GOOD, GUARD, encode, isAlive, odd, spinFor, spinUntil

pytest_plugins = ["worker_fixtures"]

needsPosix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
needsProc = pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells whose child a process is")


def startComputing(worker, patches, answers, count):
    worker.load(GOOD)
    ids = [encode(worker, patches[number], answers, number) for number in range(count)]
    spinUntil(lambda: worker.state == "computing")
    return ids


class TestCancel:
    def test_what_waits_here_is_dropped_and_the_worker_is_left_alone(self, startWorker, patches, answers, lives):
        worker = startWorker("slow")
        ids = startComputing(worker, patches, answers, 4)
        worker.cancel(ids[3])
        assert answers.codes() == {3: "cancelled"}
        worker.wait(timeoutSeconds=GUARD)
        assert answers.order == [3, 0, 1, 2]
        assert len(lives()) == 1

    def test_what_waits_over_there_is_dropped_and_the_worker_is_left_alone(self, startWorker, patches, answers, lives):
        worker = startWorker("slow")
        ids = startComputing(worker, patches, answers, 3)
        worker.cancel(ids[1])
        worker.wait(timeoutSeconds=GUARD)
        assert answers.order == [1, 0, 2]
        assert answers.codes() == {1: "cancelled"}
        assert len(lives()) == 1

    def test_what_is_computed_is_killed_and_a_fresh_worker_does_the_rest(self, startWorker, patches, answers, lives):
        worker = startWorker("never done")
        ids = startComputing(worker, patches, answers, 3)
        worker.cancel(ids[0])
        assert answers.codes() == {0: "cancelled"}
        spinUntil(lambda: len(lives()) == 2 and not isAlive(lives()[0]))
        spinUntil(lambda: worker.state == "computing")
        worker.cancel(ids[1])
        spinUntil(lambda: len(lives()) == 3 and worker.state == "computing")
        worker.cancel(ids[2])
        assert answers.codes() == dict.fromkeys(range(3), "cancelled")

    def test_after_all_is_cancelled_a_fresh_worker_is_warm(self, startWorker, patches, answers, lives):
        worker = startWorker("never done")
        startComputing(worker, patches, answers, 5)
        worker.cancelAll()
        assert answers.codes() == dict.fromkeys(range(5), "cancelled")
        spinUntil(lambda: worker.loaded and worker.state == "ready")
        assert len(lives()) == 2
        spinUntil(lambda: not isAlive(lives()[0]))
        spinFor(0.05)
        assert len(answers.order) == 5

    def test_cancelling_the_load_cancels_no_patch(self, startWorker, patches, answers):
        worker = startWorker()
        load = worker.load(GOOD, *answers.of("load"))
        encode(worker, patches[0], answers, 0)
        worker.cancel(load)
        worker.wait(timeoutSeconds=GUARD)
        assert answers.codes() == {"load": "cancelled"}
        assert 0 in answers.results

    def test_one_that_is_answered_or_unknown_is_not_cancelled(self, worker, patches, answers, lives):
        known = encode(worker, patches[0], answers, 0)
        worker.wait(timeoutSeconds=GUARD)
        worker.cancel(known)
        worker.cancel(12345)
        worker.cancelAll()
        assert answers.order == [0]
        assert answers.failures == {}
        assert len(lives()) == 1

    def test_callbacks_may_cancel_the_others(self, startWorker, patches, answers):
        worker = startWorker("slow")
        worker.load(GOOD)
        worker.encode(patches[0], lambda *_: worker.cancelAll())
        for number in range(1, 4):
            encode(worker, patches[number], answers, number)
        worker.wait(timeoutSeconds=GUARD)
        assert answers.codes() == dict.fromkeys(range(1, 4), "cancelled")


class TestClose:
    @pytest.mark.parametrize("habit", ["never done", "hangs", "deaf", "never ready", "good"])
    def test_close_ends_the_worker_whatever_it_does_and_drops_the_callbacks(
        self, startWorker, patches, answers, lives, habit
    ):
        worker = startWorker(habit)
        worker.load(GOOD, *answers.of("load"))
        encode(worker, patches[0], answers, 0)
        spinUntil(lives)
        spinFor(0.3)
        before = list(answers.order)
        worker.close()
        assert not isAlive(lives()[0])
        worker.close()
        spinFor(0.05)
        assert answers.order == before
        assert worker.state == "stopped"

    def test_close_before_anything_and_right_after_a_request_is_nothing_special(self, startWorker, answers):
        startWorker().close()
        worker = startWorker()
        worker.load(GOOD, *answers.of("load"))
        worker.close()
        spinFor(0.05)
        assert answers.order == []

    def test_a_closed_worker_takes_no_request(self, worker, patches):
        worker.close()
        worker.cancelAll()
        with pytest.raises(RuntimeError, match="closed"):
            worker.encode(patches[0], print)
        with pytest.raises(RuntimeError, match="closed"):
            worker.load(GOOD)

    def test_the_killed_of_a_cancel_are_gone_as_well(self, startWorker, patches, answers, lives):
        worker = startWorker("never done")
        startComputing(worker, patches, answers, 1)
        worker.cancelAll()
        worker.close()
        assert not any(isAlive(pid) for pid in lives())

    @needsProc
    @pytest.mark.parametrize("habit", ["good", "deaf", "hangs"])
    def test_a_worker_behind_a_launcher_is_gone_too_even_if_it_is_stuck(self, startWorker, habit, lives):
        worker = startWorker("launcher", habit)
        worker.load(GOOD)
        spinUntil(lambda: len(lives()) == 1 and worker.state != "starting")
        worker.close()
        spinUntil(lambda: not isAlive(lives()[0]))


HOST = """
import os, sys
import SlicerHost
SlicerHost.start(widgets=False)
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess
from worker_support import makePatches
worker = WorkerProcess(sys.argv[2:], {{"ODD_WORKER_LIVES": sys.argv[1]}})
worker.load(EncoderSettings("good"))
worker.wait()
worker.encode(makePatches(1)[0], print)
try:
    worker.wait(timeoutSeconds=0.2)
except TimeoutError:
    print(worker.state, flush=True)
{end}
"""


@needsPosix
class TestTheEndOfSlicer:
    def run(self, lives, end):
        """Another Slicer with a worker that never gets done, up to its end."""
        host = pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
        places = [Path(each.__file__).parents[1] for each in (FMCIBModuleLib, host)]
        places += [Path(engineFile).parents[1], Path(__file__).parent]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
        command = [sys.executable, "-c", HOST.format(end=end), str(lives.file), *odd("never done")]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, encoding="utf-8"
        )

    @pytest.mark.parametrize("end", ["worker.close()", "", "os._exit(3)", "raise ValueError"])
    def test_no_worker_survives_it(self, lives, end):
        with self.run(lives, end) as process:
            assert process.communicate(timeout=GUARD)[0] == "computing\n"
        spinUntil(lambda: not isAlive(lives()[0]))

    def test_no_worker_survives_a_kill(self, lives):
        with self.run(lives, "worker.wait()") as process:
            assert process.stdout.readline() == "computing\n"
            assert isAlive(lives()[0])
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=GUARD)
        spinUntil(lambda: not isAlive(lives()[0]))
