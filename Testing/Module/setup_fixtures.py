"""Fixtures of the tests of installing and weights; each test file names this one as its plugin."""

from __future__ import annotations

import json
import sys

import pytest
import slicer
from clicks import shown
from FMCIBModuleLib.Setup.AdvancedDesk import Facts
from FMCIBModuleLib.Setup.AdvancedPanel import AdvancedPanel
from FMCIBModuleLib.Setup.Installer import Installer
from FMCIBModuleLib.Setup.PipProcess import PipProcess
from FMCIBModuleLib.Setup.RequirementsPanel import RequirementsPanel
from FMCIBModuleLib.Setup.Settings import Settings
from FMCIBModuleLib.Setup.Setup import Setup, Tools
from FMCIBModuleLib.Worker.TaskProcess import TaskProcess
from repository_server import FILE, served
from setup_support import CONTENT, UI, Heard, PretendDesktop, Store, oddTask

SIGNALS = ("ready", "installed", "weightsChanged", "deviceChanged", "noticeChanged", "failed")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A server with the encoder's file, and the catalogue that names it; the store is empty."""
    with served({FILE: CONTENT}, tmp_path, monkeypatch) as repository:
        yield repository


class Stage:
    """Both panels on the screen, and the Setup behind them."""

    def __init__(self, setup: Setup, panel, advanced, desktop: PretendDesktop) -> None:
        self.setup, self.panel, self.advanced, self.desktop = setup, panel, advanced, desktop
        self.heard = Heard(setup, *SIGNALS)

    @property
    def ui(self):
        return self.panel.ui

    @property
    def dialog(self):
        """The dialog of licence and consent; None while there is none."""
        dialog = self.setup._weights._dialog
        return dialog if dialog is not None and dialog.widget.isVisible() else None

    def states(self) -> list[str]:
        return [each.state for each in self.setup.requirements.list()]

    def show(self) -> None:
        shown(self.panel.widget, 420)
        shown(self.advanced.widget, 420)


@pytest.fixture
def makeSetupStage(tmp_path):
    """Makes a stage: with the real engine, or with one that tells these answers."""
    stages = []

    def make(answers=None, desktop=None, facts=None, installer=None, settings=None, habit="tells", path="") -> Stage:
        file = tmp_path / "answers.json"
        file.write_text(json.dumps(answers or {}), encoding="utf-8")
        panel, advanced = RequirementsPanel(str(UI / "Requirements.ui")), AdvancedPanel(str(UI / "Advanced.ui"))
        desktop = desktop or PretendDesktop()
        tools = Tools(
            makeTask=lambda: (
                TaskProcess(environment={"PYTHONPATH": path})
                if answers is None
                else oddTask(habit, ODD_TASK_ANSWERS=str(file))
            ),
            makeInstaller=lambda: installer or Installer(PipProcess(sys.executable)),
            settings=settings or Settings(Store(), {}),
            desktop=desktop,
        )
        setup = Setup(panel, advanced, str(UI / "Licence.ui"), facts or Facts(), tools)
        stages.append(Stage(setup, panel, advanced, desktop))
        stages[-1].answers = file
        stages[-1].show()
        return stages[-1]

    yield make
    for each in stages:
        each.setup.close()
        for widget in (each.panel.widget, each.advanced.widget):
            widget.close()
            widget.deleteLater()
    slicer.app.processEvents()
