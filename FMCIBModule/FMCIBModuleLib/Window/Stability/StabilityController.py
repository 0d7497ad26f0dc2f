"""Has the chosen lesion disturbed, and shows what was found of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from fmcib_engine.encoders.cautions import caution_of
from fmcib_engine.errors import DependencyError
from fmcib_engine.results.picture import write_atomically
from fmcib_engine.stability.document import as_json
from fmcib_engine.stability.picture import strips
from slicer.i18n import tr as _

from ...Analysis.AnalysisLogic import AnalysisLogic
from ...Analysis.Stability import Stability
from ...Analysis.StabilityAsked import GRID, NORMAL, SEGMENT, Wanted
from ...Analysis.StabilityNow import StabilityNow
from ...Errors import AnalysisError, sentenceOf
from ...Scene.Lesions import Lesion, scanNames
from ...Scene.OverlayInScene import OverlayInScene
from ...Scene.ScanNode import isInScene
from ...Scene.StabilityInScene import MAP, StabilityInScene, mapNames
from ...Setup.Desktop import Desktop
from ..ErrorBoundary import ErrorBoundary
from ..LesionWords import shortened
from ..OverlayInViews import OverlayInViews
from ..TimeLeft import timeLeft
from .StabilityPanel import MapShown, Shown, StabilityPanel
from .StabilityWords import (
    changesInWords,
    cosineInWords,
    howInWords,
    legendOf,
    notesInWords,
    quantityInWords,
    stripsOf,
)

_KINDS = (NORMAL, GRID, SEGMENT)
"""In the order of the panel's list."""


