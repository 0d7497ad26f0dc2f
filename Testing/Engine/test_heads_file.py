"""Heads as files: what is written is read again, and nothing else is taken for a head."""

from __future__ import annotations

import json
import pickle
import random
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.errors import HeadError, OutputError
from fmcib_engine.heads.facts import as_json
from fmcib_engine.heads.file import head_bytes, read_head, write_head
from fmcib_engine.heads.predict import predict
from heads_support import all_kinds, cox, facts_of, linear, network, parts_of, with_facts, write_raw

pytest.importorskip("safetensors")

from safetensors.numpy import save_file  # noqa: E402  after the skip

KINDS = all_kinds()


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_written_is_read_again(kind, tmp_path):
    head = KINDS[kind]
    sha256 = write_head(tmp_path / "a.head", head)
    again = read_head(tmp_path / "a.head")
    assert again.sha256 == sha256
    assert as_json(again.head) == as_json(head)
    x = np.array([[0.5, -2.0, 8.0], [1.0, 1.0, 1.0]])[:, : head.origin.count]
    np.testing.assert_array_equal(predict(again.head, x), predict(head, x))
    for mine, theirs in zip(again.head.layers, head.layers, strict=True):
        assert mine.weight.dtype == theirs.weight.dtype


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_same_head_is_the_same_bytes(kind):
    head = KINDS[kind]
    turned = replace(head, versions=dict(reversed(head.versions.items())))
    turned = replace(turned, layers=tuple(replace(each, weight=np.asfortranarray(each.weight)) for each in head.layers))
    assert head_bytes(turned) == head_bytes(head)
    assert head_bytes(replace(head, title="Another")) != head_bytes(head)


def test_a_file_that_cannot_be_written_leaves_the_older_one_and_nothing_else(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_head(tmp_path / "secret" / "a.head", linear())
    write_head(tmp_path / "a.head", linear())
    (tmp_path / "unfinished-a.head").mkdir()
    with pytest.raises(OutputError, match=r"a\.head cannot be written"):
        write_head(tmp_path / "a.head", cox())
    assert read_head(tmp_path / "a.head").head.id == "lump"


class Code:
    def __reduce__(self):
        return Path.touch, (Path("it-ran"),)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", ["task3.pkl", "a.head"])
def test_a_pickle_is_refused_with_an_explanation_and_not_run(tmp_path, monkeypatch, protocol, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Code(), protocol=protocol))
    with pytest.raises(HeadError) as refusal:
        read_head(path)
    if protocol >= 2 or name == "task3.pkl":
        assert f"{name} is a Python pickle, such as upstream's task3.pkl" in str(refusal.value)
        assert "runs whatever code is in it" in str(refusal.value)
    assert not Path("it-ran").exists()


def others(tmp_path: Path) -> dict[str, tuple[bytes, str]]:
    save_file({"model.trunk.conv1.weight": np.zeros(3, np.float32)}, tmp_path / "w", metadata={"about": "{}"})
    save_file({"layers.0.weight": np.zeros(3, np.float32)}, tmp_path / "v")
    whole = head_bytes(linear())
    return {
        "nothing": (b"", "cut short"),
        "text": (b"pred_0,pred_1\n1,2\n", "no safetensors file"),
        "web page": (b"<!DOCTYPE html><html>", "web page"),
        "checkpoint": (b"PK\x03\x04" + b"\0" * 40, "a checkpoint of PyTorch"),
        "weights": ((tmp_path / "w").read_bytes(), "no entry fmcib_head"),
        "no metadata": ((tmp_path / "v").read_bytes(), "no entry fmcib_head"),
        "cut in the header": (whole[:100], "cut short"),
        "cut in the numbers": (whole[:-5], "it is damaged"),
        "longer": (whole + b"\0", "it is damaged"),
        "a header of 1 EB": (struct.pack("<Q", 1 << 60) + b"{}", "cut short"),
    }


