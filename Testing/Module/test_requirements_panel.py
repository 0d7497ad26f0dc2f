"""The first look, by real clicks."""

from __future__ import annotations

import pytest
from clicks import Key, click, pressKey, shown
from FMCIBModuleLib.Setup.Requirements import Requirement
from FMCIBModuleLib.Setup.RequirementsPanel import RequirementsPanel
from setup_support import UI, Heard, settle

SIGNALS = (
    *("torchClicked", "extensionsClicked", "packagesClicked", "downloadClicked", "importClicked"),
    *("demonstrationClicked", "wheelsClicked", "checkClicked", "cancelClicked", "fasterClicked", "fasterWheelsClicked"),
)
GOOD = [
    Requirement("torch", "good", "PyTorch 2.13.0, CPU"),
    Requirement("packages", "good", "MONAI 1.6.1 and the small packages"),
    Requirement("weights", "good", "Weights fmcib, 738 MB"),
]
MISSING = [
    Requirement("torch", "missing", "PyTorch is missing", "Install it."),
    Requirement("packages", "missing", "Missing: monai", "Later."),
    Requirement("weights", "missing", "Weights are missing: fmcib", "Download them."),
]


@pytest.fixture
def panel():
    panel = RequirementsPanel(str(UI / "Requirements.ui"))
    shown(panel.widget, 420)
    yield panel
    panel.widget.close()
    panel.widget.deleteLater()


def show(panel, requirements, hasExtension=True, canOpenExtensions=True):
    panel.showRequirements(requirements, hasExtension, canOpenExtensions)
    shown(panel.widget, 420)


def visible(panel) -> set[str]:
    """The buttons that a user can see."""
    names = ("torchButton", "extensionsButton", "packagesButton", "downloadButton", "importButton")
    names += ("demonstrationButton", "wheelsButton", "checkButton", "summaryCheckButton", "requirementsCancelButton")
    return {name for name in names if getattr(panel.ui, name).isVisible()}


def test_when_all_is_good_one_line_is_left(panel):
    show(panel, GOOD)
    assert visible(panel) == {"summaryCheckButton"}
    assert not panel.ui.detailsWidget.isVisible()
    for words in ("Ready", "PyTorch 2.13.0, CPU", "Weights fmcib"):
        assert words in panel.ui.summaryLabel.text


def test_what_is_missing_is_said_in_words_with_a_symbol_and_the_buttons_that_help(panel):
    show(panel, MISSING)
    assert panel.ui.torchSymbol.text == "✗"
    assert panel.ui.torchLabel.text == "PyTorch is missing. Install it."
    assert visible(panel) == {
        *("torchButton", "downloadButton", "importButton", "demonstrationButton", "wheelsButton", "checkButton"),
    }


def test_packages_are_offered_only_when_pytorch_is_there(panel):
    show(panel, [GOOD[0], *MISSING[1:]])
    assert "packagesButton" in visible(panel)
    assert "torchButton" not in visible(panel)
    show(panel, [Requirement("torch", "wrong", "PyTorch 2.0 does not work", "Reinstall."), *MISSING[1:]])
    assert "packagesButton" not in visible(panel)


def test_without_the_torch_extension_the_way_to_it_is_shown(panel):
    show(panel, MISSING, hasExtension=False)
    assert "extensionsButton" in visible(panel)
    assert "torchButton" not in visible(panel)
    assert "Install the extension PyTorch first" in panel.ui.torchLabel.text
    show(panel, MISSING, hasExtension=False, canOpenExtensions=False)
    assert "extensionsButton" not in visible(panel)
    assert "wheelsButton" in visible(panel)


def test_while_it_is_checked_there_is_no_button_to_check_again(panel):
    checking = [Requirement(each.name, "checking", "…") for each in MISSING]
    show(panel, checking)
    assert visible(panel) == set()
    assert panel.ui.weightsSymbol.text == "…"


