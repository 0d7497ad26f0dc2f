"""What is asked of the desktop: Slicer's own dialogs, of which tests answer for the user."""

from __future__ import annotations

from pathlib import Path

import pytest
import qt
import slicer
from FMCIBModuleLib.Setup.Desktop import Desktop


def test_a_question_is_asked_in_slicers_own_dialog(monkeypatch):
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_options: asked.append(text))
    assert Desktop().confirm("Install?") is False  # a dialog without a main window gives nothing
    assert asked == ["Install?"]


@pytest.mark.parametrize("answer", ["/a/file.torch", ""])
def test_a_file_and_a_folder_come_as_text(monkeypatch, answer):
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_values: answer)
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_values: answer)
    assert Desktop().file("Choose", "All (*)") == answer
    assert Desktop().folder("Choose") == answer


@pytest.mark.parametrize("answer", ["/a/labels.csv", ""])
def test_a_new_file_is_asked_for_with_a_name_that_it_could_have(monkeypatch, answer):
    asked = []
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *values: asked.append(values) or answer)
    assert Desktop().newFile("List to fill in", "labels.csv", "Table (*.csv)") == answer
    assert asked[0][1:] == ("List to fill in", str(Path.home() / "labels.csv"), "Table (*.csv)")


@pytest.mark.parametrize("isOpened", [True, False])
def test_a_page_is_opened_by_the_system_whatever_its_folder_is_called(monkeypatch, tmp_path, isOpened):
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or isOpened)
    path = str(tmp_path / "a folder #1 & ö" / "report.html")
    assert Desktop().open(path) is isOpened
    assert opened == [path]


def test_a_text_is_copied():
    Desktop().copy("diagnostics")
    assert slicer.app.clipboard().text() == "diagnostics"


def test_an_application_without_an_extensions_manager_is_no_obstacle(monkeypatch):
    opened = []
    monkeypatch.delattr(type(slicer.app), "openExtensionsManagerDialog", raising=False)
    assert not Desktop().canOpenExtensions
    monkeypatch.setattr(type(slicer.app), "openExtensionsManagerDialog", lambda _self: opened.append(1), raising=False)
    assert Desktop().canOpenExtensions
    Desktop().openExtensions()
    assert opened == [1]
