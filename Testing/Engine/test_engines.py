"""OpenVINO beside PyTorch: when it computes, that it computes the same, and what happens where it does not."""

from __future__ import annotations

import copy
import gc
import json
import os
import platform
import re
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine import weights
from fmcib_engine.encoders import EncoderSpec, WeightsIdentity, devices, engines, memory, openvino_cpu
from fmcib_engine.encoders.batching import Batcher
from fmcib_engine.encoders.engines import OpenVinoCpu, choose_places
from fmcib_engine.errors import DependencyError, DeviceError, ImageError, InputError, LibraryError
from fmcib_engine.results.lesion import LesionResult, Run
from fmcib_engine.results.schema import COLUMNS
from fmcib_engine.seeds import LesionSeed

torch = pytest.importorskip("torch")
resnet = pytest.importorskip("monai.networks.nets.resnet")
if not engines.is_openvino_installed():  # to import it would give whoever runs the tests a number
    pytest.skip("needs openvino", allow_module_level=True)

from fmcib_engine.encoders.network import NetworkEncoder  # noqa: E402  after the skips
from fmcib_engine.encoders.openvino_cpu import OpenVinoNetwork  # noqa: E402
from fmcib_engine.encoders.openvino_graph import translate  # noqa: E402

CPU, CUDA, OPENVINO = torch.device("cpu"), torch.device("cuda:0"), OpenVinoCpu()
SIZE = 24
SPEC = EncoderSpec("tiny", "A tiny ResNet", "fmcib-csv-v1", SIZE, 128, "none", "none", lambda: None)


def small_network():
    """A ResNet-10 of one sixteenth the width: other blocks than FMCIB's, of the same layers."""
    return resnet.resnet10(
        spatial_dims=3,
        n_input_channels=1,
        feed_forward=False,
        shortcut_type="B",
        bias_downsample=True,
        widen_factor=0.25,
    )


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = small_network()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return made.eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def patches():
    return list(np.random.default_rng(3).normal(0.4, 0.3, (5, SIZE, SIZE, SIZE)).astype(np.float32))


def encoder(network, *places, probe=None) -> NetworkEncoder:
    given = np.full((SIZE,) * 3, 0.3, np.float32) if probe is None else probe
    return NetworkEncoder(
        SPEC, network, WeightsIdentity("w", "0" * 64), devices.Choice(places), batch_size=4, probe=given
    )


def by_torch(network, patches) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.from_numpy(np.stack(patches))[:, None]).numpy()


def relative(got, wanted) -> float:
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


def test_another_network_of_the_kind_is_computed_as_well_and_named_in_what_comes(network, patches):
    fast = encoder(network, OPENVINO, CPU)
    found = fast.encode(patches)
    assert relative(np.stack([one.features for one in found]), by_torch(network, patches)) < 1e-5
    assert {(one.device, one.engine, one.note) for one in found} == {("cpu", "openvino", "")}
    assert (fast.device, fast.engine) == ("cpu", "openvino")
    assert 0 <= fast.engine_deviation < 1e-5
    slow = encoder(network, CPU)
    assert {(one.device, one.engine, one.note) for one in slow.encode(patches)} == {("cpu", "pytorch", "")}
    assert (slow.engine, slow.engine_deviation) == ("pytorch", None)


def test_a_patch_has_the_same_bits_twice_alone_and_in_any_batch(network, patches):
    fast = encoder(network, OPENVINO, CPU)
    together = fast.encode(patches)
    for index, patch in enumerate(patches):
        for _ in range(2):
            np.testing.assert_array_equal(fast.encode([patch])[0].features, together[index].features)
    again = encoder(network, OPENVINO, CPU).encode(patches)  # made anew
    assert all(np.array_equal(one.features, other.features) for one, other in zip(again, together, strict=True))


