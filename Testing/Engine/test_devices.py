"""Devices that are there and do not work: what is computed instead, and what the user reads."""

from __future__ import annotations

import csv
import json
import logging
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.encoders import devices
from fmcib_engine.encoders.batching import Batcher, is_out_of_memory
from fmcib_engine.encoders.device_faults import Fault, fault_of
from fmcib_engine.encoders.known_bad import ON_CUDA, known_bad_on_cuda
from fmcib_engine.errors import DependencyError, DeviceError, FeatureError, OutOfMemoryError

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from broken_gpu import TITLE, accelerator_error  # noqa: E402  after the skips
from fmcib_engine.encoders.building import build_network  # noqa: E402
from fmcib_engine.encoders.network import NetworkEncoder  # noqa: E402
from fmcib_engine.encoders.small import SPEC  # noqa: E402
from fmcib_engine.weights import load_encoder  # noqa: E402
from fmcib_engine.weights.checkpoint import fill, read_checkpoint  # noqa: E402
from test_worker import WorkerClient, random_patch  # noqa: E402

CUDA, MPS, CPU = torch.device("cuda:0"), torch.device("mps"), torch.device("cpu")
KERNELS = "this PyTorch was not built for it"
DRIVER = "its driver is too old for this PyTorch, or does not work"
MIDST = "it broke off in the midst of the work"
LIBRARY = "a library of PyTorch for it is missing, does not fit, or could not start"
LACKS = "this PyTorch lacks an operation of the network there"
OTHER_KIND = "this PyTorch was not built for GPUs of this kind"
HIDDEN = "PyTorch does not find it"
BUSY = "another program has it for itself"

REPORTED = [
    (accelerator_error, "CUDA error: no kernel image is available for execution on the device", KERNELS),
    (RuntimeError, "CUDA error: device kernel image is invalid", KERNELS),
    (RuntimeError, "HIP error: invalid device function", KERNELS),
    (RuntimeError, "hipErrorNoBinaryForGpu: Unable to find code object for all current devices!", KERNELS),
    (RuntimeError, "cuDNN error: CUDNN_STATUS_ARCH_MISMATCH", KERNELS),
    (RuntimeError, "nvrtc: error: invalid value for --gpu-architecture (-arch)", KERNELS),
    (
        RuntimeError,
        "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver",
        DRIVER,
    ),
    (RuntimeError, "CUDA error: CUDA driver version is insufficient for CUDA runtime version", DRIVER),
    (RuntimeError, "CUDA error: the provided PTX was compiled with an unsupported toolchain.", DRIVER),
    (
        RuntimeError,
        (
            "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
            "NumCudaDevices() that might have already set an error? Error 804: forward compatibility was attempted "
            "on non supported HW"
        ),
        DRIVER,
    ),
    (
        RuntimeError,
        (
            "CUDA unknown error - this may be due to an incorrectly set up environment, e.g. changing env variable "
            "CUDA_VISIBLE_DEVICES after program start. Setting the available devices to be zero."
        ),
        DRIVER,
    ),
    (RuntimeError, "Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized", DRIVER),
    (AssertionError, "Torch not compiled with CUDA enabled", OTHER_KIND),
    (AssertionError, "Torch not compiled with MPS enabled", OTHER_KIND),
    (RuntimeError, "No CUDA GPUs are available", HIDDEN),
    (RuntimeError, "No HIP GPUs are available", HIDDEN),
    (RuntimeError, "CUDA error: no CUDA-capable device is detected", HIDDEN),
    (RuntimeError, "CUDA error: invalid device ordinal", HIDDEN),
    (RuntimeError, "device >= 0 && device < num_gpus INTERNAL ASSERT FAILED", HIDDEN),
    (accelerator_error, "CUDA error: CUDA-capable device(s) is/are busy or unavailable", BUSY),
    (RuntimeError, "CUDA error: all CUDA-capable devices are busy or unavailable", BUSY),
    (accelerator_error, "CUDA error: unspecified launch failure", MIDST),
    (accelerator_error, "CUDA error: an illegal memory access was encountered", MIDST),
    (RuntimeError, "CUDA error: uncorrectable ECC error encountered", MIDST),
    (RuntimeError, "CUDA error: device-side assert triggered", MIDST),
    (RuntimeError, "CUDA error: the launch timed out and was terminated", MIDST),
    (RuntimeError, "Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.", MIDST),
    (RuntimeError, "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", LIBRARY),
    (
        RuntimeError,
        "cuDNN version incompatibility: PyTorch was compiled against (8, 7, 0) but found runtime version (8, 2, 4).",
        LIBRARY,
    ),
    (RuntimeError, "Unable to find a valid cuDNN algorithm to run convolution", LIBRARY),
    (RuntimeError, "FIND was unable to find an engine to execute this computation", LIBRARY),
    (RuntimeError, "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", LIBRARY),
    (RuntimeError, "miopenStatusUnknownError", LIBRARY),
    (RuntimeError, "nvrtc: error: failed to open libnvrtc-builtins.so.12.4.", LIBRARY),
    (OSError, "libcudart.so.12: cannot open shared object file: No such file or directory", LIBRARY),
    (RuntimeError, "Could not load library libcudnn_cnn_infer.so.8. Error: libnvrtc.so: cannot open", LIBRARY),
    (NotImplementedError, "Conv3D is not supported on MPS", LACKS),
    (RuntimeError, "Conv3D is not supported on MPS", LACKS),
    (
        NotImplementedError,
        "The operator 'aten::slow_conv3d_forward' is not currently implemented for the MPS device.",
        LACKS,
    ),
    (TypeError, "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.", LACKS),
    (torch.cuda.DeferredCudaCallError, "CUDA call failed lazily at initialization", "it failed (DeferredCudaCallError"),
    (RuntimeError, "Failed to create function state object for: conv", "it failed (RuntimeError: Failed to create"),
]


