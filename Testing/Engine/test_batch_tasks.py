"""The tasks `plan_batch` and `batch`: what the window is told before, meanwhile and after a kill."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from batch_support import rows_of
from ctk_database import Database
from fmcib_engine.cli.commands import run
from support import DATA, needs_data
from test_tasks import PATIENCE, Task
from worklist_support import MR, add_seeds, add_series

for package in ("torch", "monai", "filelock", "SimpleITK"):
    pytest.importorskip(package)

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
IDENTITIES = ("Doe", "SECRET", "1.2.3.4")


@pytest.fixture
def scans(tmp_path) -> Path:
    """Three CT of three patients, and an MR; the last CT has its slices in coronal planes."""
    for number in (1, 2, 3):
        told = {"study": f"1.2.3.4.5.7{number}", "PatientID": f"SECRET-{number}", "SliceThickness": 2.5}
        axes = "coronal" if number == 3 else "axial"
        add_series(tmp_path / "scans" / f"{number}", f"1.2.3.4.5.{number}", axes=axes, **told)
    add_series(tmp_path / "scans" / "mr", "1.2.3.4.5.4", study="1.2.3.4.5.74", SOPClassUID=MR, Modality="MR")
    return tmp_path / "scans"


@pytest.fixture
def seeds(tmp_path) -> Path:
    rows = ["a,1.2.3.4.5.1,-119,44,-600,61", "b,1.2.3.4.5.2,-118,44,-600,62", "c,1.2.3.4.5.1,-117,44,-600,63",
            "d,1.2.3.4.5.3,1,2,3,64", "e,9.9,1,2,3,65"]  # fmt: skip
    return add_seeds(tmp_path / "seeds.csv", rows, "lesion_id,series_uid,coordX,coordY,coordZ,age")


def asked(scans: Path, seeds: Path, **more: object) -> dict[str, Any]:
    return {"source": str(scans), "seeds": str(seeds), "fewest_slices": 3, **more}


def to_run(scans: Path, seeds: Path, output: Path, **more: object) -> dict[str, Any]:
    return asked(scans, seeds, output=str(output), weights="small", device="cpu", engine="pytorch", **more)


def start(name: str, wanted: object, folder: Path) -> Task:
    request = folder / "request.json"
    request.write_text(json.dumps(wanted), encoding="utf-8")
    return Task(name, {"request": str(request)})


def ask(name: str, wanted: object, folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows that were told, and the answer; the request is gone, and progress never falls."""
    with start(name, wanted, folder) as task:
        *before, answer = task.rest()
        assert task.process.wait(PATIENCE) == (0 if answer["type"] == "result" else 4), task.log_text()
    assert not (folder / "request.json").exists()
    done = [each["done"] for each in before if each["type"] == "progress" and each["done"] is not None]
    assert done == sorted(done)
    return [each for each in before if each["type"] == "row"], answer


def test_a_plan_tells_what_would_be_done_and_why_not_more(scans, seeds, tmp_path):
    rows, plan = ask("plan_batch", asked(scans, seeds), tmp_path)
    assert not rows
    assert (plan["rows"], plan["series"], plan["files"]) == (3, 2, 24)
    assert plan["bytes"] == sum(path.stat().st_size for n in "12" for path in (scans / n).iterdir())
    assert "the thinnest slices," in plan["rules"]
    assert "At least 3 slices." in plan["rules"]
    assert dict(map(tuple, plan["not_done"])) == {
        "its slices are coronal, not axial": 1,
        "it is no CT: modality MR": 1,
        "the series that it names, or all of its frame of reference, are not done: their rows say why": 1,
        "no series here has its series UID or frame of reference": 1,
    }
    lines = [(line["do"], line["patient"], line["series_uid"], line["lesion_id"]) for line in plan["lines"]]
    assert lines == [
        (True, 1, "1.2.3.4.5.1", "a"), (True, 1, "1.2.3.4.5.1", "c"), (True, 2, "1.2.3.4.5.2", "b"),
        (False, 3, "1.2.3.4.5.3", ""), (False, 4, "1.2.3.4.5.4", ""), (False, None, "1.2.3.4.5.3", "d"),
        (False, None, "9.9", "e"),
    ]  # fmt: skip
    said = json.dumps([plan["rules"], plan["not_done"], plan["notes"], [line["why"] for line in plan["lines"]]])
    assert not [secret for secret in IDENTITIES if secret in said]


