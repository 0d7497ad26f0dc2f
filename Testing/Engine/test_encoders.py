"""Encoders, more than one: each file is of one of them, says what it means, and their features never meet."""

from __future__ import annotations

import csv
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.cli.commands import run
from fmcib_engine.encoders import COMPUTER_MADE, DEMONSTRATION_MEANING, ENCODERS
from fmcib_engine.encoders.cautions import caution_of, readable
from fmcib_engine.errors import InputError, WeightsError
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom, probe_patch
from fmcib_engine.preprocessing import PATCH_SIZE, RECIPES
from fmcib_engine.results.image import write_image
from fmcib_engine.results.schema import SCHEMA_VERSION, feature_columns
from fmcib_engine.tasks.probe import probe
from fmcib_engine.weights.about import About, read_about
from fmcib_engine.weights.bring import import_file
from fmcib_engine.weights.record import UNVERIFIED
from fmcib_engine.weights.shipped import SHIPPED, SMALL, caution_for
from fmcib_engine.weights.store import default_weights, resolve

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from fmcib_engine.encoders.building import build_network, random_network  # noqa: E402  after the skips
from fmcib_engine.encoders.engines import is_openvino_installed  # noqa: E402
from fmcib_engine.encoders.openvino_cpu import NOISE_LIMIT  # noqa: E402
from fmcib_engine.weights import load_encoder  # noqa: E402
from fmcib_engine.weights.checkpoint import Checkpoint, check_fits, read_checkpoint, write_safetensors  # noqa: E402
from test_worker import WorkerClient, features_of, random_patch  # noqa: E402

SPEC = ENCODERS[SMALL]
SEED = [str(value) for value in PHANTOM_SEED]
needs_openvino = pytest.mark.skipif(not is_openvino_installed(), reason="needs OpenVINO")


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "chest.nrrd"
    write_image(chest_phantom((2.8, 2.8, 5.0)), path)
    return path


@pytest.fixture(scope="module")
def trunk(small_file) -> dict:
    """The file's numbers, as they are computed with."""
    return dict(read_checkpoint(small_file).trunk)


@pytest.fixture
def of_fmcib(tmp_path) -> Path:
    """FMCIB's names and shapes, and numbers that take no room in memory: nothing may be computed with it."""
    path = tmp_path / "large.torch"
    network = build_network(ENCODERS["fmcib"])
    state = {key: torch.zeros((), dtype=each.dtype).expand(each.shape) for key, each in network.state_dict().items()}
    torch.save({"trunk_state_dict": state}, path)
    return path


