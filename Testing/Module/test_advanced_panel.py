"""Device, weights, folder, log: by real clicks."""

from __future__ import annotations

import pytest
from clicks import chooseItem, click, shown, typeText
from FMCIBModuleLib.Setup.AdvancedPanel import AdvancedPanel
from setup_support import UI, Heard

SIGNALS = (
    *("deviceChosen", "weightsChosen", "weightsFileWanted", "importClicked", "downloadClicked", "verifyClicked"),
    *(
        "cacheClicked",
        "cacheResetClicked",
        "removeClicked",
        "selfTestClicked",
        "diagnosticsClicked",
        "logRefreshClicked",
    ),
    *("logCopyClicked", "cancelClicked"),
)
DEVICES = [("auto", "Automatic"), ("cpu", "CPU"), ("cuda:0", "NVIDIA A100 (40 GiB)")]
WEIGHTS = [("fmcib", "fmcib"), ("demonstration", "Demonstration weights (random numbers)")]


@pytest.fixture
def panel():
    panel = AdvancedPanel(str(UI / "Advanced.ui"))
    shown(panel.widget, 420)
    yield panel
    panel.widget.close()
    panel.widget.deleteLater()


def test_a_device_is_chosen_by_its_text_of_the_parameter(panel):
    heard = Heard(panel, *SIGNALS)
    panel.showDevices(DEVICES, "auto", isKnown=True)
    chooseItem(panel.ui.deviceCombo, "NVIDIA A100 (40 GiB)")
    assert heard.all == [("deviceChosen", "cuda:0")]


def test_showing_and_choosing_the_same_again_tell_nothing(panel):
    heard = Heard(panel, *SIGNALS)
    panel.showDevices(DEVICES, "cpu", isKnown=True)
    panel.showDevices(DEVICES, "cuda:0", isKnown=True)
    panel.showWeights(WEIGHTS, "fmcib", isKnown=True)
    chooseItem(panel.ui.deviceCombo, "NVIDIA A100 (40 GiB)")
    chooseItem(panel.ui.weightsCombo, "fmcib")
    assert heard.all == []


@pytest.mark.parametrize(("isKnown", "title"), [(True, "cuda:1 (not here)"), (False, "cuda:1")])
def test_a_device_of_another_computer_stays_chosen_and_is_marked_once_it_is_known(panel, isKnown, title):
    heard = Heard(panel, *SIGNALS)
    panel.showDevices(DEVICES, "cuda:1", isKnown)
    assert panel.ui.deviceCombo.currentText == title
    assert heard.all == []


def test_weights_that_are_gone_stay_chosen_without_their_folder(panel):
    panel.showWeights(WEIGHTS, "/home/doe/own.torch", isKnown=True)
    assert panel.ui.weightsCombo.currentText == "own.torch (not here)"
    panel.showWeights(WEIGHTS, r"C:\Users\doe\own.torch", isKnown=True)
    assert panel.ui.weightsCombo.currentText == "own.torch (not here)"


def test_weights_are_chosen_and_a_file_is_asked_for_without_losing_the_choice(panel):
    heard = Heard(panel, *SIGNALS)
    panel.showWeights(WEIGHTS, "fmcib", isKnown=True)
    chooseItem(panel.ui.weightsCombo, "Choose a file…")
    assert heard.all == [("weightsFileWanted",)]
    assert panel.ui.weightsCombo.currentText == "fmcib"
    chooseItem(panel.ui.weightsCombo, "Demonstration weights (random numbers)")
    assert heard.all[1:] == [("weightsChosen", "demonstration")]


def test_import_tells_the_name_that_was_typed(panel):
    heard = Heard(panel, *SIGNALS)
    typeText(panel.ui.ownNameEdit, " mine ")
    click(panel.ui.importFileButton)
    panel.ui.ownNameEdit.clear()
    click(panel.ui.importFileButton)
    assert heard.all == [("importClicked", "mine"), ("importClicked", "")]


@pytest.mark.parametrize(
    ("button", "signal"),
    [
        ("downloadWeightsButton", "downloadClicked"),
        ("verifyButton", "verifyClicked"),
        ("cacheButton", "cacheClicked"),
        ("cacheResetButton", "cacheResetClicked"),
        ("removeFilesButton", "removeClicked"),
        ("selfTestButton", "selfTestClicked"),
        ("diagnosticsButton", "diagnosticsClicked"),
        ("logRefreshButton", "logRefreshClicked"),
        ("logCopyButton", "logCopyClicked"),
    ],
)
def test_each_button_tells_one_thing_once(panel, button, signal):
    heard = Heard(panel, *SIGNALS)
    click(getattr(panel.ui, button))
    assert heard.all == [(signal,)]
    assert getattr(panel.ui, button).toolTip


def test_while_something_runs_only_what_harms_nothing_can_be_clicked(panel):
    heard = Heard(panel, *SIGNALS)
    panel.showActivity("Self-test", None, canCancel=True)
    shown(panel.widget, 420)
    for name in ("weightsCombo", "importFileButton", "downloadWeightsButton", "removeFilesButton", "cacheButton"):
        assert not getattr(panel.ui, name).enabled, name
    for name in ("deviceCombo", "diagnosticsButton", "logCopyButton"):
        assert getattr(panel.ui, name).enabled, name
    click(panel.ui.advancedCancelButton)
    assert heard.all == [("cancelClicked",)]
    panel.showActivity("", None, canCancel=False)
    assert panel.ui.selfTestButton.enabled


def test_a_folder_set_outside_is_shown_with_its_reason_and_cannot_be_changed(panel):
    panel.showCache("/hospital/fmcib", "FMCIB_HOME names it.")
    assert panel.ui.cacheEdit.text == "/hospital/fmcib"
    assert panel.ui.cacheNote.isVisible()
    panel.showActivity("x", None, canCancel=True)
    panel.showActivity("", None, canCancel=False)  # the end of another thing changes nothing about it
    assert not panel.ui.cacheButton.enabled
    assert not panel.ui.cacheResetButton.enabled
    panel.showCache("", "")
    assert panel.ui.cacheButton.enabled


def test_the_log_is_shown_and_cannot_be_edited(panel):
    panel.showLog("one\ntwo")
    typeText(panel.ui.logEdit, "three")
    assert panel.log == "one\ntwo"


@pytest.mark.parametrize("name", ["precision", "engine"])
def test_precision_and_engine_are_bound_by_their_names(name, panel):
    assert getattr(panel.ui, f"{name}Combo").property("SlicerParameterName") == name
