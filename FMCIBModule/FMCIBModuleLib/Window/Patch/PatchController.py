"""Shows the very patch of the lesion that is chosen."""

from __future__ import annotations

from fmcib_engine.errors import FmcibError
from fmcib_engine.preprocessing import Patch
from fmcib_engine.results.planes import PLANES, seed_levels
from slicer.i18n import tr as _

from ...Analysis.AnalysisLogic import AnalysisLogic
from ...Errors import AnalysisError, sentenceOf
from ...Room import breakable
from ...Scene.Lesions import Lesion, scanNames
from ..ErrorBoundary import ErrorBoundary
from ..LesionWords import shortened, whereInWords
from .PatchPanel import PatchPanel
from .PatchPictures import planePicture


class PatchController:
    """Between the patch panel and the analysis."""

    def __init__(self, panel: PatchPanel, logic: AnalysisLogic, boundary: ErrorBoundary) -> None:
        self._panel, self._logic = panel, logic
        self._shown: tuple[str, str, bool] | None = None
        self._lesion: Lesion | None = None
        self._patch: Patch | None = None
        self._pages = [0, 0, 0]
        panel.pageTurned.connect(boundary.around(self._onPage))
        panel.windowChosen.connect(boundary.around(lambda _window: self._draw()))
        panel.sceneClicked.connect(boundary.around(self._onScene))

    def show(self, lesion: Lesion | None) -> None:
        """The patch of a lesion, if it has one that is still true; nothing is drawn again that is shown already."""
        identity = self._identityOf(lesion) if lesion and lesion.row else None
        if identity is not None and identity == self._shown and self._patch is not None:
            self._lesion = lesion
            self._panel.showCaption(self._caption())  # of another name, maybe
            return
        self._shown, self._lesion, self._patch = identity, lesion, None
        if lesion is None or lesion.row is None:
            self._panel.showNothing("")
            return
        try:
            self._patch = self._logic.patches.fed(lesion.inScene)
        except (FmcibError, AnalysisError) as error:
            self._panel.showNothing(sentenceOf(error))
            return
        x, y, z = seed_levels(self._patch)
        self._pages = [(x, y, z)[plane.normal] for plane in PLANES]
        self._panel.showPatch(self._caption(), self._pages)
        self._draw()

    def _caption(self) -> str:
        text = _("{name} of {scan}: the 50 mm around {point} mm that the network was fed").format(
            name=shortened(self._lesion.name),
            scan=shortened(scanNames().get(self._lesion.volumeNode, "")),
            point=whereInWords(self._patch.seed, 1),
        )
        return breakable(text)

    def _identityOf(self, lesion: Lesion) -> tuple[str, str, bool]:
        isStale = lesion.mark is None or self._logic.freshness.isStale(lesion.volumeNode, lesion.mark)
        return lesion.id, lesion.row["patch_sha256"], isStale

    def _draw(self, *planes: int) -> None:
        for number in planes or range(len(PLANES)):
            if self._patch is not None:
                picture = planePicture(self._patch, PLANES[number], self._pages[number], self._panel.windowHu)
                self._panel.showPlane(number, picture)

    def _onPage(self, plane: int, page: int) -> None:
        self._pages[plane] = page
        self._draw(plane)

    def _onScene(self) -> None:
        self._logic.showPatch(self._lesion.volumeNode, self._lesion.key)
