"""What the tasks `heads`, `import_head`, `export_head` and `rename_head` do for the window."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.errors import HeadError, InputError, OutputError, ReplacesError
from fmcib_engine.heads.file import read_head, write_head
from fmcib_engine.heads.folder import heads_folder
from fmcib_engine.heads.predict import predict
from fmcib_engine.tasks.heads import give_name, give_out, take_in, tell_heads_here
from fmcib_engine.weights.files import file_sha256
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


def here() -> list[str]:
    return [each["id"] for each in tell_heads_here()["heads"] if each["removed_as"]]


def test_a_head_is_renamed_with_its_numbers_and_its_file_is_another(tmp_path):
    sha256 = write_head(tmp_path / "any.head", linear())
    take_in(tmp_path / "any.head", own_name="", overwrite=False)
    told = give_name("lump", "lump-of-2026", sha256=sha256)["head"]
    assert here() == ["lump-of-2026"]
    assert told in tell_heads_here()["heads"]
    assert (told["title"], told["removed_as"]) == ("Lump or not", "heads/lump-of-2026.head")
    assert told["sha256"] == file_sha256(heads_folder() / "lump-of-2026.head") != sha256
    features = np.array([[1.0, 2.0, 3.0]])
    renamed = read_head(heads_folder() / "lump-of-2026.head").head
    assert predict(renamed, features).tolist() == predict(linear(), features).tolist()
    assert give_name("lump-of-2026", "lump", sha256="")["head"]["sha256"] == sha256  # the same head, the same bytes


def test_a_name_in_use_or_kept_or_that_cannot_be_is_refused_and_nothing_changes(tmp_path):
    for name, head in (("one", linear()), ("other", cox())):
        write_head(tmp_path / f"{name}.head", head)
        take_in(tmp_path / f"{name}.head", own_name="", overwrite=False)
    (heads_folder() / "torn.head").write_bytes(b"torn")
    before = {path.name: path.read_bytes() for path in heads_folder().glob("*.head")}
    shipped = next(each["id"] for each in tell_heads_here()["heads"] if not each["removed_as"])
    for name in ("life", "lump", "torn", shipped):
        with pytest.raises(HeadError, match=f"There is a head of the name {name} already. Choose another"):
            give_name("lump", name, sha256="")
    for name in ("auto", "none", "malignancy", "fmcib", "con"):
        with pytest.raises(HeadError, match=f"The name {name} is kept for something else"):
            give_name("lump", name, sha256="")
    for name in ("", "Lump", "../lump", "a b", "x" * 65):
        with pytest.raises(InputError, match="small letters"):
            give_name("lump", name, sha256="")
    assert {path.name: path.read_bytes() for path in heads_folder().glob("*.head")} == before


def test_heads_that_were_published_or_came_with_the_engine_keep_their_names_and_say_so(tmp_path):
    shipped = next(each for each in tell_heads_here()["heads"] if not each["removed_as"])
    with pytest.raises(HeadError, match=f"{shipped['id']} came with the engine and keeps its name"):
        give_name(shipped["id"], "mine", sha256=shipped["sha256"])
    for name in ("malignancy", "site", "survival"):
        with pytest.raises(HeadError, match=f"{name} was published and lies in its own weights"):
            give_name(name, "mine", sha256="")
    with pytest.raises(HeadError, match="no head 'nobody'"):
        give_name("nobody", "mine", sha256="")
    assert here() == []


def test_a_rename_that_fails_in_the_midst_leaves_one_head_as_it_was(tmp_path, monkeypatch):
    write_head(tmp_path / "any.head", linear())
    take_in(tmp_path / "any.head", own_name="", overwrite=False)
    unlink = Path.unlink

    def held(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == "lump.head":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", held)
        with pytest.raises(OutputError, match=r"lump\.head cannot be renamed \(Permission denied\)"):
            give_name("lump", "other", sha256="")
    assert here() == ["lump"]


def test_an_exported_head_is_the_one_that_was_shown_and_replaces_nothing_unasked(tmp_path):
    sha256 = write_head(tmp_path / "any.head", linear())
    take_in(tmp_path / "any.head", own_name="", overwrite=False)
    target = tmp_path / "out.head"
    answer = give_out("lump", target, sha256=sha256, overwrite=False)
    assert (answer["file"], answer["head"]["sha256"]) == ("out.head", sha256)
    target.write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"out\.head exists already"):
        give_out("lump", target, sha256=sha256, overwrite=False)
    assert target.read_bytes() == b"precious"
    give_out("lump", target, sha256=sha256, overwrite=True)
    assert target.read_bytes() == (tmp_path / "any.head").read_bytes()
    write_head(tmp_path / "new.head", linear(title="Another"))
    take_in(tmp_path / "new.head", own_name="lump", overwrite=True)  # while the window shows the former one
    for ask in (
        lambda: give_out("lump", tmp_path / "x.head", sha256=sha256, overwrite=False),
        lambda: give_name("lump", "other", sha256=sha256),
    ):
        with pytest.raises(HeadError, match="The head lump is another file than before"):
            ask()
    with pytest.raises(OutputError, match="in the folder where heads are kept"):
        give_out("lump", heads_folder() / "other.head", sha256="", overwrite=True)
    assert here() == ["lump"]


def test_a_head_that_came_with_the_engine_is_exported_too(tmp_path):
    shipped = next(each for each in tell_heads_here()["heads"] if not each["removed_as"])
    give_out(shipped["id"], tmp_path / "x.head", sha256=shipped["sha256"], overwrite=False)
    assert file_sha256(tmp_path / "x.head") == shipped["sha256"]


def test_what_is_no_head_is_refused_and_one_that_is_damaged_is_told_of(tmp_path):
    (tmp_path / "x.head").write_bytes(b"no head")
    with pytest.raises(HeadError, match=r"x\.head is no head that could be used"):
        take_in(tmp_path / "x.head", own_name="", overwrite=False)
    heads_folder().mkdir(parents=True)
    (heads_folder() / "torn.head").write_bytes(b"torn")
    (damaged,) = tell_heads_here()["damaged"]
    assert damaged["file"] == "torn.head"
    assert "torn.head is no head that could be used" in damaged["problem"]
