"""The panel's first part: which CT, how seeds come, the analysis and what it says."""

from __future__ import annotations

from collections.abc import Sequence

import qt
import slicer
from slicer.i18n import tr as _

from ...Room import breakable, reserve, reserveTexts
from ...Signal import Signal


class ScanPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window; it wants a scene by `setMRMLScene`.
        placeToggled: emitted with (whether to place seeds, whether each click is one).
        sourcesWanted: emitted when the user opens *Seed from*; `showSources` answers.
        sourceChosen: emitted with the id of one of them.
        analyseClicked, cancelClicked: the one button that is both.
        isBusy: whether it is *Cancel* now.
    """

    def __init__(self, uiPath: str) -> None:
        self.placeToggled, self.sourcesWanted, self.sourceChosen = Signal(), Signal(), Signal()
        self.analyseClicked, self.cancelClicked = Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.isBusy = False
        # else the longest name of the scene's volumes is the least width of the panel
        policy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        self.ui.volumeSelector.setProperty("sizeAdjustPolicy", int(policy))
        self._menu = qt.QMenu(self.ui.seedFromButton)
        self._menu.connect("aboutToShow()", self.sourcesWanted.emit)
        self._actions: list = []
        self.ui.seedFromButton.setMenu(self._menu)
        self.ui.placeButton.connect("clicked(bool)", self._onPlace)
        # not the button's own, which Qt forgets with each new text
        self._placeKey = qt.QShortcut(qt.QKeySequence("Ctrl+Shift+L"), self.widget)
        self._placeKey.connect("activated()", self.ui.placeButton.click)
        self.ui.severalCheckBox.connect("clicked(bool)", self._onSeveral)
        self.ui.analyseButton.connect("clicked(bool)", self._onAnalyse)
        self.ui.dismissButton.connect("clicked(bool)", lambda *_: self.showMessage(""))
        reserve(self.ui.progressPlace)
        reserveTexts(self.ui.placeButton, _("Click on the lesion…"))
        reserveTexts(self.ui.analyseButton, _("C&ancel"))
        self.showBusy(False)
        self.showMessage("")
        self.showVolume(False)

    def showVolume(self, isThere: bool) -> None:
        """Whether a CT is chosen: without one nothing can be done."""
        for widget in (self.ui.placeButton, self.ui.severalCheckBox, self.ui.seedFromButton):
            widget.enabled = isThere
        self.ui.analyseButton.enabled = isThere or self.isBusy

    def showPlacing(self, isOn: bool) -> None:
        """Whether the next click places a seed."""
        self.ui.placeButton.checked = isOn
        self.ui.placeButton.text = _("Click on the lesion…") if isOn else _("&Place seed")

    def showSources(self, sources: Sequence[tuple[str, str]]) -> None:
        """What *Seed from* offers: (id, text)."""
        self._menu.clear()
        self._actions = []
        for sourceId, text in sources:
            action = qt.QAction(text.replace("&", "&&"), self._menu)
            action.connect("triggered(bool)", lambda _checked, chosen=sourceId: self.sourceChosen.emit(chosen))
            self._actions.append(action)
            self._menu.addAction(action)
        if not sources:
            none = qt.QAction(_("There is no segment, ROI or other list of points"), self._menu)
            none.setEnabled(False)
            self._actions.append(none)
            self._menu.addAction(none)

    def showBusy(self, isBusy: bool) -> None:
        """Whether something is being analysed: *Analyse* becomes *Cancel*."""
        self.isBusy = isBusy
        button = self.ui.analyseButton
        button.text = _("C&ancel") if isBusy else _("&Analyse")
        button.toolTip = (
            _("Stop. Lesions that are done stay; the others keep what they had.")
            if isBusy
            else _("Analyse all seeds of this CT again.")
        )
        self.ui.progressBar.visible = isBusy
        if isBusy:
            button.enabled = True
            self.showProgress(_("Starting"), 0.0)

    def showProgress(self, text: str, fraction: float) -> None:
        """What is being done, and how far it is (0 to 1)."""
        self.ui.progressBar.value = round(100 * fraction)
        self.ui.progressBar.format = text

    def showMessage(self, text: str) -> None:
        """A sentence for the user, until it is dismissed or another comes; empty hides it."""
        self.ui.messageLabel.text = breakable(text)
        self.ui.messageFrame.visible = bool(text)

    def takeBack(self, text: str) -> None:
        """That sentence is true no more; another one stays."""
        if self.ui.messageLabel.text == breakable(text):
            self.showMessage("")

    def _onPlace(self, checked: bool) -> None:
        self.placeToggled.emit(checked, self.ui.severalCheckBox.checked)

    def _onSeveral(self, checked: bool) -> None:
        if self.ui.placeButton.checked:
            self.placeToggled.emit(True, checked)

    def _onAnalyse(self, *_: object) -> None:
        (self.cancelClicked if self.isBusy else self.analyseClicked).emit()
