"""Weights: fetched with consent from a real server, imported, checked; all by clicks in the panels."""

from __future__ import annotations

import hashlib

import pytest
from clicks import chooseItem, click, typeText
from processes import children
from setup_support import CONTENT, Heard, PretendDesktop, probed, record
from support import OF_THE_COMMAND_LINE
from worker_support import GOOD, GUARD, spinFor, spinUntil

pytest_plugins = ["setup_fixtures", "worker_fixtures"]
pytest.importorskip("requests")
pytest.importorskip("filelock")

NOT_KNOWN = (
    "The licence of these weights is not known here. "
    "FMCIB's published weights are CC BY-NC 4.0: non-commercial use only."
)


@pytest.fixture
def real(makeSetupStage, repository, tmp_path):
    """The real engine, which has been probed, and a server. Without PyTorch and MONAI, which take seconds to start."""
    (tmp_path / "hides").mkdir()
    for name in ("torch", "monai"):
        (tmp_path / "hides" / f"{name}.py").write_text(f"raise ModuleNotFoundError(name={name!r})\n", encoding="utf-8")
    made = makeSetupStage(path=str(tmp_path / "hides"))
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    made.show()
    made.target = tmp_path / "home" / "weights" / "fmcib" / "weights.torch"
    return made


def openDialog(real):
    click(real.ui.downloadButton)
    spinUntil(lambda: real.dialog is not None)
    return real.dialog


def agree(real) -> None:
    dialog = openDialog(real)
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.agreeButton)


def isIdle(real) -> bool:
    return not real.ui.requirementsBusyWidget.isVisible()


def test_nothing_is_fetched_before_the_user_agrees(real, repository):
    dialog = openDialog(real)
    assert "CC BY-NC 4.0" in dialog.ui.licenceText.text
    click(dialog.ui.declineButton)
    spinFor(0.2)
    assert not repository.asked()
    assert isIdle(real)
    assert not real.target.exists()


def test_after_consent_the_weights_are_fetched_chosen_and_their_notice_is_told(real, repository):
    assert real.setup.notice == ""
    agree(real)
    spinUntil(lambda: "good" in real.states()[2:])
    assert real.target.read_bytes() == CONTENT
    assert real.heard.of("weightsChanged") == [["fmcib"]]
    assert "non-commercial" in real.setup.notice
    assert real.heard.of("noticeChanged") == [[real.setup.notice]]
    assert "are here" in real.ui.requirementsNote.text
    assert isIdle(real)
    assert not real.heard.of("failed")


def test_the_repositories_are_asked_for_their_licence_before_anybody_agrees(real, repository):
    repository.licences = {"zenodo": {"id": "cc-by-4.0"}}
    dialog = openDialog(real)
    click(dialog.ui.askLicenceButton)
    spinUntil(lambda: "another than the one above" in dialog.ui.repositoryText.text)
    assert "huggingface: nobody knows." in dialog.ui.repositoryText.text
    assert not repository.asked(words="/files/")
    spinUntil(lambda: isIdle(real))
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.agreeButton)
    spinUntil(real.target.exists)
    spinUntil(lambda: real.heard.of("failed"))
    assert "names another licence for weights.torch than CC BY-NC 4.0" in real.heard.of("failed")[0][0]
    spinUntil(lambda: "good" in real.states()[2:])  # loud, and no reason to refuse
    assert "names another licence" in real.setup.requirements.list()[2].text


def test_a_file_that_differs_from_a_report_is_told_loudly_and_used(real, repository, tmp_path, monkeypatch):
    report = f'size = {len(CONTENT)}\n[[entry.reported]]\nchecksum = "sha256:{"0" * 64}"\nby = "a list"'
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "reports.toml", size=report)))
    agree(real)
    spinUntil(lambda: real.heard.of("failed"))
    assert real.heard.of("failed")[0][0].startswith("WARNING: the SHA-256 of weights.torch is not the one that a list")
    spinUntil(lambda: "good" in real.states()[2:])
    assert real.heard.of("weightsChanged") == [["fmcib"]]
    assert "(WARNING: the SHA-256" in real.setup.requirements.list()[2].text


