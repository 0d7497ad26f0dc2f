"""The first look: what an analysis needs, whether it is here, and a button that helps for each."""

from __future__ import annotations

from collections.abc import Sequence

import slicer
from slicer.i18n import tr as _

from ..Room import keep, release, reserve, reserveLines
from ..Signal import Signal

SYMBOLS = {"good": "✓", "missing": "✗", "wrong": "✗", "checking": "…", "unknown": "?"}
_COLOURS = {"good": "#359a62", "missing": "#dc5550", "wrong": "#dc5550"}
"""Of symbols, each with at least 3:1 on white and on the grey of Slicer's dark style. The words say the same."""
_SUMMARY_LINES, _ACTIVITY_LINES = 3, 1


class RequirementsPanel:
    """Widgets in, signals out. One line while nothing is missing; else what is, and buttons.

    What is missing stays open when it has come to be here, until the user hides it or comes again (`collapse`), and its
    rows keep their heights: nothing below them moves while somebody presses a button there, or elsewhere.

    Attributes:
        widget: to be put into the window.
        torchClicked, extensionsClicked, packagesClicked, downloadClicked, importClicked, demonstrationClicked,
        wheelsClicked, fasterClicked, fasterWheelsClicked, checkClicked, cancelClicked: emitted without values.
    """

    def __init__(self, uiPath: str) -> None:
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self.torchClicked = clicks(ui.torchButton)
        self.extensionsClicked = clicks(ui.extensionsButton)
        self.packagesClicked = clicks(ui.packagesButton)
        self.downloadClicked = clicks(ui.downloadButton)
        self.importClicked = clicks(ui.importButton)
        self.demonstrationClicked = clicks(ui.demonstrationButton)
        self.wheelsClicked = clicks(ui.wheelsButton)
        self.fasterClicked, self.fasterWheelsClicked = Signal(), Signal()
        clicks(ui.fasterButton).connect(lambda: self._askForFaster(self.fasterClicked))
        clicks(ui.fasterWheelsButton).connect(lambda: self._askForFaster(self.fasterWheelsClicked))
        clicks(ui.fasterHideButton).connect(self._hideFaster)
        self.checkClicked = clicks(ui.checkButton, ui.summaryCheckButton)
        self.cancelClicked = clicks(ui.requirementsCancelButton)
        self._rows = {
            "torch": (ui.torchSymbol, ui.torchLabel, ui.torchButtons),
            "packages": (ui.packagesSymbol, ui.packagesLabel, ui.packagesButtons),
            "weights": (ui.weightsSymbol, ui.weightsLabel, ui.weightsButtons),
        }
        self._places = (ui.introLabel, ui.torchPlace, ui.packagesPlace, ui.weightsPlace, ui.wheelsPlace)
        self._isOpen = self._isGood = self._isBusy = self._isChecking = False
        self._wasOffered = self._isUnwanted = self._opensWhenBusy = False
        self._helpers = (
            *(ui.torchButton, ui.extensionsButton, ui.packagesButton, ui.downloadButton, ui.importButton),
            *(ui.demonstrationButton, ui.wheelsButton, ui.checkButton, ui.summaryCheckButton),
            *(ui.fasterButton, ui.fasterWheelsButton),
        )
        ui.hideButton.connect("clicked(bool)", lambda *_values: self.collapse())
        reserve(ui.requirementsBusyWidget, _ACTIVITY_LINES)
        ui.requirementsActivityPlace.minimumHeight = ui.requirementsBusyWidget.minimumHeight
        reserve(ui.packagesButtons)  # they come when PyTorch is there
        reserveLines(ui.summaryLabel, _SUMMARY_LINES)
        self.showRequirements((), hasExtension=True, canOpenExtensions=False)
        self._faster = None
        self.showFaster(None)
        self.showActivity("", None, canCancel=False)
        self.showNote("")

    def showRequirements(self, requirements: Sequence, hasExtension: bool, canOpenExtensions: bool) -> None:
        """
        Args:
            requirements: with name, state, text and fix, as `Requirements` has them.
            hasExtension: whether the PyTorch extension is installed, which installs PyTorch.
            canOpenExtensions: whether Slicer has an Extensions Manager to open.
        """
        for place in self._places:
            keep(place)
        states = {each.name: each.state for each in requirements}
        isBad = {name: state in ("missing", "wrong") for name, state in states.items()}
        self._isOpen = self._isOpen or any(isBad.values())
        self._isChecking = "checking" in states.values()
        self._isGood = bool(states) and all(state == "good" for state in states.values())
        self._showSummary(requirements)
        self._showForm()
        for each in requirements:
            symbol, label, buttons = self._rows[each.name]
            _paint(symbol, each.state)
            label.text = f"{each.text}. {each.fix}" if each.fix else each.text
            buttons.visible = isBad[each.name]
        if isBad.get("torch") and not hasExtension:
            self.ui.torchLabel.text += " " + _("Install the extension PyTorch first, and restart Slicer.")
        self.ui.torchButton.visible = hasExtension
        self.ui.extensionsButton.visible = not hasExtension and canOpenExtensions
        self.ui.packagesButton.visible = states.get("torch") == "good"  # else pip would fetch gigabytes of PyTorch
        self.ui.wheelsButton.visible = isBad.get("torch", False) or isBad.get("packages", False)
        self.ui.summaryCheckButton.visible = not self._isChecking
        for place in self._places:
            place.updateGeometry()  # or Qt lays out what the text was before

    def showFaster(self, faster) -> None:
        """Offer what is not needed and makes the CPU faster; None, or what is good already, is no offer.

        What has been offered stays, in words, when it has come to be here: nothing moves under the pointer.
        """
        self._faster = faster
        isOffer = faster is not None and faster.state != "good"
        self._wasOffered = self._wasOffered or isOffer
        self.ui.fasterWidget.visible = faster is not None and self._wasOffered and not self._isUnwanted
        self.ui.fasterLabel.text = " ".join(f"{each}." for each in _sentences(faster))
        for button in (self.ui.fasterButton, self.ui.fasterWheelsButton, self.ui.fasterHideButton):
            button.visible = isOffer

    def _hideFaster(self) -> None:
        self._isUnwanted = True
        self.showFaster(self._faster)

    def _askForFaster(self, signal: Signal) -> None:
        """What is installed then is told in the list, which opens for that."""
        self._opensWhenBusy = True
        signal.emit()
        self._opensWhenBusy = False

    def collapse(self) -> None:
        """Leave one line, if all is good; no room is kept for what is there no more."""
        self._isOpen = self._isOpen and not self._isGood
        self._wasOffered = False
        self.showFaster(self._faster)
        for place in self._places:
            release(place)
        self._showForm()

    def showActivity(self, text: str, fraction: float | None, canCancel: bool) -> None:
        """What runs now, and how far it is (0 to 1; None: nobody knows); an empty text if nothing does."""
        showBusy(self.ui.requirementsBusyWidget, self.ui.requirementsBusyLabel, text)
        showFraction(self.ui.requirementsProgressBar, fraction)
        self.ui.requirementsCancelButton.enabled = canCancel
        self._isBusy = bool(text)
        self._isOpen = self._isOpen or (self._isBusy and self._opensWhenBusy)
        for button in self._helpers:
            button.enabled = not self._isBusy
        self.showNote(self.ui.requirementsNote.text)
        self._showForm()

    def showNote(self, text: str) -> None:
        """What came of the last thing, when nothing runs any more; empty hides it."""
        self.ui.requirementsNote.text = text
        self.ui.requirementsNote.visible = bool(text) and not self._isBusy

    def _showSummary(self, requirements: Sequence) -> None:
        what = "; ".join(each.text for each in requirements)
        self.ui.summaryLabel.text = _("Ready. {what}").format(what=what) if self._isGood else what
        needed = _("An analysis needs these three. Nothing is installed or downloaded unasked.")
        self.ui.introLabel.text = _("Ready: all that an analysis needs is here.") if self._isGood else needed
        others = [each.state for each in requirements if each.state != "good"]
        _paint(self.ui.summarySymbol, others[0] if others else "good")

    def _showForm(self) -> None:
        self.ui.summaryWidget.visible = not self._isOpen
        self.ui.detailsWidget.visible = self._isOpen
        self.ui.hideButton.enabled = self._isGood and not self._isBusy
        self.ui.checkButton.enabled = not (self._isBusy or self._isChecking)


def _sentences(requirement) -> list[str]:
    return [text.rstrip(".") for text in (requirement.text, requirement.fix) if text] if requirement else []


def clicks(*buttons) -> Signal:
    """Emitted without values when one of these is clicked."""
    signal = Signal()
    for button in buttons:
        button.connect("clicked(bool)", lambda *_values: signal.emit())
    return signal


def _paint(symbol, state: str) -> None:
    symbol.text = SYMBOLS[state]
    colour = f"color: {_COLOURS[state]};" if state in _COLOURS else ""
    symbol.styleSheet = f"QLabel {{ font-weight: bold; {colour} }}"


def showBusy(widget, label, text: str) -> None:
    """A part of a panel that is there only while something runs."""
    widget.visible = bool(text)
    label.text = text


def showFraction(bar, fraction: float | None) -> None:
    """A progress bar from 0 to 1, or one that moves because nobody knows."""
    bar.maximum = 0 if fraction is None else 100
    bar.value = 0 if fraction is None else round(100 * fraction)
