"""The worker's process, from the side of the module: real processes that behave well, cheap ones without torch."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess
from odd_workers import features
from worker_support import GOOD, GUARD, OTHER, encode, isAlive, spinFor, spinUntil

pytest_plugins = ["worker_fixtures"]


class TestAnswers:
    def test_a_hundred_quick_requests_are_each_answered_once_in_order_and_rightly(
        self, worker, patches, answers, lives
    ):
        ids = [encode(worker, patch, answers, number) for number, patch in enumerate(patches)]
        spinUntil(lambda: len(answers.order) >= 100)
        spinFor(0.1)
        assert len(set(ids)) == 100
        assert answers.order == list(range(100))
        for number, patch in enumerate(patches):
            result, header, loaded = answers.results[number]
            assert result.dtype == np.float32
            np.testing.assert_array_equal(result, features(patch.to_bytes()))
            assert (header["type"], header["id"]) == ("encoded", ids[number])
            assert loaded is worker.loaded
        assert len(lives()) == 1
        assert worker.state == "ready"

    def test_nothing_of_a_request_is_kept_after_its_answer(self, worker, patches):
        class Callback:
            def __call__(self, *_):
                answered.append(None)

        answered: list[None] = []
        callbacks = []
        for patch in patches[:20]:
            callback = Callback()
            callbacks.append(weakref.ref(callback))
            worker.encode(patch, callback, callback)
            del callback
        spinUntil(lambda: len(answered) == 20)
        gc.collect()
        assert [callback() for callback in callbacks] == [None] * 20

    def test_no_callback_is_called_before_the_id_is_known(self, answers):
        worker = WorkerProcess(["there-is-no-such-program"])
        worker.load(GOOD, *answers.of("load"))
        assert answers.order == []
        worker.wait(timeoutSeconds=GUARD)
        assert answers.order == ["load"]

    def test_answers_in_crumbs_of_seven_bytes_are_put_together(self, startWorker, patches, answers):
        worker = startWorker("crumbs")
        worker.load(GOOD)
        encode(worker, patches[0], answers, 0)
        spinUntil(lambda: answers.order)
        np.testing.assert_array_equal(answers.results[0][0], features(patches[0].to_bytes()))

    def test_a_long_log_blocks_nobody_and_its_end_is_kept(self, startWorker, patches, answers):
        worker = startWorker("logs")
        worker.load(GOOD)
        encode(worker, patches[0], answers, 0)
        spinUntil(lambda: answers.order)
        spinUntil(lambda: worker.lastLog.endswith("line 19999 of a long log, which fills any pipe"))
        assert answers.results
        assert len(worker.lastLog.split("\n")) == 50

    def test_a_callback_that_raises_is_logged_and_harms_nobody(self, worker, patches, answers, caplog):
        def raising(*_):
            raise ZeroDivisionError

        worker.encode(patches[0], raising, raising)
        encode(worker, patches[1], answers, 1)
        spinUntil(lambda: answers.order)
        assert 1 in answers.results
        assert "ZeroDivisionError" in caplog.text

    def test_callbacks_may_ask_for_more_and_close(self, worker, patches, answers, lives):
        def more(*_):
            answers.order.append("first")
            encode(worker, patches[1], answers, "second")
            worker.wait(timeoutSeconds=GUARD)
            assert answers.order == ["first", "second"]
            encode(worker, patches[2], answers, "never")
            worker.close()

        worker.encode(patches[0], more)
        spinUntil(lambda: answers.order and worker.state == "stopped")
        spinFor(0.1)
        assert answers.order == ["first", "second"]
        assert not isAlive(lives()[0])


class TestLoading:
    def test_progress_is_told_and_the_state_goes_through_its_stages(self, startWorker, patches, answers):
        worker, steps, states = startWorker(), [], []
        worker.stateChanged.connect(states.append)
        assert worker.state == "stopped"
        worker.load(GOOD, *answers.of("load"), lambda *step: steps.append(step))
        encode(worker, patches[0], answers, 0)
        spinUntil(lambda: len(answers.order) == 2)
        assert steps == [("Loading the weights", 0.5)]
        assert states == ["starting", "loading", "computing", "ready"]
        assert worker.loaded == answers.results["load"][0]
        assert worker.loaded["device"] == "auto"

    def test_each_patch_is_encoded_by_the_encoder_that_was_asked_for_before_it(self, worker, patches):
        told = []
        for number in range(3):
            worker.encode(patches[number], lambda *values: told.append(values[1:]))
        worker.load(OTHER)
        worker.encode(patches[3], lambda *values: told.append(values[1:]))
        worker.wait(timeoutSeconds=GUARD)
        for headers in zip(*told, strict=True):  # the replies to `encode`, and those to `load`
            assert [header["weights_sha256"] for header in headers] == ["good", "good", "good", "other"]

    def test_no_patch_is_encoded_by_the_encoder_that_was_there_before_a_failed_load(self, worker, patches, answers):
        encode(worker, patches[0], answers, "before")
        worker.load(EncoderSettings("wrong"), *answers.of("load"))
        encode(worker, patches[1], answers, "after")
        encode(worker, patches[2], answers, "also after")
        worker.load(GOOD)
        encode(worker, patches[3], answers, "again")
        worker.wait(timeoutSeconds=GUARD)
        assert answers.order == ["before", "load", "after", "also after", "again"]
        assert answers.codes() == {"load": "weights", "after": "weights", "also after": "weights"}
        assert answers.failures["after"].message == "These are no weights. Choose others."

    def test_encoding_without_any_encoder_is_a_mistake_of_the_caller(self, startWorker, patches):
        with pytest.raises(RuntimeError, match="load or warm"):
            startWorker().encode(patches[0], print)

    def test_warming_loads_once_and_asks_nobody(self, startWorker, patches, answers):
        worker, states = startWorker(), []
        worker.stateChanged.connect(states.append)
        worker.warm(GOOD)
        worker.warm(GOOD)
        spinUntil(lambda: worker.loaded)
        worker.warm(GOOD)
        encode(worker, patches[0], answers, 0)
        worker.wait(timeoutSeconds=GUARD)
        assert states == ["starting", "loading", "ready", "computing", "ready"]
        assert answers.results

    def test_a_failed_warming_is_quiet_and_told_at_the_first_patch(
        self, startWorker, patches, answers, tmp_path, caplog
    ):
        weights = tmp_path / "weights"
        worker = startWorker(environment={"ODD_WORKER_WEIGHTS": str(weights)})
        states = []
        worker.stateChanged.connect(states.append)
        worker.warm(GOOD)
        spinUntil(lambda: "ready" in states)
        assert not [record for record in caplog.records if record.levelname != "INFO"]
        encode(worker, patches[0], answers, 0)
        worker.wait(timeoutSeconds=GUARD)
        assert answers.failures[0].message == "There is no file of weights. Choose another."
        weights.write_text("here they are", encoding="utf-8")
        encode(worker, patches[0], answers, 1)
        worker.wait(timeoutSeconds=GUARD)
        assert 1 in answers.results


class TestWaiting:
    def test_a_script_without_an_event_loop_waits_for_some_or_for_all(self, worker, patches, answers):
        ids = [encode(worker, patch, answers, number) for number, patch in enumerate(patches[:6])]
        worker.wait(ids[:2], timeoutSeconds=GUARD)
        assert answers.order[:2] == [0, 1]
        worker.wait(timeoutSeconds=GUARD)
        assert answers.order == list(range(6))
        worker.wait()

    def test_a_wait_that_takes_too_long_raises_and_the_requests_go_on(self, startWorker, patches, answers):
        worker = startWorker("never done")
        worker.load(GOOD)
        worker.wait(timeoutSeconds=GUARD)
        request = encode(worker, patches[0], answers, 0)
        with pytest.raises(TimeoutError, match=r"0\.01 seconds"):
            worker.wait(timeoutSeconds=0.01)
        assert worker.state == "computing"
        assert answers.order == []
        worker.cancel(request)
        assert answers.codes() == {0: "cancelled"}