def test_a_file_that_others_report_as_well_is_said_to_be_the_same(real, repository, tmp_path, monkeypatch):
    digits = hashlib.sha256(CONTENT).hexdigest()
    report = f'size = {len(CONTENT)}\n[[entry.reported]]\nchecksum = "sha256:{digits}"\nby = "a list"'
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "reports.toml", size=report)))
    agree(real)
    spinUntil(lambda: "Its SHA-256 is the one that a list reports." in real.ui.requirementsNote.text)
    spinUntil(lambda: isIdle(real) and not real.setup.requirements.isChecking)
    assert real.heard.of("failed") == []


def test_a_cancelled_download_is_gone_and_the_next_one_goes_on_from_there(real, repository):
    repository.faults.append("wait")
    before = len(children())
    agree(real)
    part = real.target.parent
    spinUntil(lambda: any(path.stat().st_size > 3_000_000 for path in part.rglob("*.part*")))
    assert len(children()) == before + 1
    click(real.ui.requirementsCancelButton)
    spinUntil(lambda: isIdle(real))
    spinUntil(lambda: not real.setup.requirements.isChecking)
    assert len(children()) == before
    assert "goes on from there" in real.ui.requirementsNote.text
    assert not real.heard.of("failed")
    assert not real.target.exists()
    repository.go_on.set()
    dialog = openDialog(real)
    assert dialog.ui.partText.text == "3 of 6 MB are here already; Download goes on."
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.agreeButton)
    spinUntil(lambda: real.target.exists() and isIdle(real))
    assert real.target.read_bytes() == CONTENT
    assert any(one != "bytes=0-" for one in repository.ranges)


def test_a_download_that_fails_is_told_once_and_can_be_tried_again(real, repository):
    repository.wrong_checksums.add("zenodo")
    repository.wrong_checksums.add("huggingface")
    agree(real)
    spinUntil(lambda: real.heard.of("failed"))
    spinUntil(lambda: isIdle(real) and not real.setup.requirements.isChecking)
    assert len(real.heard.of("failed")) == 1
    assert not real.target.exists()
    repository.wrong_checksums.clear()
    agree(real)
    spinUntil(real.target.exists)


def test_closing_in_the_midst_leaves_no_process(real, repository):
    repository.faults.append("wait")
    before = len(children())
    agree(real)
    spinUntil(repository.half_sent.is_set)
    real.setup.close()
    assert len(children()) == before
    spinFor(0.05)
    assert real.heard.all == []


def askedFor(real, path):
    """The dialog that asks what a file is."""
    real.desktop.path = str(path)
    click(real.ui.importButton)
    spinUntil(lambda: real.dialog is not None)
    return real.dialog


def test_a_file_that_is_no_weights_is_refused_with_its_name(real, tmp_path):
    (tmp_path / "holiday.safetensors").write_bytes(b"not weights at all")
    dialog = askedFor(real, tmp_path / "holiday.safetensors")
    assert dialog.ui.fileText.text.startswith("holiday.safetensors (18 bytes) is no published file by its size")
    assert not OF_THE_COMMAND_LINE.search(dialog.ui.fileText.text)
    click(dialog.ui.importAsButton)
    spinUntil(lambda: real.heard.of("failed"))
    assert len(real.heard.of("failed")) == 1
    assert str(tmp_path) not in real.heard.of("failed")[0][0]
    assert real.heard.of("weightsChanged") == []
    spinUntil(lambda: isIdle(real))


def test_a_name_that_cannot_be_is_told_without_the_command_line(real, tmp_path):
    (tmp_path / "own.pth").write_bytes(b"whatever")
    dialog = askedFor(real, tmp_path / "own.pth")
    assert dialog.ui.nameEdit.text == "own"
    typeText(dialog.ui.nameEdit, "My Own!")
    click(dialog.ui.importAsButton)
    spinUntil(lambda: real.heard.of("failed"))
    told = real.heard.of("failed")[0][0]
    assert "A name of your own is of small letters" in told
    assert not OF_THE_COMMAND_LINE.search(told)


def test_who_says_nothing_of_a_file_imports_nothing(real, tmp_path):
    (tmp_path / "own.pth").write_bytes(b"whatever")
    dialog = askedFor(real, tmp_path / "own.pth")
    dialog.ui.nameEdit.clear()
    typeText(dialog.ui.nameEdit, " ")
    assert not dialog.ui.importAsButton.enabled
    click(dialog.ui.cancelImportButton)
    spinFor(0.1)
    assert real.heard.all == []
    assert isIdle(real)


