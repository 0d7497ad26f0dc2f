"""The folder of a run after odd moments, and what is told where it went on otherwise than it began."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fmcib_engine.errors import InputError, OutputError, TrainingError
from fmcib_engine.results.files import unfinished_name, write_whole
from fmcib_engine.training.ahead import ahead
from fmcib_engine.training.folder import RESULT, RunFolder
from fmcib_engine.training.metrics import Metrics
from fmcib_engine.training.prepare import Shelf, prepare
from fmcib_engine.training.pretrain_settings import PretrainSettings
from fmcib_engine.training.sources import Cut, Lesion

for package in ("torch", "yaml", "filelock"):
    pytest.importorskip(package)

SETTINGS = PretrainSettings(phantoms=4)
DATA = {"table": "seeds.csv", "table_sha256": "0" * 64}
ABOUT = {"device": "cpu", "processes": 1}


def begin(folder: Path, *, resume: bool = False, data: dict = DATA, about: dict = ABOUT) -> RunFolder:
    run = RunFolder(folder, SETTINGS)
    with run.opened(resume=resume, data=data, about=about):
        pass
    return run


@pytest.mark.parametrize("left", ["run.json", "run.yaml"])
def test_a_run_that_was_killed_as_it_began_goes_on(tmp_path, left):
    (tmp_path / unfinished_name(left)).write_text("{", encoding="utf-8")
    if left == "run.yaml":
        (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    begin(tmp_path, resume=True)
    assert (tmp_path / "run.yaml").is_file()


def test_nothing_unfinished_stays_of_what_was_interrupted_while_it_was_written(tmp_path):
    def interrupted(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "checkpoint.pt", interrupted)
    assert not list(tmp_path.iterdir())


def test_what_a_run_was_begun_with_is_kept_and_told_where_it_goes_on_with_another(tmp_path, caplog):
    begin(tmp_path)
    begin(tmp_path, resume=True, about={"device": "cuda:0", "processes": 2})
    assert "The run was begun with device cpu, it goes on with cuda:0: its last bits may be others." in caplog.text
    assert "begun with processes 1, it goes on with 2" in caplog.text
    facts = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert [(start["device"], start["processes"]) for start in facts["started"]] == [("cpu", 1), ("cuda:0", 2)]
    assert all("fmcib-engine" in start["versions"] for start in facts["started"])


def test_a_table_of_another_name_is_the_same_and_one_of_another_content_is_not(tmp_path):
    begin(tmp_path)
    begin(tmp_path, resume=True, data=DATA | {"table": "renamed.csv"})
    with pytest.raises(OutputError, match="differs in the table or the weights"):
        begin(tmp_path, resume=True, data=DATA | {"table_sha256": "1" * 64})


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_a_result_that_is_gone_or_changed_is_told_and_not_taken_for_it(tmp_path, change):
    run = begin(tmp_path)
    (tmp_path / RESULT).write_bytes(b"weights")
    run.finish({"steps": 3})
    begin(tmp_path, resume=True)
    change(tmp_path / RESULT)
    with pytest.raises(OutputError, match=r"is done, and its encoder\.safetensors is gone or was changed since"):
        begin(tmp_path, resume=True)


@pytest.mark.parametrize("text", ["[1]", "{", "3"])
def test_damaged_facts_and_lists_are_told(tmp_path, text):
    begin(tmp_path)
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    (tmp_path / "lesions.json").write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match=r"run\.json in .* is damaged"):
        begin(tmp_path, resume=True)
    with pytest.raises(OutputError, match=r"lesions\.json is gone or damaged"):
        Shelf(tmp_path).listed()


class Four:
    """Lesions 0 to 3, two a job; what happens at lesion 2 is given."""

    lesions: Sequence[Lesion] = tuple(Lesion(number) for number in range(4))
    jobs: Sequence[Sequence[int]] = ((0, 1), (2, 3))
    warnings: Sequence[str] = ()

    def __init__(self, happens=lambda: None) -> None:
        self.happens, self.asked = happens, []

    def cut(self, numbers: Sequence[int]) -> Iterator[Cut]:
        for number in numbers:
            self.asked.append(number)
            if number == 2:
                self.happens()
            yield Cut(number, np.full((2, 3, 3, 3), number, np.float32))


def prepared(folder: Path, source: Four, workers: int = 0) -> Shelf:
    shelf = Shelf(folder)
    prepare(source, shelf, elsewhere=1, workers=workers, most_problems=0.0, advance=lambda _: None)
    return shelf


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:50], lambda content: content[:-9]])
def test_a_patch_that_a_power_cut_has_emptied_is_cut_again(tmp_path, damage):
    shelf = prepared(tmp_path, Four())
    (tmp_path / "lesions.json").unlink()
    path = tmp_path / "patches" / "000001.npy"
    path.write_bytes(damage(path.read_bytes()))
    source = Four()
    prepared(tmp_path, source)
    assert source.asked == [1]
    assert (shelf.read(1) == 1).all()


def test_patches_that_cannot_be_deleted_are_told(tmp_path, monkeypatch, caplog):
    shelf = prepared(tmp_path, Four())
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    shelf.clear()
    assert "could not be deleted. It holds parts of CTs" in caplog.text


def fill_disk() -> None:
    raise OSError(28, "No space left on device")


def lose_patches() -> None:
    msg = "The patches are gone."
    raise InputError(msg)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("happens", "error", "said"),
    [
        (fill_disk, OutputError, r"^The patches cannot be kept \(No space left on device\)\. Make room"),
        (lose_patches, InputError, r"^The patches are gone\.$"),
    ],
)
def test_what_goes_wrong_beside_this_process_is_said_as_it_is_here(tmp_path, workers, happens, error, said):
    with pytest.raises(error, match=said):
        prepared(tmp_path, Four(happens), workers)


def test_a_process_beside_this_one_that_ends_is_told_in_a_sentence(tmp_path):
    with pytest.raises(TrainingError, match="A process that cuts and changes patches has ended"):
        prepared(tmp_path, Four(die), workers=1)
    assert list(ahead(str, range(3), 0)) == ["0", "1", "2"]


class OddBoard:
    """TensorBoard with packages that do not fit: it fails at once, or later."""

    def __init__(self, *_: object, **__: object) -> None:
        if self.fails_at_once:
            msg = "Descriptors cannot be created directly."
            raise TypeError(msg)

    def add_scalar(self, *_: object) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_tensorboard_that_does_not_work_stops_no_run(tmp_path, monkeypatch, caplog, at_once):
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = type("Board", (OddBoard,), {"fails_at_once": at_once})
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    with Metrics(tmp_path / "metrics.csv", ("loss",), 0) as metrics:
        metrics.write(1, 1, {"loss": 0.5})
        metrics.write(2, 1, {"loss": 0.25})
    assert (tmp_path / "metrics.csv").read_text(encoding="utf-8") == "step,epoch,loss\n1,1,0.5\n2,1,0.25\n"
    assert caplog.text.count("files for TensorBoard") == 1
