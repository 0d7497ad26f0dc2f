"""The parameter node and the widgets say the same, whatever happens to the scene and the module."""

from __future__ import annotations

import gc

import pytest
import slicer
from analysis_support import rowsOf
from clicks import chooseItem, chooseNode, click, doubleClickCell, typeKeys
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from setup_support import probed
from slicer.util import VTKObservationMixin
from views import isPlacing
from window_support import NODULE, Drag, near, settle, statuses

pytest_plugins = ["analysis_fixtures", "window_fixtures"]


def disagreements(stage) -> list[str]:
    """Parameters that a widget shows otherwise, or that the logic takes otherwise."""
    chosen, settings = stage.parameters, stage.analysis.settings
    pairs = {
        "volume": (chosen.volume, stage.scan.volumeSelector.currentNode()),
        "analyseOnPlacing": (chosen.analyseOnPlacing, stage.scan.analyseOnPlacingCheckBox.checked),
        "precision": (chosen.precision, stage.advanced.precisionCombo.currentText),
        "engine": (chosen.engine, stage.advanced.engineCombo.currentText),
        "device": (chosen.device, stage.advanced.deviceCombo.currentData),
        "weights": (chosen.weights, stage.advanced.weightsCombo.currentData),
        "volume of the window": (chosen.volume, stage.window._scan.volumeNode),
        "settings": (
            (chosen.weights, chosen.device, chosen.precision, chosen.engine),
            (settings.weights, settings.device, settings.precision, settings.engine),
        ),
    }
    return [f"{name}: {one!r}, {other!r}" for name, (one, other) in pairs.items() if one != other]


@pytest.fixture
def rich(makeStage, phantomNode, chest):
    """Two scans, two devices, the Advanced part open."""
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    devices = [{"name": name, "title": name.upper(), "memory_bytes": None} for name in ("cpu", "cuda:0")]
    stage = makeStage({"probe": probed(devices=devices)})
    stage.show()
    stage.window.ui.advancedSection.collapsed = False
    stage.window.widget.resize(480, 1600)
    settle()
    return stage


def test_choices_made_by_the_mouse_reach_the_parameter_node(rich, chest):
    other = nodeFromVolume(chest, "Follow-up")
    assert disagreements(rich) == []
    chooseNode(rich.scan.volumeSelector, other)
    click(rich.scan.analyseOnPlacingCheckBox)
    chooseItem(rich.advanced.precisionCombo, "bfloat16")
    chooseItem(rich.advanced.deviceCombo, "CUDA:0")
    chooseItem(rich.advanced.engineCombo, "pytorch")
    chosen = rich.parameters
    assert (chosen.volume, chosen.analyseOnPlacing) == (other, False)
    assert (chosen.precision, chosen.device, chosen.engine) == ("bfloat16", "cuda:0", "pytorch")
    assert disagreements(rich) == []


def test_choices_made_by_a_script_reach_the_widgets(rich, chest):
    chosen = rich.parameters
    chosen.volume = nodeFromVolume(chest, "Follow-up")
    chosen.analyseOnPlacing, chosen.precision, chosen.device, chosen.weights = False, "float16", "cpu", "my weights"
    settle()
    assert disagreements(rich) == []
    assert rich.scan.volumeSelector.currentNode().GetName() == "Follow-up"
    assert rich.advanced.weightsCombo.currentText == "my weights (not here)"
    chosen.volume = None
    settle()
    assert disagreements(rich) == []
    assert not rich.scan.placeButton.isEnabled()


def test_other_settings_are_used_by_the_next_analysis(rich, phantomNode):
    rich.analysed(NODULE)
    chooseItem(rich.advanced.deviceCombo, "CPU")
    click(rich.scan.analyseButton)
    (settings, *_) = rich.analysis.hand.open[0]
    assert (settings.device, settings.weights) == ("cpu", "demonstration")
    rich.answer()


def test_closing_the_scene_empties_the_panel_and_it_works_again(rich, chest):
    rich.analysed(NODULE)
    rich.parameters.device = "cpu"
    slicer.mrmlScene.Clear(0)
    settle()
    assert disagreements(rich) == []
    assert (rich.names(), rich.parameters.volume, rich.analysis._watchers) == ([], None, {})
    assert not rich.scan.placeButton.isEnabled()
    assert not rich.lesions.undoButton.isEnabled()
    node = nodeFromVolume(chest, "Next")
    chooseNode(rich.scan.volumeSelector, node)
    rich.parameters.weights = "demonstration"
    rich.analysed(NODULE)
    assert statuses(node) == [("Lesion 1", "ok")]
    assert disagreements(rich) == []


