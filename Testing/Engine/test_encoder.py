"""The network, its weights in every published form, devices, memory and precision."""

from __future__ import annotations

import hashlib
import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest
from fmcib_engine.encoders import DEMONSTRATION, DEMONSTRATION_MEANING, devices, small
from fmcib_engine.encoders.batching import Batcher
from fmcib_engine.errors import DeviceError, FeatureError, InputError, OutOfMemoryError, WeightsError
from support import golden_cases, needs_golden

torch = pytest.importorskip("torch")
resnet = pytest.importorskip("monai.networks.nets.resnet")

from fmcib_engine.encoders.building import build_network  # noqa: E402
from fmcib_engine.encoders.fmcib import SPEC  # noqa: E402  after the skips
from fmcib_engine.encoders.network import NetworkEncoder  # noqa: E402
from fmcib_engine.weights import load_encoder  # noqa: E402
from fmcib_engine.weights.checkpoint import fill, read_checkpoint  # noqa: E402
from fmcib_engine.weights.demonstration import content_sha256, demonstration_trunk, is_demonstration  # noqa: E402


@pytest.fixture(scope="module")
def trunk():
    return demonstration_trunk()


@pytest.fixture
def demonstration(fmcib_encoder):
    return fmcib_encoder


@pytest.fixture(scope="module", params=["pytorch", "openvino"])
def reference(request, reference_checkpoint):
    """Golden is golden with every engine."""
    return load_encoder(reference_checkpoint, device="cpu", engine=request.param)


@needs_golden
@pytest.mark.parametrize("case", golden_cases(), ids=str)
def test_features_are_upstreams(case, golden, reference):
    (encoded,) = reference.encode([golden[f"{case.name}/patch"]])
    expected = golden[f"{case.name}/features"]
    assert np.linalg.norm(encoded.features - expected) / np.linalg.norm(expected) < 1e-4
    assert (encoded.device, encoded.engine) == ("cpu", reference.engine)


@needs_golden
def test_a_batch_gives_the_features_of_its_patches_in_order(golden, reference):
    names = ["lidc-0314", "ibsi", "r01-001", "thorax-heart", "lidc-0314-corner", "lidc-0314-far-corner", "lidc-0001"]
    encoded = reference.encode([golden[f"{name}/patch"] for name in names])
    for name, one in zip(names, encoded, strict=True):
        expected = golden[f"{name}/features"]
        assert np.linalg.norm(one.features - expected) / np.linalg.norm(expected) < 1e-4


@needs_golden
def test_the_demonstration_weights_are_the_reference_checkpoint(reference_checkpoint, trunk):
    stored = read_checkpoint(reference_checkpoint).trunk
    assert stored.keys() == trunk.keys()
    assert all(torch.allclose(stored[key], trunk[key], atol=1e-6) for key in trunk)


@needs_golden
def test_a_file_of_demonstration_weights_is_marked_and_hashed(reference, reference_checkpoint):
    assert reference.weights.caution == DEMONSTRATION_MEANING
    assert reference.weights.name == f"{DEMONSTRATION} (reference_weights.torch)"
    assert reference.weights.sha256 == hashlib.sha256(reference_checkpoint.read_bytes()).hexdigest()


def test_generated_weights_are_marked_and_hashed(demonstration, trunk):
    assert demonstration.weights.caution == DEMONSTRATION_MEANING
    assert demonstration.weights.name == DEMONSTRATION
    assert demonstration.weights.sha256 == content_sha256(trunk)


def test_the_network_has_4096_features_and_184_million_parameters():
    network = build_network(SPEC)
    assert SPEC.feature_count == 4096
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(184.5e6, rel=0.001)
    assert all(parameter.is_meta for parameter in network.parameters())  # no random numbers were drawn


def test_the_first_stride_is_two_and_another_is_refused(monkeypatch):
    """MONAI's default of 1 takes the same weights and gives other features without a word."""
    assert build_network(SPEC).conv1.stride == (2, 2, 2)
    right = resnet.resnet50

    def wrong_stride(**options):
        return right(**{**options, "conv1_t_stride": 1})

    monkeypatch.setattr(resnet, "resnet50", wrong_stride)
    with pytest.raises(WeightsError, match=r"stride \(2, 2, 2\), this MONAI built \(1, 2, 2\)|built \(1, 1, 1\)"):
        build_network(SPEC)


