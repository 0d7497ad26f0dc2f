"""The two entries of the module Sample Data: a phantom that is made here, a public CT that is fetched after consent."""

from __future__ import annotations

import shutil
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import qt
import slicer
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.SceneBridge import volumeFromNode
from FMCIBModuleLib.Signal import Signal
from FMCIBModuleLib.Window.SampleScans import CATEGORY, LidcSample, loadPhantom, registerSampleScans
from FMCIBModuleLib.Window.SeedChoices import seedChoices
from setup_support import PretendDesktop
from support import DATA, ROOT, needs_data

SLAB = DATA / "lidc" / "LIDC-IDRI-0001_slab"
SEED = (58.296875, 85.643753, -115.0)


class PretendTask:
    """Offers what a `TaskProcess` does; the test says what comes of it."""

    def __init__(self) -> None:
        self.progressed, self.done, self.failed, self.ended = Signal(), Signal(), Signal(), Signal()
        self.started: list[tuple] = []
        self.isRunning = False

    def start(self, name: str, arguments: dict) -> None:
        self.started.append((name, arguments))
        self.isRunning = True

    def cancel(self) -> None:
        self.finish()

    close = cancel

    def finish(self, result: dict | None = None, failure: str = "") -> None:
        self.isRunning = False
        self.ended.emit()
        if result is not None:
            self.done.emit(result)
        elif failure:
            self.failed.emit("download", failure)


@pytest.fixture
def task():
    return PretendTask()


@pytest.fixture
def desktop():
    return PretendDesktop()


@pytest.fixture
def sample(task, desktop):
    return LidcSample(lambda: task, desktop)


def dialogs() -> list:
    return [each for each in slicer.app.topLevelWidgets() if each.inherits("QProgressDialog") and each.isVisible()]


def test_the_phantom_comes_with_its_nodule_in_view_and_as_a_seed_to_take():
    slicer.app.layoutManager()
    node = loadPhantom()
    assert volumeFromNode(node).grid.border_distance(PHANTOM_SEED) > 25
    (choice,) = seedChoices()
    (seed,) = choice.seeds()
    assert seed.point.to_array() == pytest.approx([*PHANTOM_SEED])
    red = slicer.app.layoutManager().sliceWidget("Red")
    assert red.mrmlSliceCompositeNode().GetBackgroundVolumeID() == node.GetID()
    assert red.mrmlSliceNode().GetSliceToRAS().GetElement(2, 3) == pytest.approx(PHANTOM_SEED.z)


def test_a_second_phantom_has_a_name_of_its_own():
    assert loadPhantom().GetName() != loadPhantom().GetName()


def test_both_are_registered_under_one_heading(monkeypatch):
    registered = []

    def register(**source) -> None:
        """Slicer's counts the addresses, one text being one: `Modules/Scripted/SampleData/SampleData.py:176`."""
        uris = source["uris"]
        assert len([uris] if isinstance(uris, str) else uris) == 1
        registered.append(source)

    module = ModuleType("SampleData")
    module.SampleDataLogic = SimpleNamespace(registerCustomSampleDataSource=register)
    monkeypatch.setitem(sys.modules, "SampleData", module)
    picture = ROOT / "FMCIBModule" / "Resources" / "Icons" / "FMCIBPhantom.png"
    registerSampleScans(str(picture))
    assert {source["category"] for source in registered} == {CATEGORY}
    assert [source["sampleName"] for source in registered] == ["FMCIBPhantom", "FMCIB-LIDC-IDRI-0001"]
    assert not qt.QPixmap(registered[0]["thumbnailFileName"]).isNull()
    registered[0]["customDownloader"](object())
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1


def test_nothing_is_fetched_without_consent_to_licence_size_and_host(sample, task, desktop):
    desktop.agrees = False
    sample.load()
    (question,) = desktop.asked
    for wanted in ("CC BY 3.0", "70 MB", "storage.googleapis.com", "Not verified", "LIDC"):
        assert wanted in question
    assert task.started == []
    assert dialogs() == []


@needs_data
def test_the_series_is_loaded_with_its_nodule_in_view(sample, task, tmp_path):
    for index, file in enumerate(sorted(SLAB.iterdir())):
        shutil.copy(file, tmp_path / f"{index}.dcm")
    slicer.app.layoutManager()
    sample.load()
    assert task.started == [("sample", {"id": "lidc-idri-0001"})]
    task.finish({"folder": str(tmp_path), "seed_lps": SEED, "series_uid": "1.2"})
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    volume = volumeFromNode(node)
    i, j, k = np.rint(volume.grid.inverse @ (*SEED, 1.0))[:3].astype(int)
    assert volume.array.shape[0] == len(list(tmp_path.iterdir()))
    assert volume.array[k, j, i] > -200  # the nodule, not lung
    assert dialogs() == []


def test_the_dialog_shows_how_far_it_is_and_can_be_cancelled(sample, task):
    sample.load()
    assert len(dialogs()) == 1
    task.progressed.emit("12 of 70 MB", 0.17)
    slicer.app.processEvents()
    assert (sample._progress.value, sample._progress.labelText) == (17, "12 of 70 MB")
    sample.load()  # asked for once more meanwhile: nothing happens
    assert len(task.started) == 1
    sample._progress.findChildren(qt.QPushButton)[0].click()
    assert not task.isRunning
    assert dialogs() == []
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []


def test_a_failure_is_told_in_its_own_words(sample, task, monkeypatch):
    told = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_: told.append(text))
    sample.load()
    task.finish(failure="The server does not answer. Try again later.")
    assert told == ["The server does not answer. Try again later."]
    assert dialogs() == []
