"""Predictions in the feature table and from the worker: real files, the small network, probabilities by hand."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.encoders import COMPUTER_MADE, Encoded, WeightsIdentity
from fmcib_engine.encoders.small import SPEC
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.heads.file import write_head
from fmcib_engine.heads.head import Layer
from fmcib_engine.heads.prediction import HeadColumns, Prediction
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.results.image import write_image
from fmcib_engine.results.lesion import LesionResult, Run
from fmcib_engine.results.schema import COLUMNS, HEAD_COLUMNS, feature_columns, head_columns
from fmcib_engine.results.table import TableOptions, TableWriter
from fmcib_engine.results.versions import installed_versions
from fmcib_engine.seeds import LesionSeed, SeedTable
from heads_support import (
    a_patch,
    catalogue_of_small,
    cox,
    fine_tuned_tensors,
    logits_by_hand,
    origin,
    small_head,
    softmax_by_hand,
    write_fine_tuned,
)

for package in ("torch", "monai", "safetensors", "filelock", "click", "rich"):
    pytest.importorskip(package)

from fmcib_engine.cli import extract as extract_module  # noqa: E402  after the skips
from fmcib_engine.cli.commands import run  # noqa: E402
from fmcib_engine.encoders.building import random_network  # noqa: E402
from fmcib_engine.heads.store import import_head  # noqa: E402
from fmcib_engine.weights.bring import import_file  # noqa: E402
from fmcib_engine.weights.files import file_sha256  # noqa: E402
from test_worker import WorkerClient  # noqa: E402

SEED = [str(value) for value in PHANTOM_SEED]
HOW = ["--device", "cpu", "--engine", "pytorch"]


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "chest.nrrd"
    write_image(chest_phantom((2.8, 2.8, 5.0)), path)
    return path


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def bound(path: Path, tmp_path: Path, **changes: object) -> str:
    """A head of the features of these weights, among those that are here; its SHA-256."""
    count = len(changes.get("columns", ()))
    facts = {"origin": origin(128, weights_sha256=file_sha256(path), columns=changes.pop("columns", ())), **changes}
    if count:
        weight = np.zeros((1, 128 + count))
        weight[0, -1] = 0.1
        facts["layers"] = (Layer(weight, np.zeros(1)),)
    write_head(tmp_path / "x.head", small_head(**facts))
    return import_head(tmp_path / "x.head").sha256


def extract(scan: Path, output: Path, *arguments: str) -> int:
    return run(["extract", "--image", str(scan), "--seed", *SEED, *HOW, "--output", str(output), *arguments])


def features(row: dict[str, str]) -> np.ndarray:
    return np.array([row[name] for name in feature_columns(128)], np.float32)


def test_a_head_that_fits_stands_before_the_features_with_its_note_and_file(small_installed, scan, tmp_path, capsys):
    sha256 = bound(small_installed, tmp_path)
    assert extract(scan, tmp_path / "f.csv", "--weights", "small") == 0
    (row,) = read(tmp_path / "f.csv")
    names = ["lump:none", "lump:lump", "lump:note", "lump:sha256"]
    assert list(row)[len(COLUMNS) : len(COLUMNS) + 4] == names
    assert list(row)[-128] == "pred_0"  # behind those of the heads that came with the engine
    one = 1 / (1 + math.exp(-float(features(row)[0])))
    np.testing.assert_allclose([float(row[name]) for name in names[:2]], [1 - one, one], rtol=1e-12)
    assert row["lump:sha256"] == sha256
    assert row["lump:note"].split("; ")[:3] == [
        COMPUTER_MADE, "label: what the tests call a lump", "AUC 0.631 [0.578, 0.684] (out of fold)"
    ]  # fmt: skip
    told = in_one_line(capsys.readouterr().out)
    first, second = sorted([("none", 1 - one), ("lump", one)], key=lambda pair: -pair[1])
    assert f"Lesion 1: lump: {first[0]} {first[1]:.3f}, {second[0]} {second[1]:.3f} Lesion 1:" in told
    assert f" lump: {COMPUTER_MADE}; label: what the tests call a lump" in told


def test_no_heads_no_columns(small_installed, scan, tmp_path):
    bound(small_installed, tmp_path)
    assert extract(scan, tmp_path / "f.csv", "--weights", "small", "--heads", "none") == 0
    assert not [name for name in read(tmp_path / "f.csv")[0] if ":" in name]


def test_a_head_of_other_weights_is_refused_before_anything_is_computed(small_installed, scan, tmp_path, capsys):
    write_head(tmp_path / "o.head", small_head(id="o"))
    assert extract(scan, tmp_path / "f.csv", "--weights", "small", "--heads", str(tmp_path / "o.head")) == 4
    assert "was made of features of the weights abab" in in_one_line(capsys.readouterr().err)
    assert not list(tmp_path.glob("f.csv*"))


def table_of(scan: Path, tmp_path: Path) -> Path:
    x, y, z = PHANTOM_SEED
    rows = [f"{scan},{x},{y},{z},Doe,62", f"{scan},{x + 3},{y},{z},Doe,", f"{scan},9999,0,0,Doe,50"]
    path = tmp_path / "seeds.csv"
    path.write_text("\n".join(["image_path,coordX,coordY,coordZ,PatientName,age", *rows]) + "\n", encoding="utf-8")
    return path


def test_the_users_columns_are_joined_and_a_row_without_one_says_so(small_installed, scan, tmp_path, capsys):
    bound(small_installed, tmp_path, columns=("age",))
    bound(small_installed, tmp_path, id="named", columns=("sex",))
    command = ["extract", "--table", str(table_of(scan, tmp_path)), *HOW, "--weights", "small"]
    assert run([*command, "--output", str(tmp_path / "f.csv")]) == 3
    assert "The head named needs your column sex" in in_one_line(capsys.readouterr().err)
    first, second, failed = read(tmp_path / "f.csv")
    np.testing.assert_allclose(float(first["lump:lump"]), 1 / (1 + math.exp(-6.2)), rtol=1e-12)
    assert (second["lump:lump"], second["lump:note"]) == (
        "", "no prediction: your column age holds no number here."
    )  # fmt: skip
    assert second["status"] == "ok"
    assert {failed[name] for name in failed if name.startswith("lump:")} == {""}
    assert "Doe" not in (tmp_path / "f.csv").read_text(encoding="utf-8")


def test_a_run_is_not_gone_on_with_by_other_heads(small_installed, scan, tmp_path, monkeypatch, capsys):
    bound(small_installed, tmp_path)
    output = tmp_path / "f.csv"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(extract_module, "analyse", lambda *_, **__: iter(interrupt, 0))
        assert extract(scan, output, "--weights", "small") == 130
    capsys.readouterr()
    assert extract(scan, output, "--weights", "small", "--heads", "none", "--resume") == 4
    assert "is of a run with another choice of heads" in in_one_line(capsys.readouterr().err)
    assert extract(scan, output, "--weights", "small", "--resume") == 0
    assert read(output)[0]["lump:lump"]


@pytest.fixture
def fine_tuned(tmp_path, monkeypatch) -> dict[str, str]:
    """Two installed fine-tuned files of the small encoder: their SHA-256 by ID."""
    monkeypatch.setenv("FMCIB_CATALOGUE", str(catalogue_of_small(tmp_path / "catalogue.toml")))
    found = {}
    for seed, (entry_id, outputs) in enumerate((("malignancy", 2), ("site", 8)), 5):
        trunk = random_network(SPEC, seed=seed).state_dict()
        path = write_fine_tuned(tmp_path / f"{entry_id}.torch", trunk, fine_tuned_tensors(outputs))
        found[entry_id] = import_file(path, entry_id=entry_id).sha256
    return found


def test_one_lesion_gets_every_fine_tuned_head_each_from_its_own_encoder(fine_tuned, scan, tmp_path, capsys):
    for weights in ("malignancy", "site"):
        output = tmp_path / f"{weights}.csv"
        assert extract(scan, output, "--weights", weights, "--heads", "malignancy,site") == 0
    malignancy, site = (read(tmp_path / f"{weights}.csv")[0] for weights in ("malignancy", "site"))
    for weights, row, outputs in (("malignancy", malignancy, 2), ("site", site, 8)):
        assert row["weights_sha256"] == fine_tuned[weights]
        own = softmax_by_hand(logits_by_hand(features(row), outputs))
        names = [name for name in row if name.startswith(f"{weights}:") and "note" not in name and "sha" not in name]
        np.testing.assert_allclose([float(row[name]) for name in names], own, rtol=1e-9)
        assert {row["malignancy:sha256"], row["site:sha256"]} == {*fine_tuned.values()}
    assert not np.allclose(features(malignancy), features(site))
    for name in ("malignancy:malignant", "site:soft tissue"):  # whoever came first
        np.testing.assert_allclose(float(malignancy[name]), float(site[name]), rtol=1e-6)
    own = "from the features of its own encoder fmcib_finetuned.torch, not from those of this table"
    assert [own in row["site:note"] for row in (malignancy, site)] == [True, False]
    assert "not pathology" in malignancy["malignancy:note"]
    known = float(malignancy["site:lung"])
    assert ("UNLIKE what it knows: the head site says" in malignancy["malignancy:note"]) == (known < 0.5)
    assert "has an encoder of its own, which computes every lesion once more" in in_one_line(capsys.readouterr().err)


def test_auto_takes_the_head_in_the_weights_and_no_other_encoder(fine_tuned, scan, tmp_path):
    assert extract(scan, tmp_path / "f.csv", "--weights", "malignancy") == 0
    (row,) = read(tmp_path / "f.csv")
    assert [name for name in row if ":" in name] == [
        "malignancy:benign", "malignancy:malignant", "malignancy:note", "malignancy:sha256"
    ]  # fmt: skip


def test_info_and_columns_tell_of_heads(fine_tuned, capsys):
    assert run(["info", "--no-self-test", *HOW, "--weights", "malignancy"]) == 0
    told = in_one_line(capsys.readouterr().out)
    assert "head malignancy: malignancy of lung nodules as radiologists suspect it (LUNA16); AUC 0.944" in told
    assert run(["columns"]) == 0
    told = capsys.readouterr().out
    for pattern, *_ in HEAD_COLUMNS:
        assert pattern in told


def test_every_column_of_a_head_is_explained_by_a_pattern():
    heads = [HeadColumns("a", ("x", "y"), "0" * 64), HeadColumns("b", cox().outputs, "0" * 64)]
    names = [name.partition(":")[2] for name in head_columns(heads)]
    explained = {pattern.partition(":")[2] for pattern, *_ in HEAD_COLUMNS}
    assert explained == {"<class>", "log_relative_hazard", "survival_<time>_<unit>", "note", "sha256"}
    assert names == ["x", "y", "note", "sha256", "log_relative_hazard", "survival_365_days", "survival_730.5_days",
                     "note", "sha256"]  # fmt: skip


def test_numbers_survive_the_round_trip_and_uids_in_notes_do_not(tmp_path):
    run_facts = Run(SPEC, WeightsIdentity("w", "ab" * 32), "fmcib-csv-v1", "float32", None, installed_versions(),
                    heads=(HeadColumns("a", ("x", "y"), "cd" * 32),))  # fmt: skip
    seed = LesionSeed(1, "1", tmp_path / "ct.nrrd", (1.0, 2.0, 3.0), extras={"a:x": "mine"})
    good = LesionResult(
        seed, PatientPoint(1, 2, 3), a_patch(), Encoded(np.ones(128, np.float32), "cpu"),
        predictions={"a": Prediction((0.1 + 0.2, 1e-300), "of 1.2.840.113619.2.55, for")},
    )  # fmt: skip
    without = replace(good, seed=replace(seed, row=2), predictions={"a": Prediction(None, "no prediction: so")})
    with TableWriter(
        tmp_path / "f.csv", run_facts, SeedTable((seed, without.seed), ("a:x",)), TableOptions()
    ) as writer:
        writer.write(good)
        writer.write(without)
        writer.finish()
    first, second = read(tmp_path / "f.csv")
    assert [float(first["a:x"]), float(first["a:y"])] == [0.1 + 0.2, 1e-300]
    assert first["a:note"] == "of (UID), for"
    assert (second["a:x"], second["a:note"], second["a:sha256"]) == ("", "no prediction: so", "cd" * 32)
    assert first["input_a:x"] == "mine"


def test_the_worker_tells_its_heads_and_what_they_say_of_each_lesion(small_installed, tmp_path):
    sha256 = bound(small_installed, tmp_path, warnings=("knows (--lumps) only",))
    bound(small_installed, tmp_path, id="aged", columns=("age",))
    patch = a_patch()
    with WorkerClient() as client:
        loaded = client.load("small", device="cpu", engine="pytorch")
        aged, head = loaded["heads"][:2]  # others came with the engine
        assert (aged["id"], aged["columns"], head["columns"]) == ("aged", ["age"], [])
        assert (head["id"], head["outputs"], head["sha256"]) == ("lump", ["none", "lump"], sha256)
        assert head["metrics"][0]["text"] == "AUC 0.631 [0.578, 0.684]"
        assert head["warnings"] == ["knows only"]
        assert (head["is_verified"], head["is_calibrated"]) == (True, False)
        assert head["weights_sha256"] == loaded["weights_sha256"]
        assert "needs your column age" in loaded["head_problems"][0]
        header, payload = client.ask("encode", 1, patch.to_bytes())
        none, said, *others = header["predictions"]
        assert (none["head"], none["values"]) == ("aged", None)
        assert none["note"].startswith("no prediction: it needs your column age beside the features")
        one = 1 / (1 + math.exp(-float(np.frombuffer(payload, "<f4")[0])))
        assert said["head"] == "lump"
        np.testing.assert_allclose(said["values"], [1 - one, one], rtol=1e-12)
        assert said["note"].startswith(COMPUTER_MADE)
        refused = client.load("small", device="cpu", engine="pytorch", heads="nobody")
        assert (refused["type"], refused["code"]) == ("error", "weights")
        assert "There is no head 'nobody'" in refused["message"]
        assert client.ask("encode", 2, patch.to_bytes())[0]["predictions"] == [none, said, *others]  # as it was before
        assert client.load("small", device="cpu", engine="pytorch", heads="none")["heads"] == []
        assert client.ask("encode", 3, patch.to_bytes())[0]["predictions"] == []