@pytest.mark.parametrize(("choice", "given"), [("mine", ["", "mine"]), ("site: the lesion's site", ["site", ""])])
def test_what_a_file_is_that_nobody_knows_is_asked_and_then_whether_it_may_replace_another(
    makeSetupStage, tmp_path, choice, given
):
    entry = {"id": "site", "title": "the lesion's site", "size": None, "kind": "fine-tuned", "refused": ""}
    others = [
        {**entry, "id": "fmcib", "size": 738_451_713},
        {**entry, "id": "tables", "kind": "tables"},
        {**entry, "id": "task3", "refused": "not offered"},
    ]
    answers = {
        "import": {"record": record("mine")},
        "probe": probed(weights=[record("mine")]),
        "catalogue": {"entries": [*others, entry], "hosts": []},
    }
    made = makeSetupStage(answers, PretendDesktop(tmp_path / "unknown-file 2.pth"), habit="asks")
    started = Heard(made.setup._weights._task, "done")
    asked = []
    start = made.setup._weights._task.start
    made.setup._weights._task.start = lambda name, arguments: (asked.append((name, arguments)), start(name, arguments))
    click(made.advanced.ui.importFileButton)
    spinUntil(lambda: made.dialog is not None)
    ui = made.dialog.ui
    assert [ui.whatCombo.itemData(index) or "" for index in range(ui.whatCombo.count)] == ["", "site"]
    assert ui.nameEdit.text == "unknown-file-2"
    if given[0]:
        chooseItem(ui.whatCombo, choice)
        assert not ui.nameEdit.enabled
    else:
        ui.nameEdit.clear()
        typeText(ui.nameEdit, choice)
    click(ui.importAsButton)
    spinUntil(lambda: made.heard.of("weightsChanged"))
    assert made.heard.of("weightsChanged") == [["mine"]]
    assert made.desktop.asked[-1].startswith("There is another already. Allow it to be replaced. Replace what is here?")
    imports = [[each["id"], each["own_name"], each["overwrite"]] for name, each in asked if name == "import"]
    assert imports == [["", "", False], [*given, False], [*given, True]]
    assert not made.heard.of("failed")
    assert len(started.of("done")) == 2  # the catalogue, and the import in the end


def test_a_pickle_is_never_opened(real, tmp_path):
    (tmp_path / "task3.pkl").write_bytes(b"cos\nsystem\n")
    real.desktop.path = str(tmp_path / "task3.pkl")
    click(real.ui.importButton)
    spinUntil(lambda: real.heard.of("failed"))
    assert "pickle" in real.heard.of("failed")[0][0]


def test_a_user_who_chooses_no_file_imports_nothing(real):
    click(real.ui.importButton)
    spinFor(0.05)
    assert real.heard.all == []
    assert isIdle(real)


def test_weights_of_ones_own_are_imported_under_the_name_that_was_typed(makeSetupStage, tmp_path):
    answers = {"import": {"record": record("mine")}, "probe": probed(weights=[record("mine", notice="")])}
    made = makeSetupStage(answers, PretendDesktop(tmp_path / "own.torch"))
    typeText(made.advanced.ui.ownNameEdit, "mine")
    click(made.advanced.ui.importFileButton)
    spinUntil(lambda: made.setup.requirements.result is not None)
    assert made.heard.of("weightsChanged") == [["mine"]]
    assert made.heard.of("installed") == []  # nobody can have had them before
    assert made.states()[2] == "good"
    assert made.setup.notice == NOT_KNOWN
    assert made.heard.of("noticeChanged") == [[NOT_KNOWN]]


@pytest.mark.parametrize("agrees", [True, False])
def test_weights_that_are_here_are_replaced_only_after_a_question(makeSetupStage, tmp_path, agrees):
    answers = {"import": {"record": record()}, "probe": probed(weights=[record()])}
    made = makeSetupStage(answers, PretendDesktop(tmp_path / "w.torch", agrees), habit="asks")
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    made.show()
    click(made.advanced.ui.importFileButton)
    spinUntil(lambda: "Replace what is here?" in made.desktop.asked[-1])
    if agrees:
        spinUntil(lambda: made.heard.of("weightsChanged"))
    else:
        spinUntil(lambda: made.advanced.ui.advancedNote.text == "Nothing was imported.")
        assert not made.heard.of("weightsChanged")
    assert not made.heard.of("failed")


