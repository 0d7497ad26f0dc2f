"""Weights files: safetensors beside PyTorch's forms, other files that pass for weights, and damaged ones."""

from __future__ import annotations

import builtins
import gc
import io
import json
import pickle
import random
import stat
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
from fmcib_engine.encoders import DEMONSTRATION_MEANING
from fmcib_engine.errors import DependencyError, InputError, OutOfMemoryError, OutputError, WeightsError

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
resnet = pytest.importorskip("monai.networks.nets.resnet")

from fmcib_engine import weights  # noqa: E402
from fmcib_engine.encoders.building import build_network  # noqa: E402
from fmcib_engine.encoders.fmcib import SPEC  # noqa: E402  after the skips
from fmcib_engine.weights import load_encoder  # noqa: E402
from fmcib_engine.weights.checkpoint import Checkpoint, check_fits, read_checkpoint, write_safetensors  # noqa: E402
from fmcib_engine.weights.demonstration import demonstration_trunk  # noqa: E402
from fmcib_engine.weights.files import file_sha256  # noqa: E402
from fmcib_engine.weights.in_use import is_in_use  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

TRUNK = {
    "conv1.weight": torch.arange(24.0).reshape(2, 3, 4),
    "bn1.bias": torch.ones(3),
    "bn1.num_batches_tracked": torch.tensor(7),
}
HEAD = {"0.0.weight": torch.zeros(2, 4), "0.0.bias": torch.tensor([1.0, 2.0])}


def prefixed(prefix: str, state: dict) -> dict:
    return {f"{prefix}{key}": value for key, value in state.items()}


FORMS = {
    "plain": (TRUNK, {}),
    "plain behind module": (prefixed("module.", TRUNK), {}),
    "plain in state_dict": ({"state_dict": TRUNK}, {}),
    "plain in state_dict behind module": ({"state_dict": prefixed("module.", TRUNK)}, {}),
    "lighter": (prefixed("model.trunk.", TRUNK) | prefixed("model.heads.", HEAD), HEAD),
    "lighter, trunk alone": (prefixed("model.trunk.", TRUNK), {}),
    "lighter behind module": (prefixed("module.model.trunk.", TRUNK) | prefixed("module.model.heads.", HEAD), HEAD),
    "lighter before module": (prefixed("model.trunk.module.", TRUNK) | prefixed("model.heads.module.", HEAD), HEAD),
}


def same(mine, expected) -> bool:
    return mine.keys() == expected.keys() and all(torch.equal(mine[key], expected[key]) for key in expected)


@pytest.fixture(scope="module")
def fitting():
    """Tensors of the network's names, shapes and types that take no memory."""
    return {
        key: torch.zeros((), dtype=value.dtype).expand(value.shape)
        for key, value in build_network(SPEC).state_dict().items()
    }


