"""The tasks `check_head` and `train_head`: what the window is told before a head is trained, meanwhile and after."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.errors import HeadError, InputError, OutputError, ReplacesError, TableError
from fmcib_engine.heads.file import read_head
from fmcib_engine.probing.joined import joined
from fmcib_engine.probing.libraries import FOR_HEADS
from fmcib_engine.probing.places import places_in
from fmcib_engine.probing.table import read_features
from fmcib_engine.tasks.io import read_arguments
from fmcib_engine.tasks.train_head import COLUMNS, HEAD, TABLE, check_head, train_head
from probing_support import WEIGHTS, lives, two_classes
from support import ROOT

for package in ("sklearn", "lifelines", "matplotlib", "safetensors", "filelock"):
    pytest.importorskip(package)


class Told:
    """In the place of a `Reporter`: what was told, in its order."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None]] = []

    def say(self, text: str) -> None:
        self.steps.append((text, None))

    def step(self, text: str, done: int, _total: int) -> None:
        self.steps.append((text, done))


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))


@pytest.fixture
def table(tmp_path) -> Path:
    return two_classes(60, 16, strength=2).write(tmp_path / "features.csv")


def check(table: Path, **wanted) -> dict:
    given = json.dumps({"features": str(table), "name": "my", **wanted})
    return check_head(read_arguments("check_head", given, {**TABLE, **COLUMNS}), Told())


def train(table: Path, folder: Path, told: Told | None = None, **wanted) -> dict:
    given = json.dumps({"features": str(table), "folder": str(folder), "name": "my", **wanted})
    return train_head(read_arguments("train_head", given, {**TABLE, **COLUMNS, **HEAD}), told or Told())


def write(path: Path, *rows: tuple, separator: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def test_a_table_is_told_of_before_anything_is_chosen(table):
    told = check(table)
    assert [each["name"] for each in told["columns"]][:3] == ["lesion_id", "patient_key", "kind"]
    assert told["columns"][2] == {"name": "kind", "different": 2, "empty": 0}
    assert (told["rows"], told["features"], told["encoder_id"]) == (60, 16, "own")
    assert told["weights_sha256"] == WEIGHTS
    assert (told["usable"], told["counts"]) == (None, [])
    assert told["refused"] == "No column is chosen for the label. Choose it."


def test_what_would_be_learned_from_is_counted_and_what_is_left_out_is_told(tmp_path):
    made = two_classes(60, 16)
    made.columns["kind"][:4] = [""] * 4
    made.columns["patient_key"] = [f"p{place // 2}" for place in range(60)]
    told = check(made.write(tmp_path / "f.csv"), label="kind", group="patient_key")
    assert (told["rows"], told["usable"], told["groups"]) == (60, 56, 28)
    assert told["counts"] == [["benign", 28], ["malignant", 28]]
    assert told["refused"] == ""
    assert any("4 rows have no kind and are left out (row 1, 2, 3, 4)" in each for each in told["warnings"])
    assert any(each.startswith("28 patients and 16 numbers") for each in told["warnings"]) is False


def test_survival_counts_deaths(tmp_path):
    table = lives(60, 16).write(tmp_path / "lives.csv")
    told = check(table, task="survival", time="days", event="died", group="patient_key")
    assert [name for name, _ in told["counts"]] == ["died", "censored"]
    assert sum(count for _, count in told["counts"]) == told["usable"] == 60


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"label": "lesion_id"}, "l0 is in 1 groups (patients) of features.csv, wanted at least 10"),
        ({"label": "nobody"}, "has no column nobody"),
        ({"label": "kind", "group": "encoder_id"}, "benign is in 1 groups (patients)"),
        ({"task": "survival", "time": "kind"}, "No column is chosen for the event"),
        ({"task": "survival", "time": "kind", "event": "kind"}, "kind in row 1 of features.csv is a number"),
        ({"task": "guess"}, "classification or survival"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words_before(table, wanted, said):
    told = check(table, **wanted)
    assert said in told["refused"]
    assert told["usable"] is None
    assert told["columns"]


@pytest.mark.parametrize(
    ("name", "said"), [("", "no name yet"), ("auto", "kept for something else"), ("My head", "small letters")]
)
def test_a_name_is_looked_at_before_and_what_would_be_learned_is_told_all_the_same(table, name, said):
    told = check(table, label="kind", name=name)
    assert said in told["refused"]
    assert told["usable"] == 60


def test_a_head_is_trained_and_both_are_told_where_they_lie(table, tmp_path):
    told = Told()
    answer = train(table, tmp_path, told, label="kind", group="patient_key", meaning="as dealt", calibrate=True)
    head = read_head(tmp_path / "my.head").head
    assert (head.id, head.label_meaning, head.calibration.kind) == ("my", "as dealt", "platt")
    assert answer["head"]["id"] == "my"
    assert answer["path"] == str(tmp_path / "my.head")
    assert Path(answer["report"]).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert json.loads(Path(answer["charts"]).read_text(encoding="utf-8"))[0]["name"] == "roc"
    assert answer["numbers"][0]["name"] == "AUC"
    assert answer["numbers"][0]["text"] == head.metrics[0].text.removeprefix("AUC ")
    assert answer["first_paragraph"][0].startswith("kind malignant against benign: AUC ")
    done = [share for _, share in told.steps if share is not None]
    assert done == sorted(done)
    assert done[-1] == 1000
    assert ("Heads fitted: 1 of 26", 31) in told.steps
    assert ("Drawing patients for the intervals", None) in told.steps
    json.dumps(answer, allow_nan=False)


def test_a_head_of_that_name_is_replaced_only_where_that_is_said(table, tmp_path):
    train(table, tmp_path, label="kind")
    before = (tmp_path / "my.head").read_bytes()
    with pytest.raises(ReplacesError, match=r"There is a head my in that folder already"):
        train(table, tmp_path, label="kind", meaning="another")
    assert (tmp_path / "my.head").read_bytes() == before
    train(table, tmp_path, label="kind", meaning="another", overwrite=True)
    assert read_head(tmp_path / "my.head").head.label_meaning == "another"


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("auto", HeadError, "kept for something else"),
        ("My head", InputError, "small letters"),
        ("lung1-t1", HeadError, "came with the engine"),
    ],
)
def test_a_name_that_a_head_cannot_have_here_is_refused_before_any_work(table, tmp_path, name, error, said):
    told = Told()
    with pytest.raises(error, match=said):
        train(table, tmp_path, told, label="kind", name=name)
    assert told.steps == []