def other_forms(trunk):
    head = {"0.0.weight": torch.zeros(2, 4096), "0.0.bias": torch.zeros(2)}
    lighter = {f"model.trunk.{key}": value for key, value in trunk.items()}
    lighter |= {f"model.heads.{key}": value for key, value in head.items()}
    return {
        "trunk": ({"trunk_state_dict": trunk}, 0),
        "trunk and head": ({"trunk_state_dict": trunk, "head_state_dict": head}, 2),
        "trunk behind module": ({"trunk_state_dict": {f"module.{key}": value for key, value in trunk.items()}}, 0),
        "lighter": ({"state_dict": lighter}, 2),
        "lighter behind module": ({"state_dict": {f"module.{key}": value for key, value in lighter.items()}}, 2),
        "plain": (dict(trunk), 0),
        "plain behind module": ({f"module.{key}": value for key, value in trunk.items()}, 0),
    }


@pytest.fixture
def save(tmp_path):
    """Save to one file, which goes again after the test: a checkpoint takes 740 MB."""
    path = tmp_path / "weights.torch"

    def saved(content, **options):
        torch.save(content, path, **options)
        return path

    yield saved
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("form", list(other_forms({})))
def test_every_form_of_checkpoint_gives_the_encoders_own_names(form, zipped, trunk, save):
    some = {key: trunk[key].clone() for key in ("conv1.weight", "bn1.bias", "layer4.2.bn3.num_batches_tracked")}
    content, head_size = other_forms(some)[form]
    checkpoint = read_checkpoint(save(content, _use_new_zipfile_serialization=zipped))
    assert len(checkpoint.head) == head_size
    assert checkpoint.trunk.keys() == some.keys()
    assert all(torch.equal(checkpoint.trunk[key], some[key]) for key in some)


def test_a_lighter_checkpoint_with_a_head_gives_the_same_features(trunk, save, demonstration):
    content, _ = other_forms(trunk)["lighter behind module"]
    patch = np.random.default_rng(1).uniform(0, 0.6, (50, 50, 50)).astype(np.float32)
    encoder = load_encoder(save(content), device="cpu", engine="pytorch")
    np.testing.assert_array_equal(encoder.encode([patch])[0].features, demonstration.encode([patch])[0].features)


def test_missing_unexpected_and_misshapen_tensors_are_named(trunk):
    wrong = {key: value for key, value in trunk.items() if key not in {"conv1.weight", "bn1.bias"}}
    wrong["extra.weight"] = torch.zeros(1)
    wrong["bn1.weight"] = torch.zeros(7)
    wrong["layer1.0.conv1.weight"] = trunk["layer1.0.conv1.weight"].half()
    network = build_network(SPEC)
    with pytest.raises(WeightsError) as refusal:
        fill(network, wrong, name="some.torch")
    message = str(refusal.value)
    assert "some.torch" in message
    assert "2 missing (bn1.bias, conv1.weight)" in message
    assert "1 unexpected (extra.weight)" in message
    assert "bn1.weight (7,) torch.float32 instead of (128,) torch.float32" in message
    assert "torch.float16 instead of" in message
    assert all(parameter.is_meta for parameter in network.parameters())  # nothing was filled


def test_a_prefix_on_some_names_only_is_not_taken_off(save):
    """Else one of two tensors would silently win."""
    both = {"conv1.weight": torch.ones(1), "module.conv1.weight": torch.zeros(1)}
    assert read_checkpoint(save(both)).trunk.keys() == both.keys()


def test_a_checkpoint_in_half_precision_is_refused_by_type(save):
    halves = {
        key: torch.zeros((), dtype=torch.float16).expand(each.shape)
        for key, each in build_network(SPEC).state_dict().items()
    }
    path = save({"trunk_state_dict": halves})  # which takes no room
    with pytest.raises(WeightsError, match=r"of another shape or type .*torch\.float16 instead of"):
        load_encoder(path, device="cpu")


def test_weights_that_give_no_numbers_are_refused_at_once(small_file, save):
    broken = {**read_checkpoint(small_file).trunk, "layer4.0.bn2.running_var": torch.full((128,), torch.nan)}
    with pytest.raises(FeatureError, match="NaN or infinite"):
        load_encoder(save({"trunk_state_dict": broken}), device="cpu")


def test_features_that_are_no_numbers_are_an_error(patches):
    batcher = Batcher(lambda batch, _: np.full((len(batch), 2), np.inf), torch.device("cpu"), batch_size=4)
    with pytest.raises(FeatureError, match="NaN or infinite"):
        batcher.run(patches)


