"""What becomes of requests when the worker does not do its work. Each is answered once, with a sentence."""

from __future__ import annotations

import os
import re
import signal

import pytest
from FMCIBModuleLib.Worker.WorkerProcess import WorkerProcess
from worker_support import GOOD, GUARD, encode, isAlive, spinFor, spinUntil

pytest_plugins = ["worker_fixtures"]

NEVER = 3600.0
"""Seconds of patience, of which no test uses up a sixth."""

needsPosix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def run(worker, patches, answers, count=3):
    """A load and some patches, until all are answered; in the event loop, as in Slicer."""
    worker.load(GOOD, *answers.of("load"))
    for number in range(count):
        encode(worker, patches[number], answers, number)
    spinUntil(lambda: len(answers.order) == count + 1)
    spinFor(0.05)
    assert answers.order == ["load", *range(count)]


def startComputing(worker, patch, answers):
    """A patch that is under way, and the connection, whose watchdog is then turned by hand: it bites at the seventh."""
    worker.load(GOOD)
    encode(worker, patch, answers, 0)
    spinUntil(lambda: worker.state == "computing")
    return worker._dispatcher._connection


class TestStart:
    @pytest.mark.parametrize(
        ("habit", "code", "words"),
        [
            ("ends before it is ready", "start", r"ended \(5\) before it was ready.*[Ii]nstall"),
            ("greets", "protocol", "no answer.*report"),
            ("other version", "version", r"9\.9\.9.*Install"),
            ("other protocol", "version", r"protocol 3.*Install"),
        ],
    )
    def test_a_worker_that_starts_wrongly_fails_all_that_waits(
        self, startWorker, patches, answers, lives, habit, code, words
    ):
        worker = startWorker(habit)
        run(worker, patches, answers)
        assert set(answers.codes().values()) == {code}
        assert len(answers.failures) == 4
        assert re.search(words, answers.failures[0].message)
        spinUntil(lambda: not any(isAlive(pid) for pid in lives()))
        assert len(lives()) == 1

    def test_a_program_that_is_not_there_is_named(self, patches, answers):
        worker = WorkerProcess(["/nowhere/PythonSlicer", "-m", "fmcib_engine", "worker"])
        run(worker, patches, answers)
        assert set(answers.codes().values()) == {"start"}
        assert "/nowhere/PythonSlicer" in answers.failures[0].message
        worker.close()

    def test_a_worker_that_is_never_ready_is_given_three_times_the_patience(self, startWorker, patches, answers):
        worker = startWorker("never ready", patienceSeconds=0.1)
        run(worker, patches, answers)
        assert set(answers.codes().values()) == {"unresponsive"}
        assert "no sign of life for 0 seconds" in answers.failures[0].message

    def test_blocking_scripts_are_told_as_well(self, startWorker, answers):
        for worker in (startWorker("never ready", patienceSeconds=0.1), WorkerProcess(["/nowhere/PythonSlicer"])):
            worker.load(GOOD, *answers.of(worker))
            worker.wait(timeoutSeconds=GUARD)
            worker.close()
        assert list(answers.codes().values()) == ["unresponsive", "start"]


