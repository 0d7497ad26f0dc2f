"""The worker, as its parent sees it: real processes, real frames, real torch."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread
from typing import Self

import numpy as np
import pytest
from fmcib_engine.encoders import DEMONSTRATION_MEANING
from fmcib_engine.errors import ProtocolError
from fmcib_engine.framing import MAGIC, VERSION, Header, pack, read_frame
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import PATCH_SIZE, Patch, Quality
from fmcib_engine.saliency.checks import likeness
from fmcib_engine.saliency.explain import explain
from fmcib_engine.saliency.map import MapFacts, SaliencyMap
from fmcib_engine.saliency.methods import Parameters
from fmcib_engine.saliency.targets import EMBEDDING
from fmcib_engine.weights import load_encoder
from fmcib_engine.worker.run import MOST_PATCHES
from support import OF_THE_COMMAND_LINE, needs_golden

pytest.importorskip("torch")

COMMAND = [sys.executable, "-m", "fmcib_engine", "worker"]
PATIENCE = 120.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""

Reply = tuple[Header, bytes]

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and shells")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit and /proc")


class WorkerClient:
    """The protocol from the parent's side, as short as it can be."""

    def __init__(self, command: list[str] = COMMAND) -> None:
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self._replies: queue.Queue[Reply | None] = queue.Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self.ready = self.receive()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.log.close()

    def send(self, kind: str, request_id: int | str, payload: bytes = b"", **fields: object) -> None:
        self.send_bytes(pack({"type": kind, "id": request_id, **fields}, payload))

    def send_bytes(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def receive(self) -> Reply:
        """The next reply that is not progress."""
        while True:
            reply = self.receive_any()
            assert reply is not None, f"the worker ended: {self.log_text()}"
            assert not OF_THE_COMMAND_LINE.search(str(reply[0])), reply[0]
            if reply[0]["type"] != "progress":
                return reply

    def receive_any(self) -> Reply | None:
        """The next reply of any kind; None at the end of the stream."""
        return self._replies.get(timeout=PATIENCE)

    def ask(self, kind: str, request_id: int | str, payload: bytes = b"", **fields: object) -> Reply:
        self.send(kind, request_id, payload, **fields)
        return self.receive()

    def load(self, weights: str | Path = "small", request_id: int | str = "load", **fields: object) -> Header:
        return self.ask("load", request_id, weights=str(weights), **fields)[0]

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE)

    def log_text(self) -> str:
        self.log.seek(0)
        return self.log.read().decode()

    def _read(self) -> None:
        with contextlib.suppress(ProtocolError):  # a torn frame shows as a missing reply
            while (reply := read_frame(self.process.stdout.read)) is not None:
                self._replies.put(reply)
        self._replies.put(None)


WRAPPED = """\
import os, sys
from fmcib_engine.worker import run

original = run.load_encoder

def load_encoder(*arguments, **options):
    {statement}
    return original(*arguments, **options)

run.load_encoder = load_encoder
sys.exit(run.run_worker())
"""


def wrapped(statement: str) -> list[str]:
    """The command of a worker that first runs a statement whenever it loads weights."""
    return [sys.executable, "-c", WRAPPED.format(statement=statement)]


def make_patch(array: np.ndarray, recipe_id: str = "fmcib-csv-v1") -> Patch:
    quality = Quality(
        *(0.0, 50.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1024.0, 2048.0),
        oblique=False,
        untrusted_slices=0,
        fault_distance_mm=None,
    )
    grid = VoxelGrid((PATCH_SIZE,) * 3, np.eye(4))
    return Patch(
        array=array.astype(np.float32),
        inside=np.ones(array.shape, dtype=np.bool_),
        grid=grid,
        seed=PatientPoint(25.0, 25.0, 25.0),
        recipe_id=recipe_id,
        quality=quality,
    )


def random_patch(seed: int = 0, recipe_id: str = "fmcib-csv-v1") -> Patch:
    return make_patch(np.random.default_rng(seed).uniform(0, 1, (PATCH_SIZE,) * 3), recipe_id)


def features_of(reply: Reply) -> np.ndarray:
    assert reply[0]["type"] == "encoded", reply[0]
    return np.frombuffer(reply[1], dtype="<f4")


def distance(features: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(features - reference) / np.linalg.norm(reference))


