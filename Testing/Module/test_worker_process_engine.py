"""The engine's own worker, with torch and the small encoder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import FMCIBModuleLib
import numpy as np
import pytest
import qt
from analysis_support import heldStill
from fmcib_engine import __file__ as engineFile
from fmcib_engine import pipeline
from fmcib_engine.errors import ProtocolError
from fmcib_engine.framing import frame_length, pack
from fmcib_engine.weights import load_encoder
from FMCIBModuleLib.Worker.WorkerMessages import mismatchOfAll
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess
from worker_support import GUARD, encode, isAlive, spinUntil

pytest_plugins = ["worker_fixtures"]
pytest.importorskip("torch")

SMALL = EncoderSettings("small", device="cpu")


@pytest.fixture
def engineWorker(small_installed, tmp_path):
    """The engine's own; what lies in `tmp_path` comes before all but the engine."""
    worker = WorkerProcess(environment={"PYTHONPATH": str(tmp_path)})
    yield worker
    worker.close()


def pidOf(worker: WorkerProcess) -> int:
    return worker._dispatcher._connection._workerPid


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_features_are_the_engines_own_also_those_of_a_fresh_worker_after_a_kill(engineWorker, patches, answers):
    engineWorker.load(SMALL)
    encode(engineWorker, patches[0], answers, 0)
    encoder = load_encoder("small", device="cpu")
    engineWorker.wait(timeoutSeconds=2 * GUARD)
    first = pidOf(engineWorker)
    with heldStill(engineWorker):
        for number in range(1, 4):
            encode(engineWorker, patches[number], answers, number)
        spinUntil(lambda: engineWorker.state == "computing")
        os.kill(first, signal.SIGKILL)
    spinUntil(lambda: len(answers.order) == 4)
    assert list(answers.codes().values()) == ["killed"]
    assert len(answers.results) == 3
    assert pidOf(engineWorker) != first
    for number, (features, header, _) in answers.results.items():
        [expected] = pipeline.encode([patches[number]], encoder)
        np.testing.assert_allclose(features, expected.features, rtol=1e-6, atol=1e-6)
        assert features.dtype == np.float32
        assert features.flags.writeable
        assert header["patch_sha256"] == patches[number].sha256
        assert header["weights_sha256"] == encoder.weights.sha256


def test_the_event_loop_goes_on_while_the_worker_starts_torch(engineWorker, answers):
    ticks = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(engineWorker.state))
    timer.start(20)
    engineWorker.load(EncoderSettings("small", device="abacus"), *answers.of("load"))
    spinUntil(lambda: answers.order)
    timer.stop()
    assert answers.codes() == {"load": "device"}
    assert "loading" in ticks


def test_without_torch_it_is_told_and_a_fresh_worker_finds_what_is_installed(
    engineWorker, patches, answers, tmp_path, caplog
):
    torch = tmp_path / "torch"
    torch.mkdir()
    (torch / "__init__.py").write_text("raise ImportError('no torch for you')", encoding="utf-8")
    states = []
    engineWorker.stateChanged.connect(states.append)
    engineWorker.warm(SMALL)
    spinUntil(lambda: "stopped" in states)
    assert states == ["starting", "loading", "stopped"]
    assert not [record for record in caplog.records if record.levelname != "INFO"]
    encode(engineWorker, patches[0], answers, 0)
    engineWorker.wait(timeoutSeconds=GUARD)
    assert answers.codes() == {0: "dependency"}
    assert "PyTorch" in answers.failures[0].message

    shutil.rmtree(torch)
    engineWorker.load(EncoderSettings(str(tmp_path / "patient" / "gone.safetensors")), *answers.of("load"))
    engineWorker.wait(timeoutSeconds=2 * GUARD)
    assert answers.codes()["load"] == "weights"
    assert "gone.safetensors" in answers.failures["load"].message
    assert "patient" not in answers.failures["load"].message


