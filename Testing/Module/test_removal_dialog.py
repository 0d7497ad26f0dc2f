"""What is to be removed from the cache folder, by real clicks."""

from __future__ import annotations

import pytest
from clicks import Key, click, pressKey, shown
from FMCIBModuleLib.Setup.RemovalDialog import RemovalDialog
from setup_support import UI, Heard

FETCHED = {
    "name": "weights/fmcib",
    "kind": "weights",
    "title": "downloaded weights",
    "again": "They can be downloaded again.",
    "comes_back": True,
    "size": 738_451_713,
}
OWN = {
    "name": "weights/mine",
    "kind": "own",
    "title": "weights of your own",
    "again": "They cannot be downloaded again.",
    "comes_back": False,
    "size": 100_000_000,
}
SAMPLE = FETCHED | {"name": "samples/CTChest.nrrd", "kind": "sample", "title": "sample scan", "size": 20_000_000}


@pytest.fixture
def opened():
    """Opens the dialog on these items."""
    dialogs = []

    def show(*items: dict, strange: tuple[str, ...] = ()) -> RemovalDialog:
        dialog = RemovalDialog(str(UI / "Removal.ui"))
        dialogs.append(dialog)
        dialog.heard = Heard(dialog, "agreed")
        dialog.open("/somewhere/fmcib", items or (FETCHED, OWN, SAMPLE), strange)
        shown(dialog.widget, 520)
        return dialog

    yield show
    for dialog in dialogs:
        dialog.close()
        dialog.widget.deleteLater()


def test_each_thing_has_its_name_size_and_how_it_comes_back_and_what_was_imported_is_not_ticked(opened):
    dialog = opened()
    table = dialog.ui.itemTable
    assert [(box.text, box.checked) for box in dialog.boxes] == [
        ("weights/fmcib", True),
        ("weights/mine", False),
        ("samples/CTChest.nrrd", True),
    ]
    assert [table.item(row, 1).text() for row in range(3)] == ["738.5 MB", "100.0 MB", "20.0 MB"]
    assert table.item(1, 2).text() == "weights of your own. They cannot be downloaded again."
    assert all("Tick what is to be removed." in box.toolTip for box in dialog.boxes)
    assert dialog.ui.folderText.text == "In /somewhere/fmcib:"
    assert dialog.ui.sumText.text == "758.5 MB will be freed."
    assert not dialog.ui.strangeText.isVisible()


def test_what_is_ticked_is_told_once_and_the_sum_follows(opened):
    dialog = opened()
    click(dialog.boxes[0])
    click(dialog.boxes[1])
    assert dialog.ui.sumText.text == "120.0 MB will be freed."
    click(dialog.ui.removeButton)
    assert dialog.heard.all == [("agreed", ["weights/mine", "samples/CTChest.nrrd"])]
    assert not dialog.widget.isVisible()


def test_nothing_is_removed_where_nothing_is_ticked_or_the_user_goes(opened):
    dialog = opened(OWN)
    assert not dialog.ui.removeButton.enabled
    assert dialog.ui.sumText.text == "0.0 MB will be freed."
    click(dialog.ui.keepButton)
    other = opened(FETCHED)
    pressKey(other.widget, Key.Key_Return)
    pressKey(other.widget, Key.Key_Escape)
    assert dialog.heard.all == other.heard.all == []
    assert not other.widget.isVisible()


def test_the_keyboard_ticks(opened):
    dialog = opened(OWN)
    dialog.boxes[0].setFocus()
    pressKey(dialog.boxes[0], Key.Key_Space)
    assert dialog.boxes[0].checked
    assert dialog.ui.removeButton.enabled


def test_what_is_strange_is_named_and_counted(opened):
    text = opened(FETCHED, strange=tuple(f"f{number}.txt" for number in range(9))).ui.strangeText
    assert text.isVisible()
    assert text.text.endswith("never touched: f0.txt, f1.txt, f2.txt, f3.txt, f4.txt and 4 more.")
