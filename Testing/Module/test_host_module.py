"""Loading, showing, reloading and unloading a scripted module."""

from __future__ import annotations

import pytest
import qt
import slicer

SOURCE = """
import qt
import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

calls = []

class Sample(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("A sample")
        parent.categories = ["Quantification"]
        parent.contributors = ["Nobody"]

class SampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        calls.append(("setup", self.parent.mrmlScene() is not None))
        self.label = qt.QLabel("VERSION")
        self.layout.addWidget(self.label)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onClose)

    def enter(self):
        calls.append("enter")

    def exit(self):
        calls.append("exit")

    def cleanup(self):
        calls.append("cleanup")
        self.removeObservers()

    def onClose(self, caller, event):
        calls.append("close")

class SampleLogic(ScriptedLoadableModuleLogic):
    pass

class SampleTest(ScriptedLoadableModuleTest):
    def setUp(self):
        slicer.mrmlScene.Clear(0)

    def test_something(self):
        self.delayDisplay("Testing")
        calls.append("tested")
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "Resources" / "Icons").mkdir(parents=True)
    path = tmp_path / "Sample.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@pytest.fixture
def sample(source, monkeypatch):
    SlicerHost = pytest.importorskip("SlicerHost", reason="loads a module of its own into the host")
    yield SlicerHost.loadModule(source)
    SlicerHost.unloadModule("Sample")


def _calls() -> list:
    import Sample

    return Sample.calls


def test_a_loaded_module_is_found_under_slicer_modules(sample, source):
    assert slicer.modules.sample.title == "A sample"
    assert slicer.util.modulePath("Sample") == str(source)
    assert slicer.util.getModule("Sample").categories == ["Quantification"]
    assert slicer.modules.SampleInstance.resourcePath("UI") == str(source.parent / "Resources" / "UI")


def test_an_attribute_that_slicers_module_does_not_have_cannot_be_set(sample):
    with pytest.raises(AttributeError, match="'colour' does not exist"):
        sample.colour = "red"


def test_the_panel_is_made_once_and_gets_its_scene_after_its_setup(sample):
    panel = sample.widgetRepresentation()
    assert sample.widgetRepresentation() is panel
    assert _calls() == [("setup", False)]
    assert panel.mrmlScene() is slicer.mrmlScene
    assert slicer.util.getModuleWidget("Sample") is slicer.modules.SampleWidget
    assert [label.text for label in panel.findChildren(qt.QLabel)] == ["VERSION"]


def test_entering_and_leaving_is_told_to_the_widget(sample):
    panel = sample.widgetRepresentation()
    panel.enter()
    panel.exit()
    assert _calls()[1:] == ["enter", "exit"]


def test_reloading_cleans_up_and_runs_the_file_as_it_is_now(sample, source):
    panel, old = sample.widgetRepresentation(), _calls()
    source.write_text(SOURCE.replace("VERSION", "version two"), encoding="utf-8")
    slicer.util.reloadScriptedModule("Sample")
    assert old[1:] == ["cleanup"]
    assert slicer.modules.SampleWidget.label.text == "version two"
    assert slicer.modules.SampleWidget.parent is panel
    assert panel.layout().count() == 1
    slicer.mrmlScene.Clear(0)
    assert old[1:] == ["cleanup"]
    assert _calls() == [("setup", True), "close"]


def test_reloading_does_not_enter_the_module_and_only_hides_the_former_panel(sample):
    """`Base/QTGUI/qSlicerScriptedLoadableModuleWidget.cxx:189`: `setPythonSource` and `setup`, nothing else."""
    panel = sample.widgetRepresentation()
    panel.enter()
    former = slicer.modules.SampleWidget.label
    slicer.util.reloadScriptedModule("Sample")
    assert [call for call in _calls() if call != ("setup", True)] == []
    assert panel.isEntered
    assert former in panel.children()
    assert not former.visible
    panel.exit()


def test_unloading_cleans_up_once(source):
    SlicerHost = pytest.importorskip("SlicerHost", reason="loads a module of its own into the host")
    SlicerHost.loadModule(source).widgetRepresentation()
    calls = _calls()
    SlicerHost.unloadModule("Sample")
    SlicerHost.loadModule(source)
    SlicerHost.unloadModule("Sample")
    assert calls[1:] == ["cleanup"]
    assert not hasattr(slicer.modules, "sample")


def test_the_modules_own_test_runs(sample):
    slicer.selfTests["Sample"]()
    assert _calls() == ["tested"]


def test_a_logics_parameter_node_is_the_same_again_after_the_scene_was_closed(sample):
    import Sample

    logic = Sample.SampleLogic()
    node = logic.getParameterNode()
    assert logic.getParameterNode() is node
    node.SetParameter("a", "1")
    slicer.mrmlScene.Clear(0)
    node = logic.getParameterNode()
    assert node.GetParameter("a") == ""
    assert (node.GetAttribute("ModuleName"), node.GetSingletonTag()) == ("Sample", "Sample")
    assert logic.getAllParameterNodes() == [node]