@pytest.fixture(scope="module")
def small_weights(small_file):
    """For all workers of this file, which find the small encoder as where it is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FMCIB_SMALL_WEIGHTS", str(small_file))
        yield


@pytest.fixture(scope="module")
def fmcib_and_engine():
    with WorkerClient() as client:
        client.send("load", "load", weights="demonstration")
        encoder = load_encoder("demonstration")  # at the same time
        client.loaded = client.receive()[0]
        assert client.loaded["type"] == "loaded", client.loaded
        yield client, encoder


@pytest.fixture
def fmcib(fmcib_and_engine):
    """A worker with FMCIB's network and demonstration weights, for what is about them."""
    return fmcib_and_engine[0]


@pytest.fixture
def fmcib_here(fmcib_and_engine):
    """The same weights in this process."""
    return fmcib_and_engine[1]


@pytest.fixture(scope="module")
def warm_worker(small_weights):
    with WorkerClient() as client:
        assert client.load()["type"] == "loaded"
        yield client


@pytest.fixture
def warm(warm_worker):
    """A worker with the small encoder; every test leaves it so."""
    return warm_worker


@pytest.fixture
def cold(small_weights):
    with WorkerClient() as client:
        yield client


class TestStart:
    def test_the_worker_speaks_first(self, cold):
        assert cold.ready == {
            "type": "ready",
            "protocol": 3,
            "engine_version": cold.ready["engine_version"],
            "pid": cold.process.pid,
        }

    def test_encoding_before_loading_is_an_error_and_the_end_is_polite(self, cold):
        reply, _ = cold.ask("encode", 1, random_patch().to_bytes())
        assert (reply["type"], reply["id"], reply["code"]) == ("error", 1, "bad_request")
        assert "load" in reply["message"]
        assert cold.ask("shut_down", 2)[0] == {"type": "bye", "id": 2}
        assert cold.receive_any() is None
        assert cold.exit_code() == 0
        assert cold.log_text() == ""


class TestFeatures:
    def test_loaded_tells_what_computes(self, fmcib, fmcib_here):
        loaded = fmcib.loaded
        assert loaded["encoder_id"] == "fmcib"
        assert loaded["caution"] == DEMONSTRATION_MEANING
        assert loaded["weights_name"] == fmcib_here.weights.name
        assert loaded["weights_sha256"] == fmcib_here.weights.sha256
        assert (loaded["precision"], loaded["precision_deviation"]) == ("float32", None)
        assert loaded["feature_count"] == 4096
        assert loaded["device"] == fmcib_here.encode([random_patch().array])[0].device
        assert (loaded["engine"], loaded["engine_deviation"]) == (fmcib_here.engine, fmcib_here.engine_deviation)
        assert {"torch", "openvino"} <= loaded["versions"].keys()

    def test_features_are_those_of_the_engine_itself(self, fmcib, fmcib_here):
        patch = random_patch(1)
        header, payload = fmcib.ask("encode", "a", patch.to_bytes())
        [expected] = fmcib_here.encode([patch.array])
        assert distance(features_of((header, payload)), expected.features) < 1e-6
        assert header["id"] == "a"
        assert header["feature_count"] == 4096
        assert header["patch_sha256"] == patch.sha256
        assert header["weights_sha256"] == fmcib_here.weights.sha256
        assert header["caution"] == DEMONSTRATION_MEANING
        assert (header["note"], header["engine"]) == ("", fmcib_here.engine)
        assert header["recipe_id"] == header["native_recipe_id"] == "fmcib-csv-v1"

    @needs_golden
    def test_features_of_real_patches_are_the_golden_ones(self, fmcib, golden):
        for case in sorted({key.split("/")[0] for key in golden})[::3]:
            reply = fmcib.ask("encode", case, make_patch(golden[f"{case}/patch"]).to_bytes())
            assert distance(features_of(reply), golden[f"{case}/features"]) < 1e-4, case

    def test_a_patch_of_another_recipe_is_encoded_and_named(self, warm):
        header, _ = warm.ask("encode", 1, random_patch(recipe_id="fmcib-yaml-v1").to_bytes())
        assert header["type"] == "encoded"
        assert (header["recipe_id"], header["native_recipe_id"]) == ("fmcib-yaml-v1", "fmcib-csv-v1")

    def test_a_named_engine_computes_alone_or_is_refused(self, cold):
        refused = cold.load(precision="bfloat16", device="cpu", engine="openvino")
        assert (refused["type"], refused["code"]) == ("error", "device")
        assert refused["message"].startswith("OpenVINO computes in float32, got 'bfloat16'")
        assert "--" not in refused["message"]
        assert cold.load(engine="onnx")["code"] == "bad_request"
        loaded = cold.load(device="cpu", engine="pytorch")
        assert (loaded["engine"], loaded["engine_deviation"]) == ("pytorch", None)
        assert cold.ask("encode", 1, random_patch().to_bytes())[0]["engine"] == "pytorch"

    def test_a_reduced_precision_is_measured_and_named(self, cold):
        loaded = cold.load(precision="bfloat16", device="cpu")
        assert loaded["precision"] == "bfloat16", loaded
        assert 0.0 < loaded["precision_deviation"] < 1.0
        assert cold.ask("encode", 1, random_patch().to_bytes())[0]["precision"] == "bfloat16"