class BrokenGpu:
    """A device other than the CPU, on which everything fails after some batches; what was computed where."""

    def __init__(self, error: BaseException, good: int = 0, cpu_error: BaseException | None = None) -> None:
        self.error, self.good, self.cpu_error = error, good, cpu_error
        self.computed: list[tuple[str, list[float]]] = []

    def __call__(self, batch, device):
        if device.type == "cpu" and self.cpu_error is not None:
            raise self.cpu_error
        if device.type != "cpu" and self.good <= len(self.computed):
            raise self.error
        self.computed.append((str(device), batch[:, 0, 0, 0].tolist()))
        return batch.reshape(len(batch), -1)[:, :2]


@pytest.fixture
def patches():
    return [np.full((2, 2, 2), number, np.float32) for number in range(7)]


def named(value) -> str:
    """A part of a test's name that is the same in every process."""
    return getattr(value, "__name__", str(value))[:40]


@pytest.mark.parametrize(("kind", "text", "reason"), REPORTED, ids=named)
def test_whatever_fails_on_a_gpu_alone_goes_on_on_the_cpu_with_its_reason(kind, text, reason, patches):
    gpu = BrokenGpu(kind(text))
    batcher = Batcher(gpu, CUDA, batch_size=4, others=[CPU])
    results = batcher.run(patches)
    assert [one.features[0] for one in results] == list(range(7))
    assert {one.device for one in results} == {"cpu"}
    assert all(one.note.startswith(f"cuda:0 does not work ({reason}") for one in results)
    assert all(one.note.endswith("), computed on the CPU") for one in results)
    assert "--" not in results[0].note


@pytest.mark.parametrize(("kind", "text", "reason"), REPORTED, ids=named)
def test_whoever_names_a_device_gets_a_sentence_with_device_reason_and_remedy(kind, text, reason, patches):
    with pytest.raises(DeviceError) as refusal:
        Batcher(BrokenGpu(kind(text)), CUDA, batch_size=4).run(patches)
    told = str(refusal.value)
    assert told.startswith(f"cuda:0 does not compute here: {reason}")
    assert told.endswith("or choose another device (in the window: Advanced; or --device cpu).")
    assert fault_of(kind(text)).remedy in told
    assert "\n" not in told