def test_a_move_that_runs_out_of_memory_ends_with_the_whole_network_on_the_cpu(small_file, encoder):
    trunk, network = read_checkpoint(small_file).trunk, build_network(small.SPEC)
    fill(network, trunk, name="small")
    mine = NetworkEncoder(small.SPEC, network, encoder.weights, devices.Choice((torch.device("cpu"),)), batch_size=2)
    mine._batcher.device = torch.device("meta")  # stands for a GPU
    moved = network.to

    def torn_move(*, device, dtype):
        if device.type == "meta":
            network.layer4.to("meta")
            network.layer4.load_state_dict(
                {key[7:]: value for key, value in trunk.items() if key.startswith("layer4.")}, assign=True
            )
            message = "CUDA out of memory"
            raise torch.OutOfMemoryError(message)
        return moved(device=device, dtype=dtype)

    network.to = torn_move
    patch = np.full((50, 50, 50), 0.3, np.float32)
    (encoded,) = mine.encode([patch])
    np.testing.assert_array_equal(encoded.features, encoder.encode([patch])[0].features)
    assert (encoded.device, mine.device) == ("cpu", "cpu")
    assert "out of memory" in encoded.note


def test_a_lighter_file_with_tensors_of_other_parts_is_refused(save):
    path = save({"state_dict": {"model.trunk.conv1.weight": torch.zeros(1), "criterion.weight": torch.zeros(1)}})
    with pytest.raises(WeightsError, match=r"neither model\.trunk\.\* nor model\.heads\.\* \(criterion\.weight\)"):
        read_checkpoint(path)


class RunsCode:
    def __reduce__(self):
        return (open, ("/tmp/fmcib-was-here", "w"))  # noqa: S108  never to be made


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be opened|not a checkpoint"),
        (b"<!DOCTYPE html><html>404</html>", "not a checkpoint|cannot be opened"),
        (pickle.dumps(RunsCode()), "holds code, which is never run"),
        (pickle.dumps({"trunk_state_dict": [1, 2]}), "not a checkpoint|cannot be opened|no dictionary"),
        (b"PK\x03\x04 torn", "cannot be opened|not a checkpoint"),
    ],
    ids=["empty", "html", "code", "list", "torn"],
)
def test_files_that_are_no_checkpoint_are_refused_by_name(content, message, tmp_path):
    path = tmp_path / "secret-folder" / "weights.torch"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as refusal:
        read_checkpoint(path)
    assert "weights.torch" in str(refusal.value)
    assert "secret-folder" not in str(refusal.value)


def test_a_truncated_checkpoint_is_refused(save, tmp_path):
    whole = save({"trunk_state_dict": {"conv1.weight": torch.zeros(100_000)}}).read_bytes()
    torn = tmp_path / "torn.torch"
    torn.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"torn\.torch"):
        read_checkpoint(torn)


@pytest.mark.parametrize("content", [[1, 2], {"trunk_state_dict": {}}, {"trunk_state_dict": {"a": 1}}, {"epoch": 3}])
def test_dictionaries_without_tensors_are_refused(content, save):
    with pytest.raises(WeightsError, match="Choose another file"):
        read_checkpoint(save(content))