def test_only_chosen_series_are_done_and_wishes_are_those_of_the_command(scans, seeds, tmp_path):
    _, plan = ask("plan_batch", asked(scans, seeds, series=["1.2.3.4.5.2", "8.8"]), tmp_path)
    assert (plan["rows"], plan["series"]) == (1, 1)
    assert "Wanted: only the 2 chosen series." in plan["rules"]
    assert plan["notes"] == ["1 of the 2 chosen series are not in the source any more."]
    assert ["it is none of the chosen series", 3] in plan["not_done"]
    _, plan = ask("plan_batch", asked(scans, seeds, patients=["SECRET-1"]), tmp_path)
    assert (plan["rows"], plan["series"]) == (2, 1)
    assert "Wanted: one patient." in plan["rules"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"source": "gone"}, "'gone' is not there"),
        ({"seeds": ""}, "No seeds are given."),
        ({"seeds": "gone.csv"}, "The seed table gone.csv cannot be read"),
        ({"series": []}, "No series is chosen."),
        ({"series": ["8.8"]}, "Of the 1 chosen series none is in the source."),
        ({"series": "8.8"}, "The field series of plan_batch is a list of texts, or null, got '8.8'."),
        ({"fewest_slices": 0}, "The field fewest_slices is a whole number from 1"),
        ({"fewest_slices": True}, "The field fewest_slices of plan_batch is a whole number, got True."),
        ({"days": "2020"}, "Days are wanted as"),
        ({"thickness": "thin"}, "A thickness of slices is wanted as"),
        ({"frame": "xyz"}, "xyz"),
        ({"patients": ["nobody"]}, "None of the 4 series has the patient as it was given."),
        ({"output": "run"}, "The fields of plan_batch are: source, [series]"),
    ],
)
def test_what_cannot_be_meant_is_an_input_error(scans, seeds, tmp_path, more, said):
    _, answer = ask("plan_batch", asked(scans, seeds) | more, tmp_path)
    assert answer["type"] == "error"
    assert answer["code"] == "input"
    assert said in answer["message"]


def test_a_request_that_is_none_is_an_input_error(tmp_path):
    for text in ("[", "[]", "{}"):
        (tmp_path / "request.json").write_text(text, encoding="utf-8")
        with Task("batch", {"request": str(tmp_path / "request.json")}) as task:
            assert task.answer()["code"] == "input"
    with Task("batch", {"request": str(tmp_path / "request.json")}) as task:
        assert "which cannot be read. Ask again." in task.answer()["message"]


def test_a_run_tells_each_row_with_its_place_and_predictions(scans, seeds, tmp_path, small_installed):
    rows, answer = ask("batch", to_run(scans, seeds, tmp_path / "run"), tmp_path)
    assert [(row["row"], row["lesion_id"], row["status"], row["kept"]) for row in rows] == [
        (1, "a", "ok", False), (2, "c", "ok", False), (3, "b", "ok", False),
    ]  # fmt: skip
    assert (rows[2]["series_uid"], rows[2]["place_lps"]) == ("1.2.3.4.5.2", [-118.0, 44.0, -600.0])
    assert Path(rows[2]["image"]) == scans / "2"
    heads = {each["head"]: each for each in rows[0]["predictions"]}
    assert all(each["text"] and each["note"] for each in heads.values())
    assert len(heads) == 3
    assert (answer["rows"], answer["computed"], answer["failed"]) == (3, 3, 0)
    assert (answer["causes"], answer["errors"]) == ([], "")
    assert "waiting for scans" in answer["times"]
    with Path(answer["table"]).open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [(row["lesion_id"], row["patient_in_list"], row["study_in_list"], row["age"]) for row in written] == [
        ("a", "1", "1", "61"), ("c", "1", "1", "63"), ("b", "2", "2", "62"),
    ]  # fmt: skip
    kept = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "run").iterdir() if path.name != ".lock")
    assert not [secret for secret in IDENTITIES if secret in kept]


