"""What a row says of the network is said by the very process that computed its features, however many there were."""

from __future__ import annotations

import os
import re
import signal

import pytest
from analysis_support import rowsOf
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic
from worker_support import GOOD, GUARD, encode, spinUntil

pytest_plugins = ["worker_fixtures", "analysis_fixtures"]

needsPosix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "weights"
    file.write_text("first", encoding="utf-8")
    return file


@pytest.fixture
def start(startWorker, weights):
    """Makes a worker of these weights."""
    return lambda habit="good": startWorker(habit, environment={"ODD_WORKER_WEIGHTS": str(weights)})


def restart(worker):
    """As an installation does; and the user comes back to the module, until the fresh one is warm."""
    worker.restart()
    spinUntil(lambda: worker.state == "ready")
    worker.warm(GOOD)
    spinUntil(lambda: worker.loaded)


def killIdle(worker, lives):
    spinUntil(lambda: worker.state == "ready")
    os.kill(lives()[-1], signal.SIGKILL)
    spinUntil(lambda: worker.state == "stopped")


def swap(worker, weights):
    """Other weights lie there once the first patch is under way."""
    worker.stateChanged.connect(
        lambda state: weights.write_text("second", encoding="utf-8") if state == "computing" else None
    )


class TestFeatures:
    def run(self, worker, patches, answers, *names):
        for name, patch in zip(names, patches, strict=False):
            encode(worker, patch, answers, name)
        worker.wait(timeoutSeconds=GUARD)

    @pytest.mark.parametrize(
        ("field", "words"),
        [
            ("weights_sha256", r"other weights \(wanted first, got another\)"),
            ("precision", r"another precision \(wanted float32, got another\)"),
            ("patch_sha256", r"another patch \(wanted [0-9a-f]{12}, got another\)"),
        ],
    )
    def test_those_of_anything_else_are_refused_and_the_worker_replaced(
        self, start, patches, answers, lives, field, words
    ):
        worker = start(f"mistakes its {field}")
        worker.load(GOOD)
        self.run(worker, patches, answers, 0, 1)
        assert answers.codes() == {0: "mismatch", 1: "mismatch"}
        assert len(lives()) == 2
        assert re.search(words + ".*not used. Analyse", answers.failures[0].message)

    def test_each_come_with_the_header_of_their_own_life(self, start, patches, answers, lives):
        worker = start("ends in its first life")
        worker.load(GOOD, *answers.of("load"))
        self.run(worker, patches, answers, "lost", "repeated")
        assert answers.codes() == {"lost": "crashed"}
        assert answers.results["load"][0]["versions"] == {"torch": "1"}
        assert answers.results["repeated"][2]["versions"] == {"torch": "2"}
        restart(worker)
        self.run(worker, patches, answers, "after")
        assert answers.results["after"][2]["versions"] == {"torch": "3"}
        assert len(lives()) == 3

    def test_warming_accepts_no_other_weights_and_a_load_does_at_once(self, start, weights, patches, answers):
        worker = start()
        worker.load(GOOD)
        worker.wait(timeoutSeconds=GUARD)
        weights.write_text("second", encoding="utf-8")
        restart(worker)
        self.run(worker, patches, answers, "before")
        assert "replaced" in answers.failures["before"].message
        states = []
        worker.stateChanged.connect(states.append)
        worker.load(GOOD, mayKeep=True)
        self.run(worker, patches, answers, "after")
        assert answers.results["after"][2]["weights_sha256"] == "second"
        assert "loading" not in states

    @needsPosix
    @pytest.mark.parametrize("isWarmed", [False, True])
    def test_after_a_kill_the_same_weights_go_on_and_others_are_refused(
        self, start, weights, patches, answers, lives, isWarmed
    ):
        worker = start()
        worker.load(GOOD)
        self.run(worker, patches, answers, "first")
        for name, text in {"same": "first", "other": "second"}.items():
            killIdle(worker, lives)
            weights.write_text(text, encoding="utf-8")
            if isWarmed:
                worker.warm(GOOD)
            self.run(worker, patches, answers, name)
        assert list(answers.results) == ["first", "same"]
        assert answers.codes() == {"other": "weights"}


class TestRows:
    @pytest.fixture
    def startLogic(self, start):
        """Makes an analysis with such a worker; `told` has what it told."""
        logics = []

        def startLogic(habit="good"):
            logics.append(AnalysisLogic(start(habit), GOOD))
            logics[-1].told = []
            logics[-1].failed.connect(logics[-1].told.append)
            return logics[-1]

        yield startLogic
        for logic in logics:
            logic.close()

    def analyse(self, logic, volumeNode, seeds):
        logic.analyse(volumeNode, seeds)
        spinUntil(lambda: not logic.isBusy)
        return rowsOf(volumeNode)

    def test_after_a_restart_they_name_the_weights_and_pytorch_of_now(self, startLogic, weights, phantomNode, twoSeeds):
        logic = startLogic()
        for text, torch in {"first": "1", "second": "2"}.items():
            for row in self.analyse(logic, phantomNode, twoSeeds):
                assert (row["status"], row["weights_sha256"], row["torch_version"]) == ("ok", text, torch)
            weights.write_text("second", encoding="utf-8")
            restart(logic.worker)
        assert logic.told == []

    def test_the_rest_of_a_crashed_analysis_names_the_pytorch_that_computed_it(self, startLogic, phantomNode, twoSeeds):
        rows = self.analyse(startLogic("ends in its first life"), phantomNode, twoSeeds)
        assert [(row["status"], row["torch_version"]) for row in rows] == [("error", "1"), ("ok", "2")]

    def test_the_rest_of_a_crashed_analysis_is_not_done_with_other_weights(
        self, startLogic, weights, phantomNode, twoSeeds
    ):
        logic = startLogic("ends in its first life")
        swap(logic.worker, weights)
        rows = self.analyse(logic, phantomNode, twoSeeds)
        assert [row["status"] for row in rows] == ["error"]
        assert "replaced" in logic.told[-1]

    def test_features_of_anything_else_are_an_error_in_the_row_and_told(self, startLogic, phantomNode, twoSeeds):
        logic = startLogic("mistakes its weights_sha256")
        rows = self.analyse(logic, phantomNode, twoSeeds)
        assert [(row["status"], row["error"]) for row in rows] == [("error", *logic.told)] * 2
        assert "other weights" in logic.told[0]
