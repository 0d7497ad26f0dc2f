"""The module as Slicer loads it: door, logic, parameters, self-test, reloading, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import slicer
from analysis_support import needs_torch, rowsOf
from support import ROOT

pytest_plugins = ["analysis_fixtures"]

DOOR = ROOT / "FMCIBModule" / "FMCIBModule.py"


@pytest.fixture(scope="module")
def module():
    if hasattr(slicer.modules, "fmcibmodule"):  # inside the application it is there already
        return slicer.modules.fmcibmodule
    import SlicerHost

    return SlicerHost.loadModule(DOOR)


@pytest.fixture
def moduleLogic(module):
    from FMCIBModule import FMCIBModuleLogic

    logic = FMCIBModuleLogic()
    logic.getParameterNode().weights = "small"
    yield logic
    logic.close()


def test_the_module_says_what_it_is_and_what_it_is_not(module):
    assert module.title
    assert module.categories == ["Quantification"]
    assert "For research use only" in module.helpText
    assert "CC BY-NC 4.0" in module.helpText
    assert "10.1038/s42256-024-00807-9" in module.acknowledgementText
    assert not module.icon.isNull()


def test_the_help_panel_has_the_licence_of_each_sample(module):
    from fmcib_engine.samples import LIDC_0001

    text = module.acknowledgementText
    for wanted in ("FMCIBPhantom", "FMCIB-LIDC-IDRI-0001", LIDC_0001.licence, LIDC_0001.licence_url):
        assert wanted in text
    for words in LIDC_0001.citation.replace(";", ",").split(", "):
        assert words.removeprefix("doi ") in text


def test_loading_the_module_imports_nothing_heavy_and_opening_it_no_torch():
    pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
    script = (
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT / 'Testing')!r}]\n"
        "import SlicerHost\n"
        "SlicerHost.start()\n"
        f"module = SlicerHost.loadModule({str(DOOR)!r})\n"
        "heavy = {'torch', 'monai', 'SimpleITK', 'scipy', 'pydicom', 'fmcib_engine'} & sys.modules.keys()\n"
        "print('loaded:', sorted(heavy))\n"
        "module.widgetRepresentation().enter()\n"
        "print('opened:', sorted({'torch', 'monai', 'pydicom'} & sys.modules.keys()))\n"
        "SlicerHost.unloadModule('FMCIBModule')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert "loaded: []" in done.stdout
    assert "opened: []" in done.stdout


def test_the_parameter_node_is_saved_with_the_scene(moduleLogic, phantomNode, tmp_path):
    chosen = moduleLogic.getParameterNode()
    assert (chosen.analyseOnPlacing, chosen.device, chosen.precision) == (True, "auto", "float32")
    chosen.volume = phantomNode
    chosen.analyseOnPlacing, chosen.device, chosen.precision = False, "cpu", "bfloat16"
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    assert moduleLogic.getParameterNode().volume is None
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    again = moduleLogic.getParameterNode()
    assert again.volume.GetName() == "Phantom"
    assert (again.analyseOnPlacing, again.device, again.precision) == (False, "cpu", "bfloat16")
    assert again.weights == "small"
    with pytest.raises(Exception, match=r"fp8|choice|Choice"):
        again.precision = "fp8"


@needs_torch
def test_analyse_uses_what_the_parameter_node_says(moduleLogic, small_installed, phantomNode, noduleSeeds):
    moduleLogic.getParameterNode().device = "cpu"
    table = moduleLogic.analyse(phantomNode, noduleSeeds, timeoutSeconds=240)
    (row,) = rowsOf(phantomNode)
    assert table.GetNumberOfRows() == 1
    assert (row["device"], row["weights"]) == ("cpu", "small.safetensors")


@needs_torch
def test_weights_that_are_not_installed_are_told_with_the_remedy(moduleLogic, phantomNode, noduleSeeds):
    moduleLogic.getParameterNode().weights = "fmcib"
    with pytest.raises(RuntimeError, match=r"fmcib is not installed\. Fetch it \(in the window: Download\)"):
        moduleLogic.analyse(phantomNode, noduleSeeds, timeoutSeconds=240)


@needs_torch
def test_the_self_test_passes(module):
    from FMCIBModule import FMCIBModuleTest

    test = FMCIBModuleTest()
    test.messageDelay = 1
    test.runTest()


def test_scripts_get_the_logic_of_the_window(module):
    """`slicer.util.getModuleLogic` asks the widget for it."""
    module.widgetRepresentation()
    slicer.util.reloadScriptedModule("FMCIBModule")  # an earlier test may have let go of the panel's window
    widget = slicer.modules.FMCIBModuleWidget
    assert widget.logic is widget.window.logic
    widget.cleanup()
    assert widget.logic is None


@needs_torch
def test_reloading_the_module_leaves_no_process_and_no_observer(module, small_installed, phantomNode, noduleSeeds):
    """The fixtures of all tests look for processes, timers and observers of the scene afterwards."""
    module.widgetRepresentation()
    slicer.util.reloadScriptedModule("FMCIBModule")
    from FMCIBModule import FMCIBModuleLogic

    logic = FMCIBModuleLogic()
    logic.getParameterNode().weights = "small"
    logic.analyse(phantomNode, noduleSeeds, timeoutSeconds=240)
    logic.close()
    slicer.util.reloadScriptedModule("FMCIBModule")
    assert rowsOf(phantomNode)[0]["status"] == "ok"
    slicer.modules.FMCIBModuleWidget.cleanup()  # of the last panel


@needs_torch
def test_the_user_guides_lines_for_the_python_console_give_rows(module, small_installed, phantomNode, noduleSeeds):
    guide = (ROOT / "Resources" / "Docs" / "user-guide.md").read_text(encoding="utf-8")
    lines = guide.partition("### Python console")[2].split("```")[1].removeprefix("python")
    phantomNode.SetName("CT")
    noduleSeeds.SetName("F")
    names = {"getNode": slicer.util.getNode}
    exec(lines, names)  # noqa: S102  our own document
    names["logic"].close()
    assert names["table"].GetNumberOfRows() == 1
    assert rowsOf(phantomNode)[0]["status"] == "ok"


@needs_torch
def test_quitting_the_application_ends_the_worker(small_installed, tmp_path):
    """In a process of its own, which quits while the worker is warm and has no time to say good-bye."""
    pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
    numbers = tmp_path / "worker"
    script = (
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT / 'Testing')!r}, {str(ROOT / 'Testing/Module')!r}]\n"
        "import SlicerHost\n"
        "SlicerHost.start()\n"
        f"SlicerHost.loadModule({str(DOOR)!r})\n"
        "import qt, slicer\n"
        "from pathlib import Path\n"
        "from FMCIBModule import FMCIBModuleLogic\n"
        "logic = FMCIBModuleLogic()\n"
        "logic.getParameterNode().weights = 'small'\n"
        "from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings\n"
        "logic.analysis.settings = EncoderSettings('small')\n"
        "logic.analysis.warm()\n"
        "while logic.analysis.worker.state != 'ready':\n"
        "    slicer.app.processEvents()\n"
        "from processes import children\n"
        f"Path({str(numbers)!r}).write_text(' '.join(map(str, children())))\n"
        "qt.QTimer.singleShot(0, slicer.app.quit)\n"
        "slicer.app.exec()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    (worker,) = numbers.read_text(encoding="utf-8").split()
    assert not Path("/proc", worker).exists()
    assert "Traceback" not in done.stderr