def test_a_missing_file_is_told_without_its_folder(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights file nothing\.torch") as refusal:
        load_encoder(tmp_path / "nothing.torch")
    assert str(tmp_path) not in str(refusal.value)


def test_another_network_is_not_taken_for_demonstration_weights(trunk):
    network = build_network(SPEC)
    assert is_demonstration(trunk, network)
    assert not is_demonstration({"conv1.weight": trunk["conv1.weight"] * 1.01}, network)
    assert not is_demonstration({"conv1.weight": torch.zeros(3)}, network)
    assert not is_demonstration({}, network)


def test_unknown_encoder_device_and_precision_are_refused():
    with pytest.raises(InputError, match="one of fmcib, small, got 'ct-fm'"):
        load_encoder("demonstration", encoder_id="ct-fm")
    with pytest.raises(DeviceError, match=r"here are .*cpu, got 'tpu'"):
        load_encoder("demonstration", device="tpu")
    with pytest.raises(DeviceError, match="got 'cuda:99'"):
        load_encoder("demonstration", device="cuda:99")
    with pytest.raises(DeviceError, match="one of float32, bfloat16, got 'float16'"):
        devices.require_precision(torch.device("cpu"), "float16")


def test_auto_is_the_first_of_the_listed_devices():
    names = [device.name for device in devices.list_devices()]
    assert names[-1] == "cpu"
    assert str(devices.choose_devices("auto").devices[0]) == names[0]


class SmallMemory:
    """A device that has room for `room` patches, and the CPU for `cpu_room`."""

    def __init__(self, room: int, cpu_room: int = 99, error: type[BaseException] = torch.OutOfMemoryError) -> None:
        self.room, self.cpu_room, self.error = room, cpu_room, error
        self.batches: list[tuple[str, int]] = []

    def __call__(self, batch, device):
        self.batches.append((device.type, len(batch)))
        if len(batch) > (self.cpu_room if device.type == "cpu" else self.room):
            message = "CUDA out of memory"
            raise self.error(message)
        return batch.reshape(len(batch), -1)[:, :2]


@pytest.fixture
def patches():
    return [np.full((2, 2, 2), number, np.float32) for number in range(10)]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_out_of_memory_halves_the_batch_and_says_so(patches, caplog, error):
    memory = SmallMemory(room=3, error=error)
    batcher = Batcher(memory, torch.device("cuda:0"), batch_size=8)
    with caplog.at_level(logging.WARNING):
        results = batcher.run(patches)
    assert [one.features[0] for one in results] == list(range(10))
    assert [size for _, size in memory.batches] == [8, 4, 2, 2, 2, 2, 2]
    assert {one.device for one in results} == {"cuda:0"}
    assert "the batch is now 2 patches" in caplog.text
    assert batcher.batch_size == 2


def test_out_of_memory_for_one_patch_goes_to_the_cpu_and_says_so(patches, caplog):
    batcher = Batcher(SmallMemory(room=0), torch.device("cuda:0"), batch_size=4)
    with caplog.at_level(logging.WARNING):
        results = batcher.run(patches)
    assert [one.features[0] for one in results] == list(range(10))
    assert {one.device for one in results} == {"cpu"}
    assert results[0].note == "cuda:0 was out of memory, computed on the CPU"
    assert "on the CPU" in caplog.text


def test_a_last_batch_that_is_smaller_is_halved_from_its_own_size():
    memory = SmallMemory(room=1)
    Batcher(memory, torch.device("cuda:0"), batch_size=8).run([np.zeros((2, 2, 2), np.float32)] * 2)
    assert [size for _, size in memory.batches] == [2, 1, 1]


def test_a_fall_back_to_the_cpu_says_what_was_not_measured_there():
    batcher = Batcher(SmallMemory(room=0), torch.device("cuda:0"), batch_size=1)
    batcher.remark = "; not measured"
    assert batcher.run([np.zeros((2, 2, 2), np.float32)])[0].note.endswith("on the CPU; not measured")


def test_no_memory_anywhere_is_an_error_of_ours(patches):
    batcher = Batcher(SmallMemory(room=0, cpu_room=0), torch.device("cuda:0"), batch_size=4)
    with pytest.raises(OutOfMemoryError, match="no memory left for a single patch"):
        batcher.run(patches)


def test_other_errors_of_torch_are_not_taken_for_out_of_memory(patches):
    def broken(_batch, _device):
        message = "mat1 and mat2 shapes cannot be multiplied"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        Batcher(broken, torch.device("cpu"), batch_size=4).run(patches)


def test_reduced_precision_is_marked_and_its_deviation_measured(trunk, demonstration):
    rng = np.random.default_rng(0)
    probe = rng.uniform(0, 0.6, (18, 18, 18)).astype(np.float32)  # a processor without bfloat16: 1 s, a whole patch 20
    network = build_network(SPEC)
    fill(network, trunk, name="demonstration")
    reduced = NetworkEncoder(
        SPEC,
        network,
        demonstration.weights,
        devices.Choice((torch.device("cpu"),)),
        precision="bfloat16",
        batch_size=1,
        probe=probe,
    )
    assert reduced.precision == "bfloat16"
    exact = demonstration.encode([probe])[0].features
    mine = reduced.encode([probe])[0].features
    assert mine.dtype == np.float32
    deviation = np.linalg.norm(mine - exact) / np.linalg.norm(exact)
    assert reduced.precision_deviation == pytest.approx(deviation, rel=0.02)
    assert 1e-4 < reduced.precision_deviation < 1
    assert demonstration.precision == "float32"
    assert demonstration.precision_deviation is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@needs_golden
def test_features_on_cuda_are_upstreams(golden, reference_checkpoint):
    encoder = load_encoder(reference_checkpoint, device="cuda")
    for case in golden_cases():
        expected = golden[f"{case.name}/features"]
        (encoded,) = encoder.encode([golden[f"{case.name}/patch"]])
        assert np.linalg.norm(encoded.features - expected) / np.linalg.norm(expected) < 1e-4


def test_importing_the_engine_loads_neither_torch_nor_monai():
    script = (
        "import sys, fmcib_engine, fmcib_engine.pipeline, fmcib_engine.weights, fmcib_engine.encoders.fmcib\n"
        "print([name for name in ('torch', 'monai', 'SimpleITK', 'pydicom') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"