def engine(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fmcib_engine", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.id)
def test_every_encoder_takes_the_patch_of_its_recipe_and_gives_as_many_features_as_it_says(spec):
    assert spec.recipe_id in RECIPES
    assert spec.patch_size == PATCH_SIZE
    patches = torch.empty((2, 1, *[spec.patch_size] * 3), device="meta")
    with torch.inference_mode():
        assert build_network(spec)(patches).shape == (2, spec.feature_count)


def test_the_small_network_is_small(small_file):
    parameters = build_network(SPEC).parameters()
    assert sum(each.numel() for each in parameters) == 897_360  # at most 1.5 million
    assert SPEC.feature_count == 128
    assert small_file.stat().st_size < 2_000_000  # at most 3 MB may ship
    assert SPEC.weights_licence == "MIT"


@pytest.mark.parametrize("name", ["small", "fmcib"])
def test_another_monai_that_builds_another_first_convolution_is_noticed(name, monkeypatch):
    from monai.networks.nets import resnet

    original = resnet.ResNet

    def other(*arguments, **options):
        return original(*arguments, **{**options, "conv1_t_stride": 1})

    monkeypatch.setattr(resnet, "ResNet", other)
    with pytest.raises(WeightsError, match="Use another MONAI version"):
        build_network(ENCODERS[name])


def test_a_network_to_be_trained_has_the_same_numbers_for_the_same_seed_and_draws_none_of_the_process():
    before = torch.get_rng_state()
    one, again, other = (random_network(SPEC, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["conv1.weight"], other["conv1.weight"])
    network = random_network(SPEC, 1)
    assert network.training
    assert all(parameter.requires_grad and not parameter.is_meta for parameter in network.parameters())


def test_a_file_says_which_encoder_it_is_of_and_its_features_are_those_of_its_network(small_file, trunk):
    encoder = load_encoder(small_file, device="cpu", engine="pytorch")
    assert encoder.spec is SPEC
    assert (encoder.weights.name, encoder.weights.caution) == (small_file.name, COMPUTER_MADE)
    network = random_network(SPEC, 7).eval()
    network.load_state_dict(trunk)
    patch = probe_patch()
    with torch.inference_mode():
        expected = network(torch.from_numpy(patch)[None, None])[0].numpy()
    (encoded,) = encoder.encode([patch])
    assert encoded.features.shape == (128,)
    np.testing.assert_array_equal(encoded.features, expected)
    assert np.linalg.norm(encoded.features) > 0


def test_convolutions_are_kept_in_half_precision_and_are_what_is_computed_with(tmp_path):
    whole, path = random_network(SPEC, 1).state_dict(), tmp_path / "w.safetensors"
    write_safetensors(path, Checkpoint(whole), About("small").metadata, halves=True)
    trunk = read_checkpoint(path).trunk
    assert all(each.dtype != torch.float16 for each in trunk.values())
    for key, tensor in whole.items():
        expected = tensor.half().float() if tensor.ndim > 1 else tensor
        assert torch.equal(trunk[key], expected), key


def test_half_precision_is_taken_of_files_that_say_their_encoder_only(trunk, tmp_path):
    torch.save({key: each.half() if each.ndim > 1 else each for key, each in trunk.items()}, tmp_path / "w.torch")
    with pytest.raises(WeightsError, match=r"does not fit the network, .*torch\.float16 instead of"):
        check_fits(tmp_path / "w.torch")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_a_file_of_other_numbers_that_does_not_say_its_encoder_is_refused_in_a_sentence(kind, trunk, tmp_path):
    path = tmp_path / "other.torch"
    torch.save(
        {"trunk_state_dict": {key: each.to(kind) if each.ndim > 1 else each for key, each in trunk.items()}}, path
    )
    with pytest.raises(WeightsError, match="of another shape or type"):
        load_encoder(path, device="cpu", engine="pytorch")


def test_a_caution_counts_also_of_a_file_that_does_not_say_its_encoder(tmp_path):
    path = tmp_path / "own.safetensors"
    numbers = Checkpoint(random_network(SPEC, 2).state_dict())
    write_safetensors(path, numbers, About(caution="only a trial").metadata)
    assert read_checkpoint(path).about.caution == "only a trial"
    assert load_encoder(path, device="cpu", engine="pytorch").weights.caution == "only a trial"


@needs_openvino
def test_openvino_computes_the_small_network_too_and_agrees(small_file):
    by_openvino = load_encoder(small_file, device="cpu", engine="openvino")
    by_torch = load_encoder(small_file, device="cpu", engine="pytorch")
    assert (by_openvino.engine, by_torch.engine) == ("openvino", "pytorch")
    assert by_openvino.engine_deviation < NOISE_LIMIT
    patches = [probe_patch(), random_patch(3).array]
    for ours, expected in zip(by_openvino.encode(patches), by_torch.encode(patches), strict=True):
        difference = np.linalg.norm(ours.features - expected.features) / np.linalg.norm(expected.features)
        assert difference < NOISE_LIMIT


@pytest.mark.parametrize("form", ["plain", "trunk_state_dict", "lighter"])
def test_a_file_that_says_nothing_is_of_the_encoder_whose_tensors_it_has(form, small_installed, trunk, tmp_path):
    path = tmp_path / "said-nothing.torch"
    content = {
        "plain": trunk,
        "trunk_state_dict": {"trunk_state_dict": trunk, "head_state_dict": {"0.0.weight": torch.zeros(2, 128)}},
        "lighter": {"state_dict": {f"model.trunk.{key}": each for key, each in trunk.items()}},
    }[form]
    torch.save(content, path)
    assert check_fits(path).about.encoder == "small"
    encoder = load_encoder(path, device="cpu", engine="pytorch")
    assert encoder.spec is SPEC
    assert encoder.weights.caution == COMPUTER_MADE  # whatever the file, they are the shipped numbers


def test_other_numbers_of_the_same_network_are_not_taken_for_the_shipped_ones(small_installed, tmp_path):
    path = tmp_path / "own.safetensors"
    own = Checkpoint(random_network(SPEC, 2).state_dict())
    write_safetensors(path, own, About("small").metadata)
    assert load_encoder(path, device="cpu", engine="pytorch").weights.caution == ""
    write_safetensors(path, own, About("small", "a few; scans\nonly").metadata)
    assert load_encoder(path, device="cpu", engine="pytorch").weights.caution == "a few, scans only"


def test_a_damaged_shipped_file_keeps_no_weights_of_fmcib_from_loading(small_installed, tmp_path, monkeypatch):
    damaged = tmp_path / "small.safetensors"
    damaged.write_bytes(small_installed.read_bytes()[:1000])
    monkeypatch.setenv("FMCIB_SMALL_WEIGHTS", str(damaged))
    trunk = read_checkpoint(small_installed).trunk
    assert caution_for("fmcib", trunk, "what it says") == "what it says"
    with pytest.raises(WeightsError, match=r"small\.safetensors"):
        caution_for("small", trunk, "what it says")


def test_a_file_of_fmcib_is_told_from_one_of_the_small_encoder(of_fmcib, small_file):
    assert check_fits(of_fmcib).about.encoder == "fmcib"
    assert check_fits(of_fmcib, "fmcib").about.encoder == "fmcib"
    assert check_fits(small_file, "small").about.encoder == "small"
    with pytest.raises(WeightsError, match=r"large\.torch is of the encoder fmcib, not of small\. Choose weights of"):
        check_fits(of_fmcib, "small")
    with pytest.raises(WeightsError, match=r"small\.safetensors is of the encoder small, not of fmcib"):
        load_encoder(small_file, encoder_id="fmcib")
    with pytest.raises(InputError, match=r"demonstration weights are of the encoder fmcib, got 'small'"):
        load_encoder("demonstration", encoder_id="small")


def test_a_file_of_an_encoder_that_is_not_known_or_that_lies_is_refused(trunk, tmp_path):
    path = tmp_path / "w.safetensors"
    write_safetensors(path, Checkpoint(trunk), About("ct-fm").metadata)
    with pytest.raises(WeightsError, match=r"'ct-fm', which this version does not know: it has fmcib, small\. Choose"):
        load_encoder(path)
    write_safetensors(path, Checkpoint(trunk), About("fmcib").metadata)
    with pytest.raises(WeightsError, match="does not fit the network, which has 322 tensors"):
        load_encoder(path)


@pytest.mark.parametrize("change", ["missing", "unexpected", "another shape"])
def test_weights_that_are_not_exactly_the_small_encoders_are_refused(change, trunk, tmp_path):
    wrong = dict(trunk)
    if change == "missing":
        del wrong["layer1.0.bn1.bias"]
    elif change == "unexpected":
        wrong["layer9.weight"] = torch.zeros(1)
    else:
        wrong["layer4.0.conv2.weight"] = torch.zeros(2, 2)
    write_safetensors(tmp_path / "w.safetensors", Checkpoint(wrong), About("small").metadata)
    with pytest.raises(WeightsError, match=f"does not fit the network, which has 72 tensors: 1 .*{change}"):
        load_encoder(tmp_path / "w.safetensors")


def header(metadata: object) -> bytes:
    text = json.dumps({"__metadata__": metadata}).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff" * 8, struct.pack("<Q", 2**62), struct.pack("<Q", 40) + b"{", header(None), header(["about"]),
        header({"about": 1}), header({"about": "no JSON"}), header({"about": "[1]"}), header({"other": "{}"}),
        header({"about": '{"encoder": 3, "caution": ["x"]}'}), struct.pack("<Q", 200000) + b"[" * 200000,
    ],
)  # fmt: skip
def test_what_a_damaged_or_hostile_file_says_of_itself_is_nothing(content, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    assert read_about(path) == About()
    assert read_about(tmp_path / "gone.safetensors") == About()


def test_a_caution_is_one_short_sentence_whatever_a_file_says():
    assert readable("a;b\r\n  c") == "a,b c"
    assert readable("\x1b[2Ja\x07\u202eb\u200bc\ud800") == "[2Ja b c"  # no commands to a terminal, no turned writing
    assert len(readable("x" * 10_000)) == 200
    assert readable(f"{'x' * 199} y") == "x" * 199  # no blank at its end: it is looked for among the warnings
    assert readable("=HYPERLINK(1)") == "HYPERLINK(1)"  # a spreadsheet computes what begins so
    assert readable(" +-@ =a - b") == "a - b"
    assert caution_of("DEMONSTRATION WEIGHTS (w.torch)", "") == DEMONSTRATION_MEANING  # of a table before schema 1.5
    assert caution_of("small.safetensors", COMPUTER_MADE) == COMPUTER_MADE
    assert caution_of("model_weights.torch", "") == ""


def test_the_shipped_weights_are_installed_and_are_what_things_are_shown_with(small_installed):
    assert resolve("small") == small_installed
    assert default_weights() == "small"
    (told,) = [one for one in probe(lambda _: None)["weights"] if one["id"] == "small"]
    assert (told["checksum"], told["problem"], told["licence"]) == (SHIPPED, "", "MIT")
    assert (told["encoder"], told["caution"]) == ("small", COMPUTER_MADE)


def test_a_copy_of_the_engine_without_them_says_so(capsys):
    assert default_weights() is None
    assert run(["weights", "path", "small"]) == 4
    told = "There is no file of the weights small, which come with the engine."
    assert told in in_one_line(capsys.readouterr().err)
    with pytest.raises(WeightsError, match=r"The variable FMCIB_SMALL_WEIGHTS says where it is: let it name such a"):
        resolve("small")


def test_a_copy_of_the_engine_without_them_is_to_be_installed_again(monkeypatch, tmp_path):
    monkeypatch.delenv("FMCIB_SMALL_WEIGHTS")
    monkeypatch.setattr("fmcib_engine.weights.shipped._FILE", tmp_path / "small.safetensors")
    with pytest.raises(WeightsError, match=r"which come with the engine\. Install the engine again, with which it"):
        resolve("small")


def test_the_variable_may_name_a_file_in_the_home_folder(small_file, monkeypatch):
    monkeypatch.setenv("HOME", str(small_file.parent))
    monkeypatch.setenv("USERPROFILE", str(small_file.parent))
    monkeypatch.setenv("FMCIB_SMALL_WEIGHTS", f"~/{small_file.name}")
    assert resolve("small") == small_file


@pytest.fixture(params=["cut short", "longer", "no weights", "of FMCIB", "empty"])
def unfit(request, small_file, of_fmcib, tmp_path, monkeypatch) -> Path:
    """What the variable names, or lies where the small encoder's file should be."""
    path, whole = tmp_path / "small.safetensors", small_file.read_bytes()
    contents = {"cut short": whole[:-1], "longer": whole + b"x", "no weights": b"<html>", "empty": b""}
    path.write_bytes(contents[request.param] if request.param in contents else of_fmcib.read_bytes())
    monkeypatch.setenv("FMCIB_SMALL_WEIGHTS", str(path))
    return path


def test_a_file_in_the_place_of_the_shipped_one_that_is_not_is_told_and_nothing_is_computed_with_it(
    unfit, capsys, caplog
):
    problem = "small.safetensors is no whole file of the encoder small. The variable FMCIB_SMALL_WEIGHTS says where"
    assert default_weights() is None
    assert problem in caplog.text  # random numbers are not taken without a word
    (told,) = [one for one in probe(lambda _: None)["weights"] if one["id"] == "small"]
    assert told["problem"].startswith(problem)
    with pytest.raises(WeightsError, match="is no whole file of the encoder small"):
        load_encoder("small", device="cpu")
    assert run(["weights", "list"]) == 0
    assert "damaged" in capsys.readouterr().out
    assert run(["weights", "verify", "small"]) == 3
    assert f"WRONG: {problem}" in in_one_line(capsys.readouterr().out)


def test_what_came_along_is_there_where_no_cache_folder_can_be_found(small_installed, monkeypatch):
    monkeypatch.delenv("FMCIB_HOME")
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert default_weights() == "small"
    told = probe(lambda _: None)
    assert told["cache_folder"] is None
    assert [one["id"] for one in told["weights"]] == ["small"]


def test_what_came_along_is_no_file_of_the_cache_and_cannot_be_removed(small_installed, capsys):
    before = small_installed.read_bytes()
    for arguments in (["small"], [f"weights/{SMALL}"], ["--all"]):
        run(["cache", "remove", "--yes", *arguments])
    assert "There is no 'small' to be removed" in in_one_line(capsys.readouterr().err)
    assert small_installed.read_bytes() == before


def test_weights_of_ones_own_keep_their_encoder_and_their_caution(small_file, small_installed, tmp_path, monkeypatch):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    record = import_file(small_file, own_name="mine")
    assert (record.encoder, record.caution, record.checksum) == ("small", COMPUTER_MADE, UNVERIFIED)
    assert read_about(record.path).caution == COMPUTER_MADE
    encoder = load_encoder("mine", device="cpu", engine="pytorch")
    assert (encoder.spec.id, encoder.weights.caution) == ("small", COMPUTER_MADE)
    assert import_file(small_file, own_name="mine", overwrite=True).sha256 == record.sha256
    with pytest.raises(InputError, match="A name of your own"):
        import_file(small_file, own_name="small")
    said_nothing = tmp_path / "w.torch"
    torch.save(dict(read_checkpoint(small_file).trunk), said_nothing)
    assert import_file(said_nothing, own_name="same").caution == COMPUTER_MADE


def test_a_file_of_another_encoder_is_no_published_file(small_file, tmp_path, monkeypatch):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    with pytest.raises(WeightsError, match=r"small\.safetensors is of the encoder small, not of fmcib"):
        import_file(small_file, entry_id="malignancy")


def test_the_list_names_the_shipped_weights_with_what_they_mean(small_installed, capsys):
    assert run(["weights", "list"]) == 0
    told = capsys.readouterr().out
    for words in ("small", "shipped with the engine", "MIT", "TRAINED ON COMPUTER-MADE LESIONS"):
        assert words in told, words
    for ids in ([], ["small"]):
        assert run(["weights", "verify", *ids]) == 0
        assert "shipped with the engine, and compared with nothing" in in_one_line(capsys.readouterr().out)
    assert run(["weights", "path", "small"]) == 0
    assert capsys.readouterr().out.strip() == str(small_installed)


def test_info_names_every_encoder_and_which_one_the_weights_are_of(small_installed, capsys):
    assert run(["info", "--no-self-test", "--device", "cpu", "--engine", "pytorch"]) == 0
    told = in_one_line(capsys.readouterr().out)
    assert "small: small encoder of this engine; 128 features of fmcib-csv-v1; weights MIT" in told
    assert "fmcib: Foundation Model for Cancer Imaging Biomarkers; 4,096 features" in told
    assert "every tensor as the encoder small wants it" in told
    assert COMPUTER_MADE in told
    assert run(["info", "--no-self-test", "--encoder", "fmcib", "--weights", "small"]) == 4
    assert "is of the encoder small, not of fmcib" in in_one_line(capsys.readouterr().err)


def test_a_table_of_the_small_encoder_has_its_128_columns_and_its_caution_in_every_row(small_installed, scan, tmp_path):
    table, output = tmp_path / "seeds.csv", tmp_path / "f.csv"
    x, y, z = PHANTOM_SEED
    rows = [f"{scan},{x},{y},{z}", f"{scan},{x + 3},{y},{z}", f"{scan},9999,0,0"]
    table.write_text("\n".join(["image_path,coordX,coordY,coordZ", *rows]) + "\n", encoding="utf-8")
    done = engine("extract", "--table", table, "--weights", "small", "--device", "cpu", "--output", output)
    assert done.returncode == 3, done.stderr
    assert COMPUTER_MADE in in_one_line(done.stdout)
    assert "128 features" in done.stdout
    first, second, failed = written = read(output)
    names = list(first)
    assert names[-128:] == feature_columns(128)
    assert all(name.startswith("phantom-") for name in names[names.index("error") + 1 : -128])  # its heads
    for row in written:
        assert (row["encoder_id"], row["weights"], row["schema_version"]) == (
            "small",
            "small.safetensors",
            SCHEMA_VERSION,
        )
        assert row["weights_caution"] == COMPUTER_MADE
        assert COMPUTER_MADE in row["warnings"].split("; ")
        assert row["recipe_id"] == SPEC.recipe_id
    assert [row["status"] for row in written] == ["ok", "ok", "error"]
    values = np.array([[float(row[name]) for name in feature_columns(128)] for row in (first, second)])
    assert np.isfinite(values).all()
    assert (values[0] != values[1]).any()
    assert {failed[name] for name in feature_columns(128)} == {""}


def test_a_table_is_not_gone_on_with_by_another_encoder(
    small_installed, scan, tmp_path, fmcib_encoder, monkeypatch, capsys
):
    from fmcib_engine.cli import extract

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def load(source, **options):
        return fmcib_encoder if source == "demonstration" else load_encoder(source, **options)

    monkeypatch.setattr(extract, "load_encoder", load)
    command = ["extract", "--image", str(scan), "--seed", *SEED, "--device", "cpu", "--engine", "pytorch"]
    for first, then in (("demonstration", "small"), ("small", "demonstration")):
        output = tmp_path / f"{first}.csv"
        with monkeypatch.context() as patch:
            patch.setattr(extract, "analyse", lambda *_, **__: iter(interrupt, 0))
            assert run([*command, "--weights", first, "--output", str(output)]) == 130
        capsys.readouterr()
        assert run([*command, "--weights", then, "--output", str(output), "--resume"]) == 4
        assert "is of a run with another encoder (" in in_one_line(capsys.readouterr().err)
        assert not output.exists()


def test_weights_of_another_encoder_than_the_one_that_is_named_are_refused(small_installed, scan, tmp_path):
    output = tmp_path / "f.csv"
    arguments = ["extract", "--image", scan, "--seed", *SEED, "--weights", "small", "--output", output]
    done = engine(*arguments, "--encoder", "fmcib")
    assert done.returncode == 4
    assert "small.safetensors is of the encoder small, not of fmcib" in in_one_line(done.stderr)
    assert not output.exists()
    assert engine(*arguments, "--encoder", "ct-fm").returncode == 2
    done = engine(*arguments, "--encoder", "small", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert list(read(output)[0])[-128:] == feature_columns(128)


def test_the_encoder_that_is_named_chooses_the_weights_where_none_are(small_installed, scan, tmp_path, capsys):
    output = tmp_path / "f.csv"
    arguments = ["extract", "--image", str(scan), "--seed", *SEED, "--device", "cpu", "--engine", "pytorch"]
    assert run([*arguments, "--encoder", "small", "--output", str(output)]) == 0
    assert [row["encoder_id"] for row in read(output)] == ["small"]
    capsys.readouterr()
    assert run(["info", "--no-self-test", "--encoder", "fmcib", "--device", "cpu", "--engine", "pytorch"]) == 0
    assert "weights: none" in capsys.readouterr().out


def test_a_caution_has_no_uids_and_is_the_same_in_both_columns(small_file, scan, tmp_path):
    path, output = tmp_path / "own.safetensors", tmp_path / "f.csv"
    own = Checkpoint(random_network(SPEC, 2).state_dict())
    write_safetensors(path, own, About("small", 'the "scan" 1.2.840.113619.2.55 only').metadata)
    arguments = ["extract", "--image", str(scan), "--seed", *SEED, "--device", "cpu", "--engine", "pytorch"]
    assert run([*arguments, "--weights", str(path), "--output", str(output)]) == 0
    (row,) = read(output)
    assert row["weights_caution"] == 'the "scan" (UID) only'
    assert row["warnings"].split("; ")[0] == row["weights_caution"]


def test_nothing_is_extracted_with_the_small_encoder_unasked(small_installed, scan, tmp_path, capsys):
    assert run(["extract", "--image", str(scan), "--seed", *SEED, "--output", str(tmp_path / "f.csv")]) == 2
    assert "`--weights small` computes with the small encoder, for trying out" in in_one_line(capsys.readouterr().err)


def test_the_demo_is_of_the_small_encoder_where_no_published_weights_are(small_installed, tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    done = engine("demo", "--no-download", "--device", "cpu", "--output", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert COMPUTER_MADE in in_one_line(done.stdout)
    (row,) = read(tmp_path / "demo" / "features.csv")
    assert (row["encoder_id"], row["weights_caution"]) == ("small", COMPUTER_MADE)
    pixels = (plt.imread(tmp_path / "demo" / "patch.png")[..., :3] * 255).round().astype(int)
    red = (pixels[50:86] == (0xB3, 0x26, 0x1E)).all(axis=-1)
    assert red.mean() > 0.7  # the band in which the caution stands
    assert (pixels[50:86] == 255).all(axis=-1).sum() > 500  # and its white letters


def test_the_columns_say_how_many_features_each_encoder_has(capsys):
    assert run(["columns"]) == 0
    told = in_one_line(capsys.readouterr().out.replace("│", ""))
    assert f"schema {SCHEMA_VERSION}" in told
    assert "weights_caution" in told
    assert "pred_4095 of fmcib" in told
    assert "pred_127 of small" in told


def test_published_features_are_compared_with_fmcibs_only(small_installed, tmp_path, scan, capsys, monkeypatch):
    from fmcib_engine.cli import verify_published

    monkeypatch.setattr(verify_published, "read_published", lambda _: None)
    arguments = ["--scan", str(scan), "--published", str(tmp_path / "p.csv"), "--weights", "small"]
    assert run(["verify-published", *arguments]) == 4
    assert "is of the encoder small, not of fmcib" in in_one_line(capsys.readouterr().err)


def test_the_worker_computes_with_either_encoder_as_the_weights_say(small_installed):
    expected = load_encoder("small", device="cpu", engine="pytorch").encode([random_patch(5).array])[0].features
    with WorkerClient() as client:
        loaded = client.load("small", device="cpu", engine="pytorch")
        assert (loaded["encoder_id"], loaded["feature_count"]) == ("small", 128)
        assert loaded["caution"] == COMPUTER_MADE
        reply = client.ask("encode", 1, random_patch(5).to_bytes())
        assert (reply[0]["feature_count"], reply[0]["caution"]) == (128, COMPUTER_MADE)
        np.testing.assert_array_equal(features_of(reply), expected)
        refused = client.load("small", encoder="fmcib")
        assert (refused["type"], refused["code"]) == ("error", "weights")
        assert refused["message"].endswith("Choose weights of fmcib, or the encoder small.")
        assert client.load("small", encoder="ct-fm")["code"] == "bad_request"
        np.testing.assert_array_equal(features_of(client.ask("encode", 2, random_patch(5).to_bytes())), expected)
