"""Removing what was downloaded: real clicks, the real engine, real files."""

from __future__ import annotations

import json

import pytest
from clicks import click
from fmcib_engine.downloads import only_one
from fmcib_engine.weights.record import Record
from FMCIBModuleLib.Setup.AdvancedDesk import Facts
from processes import children
from setup_support import PretendDesktop, probed, record
from window_support import NODULE
from worker_support import GOOD, GUARD, makePatches, spinFor, spinUntil

pytest_plugins = ["analysis_fixtures", "setup_fixtures", "window_fixtures", "worker_fixtures"]
pytest.importorskip("filelock")

FETCHED = Record("fmcib", "w.torch", 2_000_000, "2" * 64, "md5:" + "3" * 32, "https://x", "", "CC BY-NC 4.0", "notice")
OWN = Record("mine", "mine.safetensors", 3_000_000, "0" * 64, "unverified", "imported from w.torch", "", "", "")


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("FMCIB_HOME", str(home))
    for each in (FETCHED, OWN):
        folder = home / "weights" / each.id
        folder.mkdir(parents=True)
        (folder / each.file).write_bytes(bytes(each.size))
        (folder / f"{each.file}.record.json").write_text(each.text, encoding="utf-8")
    (home / "letter.txt").write_text("not ours", encoding="utf-8")
    return home


@pytest.fixture
def real(makeSetupStage, home, tmp_path):
    """The real engine, which has been probed, without PyTorch and MONAI, which take seconds to start."""
    hides = tmp_path / "hides"
    hides.mkdir()
    for name in ("torch", "monai"):
        (hides / f"{name}.py").write_text(f"raise ModuleNotFoundError(name={name!r})\n", encoding="utf-8")

    def make(**options):
        made = makeSetupStage(path=str(hides), **options)
        made.setup.start()
        spinUntil(lambda: made.setup.requirements.result is not None)
        made.show()
        return made

    return make


def dialogOf(made):
    dialog = made.setup._removal._dialog
    return dialog if dialog is not None and dialog.widget.isVisible() else None


def openDialog(made):
    click(made.advanced.ui.removeFilesButton)
    spinUntil(lambda: dialogOf(made) is not None)
    return dialogOf(made)


def isIdle(made) -> bool:
    return not made.advanced.ui.advancedBusyWidget.isVisible() and not made.setup.requirements.isChecking


def test_what_is_ticked_goes_what_was_freed_is_told_and_the_first_look_says_that_it_is_missing(real, home):
    made = real()
    assert made.states()[2] == "good"
    dialog = openDialog(made)
    assert [(box.text, box.checked) for box in dialog.boxes] == [("weights/fmcib", True), ("weights/mine", False)]
    assert "letter.txt" in dialog.ui.strangeText.text
    click(dialog.ui.removeButton)
    spinUntil(lambda: made.states()[2] == "missing")
    spinUntil(lambda: isIdle(made))
    assert made.advanced.ui.advancedNote.text == "Removed: weights/fmcib. 2.0 MB were freed."
    assert not (home / "weights" / "fmcib" / "w.torch").exists()
    assert (home / "weights" / "mine" / "mine.safetensors").exists()
    assert (home / "letter.txt").exists()
    assert made.ui.downloadButton.isVisible()
    assert made.desktop.asked == []
    assert made.heard.of("failed") == []


@pytest.mark.parametrize("agrees", [True, False])
def test_what_does_not_come_back_is_asked_about_once_more(real, home, agrees):
    made = real(desktop=PretendDesktop(agrees=agrees))
    dialog = openDialog(made)
    click(dialog.boxes[0])
    click(dialog.boxes[1])
    click(dialog.ui.removeButton)
    assert "this program cannot fetch them again: weights/mine." in made.desktop.asked[-1]
    if agrees:
        spinUntil(lambda: "3.0 MB were freed" in made.advanced.ui.advancedNote.text)
    else:
        spinFor(0.2)
    assert (home / "weights" / "mine" / "mine.safetensors").exists() != agrees
    assert (home / "weights" / "fmcib" / "w.torch").exists()


def test_a_user_who_cancels_removes_nothing_and_may_come_again(real, home):
    made = real()
    before = len(children())
    click(openDialog(made).ui.keepButton)
    spinFor(0.2)
    assert (home / "weights" / "fmcib" / "w.torch").exists()
    assert len(children()) == before
    assert openDialog(made).boxes


