"""The tasks of the window, as it sees them: real processes, real pipes, a real server."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest
from fmcib_engine.downloads import only_one
from fmcib_engine.tasks import io
from fmcib_engine.tasks.io import Reporter
from repository_server import FILE, Repository, served
from support import OF_THE_COMMAND_LINE

pytest.importorskip("requests")

CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(20_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATIENCE = 240.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")


class Task:
    """A task's process, its stdin open, as a window holds it."""

    def __init__(self, name: str, arguments: object = "", command: tuple[str, ...] = ()) -> None:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.process = subprocess.Popen(
            [sys.executable, *(command or ("-m", "fmcib_engine", "task")), name, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.log.close()

    def receive(self) -> dict[str, Any] | None:
        """The next message, which never speaks of the command line; None at the end of the stream."""
        line = self._lines.get(timeout=PATIENCE)
        assert not OF_THE_COMMAND_LINE.search(line.decode()), line
        return json.loads(line) if line else None

    def rest(self) -> list[dict[str, Any]]:
        messages = []
        while (message := self.receive()) is not None:
            messages.append(message)
        return messages

    def wait_for(self, words: str) -> None:
        """Until a progress has these words."""
        while (message := self.receive()) is not None:
            if words in message.get("text", ""):
                return
        pytest.fail(f"nobody said {words!r}: {self.log_text()}")

    def answer(self) -> dict[str, Any]:
        """What came last, and that it is the only answer and goes with the exit code."""
        messages = self.rest()
        assert messages, self.log_text()
        assert [one["type"] for one in messages[:-1]] == ["progress"] * (len(messages) - 1)
        code = {"result": 0, "error": 4}[messages[-1]["type"]]
        assert self.process.wait(PATIENCE) == code, self.log_text()
        return messages[-1]

    def log_text(self) -> str:
        self.log.seek(0)
        return self.log.read().decode()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")


def ask(name: str, arguments: object = "", command: tuple[str, ...] = ()) -> dict[str, Any]:
    with Task(name, arguments, command) as task:
        return task.answer()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    with served({FILE: CONTENT, "t.csv": b"a,b\n"}, tmp_path, monkeypatch, home="Größe 肺") as repository:
        yield repository


@pytest.fixture
def folder(repository, tmp_path) -> Path:
    return tmp_path / "Größe 肺" / "weights" / "fmcib"


@pytest.fixture
def _torch_is_hidden(tmp_path, monkeypatch):
    """A probe then takes no seconds."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "torch.py").write_text(
        "raise ModuleNotFoundError('No torch', name='torch')", encoding="utf-8"
    )
    paths = [str(tmp_path / "hidden"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("", "", "A task is one of probe, catalogue, download"),
        ("erase", "", "got 'erase"),
        ("verify", "[]", "a JSON object, got '[]'"),
        ("verify", "{", "a JSON object"),
        ("verify", "[" * 100_000, "a JSON object"),
        ("verify", {"deep": True}, "fields of verify are: none; got ['deep']"),
        ("download", {}, "fields of download are: id, [mirror]; got []"),
        ("download", {"id": "fmcib", "accept": True}, "got ['accept', 'id']"),
        ("download", {"id": 5}, "The field id of download is a text, got 5."),
        ("download", {"id": "gone"}, "no 'gone' in the catalogue"),
        ("download", {"id": "linear"}, "is not offered"),
        ("download", {"id": "fmcib", "mirror": "elsewhere"}, "no mirror 'elsewhere'"),
        ("remove", {"names": "fmcib"}, "The field names of remove is a list of texts, got 'fmcib'."),
        ("remove", {"names": ["fmcib", 5]}, "The field names of remove is a list of texts"),
        ("remove", {}, "Nothing was named to be removed"),
        ("remove", {"names": ["../x"]}, "no '../x' to be removed; nothing is there"),
        ("licences", {"id": "gone"}, "no 'gone' in the catalogue"),
        ("import", {"path": "w", "overwrite": "yes"}, "The field overwrite of import is true or false, got 'yes'."),
        ("import", {"path": __file__, "own_name": "../x"}, "got '../x'"),
        ("sample", {"id": "gone"}, "no sample 'gone'. Choose one of lidc-idri-0001"),
        *(
            (
                name,
                fields | {field: f"a{letter}b" if name != "remove" else ["x", f"a{letter}b"]},
                f"The field {field} of",
            )
            for name, field, fields in (
                ("import", "path", {}),
                ("import", "own_name", {"path": __file__}),
                ("import_head", "path", {}),
                ("export_head", "path", {"name": "lump"}),
                ("rename_head", "new_name", {"name": "lump"}),
                ("remove", "names", {}),
                ("download", "id", {}),
                ("sample", "id", {}),
                ("series", "request", {}),
            )
            for letter in ("\0", "\ud83d")
        ),
    ],
)
def test_what_is_no_task_is_an_input_error(repository, name, arguments, told):
    answer = ask(name, arguments)
    assert answer["code"] == "input"
    assert told in answer["message"]
    assert not repository.asked()


def test_more_than_one_argument_is_refused(repository):
    assert ask("{}", "{}", ("-m", "fmcib_engine", "task", "verify"))["code"] == "input"


@pytest.mark.usefixtures("_torch_is_hidden")
def test_a_download_is_told_then_listed_found_and_verified(repository, folder):
    with Task("download", {"id": "fmcib"}) as task:
        *steps, answer = task.rest()
    record = answer["record"]
    assert record["path"] == str(folder / FILE)
    assert Path(record["path"]).read_bytes() == CONTENT
    assert (record["size"], record["sha256"], record["file"]) == (len(CONTENT), SHA256, FILE)
    assert record["checksum"].startswith("md5:")
    assert record["notice"] == "weights licensed CC BY-NC 4.0: non-commercial use only"
    assert {step["text"] for step in steps} == {"Downloading fmcib"}
    done = [step["done"] for step in steps[1:]]
    assert done == sorted(done)
    assert (done[-1], steps[-1]["total"]) == (len(CONTENT), len(CONTENT))
    (found,) = ask("probe")["weights"]
    assert found == {name: record[name] for name in found.keys() & record.keys()} | {"problem": "", "doubts": []}
    assert (answer["agreements"], answer["doubts"]) == ([], [])
    assert ask("catalogue")["entries"][0]["here"] is True
    assert ask("verify") == {"type": "result", "files": [{"id": "fmcib", "file": FILE, "problem": "", "doubts": []}]}
    (folder / FILE).write_bytes(CONTENT[:-1] + b"!")
    assert "its SHA-256 is not the pinned one" in ask("verify")["files"][0]["problem"]
    assert ask("probe")["weights"][0]["problem"] == ""  # of the same size, which is all that it looks at
    (folder / FILE).unlink()
    assert "is gone" in ask("probe")["weights"][0]["problem"]
    assert ask("catalogue")["entries"][0]["here"] is False


def test_the_catalogue_tells_what_the_user_agrees_to_and_who_is_contacted(repository, folder):
    folder.mkdir(parents=True)
    (folder / f"{FILE}.part").write_bytes(CONTENT[:1000])
    answer = ask("catalogue")
    encoder, tables, linear = answer["entries"]
    assert encoder == {
        "id": "fmcib",
        "kind": "encoder",
        "title": "an encoder",
        "size": len(CONTENT),
        "here": False,
        "part": 1000,
        "refused": "",
        "licence": {
            "title": "CC BY-NC 4.0",
            "url": "https://creativecommons.org/licenses/by-nc/4.0/",
            "meaning": "Non-commercial use only.",
            "notice": "weights licensed CC BY-NC 4.0: non-commercial use only",
        },
        "citation": "To be cited.",
        "hosts": ["127.0.0.1"],
        "mirrors": [
            {"name": "zenodo", "page": f"{repository.base}/records/1"},
            {"name": "huggingface", "page": f"{repository.base}/owner/Repo/tree/main/models/encoder"},
        ],
        "unverified": ["huggingface: file"],
        "reported": [],
        "repository_licence": "",
    }
    assert (tables["size"], tables["unverified"], linear["refused"]) == (None, ["size"], "it is a pickle")
    assert linear["hosts"] == []
    assert {"name": "127.0.0.1", "purpose": "tests", "unverified": False} in answer["hosts"]
    assert answer.keys() == {"type", "entries", "hosts", "cache_problem"}
    assert answer["cache_problem"] == ""
    assert not repository.asked()


def test_what_others_say_is_told_with_the_record_and_the_licence_is_asked_for_at_a_wish(
    repository, folder, tmp_path, monkeypatch
):
    report = f'size = {len(CONTENT)}\n[[entry.reported]]\nchecksum = "sha256:{"0" * 64}"\nby = "a list"'
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "reports.toml", size=report)))
    encoder = ask("catalogue")["entries"][0]
    assert encoder["reported"] == [{"checksum": f"sha256:{'0' * 64}", "by": "a list"}]
    assert encoder["repository_licence"] == ""
    assert not repository.asked()
    repository.licences = {"zenodo": {"id": "cc-by-4.0"}}
    zenodo, huggingface = ask("licences", {"id": "fmcib"})["licences"]
    assert zenodo == {"mirror": "zenodo", "licence": "cc-by-4.0", "problem": "", "is_another": True}
    assert (huggingface["licence"], huggingface["is_another"]) == ("", False)
    assert "has no such file" in huggingface["problem"]
    answer = ask("download", {"id": "fmcib"})
    checksum, licence = answer["doubts"]
    assert checksum.startswith("WARNING: the SHA-256 of weights.torch is not the one that a list reports")
    assert "names another licence" in licence
    assert answer["record"]["repository_licence"] == "zenodo: cc-by-4.0"
    assert ask("verify")["files"][0]["doubts"] == answer["doubts"]
    assert ask("catalogue")["entries"][0]["repository_licence"] == "zenodo: cc-by-4.0"


def test_what_lies_there_is_told_by_kind_and_removed_with_what_stays(repository, folder):
    ask("download", {"id": "fmcib"})
    (folder / "by-hand.torch").write_bytes(b"x")
    part = folder.parents[1] / "weights" / "tables" / "t.csv.part"
    part.parent.mkdir()
    part.write_bytes(b"a,b")
    told = ask("contents")
    assert (told["folder"], told["strange"], told["refused"]) == (
        str(folder.parents[1]), ["weights/fmcib/by-hand.torch"], ""
    )  # fmt: skip
    weights, unfinished = told["items"]
    assert weights.items() >= {"name": "weights/fmcib", "kind": "weights", "comes_back": True}.items()
    assert weights["size"] > len(CONTENT)
    assert (unfinished["name"], unfinished["size"]) == ("weights/tables/t.csv.part", 3)
    with only_one(folder), Task("remove", {"names": ["weights/fmcib", "weights/tables/t.csv.part"]}) as task:
        answer = task.answer()
    assert answer["gone"] == ["weights/tables/t.csv.part"]
    assert answer["freed"] == 3
    (stayed,) = answer["stayed"]
    assert stayed["name"] == "weights/fmcib"
    assert "Another process is at work in fmcib" in stayed["problem"]
    with Task("remove", {"names": ["weights/fmcib"]}) as task:
        *steps, answer = task.rest()
    assert steps[-1]["done"] == steps[-1]["total"] == weights["size"]
    assert (answer["gone"], answer["stayed"], answer["freed"]) == (["weights/fmcib"], [], weights["size"])
    assert not (folder / FILE).exists()
    assert (folder / "by-hand.torch").exists()


def test_the_published_catalogue_names_the_hosts_of_each_entry(repository, monkeypatch):
    monkeypatch.delenv("FMCIB_CATALOGUE")
    hosts = {entry["id"]: entry["hosts"] for entry in ask("catalogue")["entries"]}
    assert hosts["fmcib"] == ["zenodo.org", "huggingface.co", "*.hf.co", "*.huggingface.co"]
    assert hosts["malignancy"] == ["huggingface.co", "*.hf.co", "*.huggingface.co"]


def start_slow_download(repository: Repository, folder: Path) -> Task:
    """A download that has got half of the file and waits for the rest."""
    repository.faults.append("wait")
    task = Task("download", {"id": "fmcib"})
    part = folder / f"{FILE}.part"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and task.process.poll() is None:
        if part.exists() and part.stat().st_size == len(CONTENT) // 2:
            return task
        time.sleep(0.01)
    pytest.fail(f"no part appeared: {task.log_text()}")


@needs_posix
def test_a_killed_download_is_continued_by_the_next(repository, folder):
    with start_slow_download(repository, folder) as task:
        task.process.kill()
        assert task.process.wait(PATIENCE) == -signal.SIGKILL
        assert {one["type"] for one in task.rest()} == {"progress"}
    kept = (folder / f"{FILE}.part").stat().st_size
    assert ask("catalogue")["entries"][0]["part"] == kept
    with Task("download", {"id": "fmcib"}) as task:
        *steps, answer = task.rest()
    assert answer["record"]["sha256"] == SHA256
    assert next(step["done"] for step in steps if step["done"] is not None) == kept
    assert repository.ranges == [f"bytes={kept}-"]


def test_a_parent_that_is_gone_ends_a_download_at_once_and_what_came_is_kept(repository, folder):
    with start_slow_download(repository, folder) as task:
        task.process.stdin.close()
        assert task.process.wait(PATIENCE) == 1
        assert {one["type"] for one in task.rest()} == {"progress"}
    kept = (folder / f"{FILE}.part").stat().st_size
    assert ask("download", {"id": "fmcib"})["record"]["sha256"] == SHA256
    assert repository.ranges == [f"bytes={kept}-"]


@needs_posix
def test_ctrl_c_in_the_parents_terminal_is_the_parents_business(repository, folder):
    with start_slow_download(repository, folder) as task:
        task.process.send_signal(signal.SIGINT)
        repository.go_on.set()
        assert task.answer()["record"]["sha256"] == SHA256


def test_what_is_written_to_stdin_is_not_looked_at(repository, folder):
    with start_slow_download(repository, folder) as task:
        task.process.stdin.write(b"{}\n" * 10_000)
        task.process.stdin.flush()
        repository.go_on.set()
        assert task.answer()["type"] == "result"


def test_waiting_for_another_process_and_trouble_with_a_mirror_are_told(repository, folder):
    with only_one(folder), Task("download", {"id": "fmcib", "mirror": "huggingface"}) as task:
        task.wait_for("Another process is at work in fmcib: waiting for it.")
    repository.always = "404"
    with Task("download", {"id": "fmcib"}) as task:
        task.wait_for("zenodo: 127.0.0.1 has no such file (HTTP 404). The next mirror is asked.")
        answer = task.answer()
    assert answer["code"] == "download"
    assert "huggingface: 127.0.0.1 has no such file" in answer["message"]
    assert "and import it (in the window: Import)." in answer["message"]


def test_a_folder_that_cannot_be_written_to_is_an_output_error(repository, folder, tmp_path):
    (tmp_path / "Größe 肺").write_text("a file in its place", encoding="utf-8")
    answer = ask("download", {"id": "fmcib"})
    assert answer["code"] == "output"
    assert "or choose another cache folder (in the window: Advanced)." in answer["message"]


def test_a_file_from_a_stick_is_imported_once_and_replaced_only_if_allowed(repository, tmp_path):
    path = tmp_path / "Gewichte für 肺.csv"
    path.write_bytes(b"a,b\n")
    given = {"path": str(path), "id": "tables"}
    with Task("import", given) as task:
        *steps, answer = task.rest()
    assert steps[0]["text"] == "Importing Gewichte für 肺.csv"
    assert (steps[-1]["done"], steps[-1]["total"]) == (4, 4)
    assert answer["record"]["file"] == path.name
    assert answer["record"]["checksum"] == "unverified"
    assert Path(answer["record"]["path"]).read_bytes() == b"a,b\n"
    path.write_bytes(b"c,d\n")
    refused = ask("import", given)
    assert refused["code"] == "replaces"
    assert "its SHA-256 is another. If it is right, allow it to replace that one" in refused["message"]
    assert ask("import", given | {"overwrite": True})["type"] == "result"


@pytest.mark.parametrize(
    ("name", "content", "given", "told"),
    [
        ("w.pkl", CONTENT, {}, "w.pkl is a pickle, which is never opened"),
        ("w.torch", b"short", {}, "no published file by its size or SHA-256"),
        ("w.torch", b"short", {"id": "fmcib"}, "w.torch has 5 bytes, fmcib has 640000"),
        ("t.csv", b"<html>sign in</html>", {"id": "tables"}, "is a web page"),
        ("gone.torch", None, {}, "gone.torch is not there"),
        pytest.param("w.torch", CONTENT, {}, "w.torch", marks=needs_torch),
        pytest.param("w.torch", b"noise", {"own_name": "mine"}, "w.torch", marks=needs_torch),
    ],
)
def test_a_wrong_file_is_refused_and_leaves_nothing(repository, folder, tmp_path, name, content, given, told):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    answer = ask("import", {"path": str(tmp_path / name)} | given)
    assert answer["code"] == ("unidentified" if told.startswith("no published file") else "weights")
    assert told in answer["message"]
    assert str(tmp_path) not in answer["message"]
    assert not [path for path in folder.parent.rglob("*") if path.is_file() and path.name != ".lock"]


@needs_torch
def test_weights_of_ones_own_get_the_name_that_they_are_given(repository, small_file):
    given = {"path": str(small_file), "own_name": "mine"}
    record = ask("import", given)["record"]
    assert (record["id"], record["file"], record["licence"]) == ("mine", "mine.safetensors", "")
    assert "allow them to be replaced" in ask("import", given)["message"]
    assert ask("verify")["files"] == [{"id": "mine", "file": "mine.safetensors", "problem": "", "doubts": []}]


@pytest.mark.usefixtures("_torch_is_hidden")
def test_a_damaged_record_is_told_and_stops_nothing(repository, folder):
    folder.mkdir(parents=True)
    (folder / f"{FILE}.record.json").write_text("{}", encoding="utf-8")
    (found,) = ask("probe")["weights"]
    assert found["problem"].startswith("The record weights.torch.record.json of fmcib is damaged.")
    assert (found["id"], found["size"], found["sha256"]) == ("fmcib", None, "")
    assert ask("verify")["files"][0]["problem"] == found["problem"]


def test_a_fault_of_ours_is_an_answer_without_its_words(repository, tmp_path):
    script = (
        "import sys; from fmcib_engine.tasks import run; from fmcib_engine.weights import store\n"
        f"def fail(): raise ValueError({str(tmp_path)!r})\n"
        "store.verify = fail; sys.exit(run.run_task(sys.argv[1:]))"
    )
    with Task("verify", "", ("-c", script)) as task:
        answer = task.answer()
        assert answer["code"] == "internal"
        assert str(tmp_path) not in answer["message"]
        assert "Traceback" in task.log_text()


@needs_torch
def test_the_self_test_is_good_here_and_knows_its_device(repository):
    answer = ask("self_test", {"device": "cpu"})
    assert (answer["good"], answer["device"]) == (True, "cpu")
    assert (answer["engine"] == "pytorch") == (answer["engine_deviation"] is None)
    assert [check["what"] for check in answer["checks"]] == [
        "patch, largest difference",
        "features, relative difference",
    ]
    assert all(check["good"] and check["deviation"] <= check["limit"] for check in answer["checks"])
    assert ask("self_test", {"device": "cuda:99"})["code"] == "device"


class Told:
    """In the place of a channel."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []

    def write(self, line: bytes) -> None:
        self.steps.append(json.loads(line))

    @property
    def done(self) -> list[int | None]:
        return [step["done"] for step in self.steps]


def test_progress_is_told_some_ten_times_a_second_and_never_falls(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(io.time, "monotonic", lambda: now[0])
    told = Told()
    reporter = Reporter(told)
    for done in range(1000):
        reporter.count(done, 1000)
        now[0] += 0.001
    assert 8 <= len(told.steps) <= 12
    reporter.count(500, 1000)  # a file that is fetched once more from its start
    reporter.count(1000, 1000)
    reporter.count(1000, 1000)
    assert told.done == sorted(told.done)
    assert told.done.count(1000) == 1


def test_progress_says_the_step_again_after_a_line_of_the_log():
    told = Told()
    reporter = Reporter(told)
    reporter.say("Downloading")
    for level in ("info", "error"):
        reporter.emit(io.logging.makeLogRecord({"msg": level, "levelno": getattr(io.logging, level.upper())}))
    reporter.count(5, 5)
    assert [step["text"] for step in told.steps] == ["Downloading", "info", "Downloading"]
