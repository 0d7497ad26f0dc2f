"""What heads say of the lesion that is chosen, a card for each, and the heads that are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...Room import breakable, reserveLines, unformatted
from ...Signal import Signal
from .PredictionRows import Card, PredictionRows

_SIDE_BY_SIDE, _LONGEST_WORD = 2, 12
"""Cards in a row, where they belong together and no word of their bars has more letters: else they have no room."""
_REASON_LINES = 6
"""Of text that says why there are no cards and what to do for some, in the narrowest panel."""


@dataclass(frozen=True)
class ListedHead:
    """A row of the list of heads: its cells, all that is known of it, and whether it can be removed and renamed."""

    head: str
    title: str
    source: str
    details: str
    isOwn: bool


class PredictionsPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window.
        cards: what is on the screen, by the heads' IDs.
        shownChanged, thresholdChanged: as of `PredictionRows`.
        headsOpened: the user opens the list of heads.
        removeClicked, exportClicked, renameClicked: emitted with the number of the row in the list.
        headsChosen: emitted with the text of the parameter `heads`.
        againClicked, importClicked: emitted without values.
    """

    def __init__(self, uiPath: str) -> None:
        self.shownChanged, self.thresholdChanged = Signal(), Signal()
        self.againClicked, self.importClicked, self.removeClicked = (Signal(), Signal(), Signal())
        self.exportClicked, self.renameClicked = Signal(), Signal()
        self.headsOpened, self.headsChosen = Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self.cards: dict[str, PredictionRows] = {}
        self._cardPath = str(Path(uiPath).with_name("Prediction.ui"))
        self._rows: list[Any] = []
        self._shape: list[tuple[str, str]] = []
        self._heads: list[ListedHead] = []
        self._isBusy = False
        self._choice = ""
        self._setUpTable()
        reserveLines(ui.staleLabel, 1)
        ui.againButton.connect("clicked(bool)", lambda *_: self.againClicked.emit())
        ui.importHeadButton.connect("clicked(bool)", lambda *_: self.importClicked.emit())
        for button, clicked in (
            (ui.removeHeadButton, self.removeClicked),
            (ui.exportHeadButton, self.exportClicked),
            (ui.renameHeadButton, self.renameClicked),
        ):
            button.connect("clicked(bool)", partial(self._onChosenHead, clicked))
        self._renameTip = ui.renameHeadButton.toolTip
        ui.headsEdit.connect("editingFinished()", lambda: self.headsChosen.emit(ui.headsEdit.text.strip()))
        ui.headsSection.connect("contentsCollapsed(bool)", self._onCollapsed)
        self.showLesion("", "", canAnalyse=False)
        self.showCards([])
        self.showStatus("", isBusy=False)
        self.showProblems("")
        self.showHeads([])

    def showLesion(self, about: str, whyStale: str, *, canAnalyse: bool) -> None:
        """Of which lesion the cards are, or why there are none, and why its numbers may not be those of now."""
        ui = self.ui
        ui.aboutLabel.text = breakable(about)
        ui.staleLabel.text = breakable(whyStale)
        ui.againButton.enabled = canAnalyse

    def showCards(self, cards: Sequence[Card]) -> None:
        """What heads say; those of one group stand side by side."""
        shape = [(card.head, card.group) for card in cards]
        if shape != self._shape:
            self._shape = shape
            self._layOut(cards)
        for card in cards:
            self.cards[card.head].show(card)
        self.ui.cardsPlace.visible = bool(cards)
        reserveLines(self.ui.aboutLabel, 0 if cards else _REASON_LINES)

    def showHeads(self, heads: Sequence[ListedHead]) -> None:
        """The list of those that are here; the one that is chosen stays so."""
        table, former = self.ui.headsTable, self._chosenHead()
        self._heads = list(heads)
        table.setRowCount(0)
        table.setRowCount(len(heads))
        for row, each in enumerate(heads):
            for column, text in enumerate((each.head, each.title, each.source)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(unformatted(text))
                table.setItem(row, column, item)
            if former is not None and each.head == former.head:
                table.selectRow(row)
        self._showDetail()

    def showStatus(self, text: str, *, isBusy: bool) -> None:
        """What happens to heads, or came of it."""
        self._isBusy = isBusy
        self.ui.headsStatus.text = breakable(text)
        self.ui.headsStatus.visible = bool(text)
        self._enable()

    def showProblems(self, text: str) -> None:
        """Why heads that might be expected are not used."""
        self.ui.headsProblems.text = breakable(text)
        self.ui.headsProblems.visible = bool(text)

    def showChoice(self, heads: str) -> None:
        """The parameter `heads`; what the user is typing stays until it is another, as of another scene."""
        if heads != self._choice or not self.ui.headsEdit.modified:
            self._choice = heads
            self.ui.headsEdit.text = heads

    def _layOut(self, cards: Sequence[Card]) -> None:
        """The former cards go with the next event: one of them may be telling of a click right now."""
        for row in self._rows:
            row.setParent(None)
            row.deleteLater()
        self._rows, self.cards = [], {}
        group, count = None, 0
        for card in cards:
            if card.group != group or count == (_SIDE_BY_SIDE if _isNarrow(card) else 1):
                group, count = card.group, 0
                self._addRow()
            count += 1
            rows = self.cards[card.head] = PredictionRows(self._cardPath)
            rows.shownChanged.connect(self.shownChanged.emit)
            rows.thresholdChanged.connect(self.thresholdChanged.emit)
            self._rows[-1].layout().addWidget(rows.widget, 1)

    def _addRow(self) -> None:
        row = qt.QWidget()
        layout = qt.QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        self.ui.cardsPlace.layout().addWidget(row)
        self._rows.append(row)

    def _setUpTable(self) -> None:
        table = self.ui.headsTable
        titles = [_("Head"), _("What it tells"), _("Source")]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.verticalHeader().setVisible(False)  # noqa: FBT003  a method of Qt
        for column in range(len(titles)):
            mode = qt.QHeaderView.Stretch if column == 1 else qt.QHeaderView.ResizeToContents
            table.horizontalHeader().setSectionResizeMode(column, mode)
        table.connect("itemSelectionChanged()", self._showDetail)

    def _chosenRow(self) -> int:
        rows = {item.row() for item in self.ui.headsTable.selectedItems()}
        return min(rows, default=-1)

    def _chosenHead(self) -> ListedHead | None:
        row = self._chosenRow()
        return self._heads[row] if 0 <= row < len(self._heads) else None

    def _showDetail(self) -> None:
        chosen = self._chosenHead()
        self.ui.headDetail.text = breakable(chosen.details) if chosen else ""
        self.ui.headDetail.visible = chosen is not None
        self._enable()

    def _enable(self) -> None:
        ui, chosen = self.ui, self._chosenHead()
        isOwn = chosen is not None and chosen.isOwn
        ui.importHeadButton.enabled = not self._isBusy
        ui.exportHeadButton.enabled = not self._isBusy and chosen is not None
        ui.removeHeadButton.enabled = ui.renameHeadButton.enabled = not self._isBusy and isOwn
        isKept = chosen is not None and not isOwn
        ui.renameHeadButton.toolTip = _("It came with the engine and keeps its name.") if isKept else self._renameTip

    def _onChosenHead(self, clicked: Signal, *_values: object) -> None:
        if self._chosenHead() is not None:
            clicked.emit(self._chosenRow())

    def _onCollapsed(self, isCollapsed: bool) -> None:  # noqa: FBT001  a signal of Qt
        if not isCollapsed:
            self.headsOpened.emit()


def _isNarrow(card: Card) -> bool:
    return all(len(word) <= _LONGEST_WORD for bar in card.bars for word in bar.label.split())