def test_an_empty_folder_and_a_home_folder_are_told(real, home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    made = real()
    click(made.advanced.ui.removeFilesButton)
    spinUntil(lambda: made.heard.of("failed"))
    assert "nothing is removed there" in made.heard.of("failed")[0][0]
    spinUntil(lambda: isIdle(made))
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setenv("FMCIB_HOME", str(home / "empty"))
    click(made.advanced.ui.removeFilesButton)
    spinUntil(lambda: "nothing of this program lies in the folder" in made.advanced.ui.advancedNote.text)


def test_what_a_download_is_at_stays_and_is_told(real, home):
    made = real()
    dialog = openDialog(made)
    with only_one(home / "weights" / "fmcib"):
        click(dialog.ui.removeButton)
        spinUntil(lambda: made.heard.of("failed"))
    assert "Another process is at work in fmcib" in made.heard.of("failed")[0][0]
    assert made.advanced.ui.advancedNote.text == "Removed: nothing. 0.0 MB were freed."
    assert (home / "weights" / "fmcib" / "w.torch").exists()


def test_while_lesions_are_analysed_no_weights_are_removed(real, home):
    asked = []
    made = real(facts=Facts(letGo=lambda: bool(asked.append("letGo"))))
    click(openDialog(made).ui.removeButton)
    assert "lesions are being analysed" in made.heard.of("failed")[0][0]
    assert asked == ["letGo"]
    spinFor(0.2)
    assert (home / "weights" / "fmcib" / "w.torch").exists()


ITEMS = [
    {"name": name, "kind": "sample", "title": "sample scan", "again": "Again.", "comes_back": True, "size": 1}
    for name in ("samples/a", "samples/b")
]
CONTENTS = {"folder": "/x", "items": ITEMS, "strange": [], "refused": ""}


@pytest.mark.parametrize("how", ["cancelled", "crashes"])
def test_a_removal_that_is_broken_off_says_what_went_and_what_stayed(makeSetupStage, how, tmp_path, monkeypatch):
    """The process that removes hangs or crashes after the first of two; another one then looks."""
    held = []
    if how == "crashes":
        monkeypatch.setenv("ODD_TASK_CRASHES", str(tmp_path / "now"))
    answers = {"probe": probed(weights=[record()]), "contents": CONTENTS}
    made = makeSetupStage(answers, habit="breaks off", facts=Facts(letGo=lambda: bool(held.append(1))))
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    made.show()
    click(openDialog(made).ui.removeButton)
    assert held == []  # samples are never open
    spinUntil(lambda: made.advanced.ui.advancedBusyLabel.text == "half of it is gone")
    rest = answers | {"contents": CONTENTS | {"items": ITEMS[1:]}}
    made.answers.write_text(json.dumps(rest), encoding="utf-8")
    (tmp_path / "now").touch()
    if how == "cancelled":
        click(made.advanced.ui.advancedCancelButton)
    told = "The removal was broken off. Removed: samples/a. Still here: samples/b."
    spinUntil(lambda: made.advanced.ui.advancedNote.text == told)
    assert len(made.heard.of("failed")) == (1 if how == "crashes" else 0)
    spinUntil(lambda: isIdle(made))


def test_where_nobody_can_tell_what_stayed_that_is_said_once(makeSetupStage, tmp_path, monkeypatch):
    """As where the disk has gone: the removal crashes, and so does whoever looks."""
    lives = tmp_path / "lives"
    for name, path in (("CRASHES", tmp_path / "now"), ("LIVES", lives)):
        monkeypatch.setenv(f"ODD_TASK_{name}", str(path))
    made = makeSetupStage({"probe": probed(weights=[record()]), "contents": CONTENTS}, habit="breaks off")
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    made.show()
    click(openDialog(made).ui.removeButton)
    spinUntil(lambda: made.advanced.ui.advancedBusyLabel.text == "half of it is gone")
    made.answers.write_text(json.dumps({"probe": probed()}), encoding="utf-8")
    (tmp_path / "now").touch()
    spinUntil(lambda: made.advanced.ui.advancedNote.text.startswith("Nobody could look what stayed"))
    spinUntil(lambda: isIdle(made))
    spinFor(0.3)
    told = lives.read_text(encoding="utf-8").splitlines()
    assert [line.split()[1] for line in told if " probe " not in line] == ["contents", "remove", "contents"]
    assert len(made.heard.of("failed")) == 2


WEIGHTS = {**ITEMS[0], "name": "weights/fmcib", "kind": "weights"}


def test_the_window_lets_its_worker_go_before_weights_are_removed_and_not_while_it_computes(stage):
    stage.answers |= {"contents": CONTENTS | {"items": [WEIGHTS]}}
    stage.answers["remove"] = {"gone": ["weights/fmcib"], "stayed": [], "freed": 1}
    stage.window.ui.advancedSection.collapsed = False
    stage.place(NODULE)
    worker, removal = stage.analysis.worker, stage.window.setup._removal
    click(stage.advanced.removeFilesButton)
    click(removal._dialog.ui.removeButton)
    assert "lesions are being analysed" in stage.message
    assert worker.letGoes == 0
    stage.answer()
    stage.parameters.weights = "fmcib"
    stage.answer()
    stage.answers["probe"] = probed()  # the weights are gone
    click(stage.advanced.removeFilesButton)
    click(removal._dialog.ui.removeButton)
    assert worker.letGoes == 1
    assert stage.advanced.advancedNote.text == "Removed: weights/fmcib. 0.0 MB were freed."
    assert not stage.window.setup.isReady
    assert "Weights are missing" in stage.requirements.weightsLabel.text


def test_a_worker_that_is_let_go_is_gone_and_the_next_request_has_another(startWorker):
    before = len(children())
    worker = startWorker("good")
    worker.load(GOOD)
    worker.wait(timeoutSeconds=GUARD)
    assert len(children()) == before + 1
    assert worker.letGo()
    assert len(children()) == before
    assert worker.state == "stopped"
    spinFor(0.1)
    assert len(children()) == before  # nothing gets ready by itself
    done = []
    worker.encode(makePatches(1)[0], lambda *values: done.append(values))
    assert not worker.letGo()  # somebody waits for it
    worker.wait(timeoutSeconds=GUARD)
    assert len(done) == 1
    assert worker.letGo()