class TestOrder:
    def test_many_requests_in_flight_are_each_answered_once_and_in_order(self, warm):
        patches = [random_patch(seed) for seed in range(10)]
        for index, patch in enumerate(patches):
            warm.send("encode", 3 * index, patch.to_bytes())
            warm.send("encode", 3 * index + 1, patch.to_bytes()[:-1])
            warm.send("dance", 3 * index + 2)
        replies = [warm.receive()[0] for _ in range(30)]
        assert [reply["id"] for reply in replies] == list(range(30))
        assert [reply["type"] for reply in replies] == ["encoded", "error", "error"] * 10
        assert [reply["patch_sha256"] for reply in replies[::3]] == [patch.sha256 for patch in patches]
        assert warm.ask("ping", "after")[0] == {"type": "pong", "id": "after"}

    def test_patches_asked_for_together_are_answered_as_if_asked_for_alone(self, warm):
        patches = [random_patch(1), random_patch(2, "fmcib-yaml-v1"), random_patch(3)]
        header, payload = warm.ask("encode_all", "all", b"".join(patch.to_bytes() for patch in patches))
        assert (header["type"], header["id"], len(header["answers"])) == ("encoded_all", "all", 3)
        together = np.frombuffer(payload, "<f4").reshape(3, header["feature_count"])
        for patch, answer, features in zip(patches, header["answers"], together, strict=True):
            alone, own = warm.ask("encode", 1, patch.to_bytes())
            assert {name: alone[name] for name in answer if name != "predictions"} == {
                name: value for name, value in answer.items() if name != "predictions"
            }
            assert answer["patch_sha256"] == patch.sha256
            assert {alone[name] == header[name] for name in ("weights_sha256", "precision", "caution")} == {True}
            assert distance(features, np.frombuffer(own, "<f4")) < 1e-5
            for one, other in zip(answer["predictions"], alone["predictions"], strict=True):
                assert (one["head"], one["note"]) == (other["head"], other["note"])
                assert (one["values"] or []) == pytest.approx(other["values"] or [], abs=1e-4)
        assert [bool(each["values"]) for each in header["answers"][0]["predictions"]].count(True) > 0

    def test_ping_is_answered_before_what_waits(self, fmcib):
        for index in range(4):
            fmcib.send("encode", index, random_patch().to_bytes())
        fmcib.send("ping", "ping")
        ids = [fmcib.receive()[0]["id"] for _ in range(5)]
        assert ids[-1] == 3
        assert [i for i in ids if i != "ping"] == list(range(4))


class TestCancel:
    def test_a_waiting_request_is_cancelled_and_the_others_are_not(self, fmcib):
        for index in range(5):
            fmcib.send("encode", index, random_patch().to_bytes())
        fmcib.send("cancel", "stop", target=3)
        replies = [fmcib.receive()[0] for _ in range(6)]
        of_cancel = [reply for reply in replies if reply["type"] != "encoded"]
        assert of_cancel == [{"type": "cancelled", "id": 3}, {"type": "cancel_done", "id": "stop", "target": 3}]
        assert [reply["id"] for reply in replies if reply["type"] == "encoded"] == [0, 1, 2, 4]
        assert replies[-1]["id"] == 4

    def test_an_answered_or_unknown_request_is_left_alone(self, warm):
        warm.ask("encode", 1, random_patch().to_bytes())
        assert warm.ask("cancel", 2, target=1)[0] == {"type": "cancel_ignored", "id": 2, "target": 1}
        assert warm.ask("cancel", 3, target="1")[0] == {"type": "cancel_ignored", "id": 3, "target": "1"}

    def test_a_running_request_is_left_alone(self, fmcib):
        fmcib.send("load", "running", weights="demonstration")
        progress, _ = fmcib.receive_any()
        assert progress["type"] == "progress"
        assert progress["id"] == "running"
        assert 0.0 <= progress["fraction"] <= 1.0
        fmcib.send("cancel", "stop", target="running")
        assert fmcib.receive()[0] == {"type": "cancel_ignored", "id": "stop", "target": "running"}
        assert fmcib.receive()[0]["type"] == "loaded"


