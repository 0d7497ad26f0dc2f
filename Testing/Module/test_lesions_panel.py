"""The list of lesions alone: what it shows, and what it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
import qt
from clicks import Key, click, clickCell, pressKey, shown, typeText
from FMCIBModuleLib.Window.Lesions.LesionRows import COLOURS, MARKS, LesionLine, ListedLesion
from FMCIBModuleLib.Window.Lesions.LesionsPanel import LesionsPanel
from setup_support import UI, Heard

SIGNALS = ("selected", "chosen", "renamed", "removeClicked", "moveClicked", "undoClicked", "redoClicked")


def lesion(name: str, **changes: object) -> ListedLesion:
    line = LesionLine(name, "CT", "no head", "whole")
    toolTips = replace(line, quality="all 50 mm lie in the scan")
    return ListedLesion(name, line, toolTips, f"details of {name}", **changes)


ABC = [lesion(name) for name in "ABC"]


@pytest.fixture
def panel():
    panel = LesionsPanel(str(UI / "Lesions.ui"))
    panel.heard = Heard(panel, *SIGNALS, "exportClicked")
    panel.showLesions(ABC)
    shown(panel.widget, 420)
    yield panel
    panel.widget.close()
    panel.widget.deleteLater()


def names(panel) -> list[str]:
    return [panel.ui.lesionTable.item(row, 0).text() for row in range(panel.ui.lesionTable.rowCount)]


def test_a_click_tells_which_lesion_and_shows_its_details(panel):
    clickCell(panel.ui.lesionTable, 1, 2)
    assert set(panel.heard.names()) == {"selected", "chosen"}
    assert set(map(tuple, panel.heard.of("chosen"))) == {("B",)}
    assert panel.ui.detailLabel.text == "details of B"


def test_a_second_click_on_the_same_row_goes_there_again(panel):
    clickCell(panel.ui.lesionTable, 1, 2)
    panel.heard.all.clear()
    clickCell(panel.ui.lesionTable, 1, 3)
    assert panel.heard.all == [("chosen", "B")]


def test_choosing_by_the_window_is_not_told_back(panel):
    panel.choose("C")
    assert panel.heard.all == []
    assert panel.currentId == "C"


def test_what_is_chosen_stays_so_when_rows_come_and_go(panel):
    panel.choose("B")
    panel.showLesions([lesion("New"), *ABC])
    assert panel.currentId == "B"
    panel.showLesions([lesion("New"), ABC[0]])
    assert panel.currentId == ""
    assert not panel.ui.detailLabel.isVisible()
    assert panel.heard.all == []


def test_cells_change_in_their_places(panel):
    panel.choose("B")
    changed = replace(ABC[1], line=replace(ABC[1].line, quality="stale"), isSettled=False)
    panel.showLesions([ABC[0], changed, ABC[2]])
    table = panel.ui.lesionTable
    assert table.item(1, 3).text() == "↻"
    assert [table.item(row, 0).font().italic() for row in range(3)] == [False, True, False]
    assert panel.currentId == "B"


def test_buttons_are_on_where_they_can_do_something(panel):
    ui = panel.ui
    buttons = (ui.upButton, ui.downButton, ui.removeButton, ui.exportButton)
    assert [each.isEnabled() for each in buttons] == [False, False, False, True]
    panel.choose("A")
    assert [each.isEnabled() for each in buttons] == [True, True, True, True]
    ui.lesionTable.selectAll()
    assert [each.isEnabled() for each in buttons] == [False, False, True, True]
    panel.showLesions([])
    assert [each.isEnabled() for each in buttons] == [False] * 4


def test_each_button_tells_what_is_wanted(panel):
    panel.showUndo(True, True)
    panel.choose("B")
    ui = panel.ui
    for button in (ui.upButton, ui.downButton, ui.removeButton, ui.undoButton, ui.redoButton, ui.exportButton):
        click(button)
    click(ui.identifiersCheckBox)
    click(ui.exportButton)
    assert panel.heard.all == [
        ("moveClicked", "B", -1),
        ("moveClicked", "B", 1),
        ("removeClicked", ["B"]),
        ("undoClicked",),
        ("redoClicked",),
        ("exportClicked", False),
        ("exportClicked", True),
    ]


@pytest.mark.parametrize("width", [340, 480, 700])
@pytest.mark.parametrize("name", ["Abc", "x" * 60, "a name of words " * 4, "with\ntwo lines"])
@pytest.mark.parametrize("scans", [1, 2])
def test_every_lesion_is_one_line_and_its_mark_is_seen(panel, width, name, scans):
    lesions = [lesion(f"{name}{number}") for number in range(40)]
    lesions[0] = replace(lesions[0], line=replace(lesions[0].line, scan="CT " * (scans - 1) * 20))
    panel.showLesions(lesions)
    shown(panel.widget, width)
    table = panel.ui.lesionTable
    line = table.fontMetrics().height()
    assert {table.rowHeight(row) for row in range(40)} == {table.rowHeight(0)}
    assert line < table.rowHeight(0) < 2 * line
    mark, viewport = table.visualItemRect(table.item(0, 3)), table.viewport().rect
    right = (viewport() if callable(viewport) else viewport).right()
    assert mark.width() >= table.fontMetrics().horizontalAdvance("Quality")
    assert mark.right() <= right
    assert table.columnWidth(0) > 60
    assert not table.horizontalScrollBar().isVisible()


def test_a_mark_is_a_symbol_with_words_that_a_screen_reader_says(panel):
    item = panel.ui.lesionTable.item(0, 3)
    assert (item.text(), item.toolTip()) == ("✓", "all 50 mm lie in the scan")
    assert item.data(qt.Qt.AccessibleTextRole) == "all 50 mm lie in the scan"
    assert len(set(MARKS.values())) == len(MARKS)  # without any colour they are told apart


def contrast(one: str, other: str) -> float:
    """Of two colours, by WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#f5f5f5", "#2a2a2a", "#424242"])
def test_marks_are_seen_on_rows_of_the_light_and_the_dark_style(ground):
    assert {mark: contrast(colour, ground) for mark, colour in COLOURS.items() if contrast(colour, ground) < 2.95} == {}


def test_the_filter_holds_for_rows_that_come_later(panel):
    typeText(panel.ui.filterEdit, "new")
    panel.showLesions([lesion("New one"), *ABC])
    table = panel.ui.lesionTable
    assert [name for row, name in enumerate(names(panel)) if not table.isRowHidden(row)] == ["New one"]
    panel.choose("A")
    assert panel.currentId == ""


def test_only_names_can_be_edited(panel):
    table = panel.ui.lesionTable
    clickCell(table, 0, 2)
    pressKey(table, Key.Key_F2)
    assert [each for each in table.findChildren(type(panel.ui.filterEdit)) if each.isVisible()] == []
    assert panel.heard.of("renamed") == []