@pytest.mark.parametrize("places", [(OPENVINO, CPU), (OPENVINO,), (CPU,)], ids=["auto", "openvino", "pytorch"])
@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_a_voxel_that_is_no_number_gives_no_features_by_any_engine(nothing, places, network, patches):
    """OpenVINO's ReLU makes 0 of it, and features come that look like others."""
    bad = patches[0].copy()
    bad[3, 4, 5] = nothing
    given = encoder(network, *places)
    with pytest.raises(ImageError, match=r"voxels that are NaN or infinite\. Repair the scan"):
        given.encode([patches[1], bad])
    assert given.encode(patches[:1])[0].engine == ("pytorch" if places == (CPU,) else "openvino")


def test_weights_in_another_order_of_memory_are_computed_as_well(network, patches):
    """As a file has them that was saved after `.to(memory_format=torch.channels_last_3d)`."""
    reordered = copy.deepcopy(network).to(memory_format=torch.channels_last_3d)
    assert not reordered.conv1.weight.is_contiguous() or not reordered.layer2[0].conv1.weight.is_contiguous()
    (found,) = encoder(reordered, OPENVINO, CPU).encode(patches[:1])
    assert (found.engine, found.note) == ("openvino", "")
    assert relative(found.features, by_torch(network, patches[:1])[0]) < 1e-5


def test_what_it_was_made_of_may_change_afterwards(network, patches):
    own = copy.deepcopy(network)
    fast = encoder(own, OPENVINO, CPU)
    (before,) = fast.encode(patches[:1])
    for tensor in own.state_dict().values():
        tensor.fill_(7)
    np.testing.assert_array_equal(fast.encode(patches[:1])[0].features, before.features)


def test_why_it_fails_is_told_and_not_where_in_its_source(network, patches):
    fast = OpenVinoNetwork(network, patches[0], lambda batch: by_torch(network, batch))
    with pytest.raises(LibraryError, match=r"^it failed \(RuntimeError: The input tensor size is not equal to"):
        fast(np.stack(patches)[:, 2:])


def test_it_computes_in_float32_with_as_many_threads_as_pytorch(network, patches):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fast = OpenVinoNetwork(network, patches[0], lambda batch: by_torch(network, batch))
    finally:
        torch.set_num_threads(threads)
    made = fast._request.get_compiled_model()
    assert made.get_property("INFERENCE_NUM_THREADS") == 1
    assert made.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert not made.get_property("ENABLE_CPU_PINNING")


class Nonlinear(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = torch.nn.Sigmoid()

    def forward(self, maps):
        return self.last(maps)


@pytest.mark.parametrize(
    ("network", "what"),
    [
        (Nonlinear(), "The operation Sigmoid|sigmoid"),
        (torch.nn.Sequential(torch.nn.Conv3d(2, 2, 1, groups=2)), "in groups"),
        (torch.nn.Sequential(torch.nn.MaxPool3d(2, ceil_mode=True)), "rounds up"),
        (torch.nn.Sequential(torch.nn.AdaptiveAvgPool3d(2)), "A pooling to 2"),
    ],
    ids=["layer", "groups", "ceil", "pooling"],
)
def test_an_operation_that_is_not_known_is_refused_not_guessed(network, what):
    with pytest.raises(NotImplementedError, match=what):
        translate(network, (1, 2, 4, 4, 4))


def test_a_network_that_it_does_not_know_is_computed_by_pytorch_with_a_word(patches):
    model = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 3), torch.nn.Sigmoid(), torch.nn.Flatten())
    (encoded,) = encoder(model.eval().requires_grad_(requires_grad=False), OPENVINO, CPU).encode(patches[:1])
    assert (encoded.engine, encoded.device) == ("pytorch", "cpu")
    assert encoded.note.startswith("OpenVINO does not work (it failed (NotImplementedError: The operation ")
    assert encoded.note.endswith("), computed by PyTorch on the CPU")