class TestExplain:
    def test_a_map_is_the_engines_own_with_all_its_facts(self, warm, small_file):
        patch, encoder = random_patch(5), load_encoder(str(small_file), device="cpu")
        *_, expected = explain(encoder, patch, EMBEDDING, "smoothgrad", Parameters(samples=3, random_seed=4))
        wish = {"target": "embedding", "method": "smoothgrad", "parameters": {"samples": 3, "random_seed": 4}}
        warm.send("explain", "map", patch.to_bytes(), **wish)
        *parts, (header, payload) = answers_until(warm, "result")
        assert {part["type"] for part, _ in parts} <= {"part"}
        assert (header["id"], header["done"], header["total"]) == ("map", 3, 3)
        assert header["patch_sha256"] == patch.sha256
        assert header["weights_sha256"] == encoder.weights.sha256
        found = SaliencyMap(map_of(payload), patch.grid, MapFacts.from_json(json.dumps(header["facts"])))
        assert found.facts.parameters == {"samples": 3, "noise": 0.15}
        assert (found.facts.random_seed, found.facts.target) == (4, "embedding")
        assert likeness(found.array, expected.map.array) > 0.999

    def test_it_refines_while_it_is_told(self, warm):
        warm.send("explain", 1, random_patch(6).to_bytes(), target="norm", method="smoothgrad")
        *parts, (header, payload) = answers_until(warm, "result")
        assert parts[0][0]["done"] == 1
        done = [part["done"] for part, _ in parts]
        assert done == sorted(set(done))
        assert all(map_of(part).shape == (PATCH_SIZE,) * 3 for _, part in parts)
        assert header["done"] == header["total"] == 25
        assert likeness(map_of(parts[0][1]), map_of(payload)) < likeness(map_of(parts[-1][1]), map_of(payload))

    def test_a_class_of_a_head_is_explained(self, warm):
        wish = {"target": "phantom-site:lung", "method": "gradient"}
        header, payload = warm.ask("explain", 1, random_patch(7).to_bytes(), **wish)
        assert header["facts"]["target_meaning"] == "log-odds of lung by phantom-site"
        assert header["facts"]["head_sha256"]
        assert np.abs(map_of(payload)).max() > 0

    def test_a_lesion_that_comes_meanwhile_is_encoded_between_two_samples(self, warm):
        patch = random_patch(8)
        expected = features_of(warm.ask("encode", 0, patch.to_bytes()))
        endless = {"target": "norm", "method": "smoothgrad", "parameters": {"samples": 10_000}}
        warm.send("explain", "map", patch.to_bytes(), **endless)
        warm.send("encode", "lesion", patch.to_bytes())
        warm.send("dance", "bad")
        answered = [reply for reply in answers_until(warm, "error") if reply[0]["type"] != "part"]
        assert [header["id"] for header, _ in answered] == ["lesion", "bad"]
        assert np.array_equal(features_of(answered[0]), expected)
        warm.send("cancel", "stop", target="map")
        *_, (header, payload) = answers_until(warm, "result")
        assert 1 <= header["done"] < header["total"] == 10_000
        assert header["facts"]["samples_done"] == header["done"]
        assert np.abs(map_of(payload)).max() > 0

    def test_another_encoder_waits_for_the_map_and_what_comes_after_it_for_that(self, warm):
        warm.send("explain", 1, random_patch().to_bytes(), target="norm", method="smoothgrad")
        warm.send("load", 2, weights="small")
        warm.send("encode", 3, random_patch().to_bytes())
        answered = [header for header, _ in answers_until(warm, "encoded") if header["type"] != "part"]
        assert [header["type"] for header in answered] == ["result", "loaded", "encoded"]

    def test_one_map_waits_for_another_and_can_be_cancelled_there(self, warm):
        for number in (1, 2):
            warm.send("explain", number, random_patch().to_bytes(), target="norm", method="smoothgrad")
        warm.send("cancel", 3, target=2)
        answered = [header["type"] for header, _ in answers_until(warm, "result") if header["type"] != "part"]
        assert answered == ["cancelled", "cancel_done", "result"]

    def test_explaining_before_loading_is_an_error(self, cold):
        reply, _ = cold.ask("explain", 1, random_patch().to_bytes(), target="norm", method="gradient")
        assert (reply["type"], reply["code"]) == ("error", "bad_request")
        assert "load" in reply["message"]


