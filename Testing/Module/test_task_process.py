"""One task of the engine in a process of its own, with tasks that behave badly, and the real ones."""

from __future__ import annotations

import json
import os

import pytest
from FMCIBModuleLib.Worker.TaskProcess import TaskProcess
from setup_support import Heard, oddTask
from worker_support import isAlive, spinFor, spinUntil

SIGNALS = ("progressed", "rowDone", "ended", "done", "failed")


@pytest.fixture
def run():
    """Runs a task with a habit to its end; what was heard."""
    tasks = []

    def start(habit, name="anything", arguments=None, **environment) -> Heard:
        task = oddTask(habit, **environment)
        tasks.append(task)
        heard = Heard(task, *SIGNALS)
        task.start(name, arguments)
        spinUntil(lambda: {"done", "failed"} & set(heard.names()))
        assert not task.isRunning
        heard.task = task
        return heard

    yield start
    for task in tasks:
        task.close()


def test_a_task_is_given_its_arguments_and_its_result_is_told_once_after_its_end(run):
    heard = run("good", "import", {"path": 'C:\\Döner "x"', "overwrite": True})
    assert heard.names() == ["ended", "done"]
    (result,) = heard.of("done")[0]
    assert result["name"] == "import"
    assert result["arguments"] == {"path": 'C:\\Döner "x"', "overwrite": True}


def test_progress_is_told_as_a_fraction_where_the_end_is_known(run):
    heard = run("progress")
    assert heard.of("progressed") == [["Fetching", 0.25], ["Fetching", None], ["Überprüfen", 1.0]]


def test_an_answer_in_crumbs_is_put_together(run):
    assert run("crumbs").of("done")[0][0]["text"] == "é"


def test_an_error_is_told_with_its_code_and_nothing_else(run):
    heard = run("fails")
    assert heard.names() == ["ended", "failed"]
    assert heard.of("failed") == [["download", "No mirror gave the file. Check the network."]]


ROW = {
    "type": "row",
    "row": 3,
    "lesion_id": "Größe",
    "status": "ok",
    "series_uid": "1.2.3",
    "image": "/scans/1",
    "place_lps": [1.5, -2, 3e1],
    "predictions": [{"head": "Site", "text": "lung 0.93", "note": ""}],
    "step": "",
    "problem": "",
    "kept": False,
}


def test_rows_are_told_as_they_come(run):
    lines = [ROW, {**ROW, "kept": True, "more": 1}, {**ROW, "status": "error", "place_lps": None, "predictions": []}]
    heard = run("says lines", ODD_TASK_LINES=json.dumps([json.dumps(each) for each in lines]))
    assert heard.names() == ["rowDone", "rowDone", "rowDone", "ended", "done"]
    assert [values[0] for values in heard.of("rowDone")] == lines


@pytest.mark.parametrize(
    "change",
    [
        {"row": None},
        {"row": True},
        {"row": -1},
        {"row": 1.5},
        {"lesion_id": 7},
        {"series_uid": None},
        {"status": "fine"},
        {"place_lps": [1, 2]},
        {"place_lps": [1, 2, "3"]},
        {"place_lps": [1, 2, True]},
        {"place_lps": [1, 2, float("nan")]},
        {"place_lps": "1 2 3"},
        {"predictions": None},
        {"image": None},
        {"predictions": [{"head": "Site"}]},
        {"predictions": ["Site"]},
        {"step": None},
        {"problem": None},
        {"kept": 1},
        {"kept": None},
    ],
)
def test_a_row_that_is_none_ends_the_task_and_is_not_told(run, change):
    heard = run("says lines", ODD_TASK_LINES=json.dumps([json.dumps({**ROW, **change})]))
    assert heard.names() == ["ended", "failed"]
    assert heard.of("failed")[0][0] == "protocol"


def test_an_answer_of_many_megabytes_is_one_line(run):
    heard = run("says much")
    assert len(heard.of("done")[0][0]["lines"]) == 100_000


@pytest.mark.parametrize(
    ("habit", "code", "words"),
    [
        ("talks", "protocol", "no answer"),
        ("answers with a list", "protocol", "no answer"),
        ("half an error", "protocol", "no answer"),
        ("crashes", "crashed", "Close other programs"),
        ("says nothing", "crashed", "(3)"),
    ],
)
def test_whatever_else_happens_is_one_sentence_that_names_a_fix(run, habit, code, words):
    heard = run(habit)
    assert heard.names() == ["ended", "failed"]
    assert heard.of("failed")[0][0] == code
    assert words in heard.of("failed")[0][1]


def test_a_program_that_cannot_be_started_is_told_without_its_path():
    task = TaskProcess(makeCommand=lambda *_: ("/nowhere/at/all/python", "-c", ""))
    heard = Heard(task, *SIGNALS)
    task.start("probe")
    spinUntil(lambda: heard.of("failed"))
    assert heard.of("failed")[0][0] == "start"
    assert "/nowhere" not in heard.of("failed")[0][1].partition("No such")[0]
    assert not task.isRunning


def test_a_cancelled_task_is_gone_and_only_its_end_is_told(tmp_path):
    lives = tmp_path / "lives"
    task = oddTask("deaf", ODD_TASK_LIVES=str(lives))
    heard = Heard(task, *SIGNALS)
    task.start("download")
    spinUntil(lambda: heard.of("progressed"))
    task.cancel()
    spinUntil(lambda: heard.of("ended"))
    spinFor(0.05)
    assert heard.names() == ["progressed", "ended"]
    assert not isAlive(int(lives.read_text(encoding="utf-8").split()[0]))
    task.start("download")  # another can be started
    assert task.isRunning
    task.close()


def test_two_tasks_at_once_are_refused_and_the_first_goes_on():
    task = oddTask("forever")
    heard = Heard(task, *SIGNALS)
    task.start("download")
    with pytest.raises(RuntimeError, match="running already"):
        task.start("import")
    spinUntil(lambda: heard.of("progressed"))
    task.close()


def test_a_closed_task_is_gone_at_once_and_tells_nothing(tmp_path):
    lives = tmp_path / "lives"
    task = oddTask("deaf", ODD_TASK_LIVES=str(lives))
    heard = Heard(task, *SIGNALS)
    task.start("download")
    spinUntil(lambda: heard.of("progressed"))
    task.close()
    assert not isAlive(int(lives.read_text(encoding="utf-8").split()[0]))
    spinFor(0.05)
    assert heard.names() == ["progressed"]


def test_a_listener_may_start_the_next_task(run):
    task = oddTask("good")
    heard = Heard(task, "done")
    task.done.connect(lambda result: task.start("second") if result["name"] == "first" else None)
    task.start("first")
    spinUntil(lambda: len(heard.of("done")) == 2)
    assert [values[0]["name"] for values in heard.of("done")] == ["first", "second"]
    task.close()


def test_the_engines_own_catalogue_is_fetched_from_no_network(monkeypatch):
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    task = TaskProcess()
    heard = Heard(task, *SIGNALS)
    task.start("catalogue")
    spinUntil(lambda: heard.of("done") or heard.of("failed"))
    assert "fmcib" in [entry["id"] for entry in heard.of("done")[0][0]["entries"]]
    task.close()


def test_the_engine_refuses_a_task_that_it_does_not_know():
    task = TaskProcess()
    heard = Heard(task, *SIGNALS)
    task.start("make coffee")
    spinUntil(lambda: heard.of("done") or heard.of("failed"))
    assert heard.of("failed")[0][0] == "input"
    task.close()