def test_every_reason_has_its_remedy_and_is_found_again():
    faults = {fault_of(kind(text)) for kind, text, _ in REPORTED}
    assert {fault.reason for fault in faults} > {KERNELS, DRIVER, MIDST, LIBRARY, LACKS, OTHER_KIND, HIDDEN, BUSY}
    listed = [devices._broken("cuda:0", kind(text)) for kind, text, _ in REPORTED]
    assert {Fault(facts.problem, facts.remedy) for facts in listed} == faults
    assert all(fault.remedy for fault in faults)


def test_a_gpu_that_breaks_in_the_midst_loses_and_repeats_nothing(patches):
    gpu = BrokenGpu(RuntimeError("CUDA error: unspecified launch failure"), good=1)
    results = Batcher(gpu, CUDA, batch_size=3, others=[CPU]).run(patches)
    assert [one.features[0] for one in results] == list(range(7))
    assert [one.device for one in results] == ["cuda:0"] * 3 + ["cpu"] * 4
    assert [bool(one.note) for one in results] == [False] * 3 + [True] * 4
    numbers = [number for _, batch in gpu.computed for number in batch]
    assert numbers == list(range(7))  # each once, the check on the CPU included


def test_the_next_gpu_comes_before_the_cpu(patches):
    def forward(batch, device):
        if device == CUDA:
            raise REPORTED[0][0](REPORTED[0][1])
        return batch.reshape(len(batch), -1)[:, :2]

    results = Batcher(forward, CUDA, batch_size=4, others=[torch.device("cuda:1"), CPU]).run(patches)
    assert {one.device for one in results} == {"cuda:1"}
    assert results[0].note == f"cuda:0 does not work ({KERNELS}), computed on cuda:1"


def test_all_gpus_that_do_not_work_are_named(patches):
    gpu = BrokenGpu(RuntimeError("No CUDA GPUs are available"))
    results = Batcher(gpu, CUDA, batch_size=4, others=[torch.device("cuda:1"), CPU]).run(patches)
    assert results[0].note == f"cuda:0 does not work ({HIDDEN}), cuda:1 does not work ({HIDDEN}), computed on the CPU"


@pytest.mark.parametrize("others", [[CPU], []], ids=["auto", "by name"])
@pytest.mark.parametrize(
    "bug", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), TypeError("unsupported operand"), KeyError("x")]
)
def test_a_bug_is_not_taken_for_a_broken_gpu_and_the_gpu_is_used_again(bug, others, patches):
    gpu = BrokenGpu(accelerator_error("CUDA error: device-side assert triggered"), cpu_error=bug)
    batcher = Batcher(gpu, CUDA, batch_size=4, others=others)
    with pytest.raises(type(bug)) as raised:
        batcher.run(patches)
    assert raised.value is bug
    assert batcher.device == CUDA
    gpu.good = 99
    assert [(one.device, one.note) for one in batcher.run(patches[:1])] == [("cuda:0", "")]


@pytest.mark.parametrize("nothing", [np.nan, np.inf])
def test_a_gpu_that_gives_no_numbers_is_broken_if_the_cpu_gives_some(nothing, patches):
    def forward(batch, device):
        return batch.reshape(len(batch), -1)[:, :2] * (1 if device.type == "cpu" else nothing)

    results = Batcher(forward, MPS, batch_size=4, others=[CPU]).run(patches[1:])
    assert [one.features[0] for one in results] == list(range(1, 7))
    assert results[0].note == "mps does not work (it gives features that are no numbers), computed on the CPU"
    with pytest.raises(DeviceError, match="mps does not compute here: it gives features that are no numbers"):
        Batcher(forward, MPS, batch_size=4).run(patches[1:])
    with pytest.raises(FeatureError, match="the precision is too low"):
        Batcher(forward, MPS, batch_size=4, others=[CPU], may_overflow=True).run(patches[1:])