def answers_until(client: WorkerClient, kind: str) -> list[Reply]:
    """All replies up to the first of a kind."""
    found = [client.receive()]
    while found[-1][0]["type"] != kind:
        found.append(client.receive())
    return found


def map_of(payload: bytes) -> np.ndarray:
    return np.frombuffer(payload, "<f4").reshape((PATCH_SIZE,) * 3)


class TestBadRequests:
    @pytest.mark.parametrize(
        ("frame", "request_id"),
        [
            pytest.param(pack({"type": "dance", "id": 1}), 1, id="unknown type"),
            pytest.param(pack({"type": ["load"], "id": 1}), 1, id="a type that is a list"),
            pytest.param(pack({"id": 1}), 1, id="no type"),
            pytest.param(pack({"type": "ping"}), None, id="no id"),
            pytest.param(pack({"type": "ping", "id": True}), None, id="an id that is true"),
            pytest.param(pack({"type": "ping", "id": {}}), None, id="an id that is an object"),
            pytest.param(pack({"type": "ping", "id": "x" * 100_000}), None, id="an endless id"),
            pytest.param(pack({"type": "shut_down"}), None, id="shut_down without id"),
            pytest.param(pack({"type": "load", "id": 1}), 1, id="load without weights"),
            pytest.param(pack({"type": "load", "id": 1, "weights": 5}), 1, id="weights that are a number"),
            pytest.param(
                pack({"type": "load", "id": 1, "weights": "small", "presicion": "bfloat16"}), 1, id="misspelt"
            ),
            pytest.param(pack({"type": "load", "id": 1, "weights": "small", "encoder": "?"}), 1, id="unknown encoder"),
            pytest.param(pack({"type": "cancel", "id": 1}), 1, id="cancel without target"),
            pytest.param(pack({"type": "cancel", "id": 1, "target": []}), 1, id="cancel of a list"),
            pytest.param(pack({"type": "ping", "id": 1}, b"x"), 1, id="payload with ping"),
            *(
                pytest.param(
                    pack({"type": "load", "id": 1, "weights": "small", field: f"a{letter}.head"}),
                    1,
                    id=f"{field} {name}",
                )
                for field in ("weights", "encoder", "device", "precision", "engine", "heads")
                for name, letter in (("with a zero byte", "\0"), ("with half a letter", "\ud83d"))
            ),
            pytest.param(pack({"type": "encode", "id": 1}), 1, id="encode without a patch"),
            pytest.param(pack({"type": "encode", "id": 1}, b"x" * 1000), 1, id="encode of bytes"),
            pytest.param(pack({"type": "encode", "id": 1}, pack({}, b"x" * 8)), 1, id="encode of another frame"),
            pytest.param(
                pack({"type": "encode", "id": 1}, random_patch().to_bytes()[:-4]), 1, id="encode of a short patch"
            ),
            pytest.param(pack({"type": "encode", "id": 1}, 2 * random_patch().to_bytes()), 1, id="encode of two"),
            pytest.param(pack({"type": "encode_all", "id": 1}), 1, id="encode_all of none"),
            pytest.param(pack({"type": "encode_all", "id": 1}, b"x" * 1000), 1, id="encode_all of bytes"),
            pytest.param(
                pack({"type": "encode_all", "id": 1}, (2 * random_patch().to_bytes())[:-4]), 1, id="a short second"
            ),
            pytest.param(
                pack({"type": "encode_all", "id": 1}, (MOST_PATCHES + 1) * random_patch().to_bytes()), 1, id="too many"
            ),
            *(
                pytest.param(pack({"type": "explain", "id": 1, **fields}, random_patch().to_bytes()), 1, id=name)
                for name, fields in {
                    "explain without method": {"target": "norm"},
                    "an unknown method": {"target": "norm", "method": "tea-leaves"},
                    "an unknown target": {"target": "phantom-site:moon", "method": "gradient"},
                    "no target": {"target": 7, "method": "gradient"},
                    "a flat target": {"target": "cosine", "method": "gradient"},
                    "parameters in a list": {"target": "norm", "method": "gradient", "parameters": []},
                    "an unknown parameter": {"target": "norm", "method": "gradient", "parameters": {"sugar": 1}},
                    "half a sample": {"target": "norm", "method": "smoothgrad", "parameters": {"samples": 2.5}},
                    "no samples": {"target": "norm", "method": "smoothgrad", "parameters": {"samples": 0}},
                }.items()
            ),
            pytest.param(
                pack({"type": "explain", "id": 1, "target": "norm", "method": "gradient"}), 1, id="explain nothing"
            ),
        ],
    )
    def test_a_frame_that_is_no_request_is_refused_and_work_goes_on(self, warm, frame, request_id):
        warm.send_bytes(frame)
        reply, payload = warm.receive()
        assert (reply["type"], reply["id"], reply["code"]) == ("error", request_id, "bad_request")
        assert 10 < len(reply["message"]) < 2001
        assert payload == b""
        assert warm.ask("ping", "alive")[0] == {"type": "pong", "id": "alive"}

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(np.random.default_rng(1).bytes(4096), id="random bytes"),
            pytest.param(b"X" + pack({"type": "ping", "id": 1})[1:], id="another magic"),
            pytest.param(MAGIC + struct.pack("<HHIQ", VERSION + 1, 0, 2, 0) + b"{}", id="another version"),
            pytest.param(MAGIC + struct.pack("<HHIQ", VERSION, 0, 2, 1 << 40) + b"{}", id="a terabyte"),
            pytest.param(MAGIC + struct.pack("<HHIQ", VERSION, 0, 8, 0) + b"not JSON", id="no JSON"),
            pytest.param(MAGIC + struct.pack("<HHIQ", VERSION, 0, 2, 0) + b"[]", id="a list"),
            pytest.param(MAGIC + struct.pack("<HHIQ", VERSION, 0, 1 << 20, 0) + b"[" * (1 << 20), id="a deep list"),
        ],
    )
    def test_bytes_that_are_no_frame_end_the_worker(self, cold, data):
        cold.send_bytes(data)
        reply, _ = cold.receive()
        assert (reply["type"], reply["id"], reply["code"]) == ("error", None, "protocol")
        assert cold.receive_any() is None
        assert cold.exit_code() == 2
        assert cold.log_text() == ""

    def test_a_torn_frame_ends_the_worker(self, cold):
        cold.send_bytes(pack({"type": "encode", "id": 1}, random_patch().to_bytes())[:5000])
        cold.process.stdin.close()
        assert cold.receive()[0]["code"] == "protocol"
        assert cold.exit_code() == 2