@pytest.mark.parametrize("limit", ["NOISE_LIMIT", "PROBE_LIMIT"])
def test_features_that_differ_are_refused_and_pytorch_goes_on_with_a_word(limit, network, patches, monkeypatch):
    monkeypatch.setattr(openvino_cpu, limit, -1.0)
    auto = encoder(network, OPENVINO, CPU)
    encoded = auto.encode(patches)
    np.testing.assert_allclose(np.stack([one.features for one in encoded]), by_torch(network, patches), rtol=1e-4)
    assert {one.engine for one in encoded} == {"pytorch"}
    assert "OpenVINO does not work (its features differ by" in encoded[0].note
    assert "from PyTorch's, at most" in encoded[0].note
    assert (auto.engine, auto.engine_deviation, auto._openvino) == ("pytorch", None, None)
    with pytest.raises(DeviceError, match="OpenVINO does not compute here: its features differ by") as refusal:
        encoder(network, OPENVINO).encode(patches)
    assert str(refusal.value).endswith("or let the engine be chosen (in the window: Advanced; or --engine auto).")


def test_a_wrong_translation_is_noticed(network, patches, monkeypatch):
    other = small_network().eval()
    monkeypatch.setattr(openvino_cpu, "translate", lambda _, shape: translate(other, shape))
    (encoded,) = encoder(network, OPENVINO, CPU).encode(patches[:1])
    assert encoded.engine == "pytorch"
    assert "its features differ by" in encoded.note


@pytest.mark.parametrize("free", [0, 10**6])
def test_without_memory_it_is_not_even_tried_and_pytorch_goes_on_with_a_word(free, network, patches, monkeypatch):
    monkeypatch.setattr(openvino_cpu, "free_bytes", lambda: free)
    encoded = encoder(network, OPENVINO, CPU).encode(patches)
    assert {(one.engine, one.note) for one in encoded} == {
        ("pytorch", "OpenVINO was out of memory, computed by PyTorch on the CPU")
    }


def test_memory_is_asked_of_the_machine_and_of_the_container(tmp_path):
    machine, group = tmp_path / "meminfo", tmp_path / "group"
    assert memory.free_bytes(machine, group) is None
    machine.write_text("MemTotal: 16 kB\nMemAvailable:      8 kB\n", encoding="utf-8")
    assert memory.free_bytes(machine, group) == 8192
    group.mkdir()
    (group / "memory.max").write_text("max\n", encoding="utf-8")
    (group / "memory.current").write_text("6000\n", encoding="utf-8")
    (group / "memory.stat").write_text("anon 4000\nactive_file 500\ninactive_file 100\n", encoding="utf-8")
    assert memory.free_bytes(machine, group) == 8192
    (group / "memory.max").write_text("7000\n", encoding="utf-8")
    assert memory.free_bytes(machine, group) == 1600
    machine.write_text("nonsense", encoding="utf-8")
    assert memory.free_bytes(machine, group) == 1600


def test_memory_is_asked_of_the_batch_system_whose_groups_lie_within_each_other(tmp_path):
    own, job = tmp_path / "own", tmp_path / "slurm" / "job_7"
    own.write_text("4:memory:/elsewhere\n0::/slurm/job_7/step_0\n", encoding="utf-8")
    (job / "step_0").mkdir(parents=True)
    for folder, most, used in ((job / "step_0", "max", 100), (job, "5000", 1000), (tmp_path / "slurm", "9000", 2000)):
        (folder / "memory.max").write_text(f"{most}\n", encoding="utf-8")
        (folder / "memory.current").write_text(f"{used}\n", encoding="utf-8")
        (folder / "memory.stat").write_text("anon 90\ninactive_file 10\n", encoding="utf-8")
    assert memory.free_bytes(tmp_path / "none", tmp_path, own) == 4010
    (job / "memory.max").write_text("max\n", encoding="utf-8")
    assert memory.free_bytes(tmp_path / "none", tmp_path, own) == 7010
    own.write_text("0::/not/seen/from/inside/a/container\n", encoding="utf-8")
    assert memory.free_bytes(tmp_path / "none", tmp_path, own) is None
    assert memory.free_bytes(tmp_path / "none", tmp_path / "slurm", own) == 7010