HOST = """
import sys
import SlicerHost
SlicerHost.start(widgets=False)
from FMCIBModuleLib.Worker.WorkerMessages import mismatchOfAll
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess
assert "torch" not in sys.modules
worker = WorkerProcess()
worker.load(EncoderSettings("small"))
while worker.state != "loading":
    worker._dispatcher.proceed()
    worker._dispatcher.step(50)
print(worker._dispatcher._connection._workerPid, flush=True)
worker.wait()
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_it_does_not_outlive_a_slicer_that_is_killed(small_installed):
    host = pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
    places = [Path(each.__file__).parents[1] for each in (FMCIBModuleLib, host)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*places, Path(engineFile).parents[1]]))}
    with subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, env=environment) as process:
        pid = int(process.stdout.readline())
        assert isAlive(pid)
        process.kill()
    spinUntil(lambda: not isAlive(pid))


def test_another_engine_in_the_working_directory_is_not_taken(engineWorker, answers, tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    (folder / "fmcib_engine").mkdir(parents=True)
    (folder / "fmcib_engine" / "__init__.py").write_text('__version__ = "6.6.6"', encoding="utf-8")
    monkeypatch.chdir(folder)
    states = []
    engineWorker.stateChanged.connect(states.append)
    engineWorker.load(SMALL, *answers.of("load"))
    spinUntil(lambda: answers.order or "loading" in states)
    assert answers.failures == {}


class TestFrameLength:
    def test_it_is_known_from_the_twentieth_byte_on(self):
        frame = pack({"type": "ready"}, b"payload")
        assert [frame_length(frame[:count]) for count in (0, 1, 3, 4, 19)] == [None] * 5
        assert [frame_length(frame[:count]) for count in (20, 21, len(frame))] == [len(frame)] * 3
        assert frame_length(frame + b"more") == len(frame)

    @pytest.mark.parametrize("start", [b"H", b"FMCX", b"FMCI" + bytes(16), b"FMCI\x01\x00\x00\x00" + b"\xff" * 12])
    def test_what_is_no_frame_is_refused_as_soon_as_it_shows(self, start):
        with pytest.raises(ProtocolError):
            frame_length(start)


def test_patches_asked_for_together_have_the_features_that_they_have_alone(engineWorker, patches, answers):
    engineWorker.load(SMALL)
    for number, patch in enumerate(patches[:3]):
        encode(engineWorker, patch, answers, number)
    engineWorker.encodeAll(patches[:3], *answers.of("all"))
    engineWorker.encodeAll(patches[:40], *answers.of("too many"))
    engineWorker.wait(timeoutSeconds=2 * GUARD)
    together, header, loaded = answers.results["all"]
    assert together.shape == (3, loaded["feature_count"])
    for number in range(3):
        alone, own, _ = answers.results[number]
        assert together[number] == pytest.approx(alone, abs=1e-5)
        assert header["answers"][number]["patch_sha256"] == own["patch_sha256"] == patches[number].sha256
    assert answers.codes() == {"too many": "bad_request"}


def test_what_is_forgotten_is_not_heard_of_and_the_worker_lives_on(engineWorker, patches, answers):
    engineWorker.load(SMALL)
    engineWorker.wait(timeoutSeconds=2 * GUARD)
    first = pidOf(engineWorker)
    with heldStill(engineWorker):
        request = engineWorker.encodeAll(patches[:16], *answers.of("forgotten"))
        spinUntil(lambda: engineWorker.state == "computing")
        engineWorker.forget(request)
        encode(engineWorker, patches[0], answers, "next")
        assert answers.codes() == {"forgotten": "cancelled"}
    spinUntil(lambda: "next" in answers.results)
    assert answers.order == ["forgotten", "next"]
    assert pidOf(engineWorker) == first


def test_features_of_another_patch_among_several_are_not_taken(patches):
    loaded = {"weights_sha256": "w", "precision": "float32"}
    good = {**loaded, "answers": [{"patch_sha256": patch.sha256} for patch in patches[:2]]}
    assert mismatchOfAll(loaded, patches[:2], good) is None
    swapped = mismatchOfAll(loaded, patches[1::-1], good)
    assert (swapped.code, "another patch" in swapped.message) == ("mismatch", True)
    assert mismatchOfAll(loaded, patches[:2], {**good, "precision": "bfloat16"}).code == "mismatch"
    with pytest.raises(ValueError, match="zip"):
        mismatchOfAll(loaded, patches[:3], good)