def test_what_is_no_report_is_not_replaced_even_where_that_is_said(table, tmp_path):
    (tmp_path / "my-report").mkdir()
    (tmp_path / "my-report" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match="my-report is no report of a head"):
        train(table, tmp_path, label="kind", overwrite=True)
    assert (tmp_path / "my-report" / "thesis.txt").exists()


def test_labels_of_a_spreadsheet_are_joined_by_the_lesion(tmp_path):
    made = two_classes(60, 16)
    kinds = made.columns.pop("kind")
    table = made.write(tmp_path / "f.csv")
    rows = [(f"l{place}", kinds[place], "x") for place in reversed(range(50))]
    for separator, encoding in ((",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")):
        labels = write(
            tmp_path / "l.csv", ("lesion_id", "kind", "pred_0"), *rows, separator=separator, encoding=encoding
        )
        told = check(table, labels=str(labels), label="kind")
        assert (told["usable"], told["joined_by"]) == (50, ["lesion_id", "lesion_id"])
        assert told["counts"] == [["benign", 25], ["malignant", 25]]
        assert any("10 rows of f.csv are not in l.csv by lesion_id" in each for each in told["warnings"])
    found, _ = joined(read_features(table), tmp_path / "l.csv")
    assert found.cells["kind"] == (*kinds[:50], *[""] * 10)
    assert "pred_0" not in found.cells
    assert np.array_equal(found.features, made.features)


def test_a_patients_label_is_joined_to_each_of_their_lesions(tmp_path):
    made = two_classes(60, 16)
    made.columns["patient_key"] = [f"p{place // 3}" for place in range(60)]
    made.columns["lesion_id"] = ["Lesion 1"] * 60
    del made.columns["kind"]
    table = made.write(tmp_path / "f.csv")
    labels = write(tmp_path / "l.csv", ("patient_key", "sex"), *((f"p{each}", "mf"[each % 2]) for each in range(20)))
    told = check(table, labels=str(labels), label="sex", group="patient_key")
    assert (told["usable"], told["groups"]) == (60, 20)
    assert told["joined_by"][0] == "patient_key"