def test_one_that_breaks_in_the_midst_loses_and_repeats_nothing(network, patches):
    fast = encoder(network, OPENVINO, CPU)
    first = fast.encode(patches[:2])

    class Broken:
        def infer(self, _):
            message = "Exception from src/inference: primitive"
            raise RuntimeError(message)

    fast._openvino._request = Broken()
    second = fast.encode(patches[2:])
    assert [one.engine for one in (*first, *second)] == ["openvino"] * 2 + ["pytorch"] * 3
    assert relative(np.stack([one.features for one in (*first, *second)]), by_torch(network, patches)) < 1e-5
    assert "OpenVINO does not work (it failed (RuntimeError: Exception from " in second[0].note
    assert (fast.engine_deviation, fast._openvino) == (None, None)  # its memory is given back


def test_out_of_memory_in_the_midst_halves_the_batch_then_goes_to_pytorch(patches):
    def forward(batch, place):
        if place == OPENVINO:
            message = "std::bad_alloc"
            raise RuntimeError(message)
        return batch.reshape(len(batch), -1)[:, :2]

    batcher = Batcher(forward, OPENVINO, 4, others=[CPU])
    assert {(one.engine, one.note) for one in batcher.run(patches)} == {
        ("pytorch", "OpenVINO was out of memory, computed by PyTorch on the CPU")
    }


@pytest.fixture
def here(monkeypatch):
    """An x86 computer with these devices, and OpenVINO."""

    def make(*found, installed=True, machine="x86_64"):
        facts = [devices.DeviceFacts(name, name.upper(), None) for name in (*found, "cpu")]
        monkeypatch.setattr(devices, "list_devices", lambda: facts)
        monkeypatch.setattr(engines, "is_openvino_installed", lambda: installed)
        monkeypatch.setattr(platform, "machine", lambda: machine)

    return make


def test_auto_takes_it_on_an_x86_processor_in_float32_where_it_is_installed_and_nowhere_else(here):
    here()
    assert choose_places("auto").devices == choose_places("cpu").devices == (OPENVINO, CPU)
    assert choose_places("cpu", engine="pytorch").devices == (CPU,)
    assert choose_places("cpu", "bfloat16").devices == (CPU,)
    here(installed=False)
    assert choose_places("cpu").devices == (CPU,)
    here(machine="arm64")
    assert choose_places("cpu").devices == (CPU,)
    here("cuda:0")
    assert choose_places("auto").devices == (CUDA, CPU)
    assert choose_places("cpu").devices == (OPENVINO, CPU)


def test_whoever_names_it_gets_it_alone_or_a_sentence(here):
    here(machine="arm64")
    assert choose_places("cpu", engine="openvino").devices == (OPENVINO,)
    with pytest.raises(DeviceError, match=r"OpenVINO computes in float32, got 'bfloat16'\. Use float32, or let"):
        choose_places("cpu", "bfloat16", "openvino")
    here("cuda:0")
    with pytest.raises(
        DeviceError, match=r"computes on the CPU, and the device here is cuda:0\. Choose the device cpu"
    ):
        choose_places("auto", engine="openvino")
    here(installed=False)
    with pytest.raises(DependencyError, match=r"OpenVINO is not installed\. Install it \(in the window: "):
        choose_places("cpu", engine="openvino")
    with pytest.raises(InputError, match="one of auto, pytorch, openvino, got 'onnx'"):
        choose_places("cpu", engine="onnx")


def test_a_row_names_engine_deviation_and_version_of_what_computed_it(network, patches):
    fast = encoder(network, OPENVINO, CPU)
    (by_openvino,) = fast.encode(patches[:1])
    run = Run(SPEC, fast.weights, "fmcib-csv-v1", "float32", None, {"openvino": "2026.4"}, fast.engine_deviation)
    (by_pytorch,) = encoder(network, CPU).encode(patches[:1])
    seed = LesionSeed(1, "1", Path("ct.nrrd"), (0.0, 0.0, 0.0))

    def cells(encoded) -> list:
        found = {column.name: column.value for column in COLUMNS}
        result = LesionResult(seed, encoded=encoded)
        return [found[name](result, run) for name in ("engine", "engine_deviation", "openvino_version")]

    assert cells(by_openvino) == ["openvino", fast.engine_deviation, "2026.4"]
    assert cells(by_pytorch) == ["pytorch", None, None]
    assert cells(None) == [None, None, None]