class TestInMidAnalysis:
    @pytest.mark.parametrize(
        ("habit", "code", "words"),
        [
            ("ends", "crashed", r"ended \(3\) unexpectedly"),
            ("talks", "protocol", "no answer"),
            ("answers others", "protocol", "no answer"),
            ("answers half", "protocol", "no answer"),
            ("answers with a riddle", "protocol", "no answer"),
            ("gives up", "protocol", "not a frame"),
            pytest.param("has no memory", "killed", "ran out of memory.*Close other programs", marks=needsPosix),
        ],
    )
    def test_one_patch_at_a_time_fails_and_after_three_the_rest_is_not_tried(
        self, startWorker, patches, answers, lives, habit, code, words
    ):
        worker = startWorker(habit)
        run(worker, patches, answers, count=6)
        assert "load" in answers.results
        assert answers.codes() == dict.fromkeys(range(6), code)
        assert all(re.search(words, answers.failures[number].message) for number in range(6))
        assert ["not tried" in answers.failures[number].message for number in range(6)] == [False] * 3 + [True] * 3
        encode(worker, patches[0], answers, "later")
        worker.wait(timeoutSeconds=GUARD)
        assert len(lives()) == 3
        worker.load(GOOD, *answers.of("again"))
        worker.wait(timeoutSeconds=GUARD)
        assert "again" in answers.results
        assert len(lives()) == 4

    @needsPosix
    def test_a_crash_behind_slicers_launcher_which_ends_as_if_nothing_had_happened_is_told_as_one(
        self, startWorker, patches, answers
    ):
        worker = startWorker("PythonSlicer", "has no memory")
        run(worker, patches, answers, count=1)
        assert answers.codes() == {0: "crashed"}
        assert "crashed, or was ended from outside" in answers.failures[0].message

    def test_after_one_loss_a_fresh_worker_with_the_same_encoder_does_the_rest(
        self, startWorker, patches, answers, lives
    ):
        worker = startWorker("ends in its first life")
        run(worker, patches, answers, count=6)
        assert answers.codes() == {0: "crashed"}
        assert list(answers.results) == ["load", 1, 2, 3, 4, 5]
        assert len(lives()) == 2
        assert worker.loaded["weights_sha256"] == "good"

    @needsPosix
    def test_a_worker_killed_from_outside_is_one_error_and_the_next_request_works(
        self, startWorker, patches, answers, lives
    ):
        worker = startWorker("slow")
        worker.load(GOOD)
        encode(worker, patches[0], answers, 0)
        spinUntil(lambda: worker.state == "computing")
        os.kill(lives()[0], signal.SIGKILL)
        spinUntil(lambda: answers.order)
        assert answers.codes() == {0: "killed"}
        encode(worker, patches[1], answers, 1)
        worker.wait(timeoutSeconds=GUARD)
        assert 1 in answers.results

    @needsPosix
    def test_a_worker_killed_while_it_idles_is_replaced_in_silence(self, worker, patches, answers, lives):
        spinUntil(lambda: worker.state == "ready" and worker.loaded)
        os.kill(lives()[0], signal.SIGKILL)
        spinUntil(lambda: worker.state == "stopped")
        encode(worker, patches[0], answers, 0)
        worker.wait(timeoutSeconds=GUARD)
        assert 0 in answers.results
        assert len(lives()) == 2

    def test_a_worker_without_a_sign_of_life_is_replaced(self, startWorker, patches, answers, lives):
        worker = startWorker("hangs", patienceSeconds=NEVER)
        connection = startComputing(worker, patches[0], answers)
        for _ in range(7):
            assert answers.order == []
            connection._tick()
        spinUntil(lambda: answers.order)
        assert answers.codes() == {0: "unresponsive"}
        spinUntil(lambda: not isAlive(lives()[0]))

    def test_a_worker_that_computes_for_long_but_answers_pings_is_left_alone(self, startWorker, patches, answers):
        worker = startWorker("takes eight pings", patienceSeconds=NEVER)
        connection = startComputing(worker, patches[0], answers)
        for _ in range(8):
            connection._tick()
            spinUntil(lambda: connection._silentTicks == 0)
        spinUntil(lambda: answers.order)
        assert 0 in answers.results

    def test_a_second_answer_to_one_request_is_no_answer(self, startWorker, patches, answers):
        worker = startWorker("answers twice")
        run(worker, patches, answers, count=1)
        assert 0 in answers.results
        assert worker.state in ("stopped", "ready")

    def test_a_worker_that_ends_while_loading_fails_the_load_and_what_waits_for_it(
        self, startWorker, patches, answers, lives
    ):
        worker = startWorker("ends while loading")
        run(worker, patches, answers)
        assert set(answers.codes().values()) == {"crashed"}
        assert len(lives()) == 1


class TestWeights:
    def test_after_a_load_that_fails_the_encoder_of_the_same_settings_before_it_answers_nothing(
        self, startWorker, patches, answers, tmp_path
    ):
        weights = tmp_path / "weights"
        weights.write_text("first", encoding="utf-8")
        worker = startWorker(environment={"ODD_WORKER_WEIGHTS": str(weights)})
        worker.load(GOOD)
        worker.wait(timeoutSeconds=GUARD)
        weights.unlink()
        worker.load(GOOD)
        encode(worker, patches[0], answers, 0)
        worker.wait(timeoutSeconds=GUARD)
        encode(worker, patches[1], answers, 1)
        worker.wait(timeoutSeconds=GUARD)
        assert answers.codes() == {0: "weights", 1: "weights"}

    def test_weights_deleted_before_a_fresh_worker_needs_them_are_told(
        self, startWorker, patches, answers, tmp_path, lives
    ):
        weights = tmp_path / "weights"
        weights.write_text("first", encoding="utf-8")
        worker = startWorker("ends in its first life", environment={"ODD_WORKER_WEIGHTS": str(weights)})
        worker.load(GOOD, *answers.of("load"))
        spinUntil(lambda: worker.loaded)
        weights.unlink()
        for number in range(3):
            encode(worker, patches[number], answers, number)
        worker.wait(timeoutSeconds=GUARD)
        assert answers.codes() == {0: "crashed", 1: "weights", 2: "weights"}
        assert len(lives()) == 2

    def test_weights_replaced_before_a_fresh_worker_needs_them_are_refused_until_loaded_anew(
        self, startWorker, patches, answers, tmp_path
    ):
        weights = tmp_path / "weights"
        weights.write_text("first", encoding="utf-8")
        worker = startWorker("ends in its first life", environment={"ODD_WORKER_WEIGHTS": str(weights)})
        worker.load(GOOD)
        spinUntil(lambda: worker.loaded)
        weights.write_text("second", encoding="utf-8")
        for number in range(2):
            encode(worker, patches[number], answers, number)
        worker.wait(timeoutSeconds=GUARD)
        assert answers.codes() == {0: "crashed", 1: "weights"}
        assert "replaced" in answers.failures[1].message
        worker.load(GOOD)
        encode(worker, patches[2], answers, 2)
        worker.wait(timeoutSeconds=GUARD)
        assert 2 in answers.results
