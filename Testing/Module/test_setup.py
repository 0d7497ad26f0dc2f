"""All that must be here before an analysis, wired together: the first look and the Advanced panel, by real clicks."""

from __future__ import annotations

import getpass
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import slicer
from clicks import chooseItem, click
from FMCIBModuleLib.Setup.AdvancedDesk import Facts
from FMCIBModuleLib.Setup.Installer import Installer
from FMCIBModuleLib.Setup.PipProcess import PipProcess
from FMCIBModuleLib.Setup.Settings import Settings
from FMCIBModuleLib.Setup.Setup import Setup
from processes import children
from setup_support import PretendDesktop, Store, fullDisk, probed, record
from test_installer import Extension, makeWheel
from worker_support import spinFor, spinUntil

pytest_plugins = ["setup_fixtures", "window_fixtures"]
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
ABSENT = {"version": None, "problem": "It is not installed."}
NO_TORCH = probed(torch=ABSENT, devices=[], packages={"torch": ABSENT, "monai": ABSENT})
NO_MONAI = probed(packages={"monai": ABSENT}, weights=[record()])


@pytest.fixture
def probedStage(makeSetupStage):
    """A stage of which the probe has told this."""

    def make(answer, **options):
        made = makeSetupStage({"probe": answer, **options.pop("answers", {})}, **options)
        made.setup.start()
        spinUntil(lambda: made.setup.requirements.result is not None)
        made.show()
        return made

    return make


def isIdle(made) -> bool:
    return not made.ui.requirementsBusyWidget.isVisible() and not made.setup.requirements.isChecking


def test_opening_probes_once_and_nothing_before(makeSetupStage):
    before = len(children())
    made = makeSetupStage({"probe": probed(weights=[record()])})
    assert len(children()) == before
    assert made.states() == ["unknown"] * 3
    made.setup.start()
    made.setup.start()
    assert len(children()) == before + 1
    assert made.states() == ["checking"] * 3
    spinUntil(lambda: made.setup.isReady)
    assert made.heard.of("ready") == [[]]
    assert made.ui.summaryWidget.isVisible()
    made.setup.start()
    assert len(children()) == before


def test_a_probe_that_fails_is_told_once_and_check_again_tries_again(makeSetupStage):
    made = makeSetupStage({"probe": {"python": "half an answer"}})
    made.setup.start()
    spinUntil(lambda: made.heard.of("failed"))
    assert made.states() == ["unknown"] * 3
    made.answers.write_text(json.dumps({"probe": probed(weights=[record()])}), encoding="utf-8")
    made.show()
    click(made.ui.summaryCheckButton)
    spinUntil(lambda: made.setup.isReady)
    assert len(made.heard.of("failed")) == 1


def test_torch_is_installed_only_after_a_question_that_says_that_it_blocks(probedStage):
    extension = Extension("torch")
    made = probedStage(NO_TORCH, installer=Installer(PipProcess(), extension))
    made.desktop.agrees = False
    click(made.ui.torchButton)
    assert extension.constraints is None
    assert "does not react" in made.desktop.asked[0]
    made.desktop.agrees = True
    made.answers.write_text(json.dumps({"probe": NO_MONAI}), encoding="utf-8")
    click(made.ui.torchButton)
    assert made.heard.of("installed") == [[]]
    spinUntil(lambda: made.states() == ["good", "missing", "good"])


def test_torch_that_cannot_be_installed_is_told_once_and_the_panel_stays_usable(probedStage):
    made = probedStage(NO_TORCH, installer=Installer(PipProcess(), Extension(error=RuntimeError("no network"))))
    click(made.ui.torchButton)
    assert len(made.heard.of("failed")) == 1
    assert "no network" in made.heard.of("failed")[0][0]
    assert made.ui.torchButton.enabled
    assert isIdle(made)


def test_without_the_torch_extension_the_extensions_manager_is_opened(probedStage):
    desktop = PretendDesktop()
    desktop.canOpenExtensions = True
    made = probedStage(NO_TORCH, desktop=desktop)
    click(made.ui.extensionsButton)
    assert desktop.opened == 1