OTHERS = ("nothing", "text", "web page", "checkpoint", "weights", "no metadata", "cut in the header",
          "cut in the numbers", "longer", "a header of 1 EB")  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_other_files_are_refused_by_what_they_are(what, tmp_path):
    content, said = others(tmp_path)[what]
    path = tmp_path / "other.head"
    path.write_bytes(content)
    with pytest.raises(HeadError, match=said) as refusal:
        read_head(path)
    assert str(refusal.value).startswith("other.head ")


def test_no_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(HeadError, match=r"none\.head cannot be read \(No such file"):
        read_head(tmp_path / "none.head")
    with pytest.raises(HeadError, match="is no file"):
        read_head(tmp_path)


def changed(**changes: object) -> dict:
    return {**facts_of(linear()), **changes}


def without(key: str) -> dict:
    return {name: value for name, value in facts_of(linear()).items() if name != key}


@pytest.mark.parametrize("key", sorted(facts_of(linear())))
def test_every_fact_must_be_there_and_be_of_its_kind(key, tmp_path):
    with pytest.raises(HeadError, match=f"a.head is no head that could be used: it lacks {key}"):
        read_head(with_facts(tmp_path / "a.head", without(key)))
    for wrong in (None, True, [[]], {"x": 1}, 3.5):
        with pytest.raises(HeadError, match=key):
            read_head(with_facts(tmp_path / "a.head", changed(**{key: wrong})))


METRIC = {"name": "AUC", "value": 0.6, "low": 0.5, "high": 0.7, "about": ""}
TRAINING = {"population": "x", "cases": 1, "groups": 1, "cases_of": []}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (changed(format=2), "of the format 2, this version reads 1"),
        (changed(format=1.0), "format is a whole number"),
        (changed(colour="red"), "unknown key 'colour'"),
        (changed(classes=["a", 1]), r"classes\[1\] is a text, it is 1"),
        (changed(features=0), "features is 1 to 65536"),
        (changed(features=10**30), "features is 1 to 65536"),
        (changed(features=["a", "b"]), "layer 1 takes 2 numbers"),
        (changed(versions={"numpy": 2}), "versions.numpy is a text"),
        (changed(metrics=[METRIC | {"value": "0.6"}]), r'metrics\[0\].value is a number, it is "0.6"'),
        (changed(metrics=[METRIC | {"value": True}]), r"metrics\[0\].value is a number, it is true"),
        (changed(metrics=[METRIC | {"value": 10**400}]), "finite"),
        (changed(metrics=[METRIC | {"level": 95}]), "unknown key 'level'"),
        (changed(metrics=[METRIC] * 101), "at most 100 metrics"),
        (changed(training=TRAINING | {"cases": -1}), "0 or more"),
        (changed(training=TRAINING | {"cases": 1.5}), "training.cases is a whole number"),
        (changed(calibration={"kind": "none", "parameters": [], "about": "", "x": 1}), "unknown key 'x'"),
        (changed(calibration={"kind": "isotonic", "parameters": [], "about": ""}), "one of none, temperature, platt"),
        (changed(time_unit="days"), "a unit of time and no baseline"),
        (changed(weights_sha256="AB" * 32), "64 hexadecimal digits"),
        (changed(id="../../etc"), "small letters, digits"),
        ("{", "no JSON"),
        ("[]", "the whole is an object"),
        ('{"format": 1, "format": 1}', "stands twice"),
        ('{"format": NaN}', "NaN is no finite number"),
        ("[" * 100_000, "nested too deep"),
    ],
    ids=range(25),
)
def test_facts_that_are_not_right_are_refused(facts, said, tmp_path):
    with pytest.raises(HeadError, match=said):
        read_head(with_facts(tmp_path / "a.head", facts))