def raw_safetensors(path: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize("kind", ["safetensors", "zip", "before torch 1.6"])
@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_in_every_format_gives_the_encoders_own_names(form, kind, tmp_path):
    content, head = FORMS[form]
    path = tmp_path / "weights.bin"  # the suffix says nothing
    if kind == "safetensors":
        save_file(content.get("state_dict", content), path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    checkpoint = read_checkpoint(path)
    assert same(checkpoint.trunk, TRUNK)
    assert same(checkpoint.head, head)


def test_what_is_written_is_read_again_with_its_metadata_and_the_folders_rights(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_text("an older one", encoding="utf-8")
    view = TRUNK | {"turned": torch.arange(6.0).reshape(2, 3).T}
    write_safetensors(path, Checkpoint(view, HEAD), {"source": "Zenodo", "licence": "CC BY-NC 4.0"})
    again = read_checkpoint(path)
    assert same(again.trunk, view)
    assert same(again.head, HEAD)
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == {*prefixed("model.trunk.", view), *prefixed("model.heads.", HEAD)}
        assert file.metadata() == {"source": "Zenodo", "licence": "CC BY-NC 4.0"}
    (tmp_path / "other").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
    write_safetensors(path, again, {})  # over the very file that its tensors are mapped from
    assert same(read_checkpoint(path).trunk, view)
    assert sorted(name.name for name in tmp_path.iterdir()) == ["other", "w.safetensors"]


def test_a_file_that_cannot_be_written_leaves_the_older_one_and_nothing_else(tmp_path):
    path = tmp_path / "secret-folder" / "w.safetensors"
    with pytest.raises(OutputError, match=r"w\.safetensors cannot be written \(No such file") as refusal:
        write_safetensors(path, Checkpoint(TRUNK), {})
    assert "secret-folder" not in str(refusal.value)
    path = tmp_path / ("n" * 300)
    with pytest.raises(OutputError, match="cannot be written"):
        write_safetensors(path, Checkpoint(TRUNK), {})
    path = tmp_path / "w.safetensors"
    path.write_text("an older one", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot be written .*share memory"):
        write_safetensors(path, Checkpoint({"a": TRUNK["bn1.bias"], "b": TRUNK["bn1.bias"]}), {})
    assert path.read_text(encoding="utf-8") == "an older one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    script = f"""
import resource, signal, torch
from pathlib import Path
from fmcib_engine.errors import OutputError
from fmcib_engine.weights.checkpoint import Checkpoint, write_safetensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_safetensors(Path({str(tmp_path / "w.safetensors")!r}), Checkpoint({{"a": torch.zeros(100_000)}}), {{}})
except OutputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert "w.safetensors cannot be written" in done.stdout
    assert str(tmp_path) not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The demonstration weights as a safetensors file, which goes again after the tests: it takes 740 MB."""
    path = tmp_path_factory.mktemp("whole") / "w.safetensors"
    write_safetensors(path, Checkpoint(demonstration_trunk()), {})
    yield path
    path.unlink()


def test_a_safetensors_file_of_the_whole_encoder_gives_the_same_features(whole, fmcib_encoder):
    assert same(check_fits(whole).trunk, demonstration_trunk())
    patch = torch.rand((50, 50, 50), generator=torch.Generator().manual_seed(1)).numpy()
    of_file = load_encoder(whole, device="cpu", engine="pytorch")
    expected = fmcib_encoder.encode([patch])[0].features
    assert (of_file.encode([patch])[0].features == expected).all()
    assert of_file.weights.caution == DEMONSTRATION_MEANING
    assert of_file.weights.name.endswith("(w.safetensors)")


def test_an_installed_id_stands_for_its_file_which_must_be_the_one_that_was_verified(whole, monkeypatch):
    asked = []
    monkeypatch.setattr(weights, "resolve", lambda source: {"fmcib": whole}[source])
    monkeypatch.setattr(weights, "require_pinned", lambda *arguments: asked.append(arguments))
    encoder = load_encoder("fmcib", device="cpu")
    assert encoder.weights.name.endswith("(w.safetensors)")
    assert asked == [(whole, file_sha256(whole))]
    assert is_in_use(whole) == (sys.platform != "win32")  # for as long as the encoder lives
    del encoder
    gc.collect()
    assert not is_in_use(whole)

    def changed(path: Path, sha256: str) -> None:
        raise WeightsError(path.name + sha256)

    monkeypatch.setattr(weights, "require_pinned", changed)
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        load_encoder("fmcib", device="cpu")


def test_generated_weights_are_in_no_store(monkeypatch):
    monkeypatch.setattr(weights, "resolve", lambda _: pytest.fail("there is no file"))
    monkeypatch.setattr(weights, "require_pinned", lambda *_: pytest.fail("there is no file"))
    assert load_encoder("demonstration", device="cpu").weights.caution == DEMONSTRATION_MEANING


@pytest.mark.parametrize("prefix", ["", "module.", "model.trunk.", "module.model.trunk.", "model.trunk.module."])
def test_a_checkpoint_that_fits_is_given_back(prefix, fitting, tmp_path):
    path = tmp_path / "w.torch"
    torch.save(prefixed(prefix, fitting), path)
    assert same(check_fits(path).trunk, fitting)


def test_checking_draws_no_memory_for_a_second_network(fitting, tmp_path, monkeypatch):
    from fmcib_engine.weights import checkpoint

    built = []
    monkeypatch.setattr(checkpoint, "build_network", lambda spec: built.append(build_network(spec)) or built[-1])
    torch.save(fitting, tmp_path / "w.torch")
    check_fits(tmp_path / "w.torch")
    assert all(tensor.is_meta for tensor in built[0].state_dict().values())


def test_a_checkpoint_that_does_not_fit_is_refused_with_its_name(fitting, tmp_path):
    path = tmp_path / "w.torch"
    torch.save({key: value for key, value in fitting.items() if key != "bn1.bias"}, path)
    with pytest.raises(WeightsError, match=r"w\.torch does not fit the network, .* 1 missing \(bn1\.bias\)"):
        check_fits(path)
    with pytest.raises(InputError, match="one of fmcib, small, got 'ct-fm'"):
        check_fits(path, "ct-fm")


OTHERS = {
    "a resnet18": lambda: resnet.resnet18(spatial_dims=3, n_input_channels=1, feed_forward=False),
    "MedicalNet's resnet50": lambda: resnet.resnet50(n_input_channels=1, feed_forward=False, shortcut_type="B",
                                                     bias_downsample=False),
    "FMCIB's without biases": lambda: resnet.resnet50(n_input_channels=1, feed_forward=False, widen_factor=2,
                                                      bias_downsample=False),
    "of half the width": lambda: resnet.resnet50(n_input_channels=1, feed_forward=False, bias_downsample=True),
    "of two channels": lambda: resnet.resnet50(n_input_channels=2, feed_forward=False, widen_factor=2,
                                               bias_downsample=True),
    "with its last layer": lambda: resnet.resnet50(n_input_channels=1, num_classes=2, widen_factor=2,
                                                   bias_downsample=True),
}  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("other", list(OTHERS))
def test_weights_of_another_network_are_refused(other, prefix, tmp_path):
    with torch.device("meta"):
        state = OTHERS[other]().state_dict()
    path = tmp_path / "w.torch"
    torch.save(
        prefixed(prefix, {key: torch.zeros((), dtype=value.dtype).expand(value.shape) for key, value in state.items()}),
        path,
    )
    with pytest.raises(WeightsError, match=r"w\.torch does not fit the network") as refusal:
        check_fits(path)
    assert "module." not in str(refusal.value)


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html><body>Sign in</body></html>",
        b"\xef\xbb\xbf\r\n  <html>",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    ],
)
def test_a_web_page_saved_as_weights_is_told_as_one(page, tmp_path):
    path = tmp_path / "model_weights.torch"
    path.write_bytes(page)
    with pytest.raises(WeightsError, match=r"model_weights\.torch is a web page, not a checkpoint: the download needs"):
        read_checkpoint(path)


def test_a_zip_that_would_grow_in_memory_is_refused(tmp_path):
    path = tmp_path / "w.torch"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\x80\x02" + bytes(10_000_000))
        archive.writestr("w/version", "3")
    with pytest.raises(WeightsError, match="would unpack to 10,000,003 bytes"):
        read_checkpoint(path)


class MakesAFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("form", ["pickle", "zip", "before torch 1.6", "inside a state", "ordered"])
def test_a_pickle_that_would_run_code_is_not_run(form, tmp_path):
    made, path = tmp_path / "made", tmp_path / "w.torch"
    evil = MakesAFile(made)
    if form == "pickle":
        path.write_bytes(pickle.dumps(evil))
    elif form == "inside a state":
        torch.save({"trunk_state_dict": {**TRUNK, "extra": evil}}, path)
    elif form == "ordered":
        torch.save({"state_dict": OrderedDict(a=TRUNK["bn1.bias"], b=evil)}, path)
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(WeightsError, match="holds code, which is never run"):
        read_checkpoint(path)
    assert not made.exists()
    pickle.loads(pickle.dumps(evil)).close()  # noqa: S301  it would have worked
    assert made.exists()


def entry(*shape: int, begin: int = 0, end: int = 8, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


BAD_SAFETENSORS = {
    "garbage": (b"{garbage}", b""),
    "no JSON object behind": (b"{", b""),
    "not UTF-8": (b'{"\xff":1}', b""),
    "nested deeply": (b'{"a":' + b"[" * 100_000, b""),
    "overlapping": ({"a": entry(2), "b": entry(2, begin=4, end=12)}, bytes(12)),
    "a hole": ({"a": entry(2), "b": entry(2, begin=12, end=20)}, bytes(20)),
    "data cut short": ({"a": entry(2)}, bytes(7)),
    "data too long": ({"a": entry(2)}, bytes(9)),
    "shape and bytes differ": ({"a": entry(3)}, bytes(8)),
    "a size beyond 64 bits": ({"a": entry(2**63, 2**63)}, bytes(8)),
    "an empty tensor of a size beyond 63 bits": ({"a": entry(2**64 - 1, 0, end=0)}, b""),
    "a negative size": ({"a": entry(-2)}, bytes(8)),
    "offsets backwards": ({"a": entry(2, begin=8, end=0)}, bytes(8)),
    "offsets beyond 64 bits": ({"a": entry(2, end=2**70)}, bytes(8)),
    "an unknown type": ({"a": entry(2, dtype="F128")}, bytes(8)),
    "no tensors": ({}, b""),
    "metadata alone": ({"__metadata__": {"a": "b"}}, b""),
    "a tensor where a dictionary should be": ({"state_dict": entry(2)}, bytes(8)),
}


@pytest.mark.parametrize("case", list(BAD_SAFETENSORS))
def test_a_bad_safetensors_file_is_refused(case, tmp_path):
    header, data = BAD_SAFETENSORS[case]
    path = raw_safetensors(tmp_path / "w.safetensors", header, data)
    with pytest.raises(WeightsError, match=r"w\.safetensors") as refusal:
        read_checkpoint(path)
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize("length", [2**63 + 1, 2**64 - 1, 2**40, 100_000_001, 300])
def test_a_safetensors_header_that_is_longer_than_the_file_is_not_read(length, tmp_path, monkeypatch):
    from fmcib_engine.weights import files

    monkeypatch.setattr(files, "import_safetensors", lambda: pytest.fail("handed on"))
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b'{"a":' + b" " * 200)
    with pytest.raises(WeightsError, match="cut short: its header is to be"):
        read_checkpoint(path)


@pytest.mark.parametrize("length", [2**20 + 1, 100_000_001])
def test_a_huge_safetensors_header_is_not_read_though_the_file_has_it(length, tmp_path, monkeypatch):
    from fmcib_engine.weights import files

    monkeypatch.setattr(files, "import_safetensors", lambda: pytest.fail("handed on"))
    path = tmp_path / "w.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length) + b"{")
        file.truncate(length + 8)  # no disk is used where files may have holes
    with pytest.raises(WeightsError, match="at most 1,048,576 are possible"):
        read_checkpoint(path)


def test_without_safetensors_its_files_are_told_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    save_file(TRUNK, path)
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("safetensors"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyError, match=r"extra \[torch\]"):
        read_checkpoint(path)
    with pytest.raises(DependencyError, match=r"extra \[torch\]"):
        write_safetensors(tmp_path / "other", Checkpoint(TRUNK), {})


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(2, 2).to_sparse(), torch.zeros(3, device="meta")],
    ids=["sparse", "without numbers"],
)
def test_entries_that_are_no_plain_tensors_are_refused(tensor, tmp_path):
    path = tmp_path / "w.torch"
    torch.save({"conv1.weight": tensor}, path)
    with pytest.raises(WeightsError, match="not plain tensors"):
        read_checkpoint(path)


def damaged(original: bytes, seed: int) -> bytes:
    """The file with some of its first bytes, or of a zip's list at its end, flipped, inserted, deleted or cut off."""
    rng = random.Random(seed)  # noqa: S311  no secrets
    content = bytearray(original)
    for _ in range(rng.choice([1, 1, 2, 5])):
        if not content:
            break
        where = rng.randrange(len(content))
        how = rng.choice(["byte", "byte", "bit", "bit", "insert", "delete", "cut"])
        if how == "byte":
            content[where] = rng.randrange(256)
        elif how == "bit":
            content[where] ^= 1 << rng.randrange(8)
        elif how == "insert":
            content[where:where] = rng.randbytes(rng.choice([1, 2, 8]))
        elif how == "delete":
            del content[where : where + rng.choice([1, 2, 8])]
        else:
            del content[where:]
    return bytes(content)


def small_file(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "safetensors":
        from safetensors.torch import save

        return save(TRUNK, metadata={"a": "b"})
    torch.save(
        {"trunk_state_dict": TRUNK, "head_state_dict": HEAD}, buffer, _use_new_zipfile_serialization=kind == "zip"
    )
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["safetensors", "zip", "before torch 1.6"])
def test_a_damaged_file_is_a_checkpoint_or_a_typed_error_and_nothing_else(kind, tmp_path):
    original, path = small_file(kind), tmp_path / "w"
    outcomes = set()
    for seed in range(800):
        path.write_bytes(damaged(original, seed))
        try:
            outcomes.add(type(read_checkpoint(path)))
        except (WeightsError, OutOfMemoryError) as error:
            outcomes.add(type(error))
    assert {Checkpoint, WeightsError} <= outcomes