@pytest.mark.parametrize("isInside", [True, False], ids=["in the module", "elsewhere"])
def test_a_scene_that_is_loaded_is_listed_and_its_seeds_are_followed(rich, tmp_path, isInside):
    rich.analysed(NODULE, near(20, 0, 0))
    rich.parameters.analyseOnPlacing, rich.parameters.precision = False, "bfloat16"
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    settle()
    if not isInside:
        rich.window.exit()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle()
    rich.window.enter()
    settle()
    assert disagreements(rich) == []
    assert (rich.parameters.precision, rich.parameters.analyseOnPlacing) == ("bfloat16", False)
    assert rich.names() == ["Lesion 1", "Lesion 2"]
    assert not rich.isItalic(0)
    scan = rich.parameters.volume
    rich.parameters.analyseOnPlacing = True
    drag = Drag("Red", near(20, 0, 0))
    drag.to(near(30, 0, 0))
    drag.release()
    rich.answer()
    assert [status for _, status in statuses(scan)] == ["ok", "ok"]
    assert not rich.isItalic(1)
    rich.analysed(near(0, 20, 0))
    assert len(rich.names()) == 3
    assert disagreements(rich) == []


def test_a_scene_that_is_loaded_beside_another_adds_its_lesions(rich, tmp_path):
    rich.analysed(NODULE)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle()
    assert len(rich.names()) == 2
    assert disagreements(rich) == []


def placing(stage) -> None:
    click(stage.scan.placeButton)


def loading(stage) -> None:
    stage.place(NODULE)


def analysing(stage) -> None:
    stage.place(NODULE, near(20, 0, 0))
    stage.analysis.hand.answer()


def naming(stage) -> None:
    stage.analysed(NODULE)
    doubleClickCell(stage.table, 0, 0)
    typeKeys(stage.table.findChildren(type(stage.lesions.filterEdit))[-1], "Hil")


def dragging(stage) -> None:
    stage.analysed(NODULE)
    Drag("Red", NODULE).to(near(10, 0, 0))


def justClicked(stage) -> None:
    """The list is due, and not yet there."""
    stage.analysed(NODULE)
    stage.analysis.changed.emit(stage.parameters.volume, "")


@pytest.mark.parametrize("moment", [placing, loading, analysing, naming, dragging, justClicked])
def test_the_scene_may_be_closed_at_any_moment(stage, chest, dialogs, moment):
    moment(stage)
    slicer.mrmlScene.Clear(0)
    settle()
    stage.answer()
    assert (stage.names(), stage.message, dialogs.calls) == ([], "", [])
    assert not isPlacing()
    assert not stage.scan.placeButton.checked
    assert stage.scan.analyseButton.text == "&Analyse"
    node = nodeFromVolume(chest, "Next")
    stage.parameters.volume = node
    stage.parameters.weights = "demonstration"
    stage.analysed(NODULE)
    assert (statuses(node), dialogs.calls) == ([("Lesion 1", "ok")], [])


@pytest.mark.parametrize("moment", [placing, loading, analysing, naming, dragging, justClicked])
def test_a_scene_may_be_loaded_at_any_moment(stage, tmp_path, dialogs, moment):
    stage.analysed(near(0, 20, 0))
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    moment(stage)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle()
    stage.answer()
    assert (stage.names(), stage.message, dialogs.calls) == (["Lesion 1"], "", [])
    assert disagreements(stage) == []


@pytest.mark.parametrize("moment", [placing, loading, analysing, naming, dragging, justClicked])
def test_the_window_may_be_closed_at_any_moment_and_leaves_nothing(makeStage, phantomNode, dialogs, moment):
    """The fixtures of all tests look for processes, timers and observers of the scene afterwards."""
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage().show()
    moment(stage)
    stage.close()
    stage.analysis.hand.wait()
    settle()
    assert not isPlacing()
    assert dialogs.calls == []


def test_a_window_that_is_closed_observes_nothing_any_more(makeStage, phantomNode):
    def observing() -> list:
        every = [each for each in gc.get_objects() if isinstance(each, VTKObservationMixin)]
        return [type(each).__name__ for each in every if list(each.Observations)]

    before = sorted(observing())
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage().show().analysed(NODULE)
    assert {"Window", "SeedFollower", "SeedWatcher", "Placing", "WindowLogic"} <= set(observing())
    stage.close()
    assert sorted(observing()) == before


def test_leaving_the_module_keeps_seeds_followed_and_coming_back_shows_what_happened(stage, phantomNode):
    stage.analysed(NODULE)
    stage.window.exit()
    drag = Drag("Red", NODULE)
    drag.to(near(10, 0, 0))
    drag.release()
    stage.answer()
    stage.window.enter()
    assert float(rowsOf(phantomNode)[0]["coordX"]) == pytest.approx(-near(10, 0, 0)[0], abs=1)
    assert not stage.isItalic(0)


def test_a_scene_that_is_closed_while_the_user_is_elsewhere_is_not_in_the_panel_any_more(stage):
    stage.analysed(NODULE)
    stage.window.exit()
    slicer.mrmlScene.Clear(0)
    settle()
    assert stage.names() == []
    stage.window.enter()
    settle()
    assert disagreements(stage) == []


def test_opening_and_leaving_again_and_again_changes_nothing(stage):
    for _ in range(3):
        stage.window.exit()
        stage.window.enter()
    stage.analysed(NODULE)
    assert stage.names() == ["Lesion 1"]
    assert stage.analysis.failures == []