def test_tensors_that_are_not_right_are_refused(tmp_path):
    header, data = parts_of(linear())
    path = tmp_path / "a.head"
    cases = {
        "unknown tensor 'more'": {**header, "more": {"dtype": "F64", "shape": [0], "data_offsets": [len(data)] * 2}},
        "is of 'I64', wanted F32 or F64": {
            **header, "layers.0.bias": {**header["layers.0.bias"], "dtype": "I64"}
        },
        "lacks the tensor layers.0.bias": {
            ("x" if name == "layers.0.bias" else name): each for name, each in header.items()
        },
        "only one of scaling.mean": {("x" if name == "scaling.mean" else name): each for name, each in header.items()},
        "unknown tensor 'layers.1": {name.replace("layers.0", "layers.1"): each for name, each in header.items()},
        "other entries": {**header, "__metadata__": {**header["__metadata__"], "x": "y"}},
        "it is damaged": {**header, "layers.0.bias": {**header["layers.0.bias"], "data_offsets": [0, 16]}},
    }  # fmt: skip
    for said, wrong in cases.items():
        with pytest.raises(HeadError, match=said):
            read_head(write_raw(path, wrong, data))


@pytest.mark.parametrize("head", [linear(), network(), cox()], ids=["linear", "network", "cox"])
def test_damaged_files_are_a_head_or_a_sentence(head, tmp_path):
    """A fuzz of header and numbers: two thousand files, each with some bytes changed, taken out or put in."""
    whole, chance, path = head_bytes(head), random.Random(14), tmp_path / "a.head"  # noqa: S311
    length = 8 + int.from_bytes(whole[:8], "little")
    told: list[str] = []
    for round_number in range(700):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(length if round_number % 4 else len(content))
            kind = chance.choice(["change", "change", "take out", "put in"])
            if kind == "change":
                content[place] = chance.randrange(256)
            elif kind == "take out":
                del content[place : place + chance.randint(1, 9)]
            else:
                content[place:place] = bytes(chance.choices(b'0123456789-"{}[],:eaN\\\x00\xff', k=chance.randint(1, 9)))
            content = content or bytearray(b"\0")
            length = min(length, len(content))
        path.write_bytes(content)
        try:
            again = read_head(path).head
        except HeadError as error:
            told.append(str(error))
        else:
            predict(again, np.ones((1, again.origin.count)))
    assert len(told) > 350
    assert [each for each in told if not each.startswith(("a.head ", "It is of the format"))] == []


def test_what_a_fuzz_leaves_of_the_facts_is_told_too(tmp_path):
    """Values exchanged for others of JSON, in each place of the facts."""
    chance, path = random.Random(7), tmp_path / "a.head"  # noqa: S311
    values = [None, True, 0, -1, 1e308, "", "x" * 3000, [], {}, [None], {"a": {}}, "pred_0", 2**70]

    told: list[str] = []

    def places(part: object, where: tuple = ()) -> list[tuple]:
        inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        return [where, *(place for key, each in inner for place in places(each, (*where, key)))]

    for place in places(facts_of(cox()))[1:]:
        for value in chance.sample(values, 6):
            facts = facts_of(cox())
            inner = facts
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            with_facts(path, json.dumps(facts), cox())
            try:
                read_head(path)
            except HeadError as error:
                told.append(str(error))
    assert len(told) > 200
    assert max(map(len, told)) < 400


@pytest.mark.parametrize("caution", ["=1+1", " =HYPERLINK(1)", "+1", "-1", "@SUM(1)"])
def test_a_caution_that_a_spreadsheet_would_take_for_a_formula_is_refused(caution):
    with pytest.raises(HeadError, match="its caution is a sentence, no formula"):
        linear(caution=caution)


def test_a_key_that_stands_twice_in_the_header_is_refused(tmp_path):
    header, data = parts_of(linear())
    text = json.dumps(header)
    name = '"layers.0.bias": '
    twice = text.replace(name, f"{name}{json.dumps(header['layers.0.bias'])}, {name}")
    with pytest.raises(HeadError, match="a key stands twice in its header or facts"):
        read_head(write_raw(tmp_path / "x.head", twice.encode(), data))
