"""Shows what heads say of the lesion that is chosen, and takes what the user says of heads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fmcib_engine.encoders import DEMONSTRATION
from fmcib_engine.encoders.cautions import caution_of
from slicer.i18n import tr as _

from ...Analysis.AnalysisLogic import AnalysisLogic
from ...Scene.Lesions import Lesion, scanNames
from ...Scene.Predictions import Prediction, hiddenIn, predictionsIn
from ...Signal import Signal
from ..ErrorBoundary import ErrorBoundary
from ..LesionWords import shortened
from .PredictionsPanel import ListedHead, PredictionsPanel
from .PredictionWords import cardsOf, headInWords, thresholdName


class PredictionsController:
    """Between the panel, the scene and the analysis; what is done with the files of heads is done by others.

    Attributes:
        chosen: emitted with (name, text) of a parameter that the user has changed.
        removeWanted, exportWanted, renameWanted: emitted with a head, as the engine's task `heads` tells it.
    """

    def __init__(self, panel: PredictionsPanel, logic: AnalysisLogic, boundary: ErrorBoundary) -> None:
        self._panel, self._logic = panel, logic
        self.chosen, self.removeWanted = Signal(), Signal()
        self.exportWanted, self.renameWanted = Signal(), Signal()
        self._lesion: Lesion | None = None
        self._hidden: list[str] = []
        self._thresholds: dict[str, float] = {}
        self._heads: Sequence[Mapping[str, Any]] = ()
        self._damaged: list[str] = []
        around = boundary.around
        panel.shownChanged.connect(around(self._onShown))
        panel.thresholdChanged.connect(around(self._onThreshold))
        panel.againClicked.connect(around(self._onAgain))
        panel.headsChosen.connect(around(self._onHeads))
        for clicked, wanted in (
            (panel.removeClicked, self.removeWanted),
            (panel.exportClicked, self.exportWanted),
            (panel.renameClicked, self.renameWanted),
        ):
            clicked.connect(around(lambda row, wanted=wanted: wanted.emit(self._heads[row])))

    def close(self) -> None:
        """Nobody is told anything any more, and no CT is kept."""
        self._lesion = None
        for signal in (self.chosen, self.removeWanted, self.exportWanted, self.renameWanted):
            signal.disconnectAll()

    def show(self, lesion: Lesion | None) -> None:
        """What is predicted of a lesion."""
        self._lesion = lesion
        self.refresh()

    def showChoices(self, heads: str, hidden: str, thresholds: str) -> None:
        """The parameters of the scene."""
        self._hidden = hiddenIn(hidden)
        self._thresholds = _thresholdsIn(thresholds)
        self._panel.showChoice(heads)
        self.refresh()

    def showHeads(self, result: Mapping[str, Any]) -> None:
        """What the engine's task `heads` tells."""
        self._heads = result["heads"]
        self._panel.showHeads(
            [
                ListedHead(each["id"], each["title"], each["source"], headInWords(each), bool(each["removed_as"]))
                for each in self._heads
            ]
        )
        self._damaged = [each["problem"] for each in result["damaged"]]
        self.refresh()

    def followRename(self, former: Mapping[str, Any], head: Mapping[str, Any]) -> None:
        """The user's choices about a head that has another name now are about it still; its numbers are the same.

        What it said stays under its former name with the SHA-256 of that file, so choices about that stay as well.
        """
        wanted = [name.strip() for name in self._logic.settings.heads.split(",")]
        if former["id"] in wanted:
            self.chosen.emit("heads", ",".join(head["id"] if name == former["id"] else name for name in wanted))
        if former["id"] in self._hidden:
            self.chosen.emit("hiddenHeads", ",".join([*self._hidden, head["id"]]))
        own = [(output, thresholdName(former["sha256"], output)) for output in head["outputs"]]
        copied = {
            thresholdName(head["sha256"], output): self._thresholds[name]
            for output, name in own
            if name in self._thresholds
        }
        if copied:
            self._keepThresholds(self._thresholds | copied)

    def refresh(self, *_values: object) -> None:
        """As the scene, and the process that computes, are now."""
        lesion = self._lesion
        row = lesion.row if lesion else None
        predictions = predictionsIn(lesion.volumeNode, row) if lesion else []
        whyStale = self._whyStale(lesion, predictions) if lesion and row else ""
        isWaiting = lesion is not None and self._logic.isWaiting(lesion.volumeNode, lesion.key)
        canAnalyse = lesion is not None and lesion.seed is not None and not isWaiting
        self._panel.showLesion(self._about(lesion, predictions), whyStale, canAnalyse=canAnalyse)
        self._panel.showProblems("\n".join(dict.fromkeys([*self._damaged, *self._problems()])))
        caution = caution_of(row.get("weights", ""), row.get("weights_caution", "")) if row else ""
        self._panel.showCards(cardsOf(predictions, caution, self._thresholds, self._hidden, not whyStale))

    def _about(self, lesion: Lesion | None, predictions: Sequence[Prediction]) -> str:
        if lesion is None:
            return _("Choose a lesion that has been analysed to see what heads say of it.")
        name = shortened(lesion.name)
        if lesion.row is None:
            return _("{name} is not analysed yet, so nothing is predicted.").format(name=name)
        if lesion.row["status"] != "ok":
            return _("{name} has no features, so nothing is predicted of it.").format(name=name)
        if predictions:
            scan = shortened(scanNames().get(lesion.volumeNode, ""))
            return _("{name} of {scan}: what heads say of its features").format(name=name, scan=scan)
        return self._whyNothing(lesion)

    def _whyNothing(self, lesion: Lesion) -> str:
        """What to do where there are features, and no head says anything."""
        row, name = lesion.row, shortened(lesion.name)
        if caution_of(row["weights"], row["weights_caution"]).startswith(DEMONSTRATION):
            return _(
                "Nothing is predicted of {name}: its features are of weights that were never trained. Choose other "
                "weights, and analyse it again."
            ).format(name=name)
        if self._logic.settings.heads == "none":
            return _(
                "Nothing is predicted of {name}: heads are switched off. Write auto at Heads below, analyse it again."
            ).format(name=name)
        text = _(
            "Nothing is predicted of {name}: no head that was here is made for features of {weights}. Import one that "
            "is (Heads, below), and analyse it again."
        )
        return "\n".join([text.format(name=name, weights=row["weights"]), *self._problems()])

    def _problems(self) -> list[str]:
        """Why the process that computes does not use heads that might be expected."""
        loaded = self._logic.worker.loaded
        return list(loaded["head_problems"]) if loaded else []

    def _whyStale(self, lesion: Lesion, predictions: Sequence[Prediction]) -> str:
        """Why the numbers may not be those of now; empty where they are, as far as is known."""
        if self._logic.isWaiting(lesion.volumeNode, lesion.key):
            return _("being analysed")
        if lesion.mark is None or self._logic.freshness.isStale(lesion.volumeNode, lesion.mark):
            return _("Seed or scan is not as it was when this was computed. Analyse it again.")
        loaded, row = self._logic.worker.loaded, lesion.row
        if row["status"] != "ok" or loaded is None or loaded["weights_sha256"] != row["weights_sha256"]:
            return ""
        here = {(each["id"], each["sha256"]) for each in loaded["heads"]}
        if here == {(each.head, each.sha256) for each in predictions}:
            return ""
        return _("The heads are others than when this was computed. Analyse it again to see what they say.")

    def _onShown(self, head: str, isShown: bool) -> None:  # noqa: FBT001  a signal's values
        hidden = [each for each in self._hidden if each != head]
        self.chosen.emit("hiddenHeads", ",".join(hidden if isShown else [*hidden, head]))

    def _onThreshold(self, sha256: str, output: str, threshold: float | None) -> None:
        name = thresholdName(sha256, output)
        kept = {key: value for key, value in self._thresholds.items() if key != name}
        if threshold is not None:
            kept[name] = threshold
        self._keepThresholds(kept)

    def _keepThresholds(self, thresholds: Mapping[str, float]) -> None:
        self.chosen.emit("headThresholds", json.dumps(thresholds, sort_keys=True) if thresholds else "")

    def _onHeads(self, text: str) -> None:
        wanted = text or "auto"
        if wanted != self._logic.settings.heads:
            self.chosen.emit("heads", wanted)

    def _onAgain(self) -> None:
        lesion = self._lesion
        if lesion is not None and lesion.seed is not None:
            self._logic.analysePlaced(lesion.volumeNode, [lesion.seed])


def _thresholdsIn(text: str) -> dict[str, float]:
    """Of a parameter; what a script or a damaged scene put there otherwise counts as none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: float(value) for name, value in found.items() if type(value) in (int, float) and 0 < value <= 1}