class TestErrors:
    def test_weights_that_cannot_be_used_leave_the_loaded_ones(self, warm, tmp_path):
        (tmp_path / "text.pth").write_text("no checkpoint", encoding="utf-8")
        expected = features_of(warm.ask("encode", 1, random_patch().to_bytes()))
        for name in ("missing.pth", "text.pth"):
            error = warm.load(tmp_path / name)
            assert (error["type"], error["code"]) == ("error", "weights")
            assert name in error["message"]
            assert str(tmp_path) not in error["message"]
        assert np.array_equal(features_of(warm.ask("encode", 2, random_patch().to_bytes())), expected)

    @pytest.mark.parametrize("wish", [{"device": "cuda:99"}, {"device": "abacus"}, {"precision": "float8"}])
    def test_a_device_or_precision_that_is_not_here_is_refused(self, warm, wish):
        error = warm.load(**wish)
        assert (error["type"], error["code"]) == ("error", "device")
        assert next(iter(wish.values())) in error["message"]

    def test_an_unforeseen_error_is_told_without_its_text_and_logged(self):
        fault = "raise KeyError('/home/patient-name')"
        with WorkerClient(wrapped(fault)) as client:
            error = client.load("demonstration")
            assert (error["type"], error["code"]) == ("error", "internal")
            assert "KeyError" in error["message"]
            assert "patient" not in error["message"]
            assert "Traceback" not in error["message"]
            assert client.ask("ping", 1)[0]["type"] == "pong"
            assert "Traceback" in client.log_text()
            assert "patient-name" in client.log_text()

    @needs_linux
    def test_without_memory_work_goes_on_and_memory_helps(self, cold, tmp_path):
        import resource

        assert cold.load(tmp_path / "missing.pth")["code"] == "weights"  # the libraries are in memory from here on
        pid = cold.process.pid
        unlimited = resource.prlimit(pid, resource.RLIMIT_AS)
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmSize"))
        resource.prlimit(pid, resource.RLIMIT_AS, (used + (300 << 20), unlimited[1]))  # the weights take 700 MiB
        error = cold.load("demonstration")
        assert (error["type"], error["code"]) == ("error", "out_of_memory")
        assert "memory" in error["message"]
        assert cold.ask("ping", "alive")[0]["type"] == "pong"
        resource.prlimit(pid, resource.RLIMIT_AS, unlimited)
        assert cold.load("demonstration")["type"] == "loaded"


