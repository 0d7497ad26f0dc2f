"""What takes long in the worker's process: parts, an end with what there is, and lesions that overtake it."""

from __future__ import annotations

import pytest
from FMCIBModuleLib.Worker.WorkerProcess import WorkerProcess
from worker_support import GOOD, OTHER, encode, isAlive, spinUntil

pytest_plugins = ["worker_fixtures"]

ENDLESS = 100_000


def compute(worker, patch, answers, name, samples=ENDLESS, onPart=None):
    wish = {"type": "explain", "target": "norm", "method": "smoothgrad", "parameters": {"samples": samples}}
    onDone, onError = answers.of(name)
    return worker.compute(wish, patch, onDone, onPart, onError)


@pytest.fixture
def endless(worker, patches, answers):
    """A worker that makes a map without end; the parts that were told, and the map's id."""
    parts = []
    number = compute(worker, patches[0], answers, "map", onPart=lambda *part: parts.append(part))
    spinUntil(lambda: len(parts) >= 2)
    return worker, parts, number


def test_parts_are_told_and_then_the_whole(worker, patches, answers):
    parts = []
    compute(worker, patches[0], answers, "map", samples=4, onPart=lambda *part: parts.append(part))
    spinUntil(lambda: answers.order)
    header, payload, loaded = answers.results["map"]
    assert [part["done"] for part, _ in parts] == [1, 2, 3]
    assert (header["done"], header["total"], len(payload)) == (4, 4, 4 * 50**3)
    assert loaded is worker.loaded
    assert worker.state == "ready"


def test_one_that_is_stopped_gives_what_it_has(endless, answers, lives):
    worker, _, number = endless
    worker.stop(number)
    worker.stop(number)
    spinUntil(lambda: answers.order)
    header, _, _ = answers.results["map"]
    assert 2 <= header["done"] < header["total"]
    assert len(lives()) == 1


def test_lesions_are_encoded_meanwhile_and_the_map_goes_on(endless, patches, answers):
    worker, parts, number = endless
    worker.load(GOOD, *answers.of("load"), mayKeep=True)
    for lesion in range(1, 6):
        encode(worker, patches[lesion], answers, lesion)
    spinUntil(lambda: len(answers.order) == 6)
    assert answers.order == ["load", 1, 2, 3, 4, 5]
    known = len(parts)
    spinUntil(lambda: len(parts) > known)
    worker.cancelAll()
    assert "map" not in answers.codes()
    worker.stop(number)
    spinUntil(lambda: "map" in answers.results)


def test_cancelling_lesions_leaves_the_map_alone(endless, patches, answers, lives):
    worker, parts, _ = endless
    for lesion in range(1, 5):
        encode(worker, patches[lesion], answers, lesion)
    worker.cancelAll()
    assert answers.codes() == dict.fromkeys(range(1, 5), "cancelled")
    known = len(parts)
    spinUntil(lambda: len(parts) > known)
    assert len(lives()) == 1


def test_other_weights_end_it_with_what_it_has(endless, patches, answers):
    worker, _, _ = endless
    worker.load(OTHER, *answers.of("load"))
    encode(worker, patches[1], answers, "lesion")
    spinUntil(lambda: len(answers.order) == 3)
    assert answers.order == ["map", "load", "lesion"]
    assert answers.results["map"][2]["weights_name"] == "good"
    assert answers.results["lesion"][1]["weights_sha256"] == "other"


def test_two_wait_for_each_other_and_the_second_can_be_dropped(endless, patches, answers):
    worker, _, first = endless
    second = compute(worker, patches[1], answers, "second")
    spinUntil(lambda: len(worker._dispatcher.requests.inFlight) == 2)
    worker.stop(second)
    spinUntil(lambda: answers.order)
    assert answers.codes() == {"second": "cancelled"}
    worker.stop(first)
    spinUntil(lambda: "map" in answers.results)


def test_one_that_was_not_sent_is_cancelled_at_once(startWorker, patches, answers):
    worker = startWorker("never ready")
    worker.load(GOOD)
    worker.stop(compute(worker, patches[0], answers, "map"))
    assert answers.codes() == {"map": "cancelled"}


def test_a_stuck_one_is_cancelled_with_its_process_and_lesions_go_on(startWorker, patches, answers, lives):
    worker = startWorker("never done")
    worker.load(GOOD)
    number = compute(worker, patches[0], answers, "map")
    spinUntil(lambda: worker.state == "computing")
    worker.stop(number)
    worker.cancel(number)
    assert answers.codes() == {"map": "cancelled"}
    spinUntil(lambda: len(lives()) == 2 and not isAlive(lives()[0]))


def test_after_a_restart_it_begins_again_unless_it_was_to_end(endless, answers, lives):
    worker, parts, number = endless
    worker.restart()
    spinUntil(lambda: len(lives()) == 2 and parts[-1][0]["done"] == 1)
    spinUntil(lambda: parts[-1][0]["done"] > 1)
    worker._dispatcher.stop([number])
    worker.restart()
    spinUntil(lambda: answers.order)
    assert answers.codes() == {"map": "cancelled"} or "map" in answers.results


def test_nobody_is_told_of_parts_after_a_cancel(endless, answers):
    worker, parts, number = endless
    worker.cancel(number)
    known = len(parts)
    spinUntil(lambda: worker.loaded and worker.state == "ready")
    assert len(parts) == known
    assert answers.codes() == {"map": "cancelled"}


def test_a_map_of_other_weights_is_not_taken(worker, patches, answers, caplog):
    compute(worker, patches[0], answers, "map")
    spinUntil(lambda: worker.state == "computing")
    dispatcher = worker._dispatcher
    other = {"type": "part", "id": next(iter(dispatcher.requests.inFlight)), "done": 1, "total": 2}
    facts = {"patch_sha256": patches[0].sha256, "precision": "float32", "weights_sha256": "other"}
    dispatcher.onFrame(other | facts, b"")
    spinUntil(lambda: answers.order)
    assert answers.codes() == {"map": "mismatch"}


def test_nothing_is_computed_before_a_load(patches):
    worker = WorkerProcess(["there-is-no-such-program"])
    with pytest.raises(RuntimeError, match="load"):
        worker.compute({"type": "explain"}, patches[0], print)
    worker.close()