def test_weights_in_the_place_of_others_are_chosen_and_then_processes_are_to_be_started_again(real, tmp_path):
    agree(real)
    spinUntil(lambda: real.target.exists() and isIdle(real) and not real.setup.requirements.isChecking)
    assert real.heard.of("installed") == []
    other = tmp_path / "other.torch"
    other.write_bytes(CONTENT[::-1])
    real.desktop.path = str(other)
    click(real.advanced.ui.importFileButton)
    spinUntil(lambda: len(real.heard.of("weightsChanged")) == 2)
    spinUntil(lambda: isIdle(real) and not real.setup.requirements.isChecking)
    assert real.target.read_bytes() == CONTENT[::-1]
    assert "used from now on" in real.advanced.ui.advancedNote.text
    assert [name for name in real.heard.names() if name in ("weightsChanged", "installed")] == [
        *("weightsChanged", "weightsChanged", "installed")
    ]


def test_a_worker_that_has_the_former_weights_does_not_go_on_with_them(makeSetupStage, startWorker, tmp_path):
    weights = tmp_path / "weights"
    weights.write_text("former", encoding="utf-8")
    worker = startWorker("good", environment={"ODD_WORKER_WEIGHTS": str(weights)})
    worker.load(GOOD)
    worker.wait(timeoutSeconds=GUARD)
    answers = {"import": {"record": record()}, "probe": probed(weights=[record()])}
    made = makeSetupStage(answers, PretendDesktop(tmp_path / "w.torch"))
    made.setup.installed.connect(worker.restart)  # as the window does
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    weights.write_text("other", encoding="utf-8")
    click(made.advanced.ui.importFileButton)
    spinUntil(lambda: made.heard.of("weightsChanged"))
    worker.load(GOOD, mayKeep=True)
    worker.wait(timeoutSeconds=GUARD)
    assert worker.loaded["weights_sha256"] == "other"


def test_a_file_is_used_where_it_lies(makeSetupStage, tmp_path):
    file = tmp_path / "own.torch"
    file.touch()
    made = makeSetupStage({"probe": probed()}, PretendDesktop(file))
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    chooseItem(made.advanced.ui.weightsCombo, "Choose a file…")
    assert made.heard.of("weightsChanged") == [[str(file)]]
    assert made.advanced.ui.weightsCombo.currentText == "own.torch"
    assert made.states() == ["good"] * 3
    assert made.heard.of("noticeChanged") == [[NOT_KNOWN]]
    file.unlink()  # as in a scene of another computer: nothing is computed with it
    made.setup.showWeights(str(file))
    assert made.states()[2] == "missing"
    assert made.heard.of("noticeChanged")[-1] == [""]


def test_changed_weights_are_found_by_verifying_them(real, repository):
    agree(real)
    spinUntil(lambda: real.target.exists() and isIdle(real) and not real.setup.requirements.isChecking)
    click(real.advanced.ui.verifyButton)
    spinUntil(lambda: "as they were fetched" in real.advanced.ui.advancedNote.text)
    real.target.write_bytes(CONTENT[:-1] + b"!")
    spinUntil(lambda: isIdle(real) and not real.setup.requirements.isChecking)
    click(real.advanced.ui.verifyButton)
    spinUntil(lambda: real.heard.of("failed"))
    assert "was changed" in real.heard.of("failed")[0][0]


def test_demonstration_weights_are_one_click_and_have_their_own_notice(makeSetupStage):
    made = makeSetupStage({"probe": probed()})
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    made.show()
    click(made.ui.trialButton)
    assert made.heard.of("weightsChanged") == [["demonstration"]]
    assert made.setup.isReady
    assert made.heard.of("ready") == [[]]
    assert "random numbers" in made.heard.of("noticeChanged")[0][0]
    made.setup.showWeights("fmcib")  # another scene
    assert not made.setup.isReady
    assert made.heard.of("noticeChanged")[-1] == [""]
