"""The scan panel alone: what it shows, and what it tells."""

from __future__ import annotations

import pytest
import slicer
from clicks import click, shown
from FMCIBModuleLib.Window.Scan.ScanPanel import ScanPanel
from setup_support import UI, Heard

SIGNALS = ("placeToggled", "sourcesWanted", "sourceChosen", "analyseClicked", "cancelClicked")


@pytest.fixture
def panel():
    panel = ScanPanel(str(UI / "Scan.ui"))
    panel.widget.setMRMLScene(slicer.mrmlScene)
    panel.heard = Heard(panel, *SIGNALS)
    shown(panel.widget, 420)
    yield panel
    panel.widget.setMRMLScene(None)
    panel.widget.close()
    panel.widget.deleteLater()


def test_placing_is_told_with_whether_there_will_be_several(panel):
    panel.showVolume(True)
    click(panel.ui.placeButton)
    panel.showPlacing(True)
    click(panel.ui.severalCheckBox)
    click(panel.ui.placeButton)
    assert panel.heard.all == [
        ("placeToggled", True, False),
        ("placeToggled", True, True),
        ("placeToggled", False, True),
    ]


def test_several_alone_starts_nothing(panel):
    panel.showVolume(True)
    click(panel.ui.severalCheckBox)
    assert panel.heard.all == []


def test_one_button_is_analyse_and_cancel(panel):
    panel.showVolume(True)
    click(panel.ui.analyseButton)
    panel.showBusy(True)
    click(panel.ui.analyseButton)
    panel.showBusy(False)
    click(panel.ui.analyseButton)
    assert panel.heard.names() == ["analyseClicked", "cancelClicked", "analyseClicked"]


def test_cancel_can_be_clicked_though_the_ct_is_gone(panel):
    panel.showBusy(True)
    panel.showVolume(False)
    assert panel.ui.analyseButton.isEnabled()
    panel.showBusy(False)
    panel.showVolume(False)
    assert not panel.ui.analyseButton.isEnabled()


def test_progress_is_shown_while_something_runs(panel):
    panel.showBusy(True)
    panel.showProgress("Lesion 1 of 3", 1 / 3)
    assert panel.ui.progressBar.isVisible()
    assert (panel.ui.progressBar.value, panel.ui.progressBar.text) == (33, "Lesion 1 of 3")
    panel.showBusy(False)
    assert not panel.ui.progressBar.isVisible()


def test_a_message_stays_until_it_is_dismissed_and_is_no_rich_text(panel):
    panel.showMessage("<b>a < b</b>")
    assert panel.ui.messageLabel.text == "<b>a < b</b>"
    assert panel.ui.messageFrame.isVisible()
    click(panel.ui.dismissButton)
    assert not panel.ui.messageFrame.isVisible()