class TestStreams:
    @pytest.mark.parametrize("stderr", ["open", pytest.param("closed", marks=needs_posix)])
    def test_what_libraries_print_does_not_reach_the_parent(self, stderr):
        command = wrapped("os.write(1, b'native noise ' * 1000); print('python noise', flush=True)")
        if stderr == "closed":
            command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
        with WorkerClient(command) as client:
            assert client.load(encoder="unknown")["code"] == "bad_request"
            assert client.ask("ping", 1)[0]["type"] == "pong"
            log = client.log_text()
        assert ("native noise" in log and "python noise" in log) == (stderr == "open")

    def test_shut_down_answers_everything_first(self, cold):
        cold.send("load", "bad", weights="missing.pth")
        cold.send("load", "good", weights="small")
        for index in range(3):
            cold.send("encode", index, random_patch(index).to_bytes())
        cold.send("shut_down", "end")
        cold.process.stdin.close()  # after shut_down, this is not the parent's death
        kinds = [cold.receive()[0]["type"] for _ in range(6)]
        assert kinds == ["error", "loaded", "encoded", "encoded", "encoded", "bye"]
        assert cold.receive_any() is None
        assert cold.exit_code() == 0

    def test_the_end_of_stdin_ends_the_worker_in_the_middle_of_its_work(self, cold):
        for index in range(100):  # minutes of work
            cold.send("load", index, weights="demonstration")
        assert cold.receive_any()[0]["type"] == "progress"
        cold.process.stdin.close()
        assert cold.exit_code() == 1
        assert cold.log_text() == ""

    def test_a_killed_parent_takes_the_worker_with_it(self):
        parent = (
            "import subprocess, sys, time\n"
            "from fmcib_engine.framing import pack, read_frame\n"
            "worker = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            "for index in range(100):\n"
            "    worker.stdin.write(pack({'type': 'load', 'id': index, 'weights': 'demonstration'}))\n"
            "worker.stdin.flush()\n"
            "kinds = [read_frame(worker.stdout.read)[0]['type'] for _ in range(2)]\n"
            "print(*kinds, flush=True)\n"
            "time.sleep(600)\n"
        )
        # Both inherit stderr: its end is reached when the last of the two is gone, however its parent reaps it.
        with subprocess.Popen(
            [sys.executable, "-c", parent, *COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout.readline().split() == [b"ready", b"progress"]
            process.kill()
            _, log = process.communicate(timeout=PATIENCE)
        assert log == b""

    def test_a_parent_that_stops_listening_ends_the_worker_quietly(self):
        with tempfile.TemporaryFile() as log:
            with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process:
                assert read_frame(process.stdout.read)[0]["type"] == "ready"
                process.stdout.close()
                process.stdin.write(pack({"type": "ping", "id": 1}))
                process.stdin.flush()
                assert process.wait(PATIENCE) == 1
            log.seek(0)
            assert log.read() == b""

    @needs_posix
    def test_an_interrupt_of_the_terminal_is_left_to_the_parent(self, warm):
        warm.send("encode", 1, random_patch().to_bytes())
        os.kill(warm.process.pid, signal.SIGINT)
        assert warm.receive()[0]["type"] == "encoded"
        os.kill(warm.process.pid, signal.SIGINT)
        assert warm.ask("ping", 2)[0]["type"] == "pong"