def test_a_run_that_is_there_asks_whether_to_go_on(scans, seeds, tmp_path, small_installed):
    ask("batch", to_run(scans, seeds, tmp_path / "run"), tmp_path)
    rows, answer = ask("batch", to_run(scans, seeds, tmp_path / "run"), tmp_path)
    assert (rows, answer["code"]) == ([], "resumes")
    assert answer["message"].startswith("There is a run in run. Go on with it")
    rows, answer = ask("batch", to_run(scans, seeds, tmp_path / "run", resume=True), tmp_path)
    assert [(row["lesion_id"], row["kept"]) for row in rows] == [("a", True), ("c", True), ("b", True)]
    assert rows[0]["predictions"][0]["text"]
    assert (answer["rows"], answer["computed"]) == (3, 0)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    _, answer = ask("batch", to_run(scans, seeds, tmp_path / "other"), tmp_path)
    assert (answer["code"], "holds other files (mine.txt)" in answer["message"]) == ("output", True)


def test_a_damaged_slice_at_a_lesion_is_an_error_with_its_cause(scans, seeds, tmp_path, small_installed):
    path = scans / "2" / "005.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    rows, answer = ask("batch", to_run(scans, seeds, tmp_path / "run"), tmp_path)
    bad = next(row for row in rows if row["lesion_id"] == "b")
    assert (bad["status"], bad["step"], bad["predictions"]) == ("error", "cutting the patch", [])
    assert bad["problem"] == answer["causes"][0]["problem"]
    assert (answer["failed"], answer["causes"][0]["count"], answer["causes"][0]["step"]) == (1, 1, "cutting the patch")
    assert Path(answer["errors"]).is_file()
    rows, answer = ask("batch", to_run(scans, seeds, tmp_path / "run", resume=True), tmp_path)
    assert [(row["lesion_id"], row["status"], row["kept"]) for row in rows] == [
        ("a", "ok", True), ("c", "ok", True), ("b", "error", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({"readers": 0}, "input", "readers is a whole number from 1 to 64"),
        ({"limit_s": 0.5}, "input", "limit_s is a number of seconds from 1 on"),
        ({"draws": -1}, "input", "draws is a whole number from 0"),
        ({"precision": "float8"}, "input", "A precision is one of"),
        ({"weights": "gone"}, "weights", "gone"),
        ({"heads": "gone"}, "weights", "There is no head 'gone'"),
        ({"output": "scans/1"}, "output", "holds other files"),
        ({"output": "scans/new"}, "output", "The folder new would lie in scans, the source of scans."),
        ({"series": ["1.2.3.4.5.4"]}, "input", "none would be done"),
    ],
)
def test_what_a_run_cannot_do_is_said_before_anything_is_written(
    scans, seeds, tmp_path, small_installed, more, code, said
):
    if "output" in more:
        more = {"output": str(tmp_path / str(more["output"]))}
    before = sorted(tmp_path.rglob("*"))
    rows, answer = ask("batch", to_run(scans, seeds, tmp_path / "run") | more, tmp_path)
    assert (rows, answer["code"]) == ([], code)
    assert said in answer["message"]
    assert sorted(tmp_path.rglob("*")) == before


