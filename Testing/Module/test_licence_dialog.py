"""Licence and consent, by real clicks."""

from __future__ import annotations

import pytest
from clicks import Key, chooseItem, click, pressKey, shown
from FMCIBModuleLib.Setup.LicenceDialog import LicenceDialog
from setup_support import UI, Heard

HOSTS = [
    {"name": "zenodo.org", "purpose": "the listing", "unverified": False},
    {"name": "*.hf.co", "purpose": "large files", "unverified": True},
]
ENTRY = {
    "id": "fmcib",
    "kind": "encoder",
    "title": "the encoder",
    "size": 738_451_713,
    "here": False,
    "part": 0,
    "refused": "",
    "licence": {
        "title": "CC BY-NC 4.0",
        "url": "https://creativecommons.org/licenses/by-nc/4.0/",
        "meaning": "Non-commercial use only.",
        "notice": "non-commercial",
    },
    "citation": "Pai et al. & others",
    "hosts": ["zenodo.org", "*.hf.co"],
    "mirrors": [{"name": "zenodo", "page": "https://zenodo.org/records/1"}],
    "unverified": ["huggingface: file"],
    "reported": [{"checksum": "md5:" + "ab" * 16, "by": "a list & others"}],
    "repository_licence": "",
}


@pytest.fixture
def opened():
    """Opens the dialog on these entries."""
    dialogs = []

    def show(*entries: dict) -> LicenceDialog:
        dialog = LicenceDialog(str(UI / "Licence.ui"))
        dialogs.append(dialog)
        dialog.heard = Heard(dialog, "agreed", "asked")
        dialog.open(entries or [ENTRY], HOSTS)
        shown(dialog.widget, 480)
        return dialog

    yield show
    for dialog in dialogs:
        dialog.close()
        dialog.widget.deleteLater()


def test_all_that_the_user_agrees_to_is_shown(opened):
    ui = opened().ui
    assert "CC BY-NC 4.0" in ui.licenceText.text
    assert 'href="https://creativecommons.org/licenses/by-nc/4.0/"' in ui.licenceText.text
    assert ui.licenceText.openExternalLinks
    assert ui.meaningText.text == "Non-commercial use only."
    assert ui.sizeText.text == "738 MB"
    assert "<b>zenodo.org</b>: the listing<br>" in ui.hostsText.text
    assert "large files (not checked)" in ui.hostsText.text
    assert ui.unverifiedText.text == "huggingface: file"
    assert ui.citationText.text == "Pai et al. &amp; others"
    assert not ui.partText.isVisible()
    assert ui.reportedText.text == "md5 abababababab…, by a list &amp; others"
    assert f"md5 {'ab' * 16}, by a list &amp; others" in ui.reportedText.toolTip
    assert "nobody here has checked them" in ui.reportedText.toolTip
    assert ui.repositoryText.text == "not asked yet"
    earlier = opened(ENTRY | {"repository_licence": "zenodo: <cc>", "reported": []}).ui
    assert (earlier.repositoryText.text, earlier.reportedText.text) == ("zenodo: &lt;cc&gt;", "none")


def test_repositories_are_asked_at_a_click_and_nothing_begins_meanwhile(opened):
    dialog = opened(ENTRY, ENTRY | {"id": "other"})
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.askLicenceButton)
    assert dialog.heard.all == [("asked", "fmcib")]
    assert not dialog.ui.agreeButton.enabled
    assert not dialog.ui.askLicenceButton.enabled
    dialog.endAsking()
    dialog.showLicences("fmcib", [
        {"mirror": "zenodo", "licence": "cc-by-4.0", "is_another": True, "problem": ""},
        {"mirror": "hf", "licence": "cc-by-nc-4.0", "is_another": False, "problem": ""},
        {"mirror": "b", "licence": "", "is_another": False, "problem": ""},
        {"mirror": "c", "licence": "", "is_another": False, "problem": "No <answer>."},
    ])  # fmt: skip
    assert dialog.ui.repositoryText.text == (
        "zenodo: <b>cc-by-4.0, which is another than the one above: keep to the stricter one</b><br>"
        "hf: cc-by-nc-4.0<br>b: names none<br>c: nobody knows. No &lt;answer&gt;."
    )
    assert dialog.ui.agreeButton.enabled
    dialog.showLicences("other", [])  # an answer for another entry than is shown
    assert dialog.ui.repositoryText.text.startswith("zenodo")
    chooseItem(dialog.ui.entryCombo, "other: the encoder")
    assert dialog.ui.repositoryText.text == "not asked yet"


def test_asking_that_fails_leaves_the_dialog_as_it_was(opened):
    dialog = opened()
    click(dialog.ui.askLicenceButton)
    dialog.endAsking()
    assert dialog.ui.repositoryText.text == "not asked yet"
    assert dialog.ui.askLicenceButton.enabled
    assert not dialog.ui.agreeButton.enabled  # nobody has agreed


def test_nothing_is_agreed_to_before_the_box_is_ticked(opened):
    dialog = opened()
    assert not dialog.ui.agreeButton.enabled
    pressKey(dialog.widget, Key.Key_Return)
    dialog.ui.agreeButton.click()
    assert dialog.heard.all == []
    assert dialog.widget.isVisible()
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.agreeCheckBox)
    assert not dialog.ui.agreeButton.enabled


def test_tick_and_press_agree_once_and_close(opened):
    dialog = opened()
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.agreeButton)
    assert dialog.heard.all == [("agreed", "fmcib", "")]
    assert not dialog.widget.isVisible()


@pytest.mark.parametrize("how", ["button", "escape"])
def test_a_user_who_declines_agrees_to_nothing(opened, how):
    dialog = opened()
    click(dialog.ui.agreeCheckBox)
    if how == "button":
        click(dialog.ui.declineButton)
    else:
        pressKey(dialog.widget, Key.Key_Escape)
    assert dialog.heard.all == []
    assert not dialog.widget.isVisible()


def test_one_repository_alone_can_be_asked(opened):
    dialog = opened()
    chooseItem(dialog.ui.mirrorCombo, "zenodo (https://zenodo.org/records/1)")
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.agreeButton)
    assert dialog.heard.all == [("agreed", "fmcib", "zenodo")]


def test_consent_is_for_one_entry(opened):
    dialog = opened(ENTRY, ENTRY | {"id": "other", "title": "another", "size": None})
    click(dialog.ui.agreeCheckBox)
    chooseItem(dialog.ui.entryCombo, "other: another")
    assert not dialog.ui.agreeCheckBox.checked
    assert dialog.ui.sizeText.text == "not known"
    click(dialog.ui.agreeCheckBox)
    click(dialog.ui.agreeButton)
    assert dialog.heard.all == [("agreed", "other", "")]


def test_what_an_earlier_download_left_is_told(opened):
    dialog = opened(ENTRY | {"part": 12_000_000})
    assert dialog.ui.partText.text == "12 of 738 MB are here already; Download goes on."
    assert dialog.ui.partText.isVisible()
    assert "is here already" in opened(ENTRY | {"here": True}).ui.partText.text


def test_a_catalogues_text_is_shown_and_not_obeyed(opened):
    licence = ENTRY["licence"] | {"meaning": "<img src=x> & more"}
    assert opened(ENTRY | {"licence": licence}).ui.meaningText.text == "&lt;img src=x&gt; &amp; more"