@pytest.fixture
def pipOfItsOwn(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "python"], check=True, capture_output=True)
    return str(tmp_path / "python" / "bin" / "python")


def test_packages_come_from_a_folder_of_wheels_and_the_worker_is_to_be_started_again(
    probedStage, pipOfItsOwn, tmp_path
):
    (tmp_path / "wheels").mkdir()
    makeWheel(tmp_path / "wheels", "monai", "1.9")
    installer = Installer(PipProcess(pipOfItsOwn), pins=dict)
    made = probedStage(NO_MONAI, installer=installer, desktop=PretendDesktop(tmp_path / "wheels"))
    made.answers.write_text(json.dumps({"probe": probed(weights=[record()])}), encoding="utf-8")
    click(made.ui.wheelsButton)
    assert "monai" in made.desktop.asked[-1]
    assert "torch" not in made.desktop.asked[-1]
    assert not made.ui.wheelsButton.enabled
    spinUntil(lambda: made.setup.isReady)
    assert made.heard.of("installed") == [[]]
    assert made.heard.of("failed") == []
    done = subprocess.run(
        [pipOfItsOwn, "-c", "import monai; print(monai.__version__)"], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == "1.9"


def test_an_installation_that_fails_is_told_once_with_its_fix(probedStage, pipOfItsOwn, tmp_path):
    (tmp_path / "wheels").mkdir()
    installer = Installer(PipProcess(pipOfItsOwn), pins=dict)
    made = probedStage(NO_MONAI, installer=installer, desktop=PretendDesktop(tmp_path / "wheels"))
    click(made.ui.wheelsButton)
    spinUntil(lambda: made.heard.of("failed") and isIdle(made))
    assert len(made.heard.of("failed")) == 1
    assert "no wheel of monai" in made.heard.of("failed")[0][0]
    assert made.heard.of("installed") == []
    assert made.ui.wheelsButton.enabled
    click(made.advanced.ui.logRefreshButton)
    assert "No matching distribution" in made.advanced.log


def test_an_installation_can_be_cancelled(probedStage, pipOfItsOwn, tmp_path):
    (tmp_path / "wheels").mkdir()
    makeWheel(tmp_path / "wheels", "monai", "1.9")
    installer = Installer(PipProcess(pipOfItsOwn), pins=dict)
    made = probedStage(NO_MONAI, installer=installer, desktop=PretendDesktop(tmp_path / "wheels"))
    click(made.ui.wheelsButton)
    click(made.ui.requirementsCancelButton)
    spinUntil(lambda: isIdle(made))
    assert not {"installed", "failed"} & set(made.heard.names())
    assert "Nothing was installed" in made.ui.requirementsNote.text


@pytest.mark.parametrize(("answer", "button"), [(NO_MONAI, "packagesButton"), (NO_TORCH, "torchButton")])
def test_without_room_for_a_temporary_file_it_is_told_once_and_the_panel_stays_usable(
    probedStage, monkeypatch, answer, button
):
    made = probedStage(answer, installer=Installer(PipProcess(), Extension("torch"), pins=dict))
    monkeypatch.setattr(tempfile, "TemporaryDirectory", fullDisk)
    click(getattr(made.ui, button))
    assert len(made.heard.of("failed")) == 1
    assert "No space left" in made.heard.of("failed")[0][0]
    assert isIdle(made)
    assert getattr(made.ui, button).enabled
    assert made.advanced.ui.selfTestButton.enabled


class BrokenPip(PipProcess):
    def run(self, *_values):
        msg = "a fault of ours"
        raise NotImplementedError(msg)


def test_a_fault_after_a_click_is_shown_once_and_the_panel_stays_usable(probedStage, dialogs):
    made = probedStage(NO_MONAI, installer=Installer(BrokenPip(), pins=dict))
    click(made.ui.packagesButton)
    ((text, details),) = dialogs.calls
    assert text == "This is a fault of the FMCIB module. Please report it.\n\na fault of ours"
    assert "NotImplementedError" in details
    assert isIdle(made)
    assert made.ui.packagesButton.enabled


def test_a_fault_in_what_a_process_told_is_shown_once_and_the_panel_stays_usable(probedStage, dialogs):
    made = probedStage(probed(), answers={"self_test": {"good": "half an answer"}, "verify": {}, "catalogue": {}})
    for count, button in enumerate(("selfTestButton", "verifyButton", "downloadWeightsButton"), start=1):
        click(getattr(made.advanced.ui, button))
        spinUntil(lambda count=count: len(dialogs.calls) == count)
        assert getattr(made.advanced.ui, button).enabled


def test_the_window_may_tell_of_faults_in_its_own_way(makeSetupStage):
    told = []

    def around(slot):
        def guarded(*values):
            try:
                slot(*values)
            except NotImplementedError as error:
                told.append(str(error))

        return guarded

    made = makeSetupStage({"probe": NO_MONAI}, facts=Facts(around=around), installer=Installer(BrokenPip(), pins=dict))
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    made.show()
    click(made.ui.packagesButton)
    assert told == ["a fault of ours"]
    assert isIdle(made)


def test_what_is_slicers_own_and_broken_is_told_and_not_installed(probedStage):
    broken = {"version": "2.0", "problem": "NumPy cannot be imported. Reinstall it."}
    made = probedStage(probed(packages={"numpy": broken}, weights=[record()]))
    click(made.ui.packagesButton)
    assert made.heard.of("failed") == [["NumPy cannot be imported. Reinstall it."]]
    assert made.desktop.asked == []


def test_a_user_who_declines_installs_nothing(probedStage):
    made = probedStage(NO_MONAI, desktop=PretendDesktop(agrees=False))
    before = len(children())
    click(made.ui.packagesButton)
    assert "numpy" in made.desktop.asked[-1]  # says what stays as it is
    assert len(children()) == before
    assert not {"installed", "failed"} & set(made.heard.names())


def test_a_device_is_chosen_told_and_shown(probedStage):
    gpu = {"name": "cuda:0", "title": "NVIDIA A100", "memory_bytes": 40 << 30}
    made = probedStage(probed(devices=[{"name": "cpu", "title": "CPU", "memory_bytes": None}, gpu]))
    chooseItem(made.advanced.ui.deviceCombo, "NVIDIA A100 (40 GiB)")
    assert made.heard.of("deviceChanged") == [["cuda:0"]]
    made.setup.showDevice("cuda:3")  # a scene of another computer
    assert made.advanced.ui.deviceCombo.currentText == "cuda:3 (not here)"
    assert made.heard.of("deviceChanged") == [["cuda:0"]]


def test_another_cache_folder_is_looked_into_and_processes_are_to_be_started_again(probedStage, tmp_path):
    environment = {}
    made = probedStage(NO_MONAI, desktop=PretendDesktop(tmp_path / "disk"), settings=Settings(Store(), environment))
    click(made.advanced.ui.cacheButton)
    assert environment["FMCIB_HOME"] == str(tmp_path / "disk")
    assert made.advanced.ui.cacheEdit.text == str(tmp_path / "disk")
    assert made.heard.of("installed") == [[]]
    spinUntil(lambda: not made.setup.requirements.isChecking)
    click(made.advanced.ui.cacheResetButton)
    assert environment == {}
    spinUntil(lambda: not made.setup.requirements.isChecking)


def test_a_folder_that_cannot_be_written_is_told_once(probedStage, tmp_path):
    (tmp_path / "file").touch()
    made = probedStage(NO_MONAI, desktop=PretendDesktop(tmp_path / "file" / "x"))
    click(made.advanced.ui.cacheButton)
    assert len(made.heard.of("failed")) == 1
    assert "Choose another" in made.heard.of("failed")[0][0]


@needs_torch
def test_the_self_test_computes_for_real_and_says_that_it_passed(makeSetupStage):
    made = makeSetupStage()
    made.setup.showDevice("cpu")
    click(made.advanced.ui.selfTestButton)
    assert not made.advanced.ui.selfTestButton.enabled
    spinUntil(lambda: made.advanced.ui.advancedNote.text or made.heard.of("failed"))
    assert made.advanced.ui.advancedNote.text.startswith("Self-test passed on cpu"), made.heard.all
    assert made.advanced.ui.selfTestButton.enabled


def test_a_self_test_that_fails_says_what_deviates_and_what_to_do(makeSetupStage):
    checks = [{"what": "features", "deviation": 0.5, "limit": 1e-4, "good": False}]
    made = makeSetupStage({"self_test": {"good": False, "checks": checks, "device": "cuda:0", "seconds": 2.0}})
    click(made.advanced.ui.selfTestButton)
    spinUntil(lambda: made.heard.of("failed"))
    assert "features: 0.5 > 0.0001" in made.heard.of("failed")[0][0]
    assert "Choose another device" in made.heard.of("failed")[0][0]
    assert made.advanced.ui.advancedNote.text == "Self-test failed on cuda:0."


def test_a_self_test_on_another_device_than_the_best_says_why(makeSetupStage):
    note = "Big GPU (cuda:0) does not work (its driver is too old), computed on the CPU"
    made = makeSetupStage({"self_test": {"good": True, "checks": [], "device": "cpu", "note": note, "seconds": 2.0}})
    click(made.advanced.ui.selfTestButton)
    spinUntil(lambda: made.advanced.ui.advancedNote.text)
    assert made.advanced.ui.advancedNote.text == f"Self-test passed on cpu: 0 checks in 2 s. {note}."


def test_a_self_test_can_be_cancelled(makeSetupStage):
    made = makeSetupStage({}, habit="forever")
    before = len(children())
    click(made.advanced.ui.selfTestButton)
    spinUntil(lambda: len(children()) == before + 1)
    click(made.advanced.ui.advancedCancelButton)
    spinUntil(lambda: len(children()) == before)
    spinUntil(lambda: made.advanced.ui.selfTestButton.enabled)
    assert made.heard.all == []


def test_diagnostics_are_copied_without_anything_personal(probedStage, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "jdoe")
    facts = Facts(
        workerLog=lambda: f"jdoe opened {Path.home()}/Doe^Jane.nrrd of 1.2.840.113619.2.55.3.604688119.971\nReady: cpu",
        names=lambda: ["Doe^Jane", "Metastasis left"],
        settings=lambda: {"precision": "float32", "recipe": "fmcib-csv-v1"},
    )
    made = probedStage(probed(weights=[record(), record("mine", checksum="unverified")]), facts=facts)
    made.setup.showWeights(f"{Path.home()}/jdoe/own.torch")
    made.setup.remember("The lesion Metastasis left cannot be analysed.")
    click(made.advanced.ui.diagnosticsButton)
    text = made.desktop.copied
    for secret in ("Doe", "Jane", "jdoe", "Metastasis", "1.2.840", str(Path.home()), "own.torch", "/somewhere"):
        assert secret not in text
    for fact in ("float32", "fmcib-csv-v1", "cpu: CPU", "ab" * 32, "unverified", "cannot be analysed", "Ready: cpu"):
        assert fact in text
    assert "copied" in made.advanced.ui.advancedNote.text


def test_diagnostics_keep_no_name_of_a_scene_that_was_closed_meanwhile(probedStage):
    from FMCIBModuleLib.Scene.Lesions import namesInScene

    log = []
    made = probedStage(probed(), facts=Facts(workerLog=lambda: "\n".join(log), names=namesInScene))
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Doe^Jane")
    made.setup.remember("The scan Doe^Jane has a tilt.")
    slicer.mrmlScene.Clear(0)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Roe^Richard")
    slicer.mrmlScene.Clear(0)
    log += ["WARNING of Roe^Richard, after Doe^Jane"]
    assert not {"Doe^Jane", "Roe^Richard"} & set(namesInScene())
    click(made.advanced.ui.diagnosticsButton)
    for secret in ("Doe", "Jane", "Roe", "Richard"):
        assert secret not in made.desktop.copied
    assert "The scan <name> has a tilt." in made.desktop.copied
    assert "WARNING of <name>, after <name>" in made.desktop.copied


def test_what_the_user_was_told_is_in_the_log_without_names(probedStage):
    facts = Facts(workerLog=lambda: "worker: ready", names=lambda: ["Doe^Jane"])
    made = probedStage(probed(), facts=facts)
    made.setup.remember("The scan Doe^Jane cannot be read: /data/Doe.nrrd.")
    click(made.advanced.ui.logRefreshButton)
    assert made.advanced.log == "The scan <name> cannot be read: <path>\nworker: ready"


def test_the_log_is_shown_and_copied(probedStage):
    made = probedStage(probed(), facts=Facts(workerLog=lambda: "worker: ready"))
    click(made.advanced.ui.logCopyButton)
    assert made.advanced.log == made.desktop.copied == "worker: ready"


def test_closing_ends_every_process_and_tells_nothing_more(makeSetupStage):
    made = makeSetupStage({}, habit="deaf")
    before = len(children())
    made.setup.start()
    click(made.advanced.ui.selfTestButton)
    spinUntil(lambda: len(children()) == before + 2)
    made.setup.close()
    assert len(children()) == before
    spinFor(0.05)
    assert made.heard.all == []


@needs_torch
def test_with_slicers_own_defaults_all_is_found_here(tmp_path):
    """As the window makes it, without anything handed in."""
    from FMCIBModuleLib.Setup.AdvancedPanel import AdvancedPanel
    from FMCIBModuleLib.Setup.RequirementsPanel import RequirementsPanel
    from setup_support import UI

    panel, advanced = RequirementsPanel(str(UI / "Requirements.ui")), AdvancedPanel(str(UI / "Advanced.ui"))
    setup = Setup(panel, advanced, str(UI / "Licence.ui"))
    setup.showWeights("demonstration")
    setup.start()
    spinUntil(lambda: setup.isReady)
    setup.close()
    for each in (panel, advanced):
        each.widget.deleteLater()


NO_OPENVINO = probed(openvino_is_faster=True, packages={"openvino": ABSENT}, weights=[record()])


def test_openvino_is_installed_from_a_folder_after_a_question_and_the_worker_started_again(
    probedStage, pipOfItsOwn, tmp_path
):
    (tmp_path / "wheels").mkdir()
    makeWheel(tmp_path / "wheels", "openvino", "2099.1")
    installer = Installer(PipProcess(pipOfItsOwn), pins=dict)
    made = probedStage(NO_OPENVINO, installer=installer, desktop=PretendDesktop(tmp_path / "wheels"))
    assert made.setup.isReady  # without it
    here = {"openvino": {"version": "2099.1", "problem": ""}}
    made.answers.write_text(
        json.dumps({"probe": probed(openvino_is_faster=True, packages=here, weights=[record()])}), encoding="utf-8"
    )
    click(made.ui.fasterWheelsButton)
    assert "OpenVINO" in made.desktop.asked[-1]
    spinUntil(lambda: "2099.1" in made.ui.fasterLabel.text)
    assert made.heard.of("installed") == [[]]
    assert made.heard.of("failed") == []
    assert not made.ui.fasterButton.isVisible()


def test_a_user_who_declines_openvino_installs_nothing(probedStage):
    made = probedStage(NO_OPENVINO, desktop=PretendDesktop(agrees=False))
    before = len(children())
    click(made.ui.fasterButton)
    assert "stay" in made.desktop.asked[-1]  # Slicer's own packages
    assert len(children()) == before
    assert not {"installed", "failed"} & set(made.heard.names())


def test_the_self_test_computes_by_the_engine_that_is_chosen_and_names_it(makeSetupStage):
    made = makeSetupStage(
        {"self_test": {"good": True, "checks": [], "device": "cpu", "engine": "openvino", "note": "", "seconds": 2.0}}
    )
    made.setup.showDevice("cpu", "openvino")
    click(made.advanced.ui.selfTestButton)
    spinUntil(lambda: made.advanced.ui.advancedNote.text)
    assert made.advanced.ui.advancedNote.text == "Self-test passed on cpu by OpenVINO: 0 checks in 2 s."