WATCHED = """
import sys
told = []
def watch(event, values):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.system"):
        told.append(event)
    if event == "open" and isinstance(values[1], str) and set(values[1]) & set("wax+"):
        told.append(f"{event} {values[0]}")
sys.addaudithook(watch)
import json, numpy as np, torch
from fmcib_engine.encoders.openvino_cpu import OpenVinoNetwork
nn = torch.nn
layers = nn.Sequential(nn.Conv3d(1, 8, 3), nn.BatchNorm3d(8), nn.ReLU(), nn.AdaptiveAvgPool3d(1))
class Net(nn.Module):
    def __init__(self):
        super().__init__(); self.layers = layers
    def forward(self, x):
        x = self.layers(x); return x.view(x.size(0), -1)
net = Net().eval().requires_grad_(False)
def by_torch(batch):
    with torch.inference_mode():
        return net(torch.from_numpy(batch)[:, None]).numpy()
del told[:]  # what PyTorch itself does is not the matter
OpenVinoNetwork(net, np.full((8, 8, 8), 0.3, np.float32), by_torch)
print(json.dumps(told))
"""


def test_it_asks_nobody_and_writes_nothing(tmp_path):
    """OpenVINO numbers its users when it is imported, and its converter tells its makers that it was used."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "FMCIB_HOME": str(tmp_path / "cache")},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert [*tmp_path.iterdir()] == []


DROPPED = """
import os, signal, sys, threading, time
import numpy as np
import torch
from fmcib_engine.encoders.openvino_cpu import OpenVinoNetwork

network = torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3), torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten(1)).eval()

def by_torch(batch):
    with torch.inference_mode():
        return network(torch.from_numpy(batch)[:, None]).numpy()

held = [OpenVinoNetwork(network, np.full((8, 8, 8), 0.3, np.float32), by_torch)]
dropping = threading.Thread(target=held.clear)
dropping.start()
dropping.join()
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(0.01)
print("heard", len(heard))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_signals_are_heard_where_another_thread_has_dropped_its_last_network():
    """With its core it takes away the stack on which the first thread hears them: the process ended by SIGSEGV."""
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout.split()[-2:]) == (0, ["heard", "1"]), done.stderr


def test_nothing_imports_it_but_the_part_that_keeps_it_quiet():
    """Neither in the engine, nor in the module, nor in a test."""
    root = Path(__file__).parents[2]
    importing = re.compile(r"^\s*(?:import|from) openvino\b|import(?:_module|orskip)\(.openvino.\)", re.MULTILINE)
    files = [path for folder in ("FMCIBExtension", "FMCIBModule", "Testing") for path in (root / folder).rglob("*.py")]
    found = [path.name for path in files if importing.search(path.read_text(encoding="utf-8"))]
    assert found == ["quiet.py"]


def test_an_encoder_that_nobody_holds_is_gone_before_the_next_is_loaded(monkeypatch):
    """It refers to itself, and Python's collector counts objects, not gigabytes."""

    class StoppedError(Exception):
        pass

    def stop(_spec):
        raise StoppedError

    gc.collect()
    gc.disable()
    try:
        former = weakref.ref(weights.load_encoder("demonstration", device="cpu", engine="pytorch"))
        assert former() is not None
        monkeypatch.setattr(weights, "build_network", stop)
        with pytest.raises(StoppedError):
            weights.load_encoder("demonstration", device="cpu", engine="pytorch")
        assert former() is None
    finally:
        gc.enable()