def test_weights_that_give_no_numbers_anywhere_are_no_broken_gpu(patches):
    batcher = Batcher(lambda batch, _: np.full((len(batch), 2), np.nan), CUDA, batch_size=4, others=[CPU])
    with pytest.raises(FeatureError, match="NaN or infinite"):
        batcher.run(patches)
    assert batcher.device == CUDA


def test_a_broken_gpu_and_no_memory_on_the_cpu_is_told_as_out_of_memory(patches):
    gpu = BrokenGpu(RuntimeError("No CUDA GPUs are available"), cpu_error=MemoryError())
    with pytest.raises(OutOfMemoryError):
        Batcher(gpu, CUDA, batch_size=1, others=[CPU]).run(patches)
    with pytest.raises(DeviceError, match=HIDDEN):
        Batcher(gpu, CUDA, batch_size=1).run(patches)


def test_the_cpu_is_asked_once_whether_a_named_gpu_is_at_fault(patches):
    gpu = BrokenGpu(RuntimeError("CUDA error: unspecified launch failure"))
    batcher = Batcher(gpu, CUDA, batch_size=1)
    for patch in patches:
        with pytest.raises(DeviceError, match=MIDST):
            batcher.run([patch])
    assert gpu.computed == [("cpu", [0.0])]


@pytest.mark.parametrize(
    "text",
    [
        "HIP out of memory. Tried to allocate 2.00 GiB",
        "MPS backend out of memory (MPS allocated: 8.99 GB)",
        "Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "Invalid buffer size: 12.00 GB",
    ],
)
def test_a_full_gpu_is_no_broken_gpu(text):
    assert is_out_of_memory(RuntimeError(text))


