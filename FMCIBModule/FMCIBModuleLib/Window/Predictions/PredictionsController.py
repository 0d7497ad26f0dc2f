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
from ...Scene.Predictions import Prediction, predictionsIn
from ...Signal import Signal
from ..ErrorBoundary import ErrorBoundary
from ..LesionWords import shortened
from .PredictionsPanel import ListedHead, PredictionsPanel
from .PredictionWords import cardsOf, headInWords


class PredictionsController:
    """Between the panel, the scene and the analysis; heads are listed, imported and removed by others.

    Attributes:
        chosen: emitted with (name, text) of a parameter that the user has changed.
        removeWanted: emitted with a head, as the engine's task `heads` tells it.
    """

    def __init__(self, panel: PredictionsPanel, logic: AnalysisLogic, boundary: ErrorBoundary) -> None:
        self._panel, self._logic = panel, logic
        self.chosen, self.removeWanted = Signal(), Signal()
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
        panel.removeClicked.connect(around(lambda row: self.removeWanted.emit(self._heads[row])))

    def close(self) -> None:
        """Nobody is told anything any more, and no CT is kept."""
        self._lesion = None
        for signal in (self.chosen, self.removeWanted):
            signal.disconnectAll()

    def show(self, lesion: Lesion | None) -> None:
        """What is predicted of a lesion."""
        self._lesion = lesion
        self.refresh()

    def showChoices(self, heads: str, hidden: str, thresholds: str) -> None:
        """The parameters of the scene."""
        self._hidden = [name for name in hidden.split(",") if name]
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

    def _onThreshold(self, head: str, output: str, threshold: float | None) -> None:
        name = f"{head}:{output}"
        kept = {key: value for key, value in self._thresholds.items() if key != name}
        if threshold is not None:
            kept[name] = threshold
        self.chosen.emit("headThresholds", json.dumps(kept, sort_keys=True) if kept else "")

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
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: float(value) for name, value in found.items() if type(value) in (int, float) and 0 < value <= 1}