@pytest.mark.parametrize(
    ("rows", "by", "said"),
    [
        ([("name", "age"), ("l1", "a")], "", "no column by which its rows are found"),
        ([("lesion_id", "kind"), ("l1", "a")], "patient_key", "no column patient_key by which"),
        ([("lesion_id", "kind"), ("l1", "a"), ("l1", "b")], "", r"lesion_id comes again in l.csv \(row 1\)"),
        ([("lesion_id", "kind"), ("other", "a")], "", "No row of f.csv is in l.csv by lesion_id"),
        ([("lesion_id", "kind")], "", "has no rows"),
        ([("lesion_id", "kind", "kind"), ("l1", "a", "a")], "", "has the column kind twice"),
        ([("lesion_id", "kind"), ("l1", "a", "b")], "", "Row 1 of l.csv has 3 cells, the header 2"),
        ([("patient_key", "lesion_id"), ("k1", "l1")], "lesion_id", ""),
    ],
)
def test_tables_that_cannot_be_joined_are_refused_in_words(tmp_path, rows, by, said):
    table = two_classes(60, 16).write(tmp_path / "f.csv")
    labels = write(tmp_path / "l.csv", *rows)
    if not said:
        assert check(table, labels=str(labels), by=by)["joined_by"][0] == by
        return
    with pytest.raises(TableError, match=said):
        check(table, labels=str(labels), by=by)


def test_a_workbook_and_lesions_of_one_name_are_refused(tmp_path):
    made = two_classes(60, 16)
    table = made.write(tmp_path / "f.csv")
    (tmp_path / "l.xlsx").write_bytes(b"PK\x03\x04rest")
    with pytest.raises(TableError, match="Excel workbook"):
        check(table, labels=str(tmp_path / "l.xlsx"))
    with pytest.raises(TableError, match=r"none.csv cannot be read"):
        check(table, labels=str(tmp_path / "none.csv"))
    made.columns["lesion_id"][5] = "l2"
    table = made.write(tmp_path / "f.csv")
    labels = write(tmp_path / "l.csv", ("lesion_id", "other"), ("l2", "x"))
    with pytest.raises(TableError, match=r"lesion_id names several lesions of f.csv \(row 6\)"):
        check(table, labels=str(labels))


def test_the_process_tells_sentences_without_the_command_line(table):
    task = [sys.executable, "-m", "fmcib_engine", "task", "check_head"]
    given = json.dumps({"features": str(table), "label": "stage"})
    done = subprocess.Popen([*task, given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    told = json.loads(done.stdout.read().splitlines()[-1])
    done.communicate()
    assert told["type"] == "result"
    assert "has no column stage for the label" in told["refused"]
    assert "--" not in json.dumps(told["warnings"])


@pytest.mark.parametrize("moment", ["Heads fitted: ", "Pictures"])
def test_a_training_that_is_killed_leaves_what_was_there(table, tmp_path, moment):
    folder = tmp_path / "heads"
    folder.mkdir()
    train(table, folder, label="kind")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    given = {"features": str(table), "label": "kind", "folder": str(folder), "name": "my", "overwrite": True}
    task = [sys.executable, "-m", "fmcib_engine", "task", "train_head", json.dumps(given)]
    process = subprocess.Popen(task, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    for line in process.stdout:
        if moment in line:
            time.sleep(0.2)
            break
    process.kill()
    process.communicate()
    places_in(folder, "my").tidy_up()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_wherever_an_exchange_is_broken_off_head_and_report_stay_together(table, tmp_path):
    """Each state of the folder between two steps, with and without an earlier head."""
    places = places_in(tmp_path, "x")
    for has_earlier in (False, True):
        for step in range(5):
            for path in (places.report, places.unfinished, places.before):
                path.mkdir(exist_ok=True)
            for path in (places.report, places.before, places.unfinished):
                for each in path.iterdir():
                    each.unlink()
                path.rmdir()
            places.head.unlink(missing_ok=True)
            if has_earlier:
                places.head.write_text("old", encoding="utf-8")
                places.report.mkdir()
                (places.report / "report.html").write_text("old", encoding="utf-8")
            places.unfinished.mkdir()
            (places.unfinished / "report.html").write_text("new", encoding="utf-8")
            places.new_head.write_text("new", encoding="utf-8")
            _exchange_in_part(places, step)
            places.tidy_up()
            told = [
                path.read_text(encoding="utf-8")
                for path in (places.head, places.report / "report.html")
                if path.exists()
            ]
            wanted = "new" if step == 4 else "old"
            assert told == ([] if wanted == "old" and not has_earlier else [wanted, wanted]), (has_earlier, step)
            assert [path.name for path in tmp_path.rglob(".*")] == []


def _exchange_in_part(places, steps: int) -> None:
    from fmcib_engine.probing.places import MARK

    if steps > 0:
        (places.unfinished / MARK).touch()
    if steps > 1 and places.report.exists():
        places.report.replace(places.before)
    if steps > 2:
        places.unfinished.replace(places.report)
    if steps > 3:
        places.new_head.replace(places.head)


def test_what_training_needs_is_what_the_package_declares():
    project = tomllib.loads((ROOT / "FMCIBExtension" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {f"{name}>={version}" for name, version in FOR_HEADS.items()} < set(
        project["optional-dependencies"]["heads"]
    )
