"""Makes maps of the lesion that is chosen, shows the one of the target that is chosen, and says how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
import vtk
from fmcib_engine.encoders.cautions import caution_of
from fmcib_engine.saliency.methods import METHODS
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ...Analysis.AnalysisLogic import AnalysisLogic
from ...Analysis.Explaining import Explaining, MapWish
from ...Scene.LesionInScene import LesionInScene
from ...Scene.Lesions import Lesion, scanNames
from ...Scene.OverlayContour import contourOf, removeContour, removeOrphans, showContour
from ...Scene.OverlayInScene import OverlayInScene, coloursOf, isOverlay
from ...Scene.Predictions import predictionsIn
from ...Scene.SaliencyInScene import explainedTargets, factsOf, saliencyOf
from ...Scene.Settled import whenSettled
from ...Soon import Soon
from ..ErrorBoundary import ErrorBoundary
from ..LesionWords import shortened
from ..OverlayInViews import OverlayInViews
from .SaliencyPanel import SaliencyPanel, ShownMap
from .SaliencyWords import (
    CHECKED_WITH,
    cautionsOf,
    labelFreeTargets,
    legendOf,
    methodInWords,
    methodNames,
    targetInWords,
    targetsOf,
)


class SaliencyController(VTKObservationMixin):
    """Between the panel, the scene and what makes maps."""

    def __init__(
        self, panel: SaliencyPanel, logic: AnalysisLogic, views: OverlayInViews, boundary: ErrorBoundary
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._panel, self._logic, self._views = panel, logic, views
        self.explaining = Explaining(logic)
        self._lesion: Lesion | None = None
        self._note = ""
        """What came of the last map, where that is not to be seen."""
        around = boundary.around
        self.explaining.changed.connect(around(self.refresh))
        self.explaining.failed.connect(around(self._onFailed))
        for signal, slot in (
            (panel.targetChosen, self._onTarget),
            (panel.methodChosen, self._showWords),
            (panel.showClicked, self._onShow),
            (panel.cancelClicked, self.explaining.stop),
            (panel.removeClicked, self._onRemove),
            (panel.foregroundClicked, self._onForeground),
            (panel.shareChanged, self._onShare),
            (panel.opacityChanged, self._onOpacity),
            (panel.visibleChanged, self._onVisible),
            (panel.contourChanged, self._onContour),
        ):
            signal.connect(around(slot))
        self._tidySoon = Soon(whenSettled(around(self._tidy)))
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._onNodeRemoved)
        panel.showMethods(methodNames())
        panel.showTargets(labelFreeTargets())
        self._showWords()

    def close(self) -> None:
        """Nobody is told anything any more, and no CT is kept."""
        self._lesion = None
        self.removeObservers()
        self._tidySoon.close()
        self.explaining.close()

    def show(self, lesion: Lesion | None) -> None:
        """The lesion that is chosen; of another one than before, a map that it has."""
        isOther = lesion is None or self._lesion is None or lesion.id != self._lesion.id
        self._lesion = lesion
        if isOther:
            self._note = ""
        self._showTargets()
        if isOther and lesion is not None:
            made = explainedTargets(lesion.inScene)
            if made and self._panel.target not in made:
                self._panel.chooseTarget(made[-1])
        self._showWords(keepSamples=True)
        self.refresh()

    def refresh(self, *_values: object) -> None:
        """As the scene is now, and what makes maps."""
        lesion, explaining = self._lesion, self.explaining
        row = lesion.row if lesion else None
        hasFeatures = row is not None and row["status"] == "ok"
        overlay = self._overlay()
        whyStale = self._whyStale(overlay) if hasFeatures else ""
        caution = caution_of(row["weights"], row["weights_caution"]) if hasFeatures and overlay is None else ""
        canMake = hasFeatures and not self._isOfOtherPatch() and not self._isWaiting()
        self._panel.showAbout(self._about(), whyStale, caution, canMake=canMake)
        self._showActivity(explaining)
        if overlay is not None and contourOf(overlay) is not None:
            showContour(overlay)
        self._panel.showMap(self._shown(overlay) if overlay else None)
        self._views.show(overlay)
        self._panel.showForeground(isTaken=self._views.isForegroundTaken)

    def _overlay(self) -> OverlayInScene | None:
        """The map of what is chosen; None where there is none."""
        if self._lesion is None or not self._panel.target:
            return None
        overlay = saliencyOf(self._lesion.inScene, self._panel.target)
        return overlay if overlay.node is not None else None

    def _shown(self, overlay: OverlayInScene) -> ShownMap:
        (low, high), facts = overlay.range, factsOf(overlay)
        return ShownMap(
            legend="\n".join(legendOf(facts, low, high, overlay.lesion.volumeNode)),
            cautions=cautionsOf(facts),
            colours=coloursOf(overlay.isSigned, overlay.share),
            low=f"{low:z.3g}",
            high=f"{high:z.3g}",
            threshold=f"{'±' if overlay.isSigned else '≥'} {overlay.threshold:.3g}",
            share=overlay.share,
            opacity=overlay.opacity,
            isVisible=overlay.isVisible,
            hasContour=contourOf(overlay) is not None,
        )

    def _about(self) -> str:
        lesion = self._lesion
        if lesion is None:
            return _("Choose a lesion that has been analysed to see where its numbers come from.")
        name = shortened(lesion.name)
        if lesion.row is None:
            return _("{name} is not analysed yet: there is nothing to explain.").format(name=name)
        if lesion.row["status"] != "ok":
            return _("{name} has no features: there is nothing to explain.").format(name=name)
        scan = shortened(scanNames().get(lesion.volumeNode, ""))
        return _("{name} of {scan}: where in its 50 mm a number comes from").format(name=name, scan=scan)

    def _whyStale(self, overlay: OverlayInScene | None) -> str:
        if self._isWaiting():
            return _("being analysed")
        if self._isOfOtherPatch():
            return _("Seed or scan is not as it was when this was computed. Analyse it again.")
        if overlay is None:
            return ""
        return self._whyOld(factsOf(overlay), self._lesion.row)

    def _whyOld(self, facts: Mapping[str, Any], row: Mapping[str, str]) -> str:
        """Why a map is of something else than the numbers of a row."""
        if facts.get("patch_sha256") != row["patch_sha256"]:
            return _("This map is of before the lesion was analysed again. Make it again.")
        weights = [row["weights_sha256"]]
        if facts.get("head_sha256"):
            ofHead = [each for each in self._predictions() if each.sha256 == facts["head_sha256"]]
            if not ofHead:
                return _("This map is of another head than those beside it. Make it again.")
            weights += [each.facts.get("weights_sha256") for each in ofHead]  # its encoder may be its own
        if facts.get("weights_sha256") not in weights:
            return _("This map is of other weights than the lesion's features. Make it again.")
        return ""

    def _isWaiting(self) -> bool:
        return self._logic.isWaiting(self._lesion.volumeNode, self._lesion.key)

    def _isOfOtherPatch(self) -> bool:
        lesion = self._lesion
        return lesion.mark is None or self._logic.freshness.isStale(lesion.volumeNode, lesion.mark)

    def _showActivity(self, explaining: Explaining) -> None:
        if explaining.lesion is None:
            self._panel.showActivity(self._note, None)
            return
        text = explaining.text
        if not self._isChosen(explaining.lesion, explaining.target):
            text = self._ofWhich(text, explaining.lesion, explaining.target)
        if explaining.isStopping:
            text = _("Ending with the map as it is. Cancel again to end at once.")
        fraction = explaining.done / explaining.total if explaining.total else None
        self._panel.showActivity(text, fraction, isBusy=True)

    def _isChosen(self, lesion: LesionInScene, target: str) -> bool:
        return self._lesion is not None and lesion.id == self._lesion.id and target == self._panel.target

    def _ofWhich(self, text: str, lesion: LesionInScene, target: str) -> str:
        row = lesion.row
        name = shortened(row["lesion_id"]) if row else ""
        return _("{text} (map of {name}: {target})").format(text=text, name=name, target=target)

    def _predictions(self) -> list:
        return predictionsIn(self._lesion.volumeNode, self._lesion.row) if self._lesion else []

    def _showTargets(self) -> None:
        targets = [*labelFreeTargets(), *targetsOf(self._predictions())]
        if self._lesion is not None:  # maps of heads that say nothing any more can still be seen
            known = {name for name, _called in targets}
            targets += [(each, each) for each in explainedTargets(self._lesion.inScene) if each not in known]
        self._panel.showTargets(targets)

    def _showWords(self, *, keepSamples: bool = False) -> None:
        panel, method = self._panel, METHODS[self._panel.method]
        samples = method.takes.get("samples")
        if keepSamples and samples is not None:
            samples = panel.samples
        words = "\n".join([methodInWords(method.name), CHECKED_WITH])
        panel.showWords(targetInWords(panel.target, self._predictions()), words, samples)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, _scene: Any, _event: Any, node: Any) -> None:
        """The user may remove a map anywhere in Slicer."""
        if isOverlay(node):
            self._tidySoon()

    def _tidy(self) -> None:
        removeOrphans()
        self._showTargets()
        self.refresh()

    def _onTarget(self) -> None:
        self._note = ""
        self._showWords(keepSamples=True)
        self.refresh()

    def _onShow(self) -> None:
        if self._lesion is None:
            return
        self._note, panel = "", self._panel
        parameters = {"random_seed": panel.randomSeed}
        if "samples" in METHODS[panel.method].takes:
            parameters["samples"] = panel.samples
        self.explaining.start(self._lesion.inScene, MapWish(panel.target, panel.method, parameters))

    def _onFailed(self, lesion: LesionInScene, target: str, sentence: str) -> None:
        self._note = sentence if self._isChosen(lesion, target) else self._ofWhich(sentence, lesion, target)
        self.refresh()

    def _onRemove(self) -> None:
        if (overlay := self._overlay()) is not None:
            removeContour(overlay)
            overlay.remove()
            self._showTargets()
            self.refresh()

    def _onForeground(self) -> None:
        self._views.mayTakeForeground = True
        self.refresh()

    def _onShare(self, share: float) -> None:
        if (overlay := self._overlay()) is not None:
            overlay.setShare(share)
            self.refresh()

    def _onOpacity(self, opacity: float) -> None:
        if (overlay := self._overlay()) is not None:
            overlay.setOpacity(opacity)
            self.refresh()

    def _onVisible(self, isVisible: bool) -> None:  # noqa: FBT001  a signal's value
        if (overlay := self._overlay()) is not None:
            overlay.setVisible(isVisible)
            self.refresh()

    def _onContour(self, isWanted: bool) -> None:  # noqa: FBT001  a signal's value
        if (overlay := self._overlay()) is not None:
            (showContour if isWanted else removeContour)(overlay)
            self.refresh()