class StabilityController:
    """Between the panel, the scene and what computes."""

    def __init__(  # noqa: PLR0913  what it stands between
        self,
        panel: StabilityPanel,
        stability: Stability,
        analysis: AnalysisLogic,
        views: OverlayInViews,
        boundary: ErrorBoundary,
        desktop: Desktop,
    ) -> None:
        self._panel, self._stability, self._analysis = panel, stability, analysis
        self._views, self._desktop = views, desktop
        self._lesion: Lesion | None = None
        self._isMapShown = False
        self._now = StabilityNow()
        self._segments: list[tuple[Any, str]] = []
        self._problem: tuple[Lesion, str] | None = None
        """Whose run came to nothing, and why; until the next run."""
        around = boundary.around
        for signal, slot in (
            (panel.runClicked, self._onRun),
            (panel.cancelClicked, stability.cancel),
            (panel.saveClicked, self._onSave),
            (panel.mapClicked, self._onMap),
            (panel.mapHidden, self._onMapHidden),
            (panel.shareChanged, self._onShare),
            (panel.opacityChanged, self._onOpacity),
            (panel.segmentsWanted, self._showSegments),
            (stability.progressed, self._onProgress),
            (stability.ended, self.refresh),
            (stability.finished, lambda _lesion: self.refresh()),
            (stability.failed, self._onFailed),
        ):
            signal.connect(around(slot))

    def close(self) -> None:
        """Nobody is told anything any more, and no CT is kept."""
        self._lesion = None
        self._segments = []
        self._now.clear()
        self._stability.close()

    def show(self, lesion: Lesion | None) -> None:
        """The lesion that is chosen."""
        self._lesion = lesion
        self.refresh()

    def refresh(self, *_values: object) -> None:
        """As the scene, and the process that computes, are now."""
        lesion, running = self._lesion, self._stability.running
        self._panel.showLesion(self._about(lesion, running), canRun=lesion is not None and lesion.seed is not None)
        if running is None:
            self._panel.showProgress("", 0.0, isRunning=False)
        self._panel.showProblem(self._problemOf(lesion))
        document = StabilityInScene(lesion.inScene).document if lesion else None
        if document is None:
            self._panel.showFound(None, "")
        else:
            whyStale = self._now.whyStale(lesion, document, self._analysis.worker.loaded)
            self._panel.showFound(_shown(document), whyStale)
        self._showMap()

    def _problemOf(self, lesion: Lesion | None) -> str:
        """Why the last run came to nothing; with the lesion's name where another one is chosen."""
        if self._problem is None or not isInScene(self._problem[0].volumeNode):
            return ""
        whose, message = self._problem
        if lesion is not None and lesion.id == whose.id:
            return message
        return _("{name}: {problem}").format(name=shortened(whose.name), problem=message)

    def _about(self, lesion: Lesion | None, running: Lesion | None) -> str:
        """Whose numbers are shown, and which other lesion is computed."""
        chosen = self._aboutChosen(lesion)
        if running is None or (lesion is not None and running.id == lesion.id):
            return chosen
        text = _("The stability of {name} is being computed.").format(name=shortened(running.name))
        return text if lesion is None else f"{chosen}. {text}"

    @staticmethod
    def _aboutChosen(lesion: Lesion | None) -> str:
        if lesion is None:
            return _("Choose a lesion to see how far its numbers move when its seed moves.")
        if lesion.seed is None:
            return _("{name} has no seed any more").format(name=shortened(lesion.name))
        scan = shortened(scanNames().get(lesion.volumeNode, ""))
        return _("{name} of {scan}").format(name=shortened(lesion.name), scan=scan)

    def _wanted(self) -> Wanted:
        chosen = self._panel.choices
        isThere = 0 <= chosen.segment < len(self._segments)
        node, segmentId = self._segments[chosen.segment] if isThere else (None, "")
        return Wanted(
            _KINDS[chosen.kind],
            chosen.draws,
            chosen.variance,
            chosen.steps,
            chosen.stepMm,
            node,
            segmentId,
            chosen.perturb,
            chosen.randomSeed,
        )

    def _onRun(self) -> None:
        lesion = self._lesion
        if lesion is None:
            return
        self._problem = None
        self._showSegments()
        self._stability.start(lesion, self._wanted())
        self.refresh()

    def _onProgress(self, text: str, fraction: float, seconds: float | None) -> None:
        left = timeLeft(seconds)
        self._panel.showProgress(f"{text}, {left}" if left else text, fraction, isRunning=True)

    def _onFailed(self, lesion: Lesion, message: str) -> None:
        self._problem = lesion, message
        self.refresh()

    def _showSegments(self) -> None:
        """All segments of the scene, as they are called now; the one that is chosen stays so while it is there."""
        place, former, names = self._panel.choices.segment, self._segments, []
        chosen = former[place] if 0 <= place < len(former) else None
        self._segments = []
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            segmentation = node.GetSegmentation()
            for index in range(segmentation.GetNumberOfSegments()):
                segmentId = segmentation.GetNthSegmentID(index)
                self._segments.append((node, segmentId))
                segment = segmentation.GetSegment(segmentId).GetName()
                text = _("{segment} of {segmentation}")
                names.append(text.format(segment=segment, segmentation=node.GetName()))
        same = (at for at, each in enumerate(self._segments) if chosen and _isSame(each, chosen))
        self._panel.showSegments(names, next(same, -1) if chosen else 0)

    def _onSave(self) -> None:
        document = StabilityInScene(self._lesion.inScene).document
        path = self._desktop.saveFile(_("Save the stability"), "stability.json", _("JSON") + " (*.json)")
        if document is None or not path:
            return
        if Path(path).suffix.lower() == ".png":
            text = _("{file} is the name of a picture. Choose one for the numbers, such as {wanted}.")
            raise AnalysisError(text.format(file=Path(path).name, wanted=Path(path).with_suffix(".json").name))
        picture = Path(path).with_suffix(".png")
        if picture.exists() and not self._desktop.confirm(_("Replace the picture {file}?").format(file=picture.name)):
            return
        write_atomically(Path(path), as_json(document).encode())
        try:
            write_atomically(picture, strips(document))
        except DependencyError as error:
            text = _("{file} was saved, and no picture of it: {problem}")
            raise AnalysisError(text.format(file=Path(path).name, problem=sentenceOf(error))) from error

    def _map(self) -> OverlayInScene | None:
        """The map that is to be seen."""
        inScene = StabilityInScene(self._lesion.inScene) if self._lesion else None
        return next((each for each in inScene.maps if each.isVisible), None) if inScene else None

    def _showMap(self) -> None:
        """That of the chosen lesion, in the views and in words."""
        found, wasShown = self._map(), self._isMapShown
        self._isMapShown = found is not None
        if found is not None or wasShown:
            self._views.show(found, MAP)
        self._panel.showMap(_mapShown(found) if found else None)

    def _onMap(self, index: int) -> None:
        inScene = StabilityInScene(self._lesion.inScene)
        names = mapNames(inScene.document) if inScene.document else []
        if 0 <= index < len(names):
            shown = inScene.showMap(self._lesion.name, names[index])
            for each in inScene.maps:
                each.setVisible(each.which == shown.which)
            self._views.showFirst(shown)
            self._showMap()

    def _onMapHidden(self) -> None:
        if (found := self._map()) is not None:
            found.setVisible(False)
        self._showMap()

    def _onShare(self, share: float) -> None:
        if (found := self._map()) is not None:
            found.setShare(share)
            self._showMap()

    def _onOpacity(self, opacity: float) -> None:
        if (found := self._map()) is not None:
            found.setOpacity(opacity)
            self._showMap()


def _isSame(one: tuple[Any, str], other: tuple[Any, str]) -> bool:
    """Whether two places of the list are of the same segment."""
    return one[0] is other[0] and one[1] == other[1]


def _mapShown(found: OverlayInScene) -> MapShown:
    low, high = found.range
    text = _("{quantity}, from {low:z.3f} to {high:z.3f} (no unit); shown from {threshold:z.3f} on; {how}.")
    words = text.format(
        quantity=quantityInWords(found.which),
        low=low,
        high=high,
        threshold=found.threshold,
        how=found.facts.get("how", ""),
    )
    return MapShown(words, found.share, found.opacity)


def _shown(document: dict[str, Any]) -> Shown:
    encoder = document["encoder"]
    return Shown(
        howInWords(document),
        caution_of(encoder["weights"], encoder["caution"]),
        stripsOf(document),
        legendOf(document),
        cosineInWords(document),
        changesInWords(document),
        notesInWords(document),
        [quantityInWords(name) for name in mapNames(document)],
    )