def test_a_gpu_that_refuses_to_free_memory_stops_nothing(patches, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def refuse():
        message = "CUDA error: unspecified launch failure"
        raise RuntimeError(message)

    monkeypatch.setattr(torch.cuda, "empty_cache", refuse)
    gpu = BrokenGpu(RuntimeError("CUDA out of memory"))
    assert {one.device for one in Batcher(gpu, CUDA, batch_size=2).run(patches)} == {"cpu"}


def test_weights_that_a_broken_gpu_does_not_give_back_are_taken_from_the_file(encoder, small_file):
    network = build_network(SPEC)
    fill(network, read_checkpoint(small_file).trunk, name="small")
    broken = NetworkEncoder(SPEC, network, encoder.weights, devices.Choice((MPS, CPU)), batch_size=1)
    broken._batcher.device = torch.device("meta")  # stands for a GPU
    patch = np.full((50, 50, 50), 0.3, np.float32)
    (encoded,) = broken.encode([patch])  # on `meta` the weights are gone, and no number comes back
    (expected,) = encoder.encode([patch])
    np.testing.assert_array_equal(encoded.features, expected.features)
    assert encoded.device == broken.device == "cpu"
    assert encoded.note.startswith("meta does not work (")


@pytest.fixture
def pretend(monkeypatch):
    """Makes PyTorch tell of other devices."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    def make(count=1, properties=None, available=lambda: True):
        monkeypatch.setattr(torch.cuda, "is_available", available)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        good = lambda _: types.SimpleNamespace(name=TITLE, total_memory=16 << 30)  # noqa: E731
        monkeypatch.setattr(torch.cuda, "get_device_properties", properties or good)
        devices._warning_of_cuda.cache_clear()

    yield make
    monkeypatch.undo()
    devices._warning_of_cuda.cache_clear()


def raising(error: BaseException):
    def fail(*_):
        raise error

    return fail


def test_a_gpu_whose_facts_cannot_be_asked_for_is_listed_with_its_problem(pretend):
    pretend(properties=raising(RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable")))
    assert devices.list_devices()[0] == devices.DeviceFacts("cuda:0", "GPU", None, BUSY)
    choice = devices.choose_devices("auto")
    assert choice == devices.Choice((CPU,), (f"GPU (cuda:0) does not work ({BUSY})",))
    with pytest.raises(DeviceError, match=rf"GPU \(cuda:0\) does not compute here: {BUSY}\. End that program"):
        devices.choose_devices("cuda")


def test_a_driver_that_makes_torch_fail_at_the_first_question_is_told(pretend):
    pretend(
        available=raising(
            RuntimeError("Unexpected error from cudaGetDeviceCount()... Error 804: forward compatibility")
        )
    )
    assert [facts.problem for facts in devices.list_devices()] == [DRIVER, ""]
    assert devices.choose_devices("auto").devices == (CPU,)


def test_a_driver_that_torch_only_warns_of_is_told_in_the_row(pretend, small_file):
    def available() -> bool:
        warnings.warn(
            "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040).", stacklevel=1
        )
        return False

    pretend(available=available, count=0)
    encoder = load_encoder(small_file, device="auto")
    (encoded,) = encoder.encode([np.zeros((50, 50, 50), np.float32)])
    assert (encoder.device, encoded.note) == ("cpu", f"GPU (cuda:0) does not work ({DRIVER}), computed on the CPU")


def test_a_computer_without_any_gpu_is_no_broken_one(pretend):
    def available() -> bool:
        warnings.warn("CUDA initialization: Found no NVIDIA driver on your system.", stacklevel=1)
        return False

    pretend(available=available, count=0)
    assert [facts.name for facts in devices.list_devices()] == ["cpu"]
    assert devices.choose_devices("auto") == devices.Choice((CPU,))


def test_a_torch_that_counts_no_gpu_says_what_to_look_at(pretend, monkeypatch):
    pretend(count=0)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with pytest.raises(DeviceError, match=r"here are cpu, got 'cuda'\. The variable CUDA_VISIBLE_DEVICES is '7'"):
        devices.choose_devices("cuda")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with pytest.raises(DeviceError, match="Check that the GPU has a driver"):
        devices.choose_devices("cuda:1")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(DeviceError, match="built for the CPU only"):
        devices.choose_devices("cuda")
    with pytest.raises(DeviceError, match=r"here are cpu, got 'xpu'\.$"):
        devices.choose_devices("xpu")


def test_a_reduced_precision_goes_on_only_where_it_is_computed(pretend):
    pretend(count=2)
    both = (CUDA, torch.device("cuda:1"))
    assert devices.choose_devices("auto", "float16").devices == both
    assert devices.choose_devices("auto", "bfloat16").devices == (*both, CPU)
    pretend(properties=raising(RuntimeError("No CUDA GPUs are available")))
    with pytest.raises(DeviceError, match="On cpu the precision is one of float32, bfloat16, got 'float16'"):
        devices.choose_devices("auto", "float16")


def test_devices_are_tried_with_a_small_computation(pretend, monkeypatch):
    pretend()
    little = devices._little
    assert little(CPU).shape == (1, 8, 1, 1, 1)
    for error, problem in [(None, ""), (accelerator_error("CUDA error: no kernel image is available"), KERNELS)]:
        on_gpu = (lambda: little(CPU)) if error is None else raising(error)
        monkeypatch.setattr(devices, "_little", lambda device, gpu=on_gpu: gpu() if device == CUDA else little(device))
        assert [(facts.name, facts.problem) for facts in devices.try_devices()] == [("cuda:0", problem), ("cpu", "")]
    monkeypatch.setattr(devices, "_little", lambda device: little(CPU) * (1.1 if device == CUDA else 1))
    assert devices.try_devices()[0].problem == "it computes other numbers than the CPU"


def run(how: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(Path(__file__).with_name("broken_gpu.py")), how, *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL)


@pytest.fixture
def scan(tmp_path, small_installed):
    """A small scan of air, a table of five seeds in it, and an encoder that is installed."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.full((60, 60, 60), -800, np.int16))
    sitk.WriteImage(image, str(tmp_path / "scan.nrrd"))
    lines = ["image_path,coordX,coordY,coordZ", *(f"scan.nrrd,30,30,{25 + number}" for number in range(5))]
    (tmp_path / "seeds.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def extract(scan: Path, how: str, device: str) -> tuple[subprocess.CompletedProcess, list[dict[str, str]]]:
    done = run(
        *(how, "extract", "--table", str(scan / "seeds.csv"), "--weights", "small", "--device", device),
        *("--batch-size", "2", "--output", str(scan / "features.csv")),
    )
    if not (scan / "features.csv").exists():
        return done, []
    with (scan / "features.csv").open(encoding="utf-8", newline="") as file:
        return done, list(csv.DictReader(file))


def test_the_command_line_goes_on_on_the_cpu_and_says_so_in_every_row(scan):
    done, rows = extract(scan, "mps", "auto")
    assert done.returncode == 0, done.stderr
    assert [(row["status"], row["device"]) for row in rows] == [("ok", "cpu")] * 5
    told = f"Apple GPU (mps) does not work ({LACKS}), computed on the CPU"
    assert all(told in row["warnings"] for row in rows)
    assert "Traceback" not in done.stderr


def test_the_command_line_refuses_a_named_device_with_a_sentence(scan):
    done, rows = extract(scan, "kernels", "cuda:0")
    assert (done.returncode, rows) == (4, [])
    told = " ".join(done.stderr.split())
    assert f"Error: {TITLE} (cuda:0) does not compute here: {KERNELS}. Install a PyTorch" in told
    assert "--device cpu" in told
    assert "Traceback" not in told


def test_a_gpu_that_is_lost_after_two_batches_costs_no_row(scan):
    done, rows = extract(scan, "later: lost", "auto")
    assert done.returncode == 0, done.stderr
    assert [row["device"] for row in rows] == ["cuda:0", "cuda:0", "cpu", "cpu", "cpu"]
    assert [MIDST in row["warnings"] for row in rows] == [False, False, True, True, True]


def test_a_named_gpu_that_is_lost_makes_errors_of_what_is_left(scan):
    done, rows = extract(scan, "later: lost", "cuda")
    assert done.returncode == 3
    assert [row["status"] for row in rows] == ["ok", "ok", "error", "error", "error"]
    assert all(MIDST in row["error"] for row in rows[2:])


def test_info_says_which_device_does_not_work(small_installed):
    done = run("kernels", "info", "--weights", "small")
    assert done.returncode == 0, done.stderr
    assert f"device cuda:0: {TITLE}, 16 GiB; does not work: " in done.stdout
    assert f"self-test: {TITLE} (cuda:0) does not work ({KERNELS}), computed on the CPU" in " ".join(
        done.stderr.split()
    )
    named = run("kernels", "info", "--device", "cuda", "--no-self-test")
    assert named.returncode == 4
    assert f"{TITLE} (cuda:0) does not compute here: " in " ".join(named.stderr.split())


def test_the_worker_names_the_device_that_really_computes_or_refuses_the_one_that_was_named(
    small_installed,
):
    command = [sys.executable, str(Path(__file__).with_name("broken_gpu.py")), "kernels", "worker"]
    with WorkerClient(command) as client:
        refused = client.load(device="cuda")
        assert (refused["type"], refused["code"]) == ("error", "device")
        assert refused["message"].startswith(f"{TITLE} (cuda:0) does not compute here: {KERNELS}. Install a PyTorch")
        loaded = client.load()
        assert (loaded["type"], loaded["device"]) == ("loaded", "cpu")
        encoded, payload = client.ask("encode", 1, random_patch().to_bytes())
        assert (encoded["type"], encoded["device"], len(payload)) == ("encoded", "cpu", 4 * 128)
        assert encoded["note"] == f"{TITLE} (cuda:0) does not work ({KERNELS}), computed on the CPU"
        assert "Traceback" not in client.log_text()


def task(how: str, *arguments: str) -> dict:
    command = [sys.executable, str(Path(__file__).with_name("broken_gpu.py")), how, "task", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        *_, last = [json.loads(line) for line in process.stdout]
        process.stdin.close()
    return last


def test_the_windows_first_look_and_self_test_survive_a_broken_gpu():
    probed = task("kernels", "probe")
    assert probed["torch"]["problem"] == ""
    assert [(device["name"], bool(device["problem"])) for device in probed["devices"]] == [
        ("cuda:0", True),
        ("cpu", False),
    ]
    tested = task("kernels", "self_test")
    assert (tested["type"], tested["good"], tested["device"]) == ("result", True, "cpu")
    assert tested["note"] == f"{TITLE} (cuda:0) does not work ({KERNELS}), computed on the CPU"


def test_the_log_has_the_libraries_own_words_without_folders(patches, caplog):
    error = OSError("/home/doe/lib/libcudart.so.12: cannot open shared object file: No such file or directory")
    with caplog.at_level(logging.WARNING):
        Batcher(BrokenGpu(error), CUDA, batch_size=4, others=[CPU]).run(patches)
    assert "OSError: libcudart.so.12: cannot open shared object file" in caplog.text
    assert "home" not in caplog.text


def test_a_pytorch_that_cannot_be_loaded_is_told_without_folders(monkeypatch):
    class Finder:
        def find_spec(self, name, *_):
            if name == "torch":
                msg = "/home/doe/venv/lib/libtorch.so: cannot open shared object file"
                raise OSError(msg)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(DependencyError, match=r"imported \(OSError: libtorch\.so: cannot open .* file\)\. Install it"):
        devices.import_torch()


@pytest.fixture
def build(monkeypatch):
    """Makes this PyTorch one of another version, for CUDA, with a GPU."""

    def make(version: str, cuda: str | None = "12.8", cudnn: int | None = 91002) -> None:
        monkeypatch.setattr(torch, "__version__", version)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.backends.cudnn, "version", lambda: cudnn)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        facts = types.SimpleNamespace(name=TITLE, total_memory=16 << 30)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: facts)

    return make


@pytest.mark.parametrize("version", ["2.9.0+cu128", "2.9.1+cu130", "2.9.1"])
def test_a_version_that_is_bad_on_cuda_alone_is_left_out_by_auto_and_refused_by_name(build, version):
    build(version)
    release = version.partition("+")[0]
    reason = f"PyTorch {release} convolves volumes there slowly, with many times the memory, or wrongly"
    (gpu, cpu) = devices.try_devices()  # nothing is computed on it: there is none
    assert (gpu.problem, cpu.problem) == (reason, "")
    choice = devices.choose_devices("auto")
    assert choice.devices == (CPU,)
    assert choice.left_out == (f"{TITLE} (cuda:0) does not work ({reason})",)
    assert devices.choose_devices("cpu").devices == (CPU,)
    for name in ("cuda", "cuda:0"):
        with pytest.raises(DeviceError) as refused:
            devices.choose_devices(name)
        assert str(refused.value) == (
            f"{TITLE} (cuda:0) does not compute here: {reason}. Install PyTorch 2.10 or newer, or choose another "
            "device (in the window: Advanced; or --device cpu)."
        )


@pytest.mark.parametrize(
    ("version", "cuda", "cudnn"),
    [
        ("2.9.1+cpu", None, None),
        ("2.9.0+rocm6.4", None, None),
        ("2.9.1+cu130", "13.0", 91500),  # a newer cuDNN was installed beside it
        ("2.9.2+cu128", "12.8", 91002),
        ("2.10.0+cu128", "12.8", 91002),
        ("2.8.0", "12.8", 91002),
    ],
)
def test_other_versions_and_builds_and_those_that_are_mended_are_not(build, version, cuda, cudnn):
    build(version, cuda, cudnn)
    assert known_bad_on_cuda(torch) is None
    assert devices.list_devices()[0].problem == ""
    assert devices.choose_devices("cuda").devices == (CUDA,)


def test_a_newer_cudnn_does_not_mend_a_version_that_goes_round_it(build):
    build("2.9.0+cu130", "13.0", 92100)
    assert known_bad_on_cuda(torch).version == "2.9.0"


def test_each_version_that_is_known_to_be_bad_has_its_reason_and_its_source():
    for bad in ON_CUDA:
        assert bad.version in bad.fault.reason
        assert bad.fault.remedy
        assert bad.source
    assert "#166643" in ON_CUDA[0].source