@needs_posix
def test_a_run_that_is_killed_goes_on_with_its_list_though_the_source_has_grown(
    scans, seeds, tmp_path, small_installed
):
    ask("batch", to_run(scans, seeds, tmp_path / "whole"), tmp_path)
    with start("batch", to_run(scans, seeds, tmp_path / "run"), tmp_path) as task:
        while task.receive()["type"] != "row":
            pass
        task.process.kill()
        task.process.wait(PATIENCE)
    assert not (tmp_path / "run" / "features.csv").exists()
    add_series(scans / "0", "1.2.3.4.5.0", study="1.2.3.4.5.70", PatientID="SECRET-0", SliceThickness=2.5)
    with seeds.open("a", encoding="utf-8") as file:
        file.write("new,1.2.3.4.5.0,-119,44,-600,60\n")
    rows, answer = ask("batch", to_run(scans, seeds, tmp_path / "run", resume=True), tmp_path)
    assert [row["lesion_id"] for row in rows] == ["a", "c", "b"]
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "whole")
    assert answer["failed"] == 0
    _, answer = ask("batch", to_run(scans, seeds, tmp_path / "run", resume=True), tmp_path)  # its list is gone
    assert (answer["code"], "was begun with something else" in answer["message"]) == ("output", True)


@needs_data
def test_a_real_structure_set_is_computed_where_it_lies(tmp_path, small_installed):
    """LUNG1-001, whose GTV-1 is where FMCIB published it."""
    shutil.unpack_archive(DATA / "lung1" / "LUNG1-001_dicom.tar.xz", tmp_path / "lung1", filter="data")
    wanted = {"source": str(tmp_path / "lung1"), "own_seeds": True, "roi": ["GTV-*"]}
    _, plan = ask("plan_batch", wanted, tmp_path)
    assert (plan["rows"], plan["series"], plan["files"]) == (1, 1, 134)
    how = {"output": str(tmp_path / "run"), "weights": "small", "device": "cpu"}
    (row,), answer = ask("batch", {**wanted, **how}, tmp_path)
    assert (row["lesion_id"], row["status"], answer["failed"]) == ("GTV-1", "ok", 0)
    assert row["place_lps"] == pytest.approx([82.300730, -201.481085, -456.837891], abs=0.01)
    assert len(row["predictions"]) == 3


def test_the_parent_that_is_gone_ends_the_run_and_its_readers(scans, seeds, tmp_path, small_installed):
    with start("batch", to_run(scans, seeds, tmp_path / "run"), tmp_path) as task:
        task.wait_for("Lesions")
        task.process.stdin.close()
        assert task.process.wait(PATIENCE) in {0, 1}


def test_a_database_of_slicer_is_a_source(tmp_path, small_installed):
    made = Database(tmp_path / "db")
    for number in (1, 2):
        uid, study = f"1.2.3.4.{number}", f"7.{number}"
        told = {"study": study, "PatientID": f"ID-{number}", "PatientName": f"Doe^{number}"}
        paths = add_series(tmp_path / "db" / "dicom" / uid, uid, **told)
        made.add_series(uid, [path.relative_to(tmp_path / "db").as_posix() for path in paths], study=study,
                        patient=number)  # fmt: skip
    seeds = add_seeds(tmp_path / "seeds.csv", ["a,1.2.3.4.2,-119,44,-600"])
    rows, answer = ask("batch", to_run(made.path.parent, seeds, tmp_path / "run"), tmp_path)
    assert ([row["series_uid"] for row in rows], answer["failed"]) == (["1.2.3.4.2"], 0)


def test_the_table_is_that_of_the_command_line(scans, seeds, tmp_path, small_installed):
    ask("batch", to_run(scans, seeds, tmp_path / "run"), tmp_path)
    lesions = tmp_path / "lesions.csv"
    told = ["worklist", scans, "--seeds", seeds, "--fewest-slices", 3, "--identifiers", "--lesions", lesions]
    assert run([*map(str, told), "--output", str(tmp_path / "worklist.csv")]) == 3
    told = ["batch", "--table", lesions, "--weights", "small", "--device", "cpu", "--engine", "pytorch"]
    assert run([*map(str, told), "--output", str(tmp_path / "by_table")]) == 0
    first, *rows = rows_of(tmp_path / "run")
    other, *others = rows_of(tmp_path / "by_table")
    assert [name for name in other if name in first] == first
    shared = [other.index(name) for name in first]
    assert [[row[at] for at in shared] for row in others] == rows
