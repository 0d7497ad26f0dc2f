"""What the tasks `heads` and `import_head` tell the window."""

from __future__ import annotations

import json

import pytest
from fmcib_engine.errors import HeadError, ReplacesError
from fmcib_engine.heads.file import write_head
from fmcib_engine.heads.folder import heads_folder
from fmcib_engine.tasks.heads import take_in, tell_heads_here
from heads_support import SHA256, cox, linear

pytest.importorskip("safetensors")
pytest.importorskip("filelock")


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))


def test_a_head_that_is_taken_in_is_told_of_with_all_that_is_needed_to_read_its_numbers(tmp_path):
    sha256 = write_head(tmp_path / "any.head", linear())
    told = take_in(tmp_path / "any.head", own_name="", overwrite=False)["head"]
    assert told["metrics"] == [
        {"name": "AUC", "value": 0.631, "low": 0.578, "high": 0.684, "about": "out of fold",
         "text": "AUC 0.631 [0.578, 0.684]"}
    ]  # fmt: skip
    assert (told["id"], told["sha256"], told["outputs"], told["is_calibrated"]) == (
        "lump", sha256, ["none", "lump"], False
    )  # fmt: skip
    assert (told["encoder_id"], told["weights_sha256"], told["recipe_id"]) == ("small", SHA256, "fmcib-csv-v1")
    assert (told["source"], told["removed_as"]) == ("imported", "heads/lump.head")
    here = tell_heads_here()
    assert told in here["heads"]
    json.dumps(here, allow_nan=False)


def test_another_head_of_that_name_is_replaced_only_where_that_is_said(tmp_path):
    for name, head in (("one", linear()), ("other", cox(id="lump"))):
        write_head(tmp_path / f"{name}.head", head)
    take_in(tmp_path / "one.head", own_name="", overwrite=False)
    with pytest.raises(ReplacesError):
        take_in(tmp_path / "other.head", own_name="", overwrite=False)
    assert take_in(tmp_path / "other.head", own_name="life", overwrite=False)["head"]["id"] == "life"
    assert take_in(tmp_path / "other.head", own_name="", overwrite=True)["head"]["task"] == "survival"


def test_what_is_no_head_is_refused_and_one_that_is_damaged_is_told_of(tmp_path):
    (tmp_path / "x.head").write_bytes(b"no head")
    with pytest.raises(HeadError, match=r"x\.head is no head that could be used"):
        take_in(tmp_path / "x.head", own_name="", overwrite=False)
    heads_folder().mkdir(parents=True)
    (heads_folder() / "torn.head").write_bytes(b"torn")
    (damaged,) = tell_heads_here()["damaged"]
    assert damaged["file"] == "torn.head"
    assert "torn.head is no head that could be used" in damaged["problem"]