@pytest.mark.parametrize(
    ("button", "signal", "requirements", "hasExtension"),
    [
        ("torchButton", "torchClicked", MISSING, True),
        ("extensionsButton", "extensionsClicked", MISSING, False),
        ("packagesButton", "packagesClicked", [GOOD[0], *MISSING[1:]], True),
        ("downloadButton", "downloadClicked", MISSING, True),
        ("importButton", "importClicked", MISSING, True),
        ("demonstrationButton", "demonstrationClicked", MISSING, True),
        ("wheelsButton", "wheelsClicked", MISSING, True),
        ("checkButton", "checkClicked", MISSING, True),
        ("summaryCheckButton", "checkClicked", GOOD, True),
    ],
)
def test_each_button_tells_one_thing_once_by_mouse_and_by_keyboard(panel, button, signal, requirements, hasExtension):
    heard = Heard(panel, *SIGNALS)
    show(panel, requirements, hasExtension)
    widget = getattr(panel.ui, button)
    click(widget)
    assert heard.all == [(signal,)]
    widget.setFocus()
    pressKey(widget, Key.Key_Space)
    assert heard.all == [(signal,)] * 2
    assert widget.toolTip


def test_while_something_runs_it_is_shown_and_only_cancel_can_be_clicked(panel):
    heard = Heard(panel, *SIGNALS)
    show(panel, MISSING)
    panel.showActivity("Downloading fmcib", 0.25, canCancel=True)
    settle()
    assert panel.ui.requirementsBusyLabel.text == "Downloading fmcib"
    assert panel.ui.requirementsProgressBar.value == 25
    assert not panel.ui.downloadButton.enabled
    click(panel.ui.requirementsCancelButton)
    assert heard.all == [("cancelClicked",)]
    panel.showActivity("Installing", None, canCancel=False)
    assert panel.ui.requirementsProgressBar.maximum == 0  # it moves: nobody knows
    assert not panel.ui.requirementsCancelButton.enabled
    panel.showActivity("", None, canCancel=False)
    assert not panel.ui.requirementsBusyWidget.isVisible()
    assert panel.ui.downloadButton.enabled


def test_a_note_is_there_until_it_is_empty(panel):
    show(panel, MISSING)
    panel.showNote("Cancelled.")
    assert panel.ui.requirementsNote.isVisible()
    panel.showNote("")
    assert not panel.ui.requirementsNote.isVisible()


OFFER = Requirement("faster", "missing", "Faster: OpenVINO (60 MB)", "It is not needed.")
INSTALLED = Requirement("faster", "good", "Faster: OpenVINO 2026")


def offered(panel) -> set[str]:
    names = ("fasterLabel", "fasterButton", "fasterWheelsButton", "fasterHideButton")
    return {name for name in names if getattr(panel.ui, name).isVisible()}


def test_what_is_faster_is_offered_below_the_one_line_and_can_be_put_away(panel):
    show(panel, GOOD)
    assert offered(panel) == set()
    panel.showFaster(OFFER)
    assert offered(panel) == {"fasterLabel", "fasterButton", "fasterWheelsButton", "fasterHideButton"}
    assert panel.ui.fasterLabel.text == "Faster: OpenVINO (60 MB). It is not needed."
    assert not panel.ui.detailsWidget.isVisible()
    click(panel.ui.fasterHideButton)
    panel.showFaster(OFFER)
    assert offered(panel) == set()


def test_what_was_offered_stays_in_words_when_it_is_here_until_the_user_comes_again(panel):
    show(panel, GOOD)
    panel.showFaster(INSTALLED)
    assert offered(panel) == set()
    panel.showFaster(OFFER)
    panel.showFaster(INSTALLED)
    assert offered(panel) == {"fasterLabel"}
    panel.collapse()
    assert offered(panel) == set()


@pytest.mark.parametrize("name", ["fasterButton", "fasterWheelsButton"])
def test_an_offer_that_is_taken_opens_the_list_where_progress_is_told(name, panel):
    show(panel, GOOD)
    panel.showFaster(OFFER)
    heard = Heard(panel, "fasterClicked", "fasterWheelsClicked")
    signal = panel.fasterClicked if name == "fasterButton" else panel.fasterWheelsClicked
    signal.connect(lambda: panel.showActivity("Installing openvino", None, canCancel=True))
    click(getattr(panel.ui, name))
    assert len(heard.all) == 1
    assert panel.ui.requirementsBusyWidget.isVisible()
    assert not panel.ui.fasterButton.enabled
    panel.showActivity("", None, canCancel=False)
    assert panel.ui.fasterButton.enabled
