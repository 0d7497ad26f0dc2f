"""`fmcib-engine heads`: what is listed and shown, taken in, given out and removed."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.encoders import COMPUTER_MADE, feature_names
from fmcib_engine.errors import HeadError, InputError, OutputError, ReplacesError
from fmcib_engine.heads import store
from fmcib_engine.heads.file import read_head, write_head
from fmcib_engine.heads.head import Calibration, Layer, Origin
from fmcib_engine.heads.store import export_head, find_head, heads_here, import_head
from fmcib_engine.kept import contents
from heads_support import SHA256, cox, linear, network, origin

for package in ("safetensors", "filelock", "click", "rich"):
    pytest.importorskip(package)

from fmcib_engine.cli.commands import run  # noqa: E402  after the skips


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "Größe 肺"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "Größe 肺"


@pytest.fixture
def file(tmp_path) -> Path:
    write_head(tmp_path / "my.head", linear())
    return tmp_path / "my.head"


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def test_an_imported_head_is_the_same_bytes_and_is_found(file, home, capsys):
    assert run(["heads", "import", str(file)]) == 0
    target = home / "heads" / "lump.head"
    assert target.read_bytes() == file.read_bytes()
    assert find_head("lump").sha256 == read_head(file).sha256
    told = capsys.readouterr().out
    assert told.startswith(f"{target}\nSHA-256 {read_head(file).sha256}\nlump: Lump or not")
    assert run(["heads", "list"]) == 0
    assert "AUC 0.631 [0.578, 0.684]" in capsys.readouterr().out
    assert sorted(path.name for path in target.parent.iterdir() if not path.name.startswith(".")) == ["lump.head"]


def test_a_head_gets_another_name_at_the_users_wish(file, home):
    import_head(file, name="lump-2")
    assert [one.head.id for one in heads_here()[0] if not one.is_shipped] == ["lump-2"]
    assert find_head("lump") is None
    assert find_head("../lump-2") is None


def test_a_differing_head_of_that_name_is_replaced_only_if_that_is_allowed(file, tmp_path, capsys):
    import_head(file)
    import_head(file)  # the same again is no harm
    write_head(tmp_path / "other.head", linear(title="Another"))
    with pytest.raises(ReplacesError, match="another head of the name lump already"):
        import_head(tmp_path / "other.head")
    assert find_head("lump").head.title == "Lump or not"
    assert run(["heads", "import", str(tmp_path / "other.head"), "--overwrite"]) == 0
    assert find_head("lump").head.title == "Another"


@pytest.mark.parametrize("name", ["malignancy", "site", "survival", "fmcib", "auto", "none", "con"])
def test_names_of_something_else_are_kept(name, file, tmp_path, home):
    with pytest.raises(HeadError, match=f"The name {name} is kept"):
        import_head(file, name=name)
    write_head(tmp_path / "x.head", linear(id=name))
    with pytest.raises(HeadError, match=f"The name {name} is kept"):
        import_head(tmp_path / "x.head")
    assert not (home / "heads").exists()


@pytest.mark.parametrize("name", ["../x", "A", "a b", "x.head"])
def test_a_name_that_cannot_be_is_refused(name, file):
    with pytest.raises(InputError, match="small letters"):
        import_head(file, name=name)


def test_what_is_no_head_is_not_taken_in(tmp_path, home, capsys):
    (tmp_path / "task3.pkl").write_bytes(pickle.dumps({"coef_": 1}))
    assert run(["heads", "import", str(tmp_path / "task3.pkl")]) == 4
    assert "task3.pkl is a Python pickle, such as upstream's task3.pkl" in in_one_line(capsys.readouterr().err)
    assert not (home / "heads").exists()


def test_an_exported_head_is_the_same_bytes_and_overwrites_nothing_unasked(file, tmp_path, capsys):
    import_head(file)
    target = tmp_path / "out.head"
    assert run(["heads", "export", "lump", str(target)]) == 0
    assert target.read_bytes() == file.read_bytes()
    with pytest.raises(OutputError, match=r"out\.head exists already"):
        export_head("lump", target)
    assert run(["heads", "export", "lump", str(target), "--overwrite"]) == 0
    assert run(["heads", "export", "none-such", str(tmp_path / "x.head")]) == 4
    assert "There is no head 'none-such'; here: lump" in in_one_line(capsys.readouterr().err)
    with pytest.raises(OutputError, match="cannot be written"):
        export_head("lump", tmp_path / "no folder" / "x.head")


def test_a_removed_head_is_gone_and_others_stay(file, home, capsys):
    import_head(file)
    import_head(file, name="other")
    assert run(["heads", "remove", "lump"]) == 0
    assert [one.head.id for one in heads_here()[0] if not one.is_shipped] == ["other"]
    assert run(["heads", "remove", "lump"]) == 4
    assert "no 'heads/lump.head' to be removed" in in_one_line(capsys.readouterr().err)
    assert run(["heads", "remove", "../../my"]) == 4
    assert file.exists()


def test_a_head_is_renamed_at_the_command_line(file, capsys):
    import_head(file)
    assert run(["heads", "rename", "lump", "other"]) == 0
    assert "other: Lump or not" in in_one_line(capsys.readouterr().out)
    assert [one.head.id for one in heads_here()[0] if not one.is_shipped] == ["other"]
    assert run(["heads", "rename", "malignancy", "mine"]) == 4
    assert "was published and lies in its own weights" in in_one_line(capsys.readouterr().err)


def test_heads_are_told_among_the_files_of_this_program(file, home, capsys):
    import_head(file)
    (home / "heads" / "by hand.txt").write_text("x", encoding="utf-8")
    (home / "heads" / "unfinished-lump.head").write_bytes(b"x")
    found = contents()
    assert {each.name: each.kind for each in found.kept} == {
        "heads/lump.head": "head",
        "heads/unfinished-lump.head": "unfinished",
    }
    assert found.strange == ("heads/by hand.txt",)
    assert run(["cache", "remove", "--all", "--yes"]) == 0
    assert "What you imported stays unless you name it: heads/lump.head" in in_one_line(capsys.readouterr().out)
    assert find_head("lump") is not None
    assert not (home / "heads" / "unfinished-lump.head").exists()


def test_a_damaged_file_among_the_heads_is_told_and_the_others_are_listed(file, home, capsys):
    import_head(file)
    (home / "heads" / "bad.head").write_bytes(b"{")
    assert run(["heads", "list"]) == 3
    told = capsys.readouterr()
    assert "bad.head is no head that could be used" in in_one_line(told.err)
    assert "Lump or not" in told.out


def test_the_published_heads_are_listed_with_their_performance(capsys):
    assert run(["heads", "list"]) == 0
    told = in_one_line(capsys.readouterr().out)
    assert "AUC 0.944 [0.908, 0.973] (published, 170 test nodules of LUNA16)" in told
    assert "no: `fmcib-engine weights download malignancy`" in told
    assert run(["heads", "show", "malignancy"]) == 0
    told = in_one_line(capsys.readouterr().out)
    assert "not pathology" in told
    assert "63 of the 170 test nodules share a scan" in told


def shown(path: Path, head, capsys) -> str:
    write_head(path, head)
    assert run(["heads", "show", str(path)]) == 0
    return capsys.readouterr().out


def test_a_head_is_shown_with_all_that_must_be_known(tmp_path, capsys):
    told = shown(tmp_path / "x.head", linear(caution=COMPUTER_MADE, warnings=("not for wrists",)), capsys)
    for said in (
        "lump: Lump or not", COMPUTER_MADE, "classification, linear 3-1", "none, lump",
        "what the tests call a lump", "421 imaginary patients; 421 cases; 400 groups, such as patients",
        "; none 169, lump 252",
        "AUC 0.631 [0.578, 0.684] (out of fold)", "none: read its numbers as an order, not as chances",
        "not for wrists",
        f"SHA-256 {SHA256}", "fmcib-csv-v1", "3, pred_0 to pred_2", "2026-11-28", "numpy 2.0, scikit-learn 1.7", "MIT",
        read_head(tmp_path / "x.head").sha256,
    ):  # fmt: skip
        assert said in told
    assert re.search(r"^ *worth +AUC 0\.631 \[0\.578, 0\.684\]", told, re.MULTILINE)


def test_other_heads_are_shown_as_what_they_are(tmp_path, capsys):
    told = shown(tmp_path / "x.head", network(calibration=Calibration("temperature", (1.5,), "held back")), capsys)
    assert "a network 2-2-3" in told
    assert "temperature (1.5), held back" in told
    told = shown(tmp_path / "x.head", cox(), capsys)
    assert "log_relative_hazard, survival_365_days, survival_730.5_days" in told
    assert "died 2, censored 1" in told
    told = shown(tmp_path / "x.head", linear(origin=Origin("", "", "", feature_names(3))), capsys)
    assert "unverified: nobody knows of which features it was made" in told
    layers = (Layer(np.zeros((1, 4)), np.zeros(1)),)
    told = shown(tmp_path / "x.head", linear(origin=origin(3, columns=("age",)), layers=layers, scaling=None), capsys)
    assert re.search(r"your columns +age", told)


def test_a_head_that_is_not_there_is_not_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(store, "SHIPPED", tmp_path)  # as if none came with the engine
    assert run(["heads", "show", "lump"]) == 4
    assert "There is no head 'lump'; here: none at all" in in_one_line(capsys.readouterr().err)
    assert run(["heads", "show", str(tmp_path / "x.head")]) == 4
    assert "x.head cannot be read" in in_one_line(capsys.readouterr().err)


def test_heads_that_came_with_the_engine_are_listed_and_right():
    """Each of those that ship can be read, and is bound to weights or says that it is not."""
    for path in sorted(store.SHIPPED.glob("*.head")) if store.SHIPPED.is_dir() else []:
        head = read_head(path).head
        assert head.id == path.stem
        assert head.licence
        assert head.metrics
    assert heads_here()[1] == []


def test_a_head_that_came_with_the_engine_is_neither_replaced_nor_removed(tmp_path, home, capsys):
    shipped = find_head("lung1-t1")
    write_head(tmp_path / "x.head", linear(id="lung1-t1"))
    with pytest.raises(HeadError, match="lung1-t1 came with the engine"):
        import_head(tmp_path / "x.head", overwrite=True)
    export_head("lung1-t1", tmp_path / "same.head")
    assert import_head(tmp_path / "same.head").is_shipped
    assert not (home / "heads").exists()
    assert run(["heads", "remove", "lung1-t1"]) == 4
    assert "lung1-t1 came with the engine and stays" in in_one_line(capsys.readouterr().err)
    assert find_head("lung1-t1").sha256 == shipped.sha256
