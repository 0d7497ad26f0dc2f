"""The two entries of the module Sample Data: a phantom that is made here, a public CT that is fetched after consent."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import pytest
import qt
import slicer
from fmcib_engine.phantom import PHANTOM_SEED
from fmcib_engine.readers import read_volume
from FMCIBModuleLib.Scene.SceneBridge import volumeFromNode
from FMCIBModuleLib.Signal import Signal
from FMCIBModuleLib.Window.SampleScans import CATEGORY, LidcSample, loadPhantom, registerSampleScans
from FMCIBModuleLib.Window.Scan.SeedChoices import seedChoices
from setup_support import PretendDesktop
from support import DATA, ROOT, needs_data

pytest_plugins = ["window_fixtures"]

ICONS = ROOT / "FMCIBModule" / "Resources" / "Icons"
SLAB = DATA / "lidc" / "LIDC-IDRI-0001_slab"
SEED = (58.296875, 85.643753, -115.0)
UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192"


def asTheBucketNamesThem(slices: list[Path], folder: Path) -> Path:
    """Copies whose names, UUIDs as those of Imaging Data Commons, are in another order than the slices."""
    names = [f"{uuid5(NAMESPACE_OID, str(number))}.dcm" for number in range(len(slices))]
    assert names != sorted(names)
    folder.mkdir()
    for path, name in zip(slices, names, strict=True):
        shutil.copy(path, folder / name)
    return folder


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


def progressDialogs() -> list:
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


@pytest.fixture
def sampleData(monkeypatch):
    """The module Sample Data, of which nobody has been told of samples yet."""
    for kept in ("sampleDataSources", "sampleDataSourceCategories"):
        monkeypatch.setattr(slicer.modules, kept, {}, raising=False)
    from SampleData import SampleDataLogic

    return SampleDataLogic


def icon(name: str) -> str:
    return str(ICONS / f"{name}.png")


def test_both_are_registered_under_one_heading_with_a_title_and_each_with_its_picture(sampleData):
    registerSampleScans(icon)
    assert [*slicer.modules.sampleDataSources] == [CATEGORY]
    assert sampleData.categoryTitle(CATEGORY) == "FMCIB lesion biomarkers"
    sources = sampleData.sampleDataSourcesByCategory(CATEGORY)
    assert [source.sampleName for source in sources] == ["FMCIBPhantom", "FMCIB-LIDC-IDRI-0001"]
    for source in sources:
        picture = qt.QPixmap(source.thumbnailFileName)
        assert (picture.width(), picture.height()) == (288, 260)  # as Slicer's own


def test_a_click_on_the_phantom_loads_it(sampleData):
    registerSampleScans(icon)
    phantom, _lidc = sampleData.sampleDataSourcesByCategory(CATEGORY)
    phantom.customDownloader(phantom)  # as its button does: `Modules/Scripted/SampleData/SampleData.py:455`
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1


def test_a_click_on_the_public_ct_asks_first(sampleData, monkeypatch):
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, *_, **__: asked.append(text))
    registerSampleScans(icon)
    _phantom, lidc = sampleData.sampleDataSourcesByCategory(CATEGORY)
    lidc.customDownloader(lidc)
    assert "CC BY 3.0" in asked[0]


def test_slicer_5_10_has_no_titles_of_categories(sampleData, monkeypatch):
    monkeypatch.delattr(sampleData, "registerCustomSampleDataCategory")
    registerSampleScans(icon)
    assert sampleData.categoryTitle(CATEGORY) == CATEGORY
    assert len(sampleData.sampleDataSourcesByCategory(CATEGORY)) == 2


def test_the_pictures_are_those_that_the_script_makes(monkeypatch, tmp_path):
    """So that a phantom which changes has its picture renewed."""
    Image = pytest.importorskip("PIL.Image")
    import thumbnails

    monkeypatch.setattr(thumbnails, "ROOT", tmp_path)
    monkeypatch.setattr(thumbnails, "FOLDER", tmp_path)
    thumbnails.main()
    made = sorted(tmp_path.iterdir())
    assert [path.stem for path in made] == ["FMCIB-LIDC-IDRI-0001", "FMCIBPhantom"]
    for path in made:
        with Image.open(path) as new, Image.open(ICONS / path.name) as kept:
            difference = np.abs(np.asarray(new, dtype=int) - np.asarray(kept, dtype=int))
        assert difference.mean() < 2  # text and noise are another library's, and may differ a little


def test_nothing_is_fetched_without_consent_to_licence_size_and_host(sample, task, desktop):
    desktop.agrees = False
    sample.load()
    (question,) = desktop.asked
    for wanted in ("CC BY 3.0", "70 MB", "storage.googleapis.com", "Not verified", "LIDC"):
        assert wanted in question
    assert task.started == []
    assert progressDialogs() == []


def test_the_series_is_loaded_as_the_engine_reads_it_whatever_its_files_are_called(sample, task, tmp_path):
    dicom_phantom = pytest.importorskip("dicom_phantom")
    pytest.importorskip("SimpleITK")
    slices = dicom_phantom.write(tmp_path / "in order", dicom_phantom.phantom_series(slices=12))
    folder = asTheBucketNamesThem(slices, tmp_path / "as fetched")
    truth = read_volume(folder)
    sample.load()
    assert task.started == [("sample", {"id": "lidc-idri-0001"})]
    task.finish({"folder": str(folder), "seed_lps": dicom_phantom.FIRST.tolist(), "series_uid": "1.2.3.4"})
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    volume = volumeFromNode(node)
    assert volume.grid.spacing == pytest.approx([0.8, 0.5, 2.5])
    assert volume.grid.affine == pytest.approx(truth.grid.affine)
    for k in range(12):
        assert np.array_equal(volume.array[k], truth.array[k])
    source = volume.source  # what rows say of it
    assert (source.name, source.kind, source.files) == ("LIDC-IDRI-0001", "dicom", 12)
    assert source.reader == truth.source.reader
    assert source.reader.startswith("SimpleITK")
    assert source.series_uid == "1.2.3.4"
    assert progressDialogs() == []


@needs_data
def test_the_published_series_has_its_nodule_in_view(sample, task, tmp_path):
    folder = asTheBucketNamesThem(sorted(SLAB.iterdir()), tmp_path / "as fetched")
    slicer.app.layoutManager()
    sample.load()
    task.finish({"folder": str(folder), "seed_lps": SEED, "series_uid": UID})
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    volume = volumeFromNode(node)
    truth = read_volume(folder)
    assert volume.grid.spacing == pytest.approx(truth.grid.spacing)
    assert np.array_equal(volume.array, truth.array)
    i, j, k = np.rint(volume.grid.inverse @ (*SEED, 1.0))[:3].astype(int)
    assert volume.array[k, j, i] > -200  # the nodule, not lung


@pytest.mark.parametrize(
    ("content", "words"), [(b"not DICOM", "damaged.dcm"), (None, "no file of it is DICOM")], ids=["damaged", "empty"]
)
def test_a_series_that_cannot_be_read_is_told(sample, task, dialogs, tmp_path, content, words):
    if content:
        (tmp_path / "damaged.dcm").write_bytes(content)
    sample.load()
    task.finish({"folder": str(tmp_path), "seed_lps": SEED, "series_uid": UID})
    ((text, _details),) = dialogs.calls
    assert text.startswith("The sample could not be loaded.")
    assert words in text
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []


def test_the_dialog_shows_how_far_it_is_and_can_be_cancelled(sample, task):
    sample.load()
    assert len(progressDialogs()) == 1
    task.progressed.emit("12 of 70 MB", 0.17)
    slicer.app.processEvents()
    assert (sample._progress.value, sample._progress.labelText) == (17, "12 of 70 MB")
    sample.load()  # asked for once more meanwhile: nothing happens
    assert len(task.started) == 1
    sample._progress.findChildren(qt.QPushButton)[0].click()
    assert not task.isRunning
    assert progressDialogs() == []
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []


def test_a_failure_is_told_in_its_own_words(sample, task, monkeypatch):
    told = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_: told.append(text))
    sample.load()
    task.finish(failure="The server does not answer. Try again later.")
    assert told == ["The server does not answer. Try again later."]
    assert progressDialogs() == []
