"""How far a lesion's numbers move when its seed moves and its patch changes: cut here, computed by the worker.

A portion of patches is cut while the one before it is computed, and sent when that is answered: so the window is alive,
and what is analysed meanwhile waits for one portion. The arithmetic is the engine's (`fmcib_engine.stability`): the
numbers are those of its command line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
import slicer
from fmcib_engine import pipeline
from fmcib_engine.encoders import find_encoder
from fmcib_engine.errors import FmcibError
from fmcib_engine.stability.document import ComputedBy, document_of
from fmcib_engine.stability.jitter import Jitter
from fmcib_engine.stability.one import Answer, Asked, Course, Named
from fmcib_engine.stability.perturb import PERTURBATIONS
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..Errors import AnalysisError, sentenceOf
from ..Scene.Lesions import Lesion
from ..Scene.ScanNode import isInScene
from ..Scene.ScanSnapshot import ScanSnapshot, snapshotOf
from ..Scene.Seeds import findSeed
from ..Scene.StabilityInScene import StabilityInScene
from ..Signal import Signal
from ..Soon import Soon
from ..Worker.WorkerProcess import WorkerFailure
from .AnalysisLogic import AnalysisLogic
from .Results import VersionsHere, predictionsOf, runOf
from .StabilityAsked import Wanted, jitterOf, othersOf

_log = logging.getLogger(__name__)

Loaded = Mapping[str, Any]
"""The worker's reply to `load`."""


@dataclass(eq=False)
class _Run:
    """One lesion on its way from the click to what is found."""

    lesion: Lesion
    scan: ScanSnapshot
    jitter: Jitter
    wanted: Wanted
    loaded: Loaded = field(default_factory=dict)
    course: Course | None = None
    portions: Iterator[list[Named]] = field(default_factory=lambda: iter(()))
    sent: list[Named] = field(default_factory=list)
    ahead: list[Named] | None = None
    """Cut while the portion before it is computed."""
    request: int = 0
    done: int = 0
    begun: float = 0.0
    by: Mapping[str, Any] = field(default_factory=dict)
    """What the last answer says of where it was computed."""


class Stability(VTKObservationMixin):
    """Disturbs one lesion at a time.

    Attributes:
        progressed: emitted with (text, fraction from 0 to 1, seconds left or None).
        ended: emitted when nothing runs any more, however that came, before `finished` and `failed`.
        finished: emitted with the lesion, when what was found is in the scene.
        failed: emitted with the lesion and one sentence for the user.
    """

    def __init__(self, analysis: AnalysisLogic) -> None:
        VTKObservationMixin.__init__(self)
        self.progressed, self.finished, self.failed, self.ended = Signal(), Signal(), Signal(), Signal()
        self._analysis = analysis
        self._run: _Run | None = None
        self._versions = VersionsHere()
        self._cutSoon = Soon(self._cutAhead)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, lambda *_: self.cancel())

    @property
    def running(self) -> Lesion | None:
        """The lesion that is worked on."""
        return self._run.lesion if self._run else None

    def close(self) -> None:
        """Nobody is told anything any more."""
        self.removeObservers()
        for signal in (self.progressed, self.finished, self.failed, self.ended):
            signal.disconnectAll()
        self.cancel()
        self._cutSoon.close()

    def start(self, lesion: Lesion, wanted: Wanted, wait: bool = False, timeoutSeconds: float | None = None) -> None:
        """Disturb a lesion; what is found goes into the scene, in the place of what was there.

        Args:
            lesion: one with a seed.
            wanted: how.
            wait: for scripts: return when it is done. Else signals tell.
            timeoutSeconds: with `wait`: cancel after so long.

        Raises:
            FmcibError: the seed is outside the scan, the scan is none, or nothing can be drawn as it is wanted.
            AnalysisError: something runs; the lesion has no seed; with `wait`, why there is no result.
        """
        if self._run is not None:
            raise AnalysisError(_("The stability of a lesion is being computed. Wait for it, or cancel it."))
        if lesion.seed is None:
            raise AnalysisError(_("This lesion has no seed any more, so there is nothing to move. Place it again."))
        scan, point = snapshotOf(lesion.volumeNode), lesion.seed.point
        scan.volume.grid.require_inside(point)
        run = self._run = _Run(lesion, scan, jitterOf(lesion.volumeNode, point, wanted), wanted)
        self._tell(run, _("Loading the network"))
        run.request = self._analysis.worker.load(
            self._analysis.settings,
            lambda loaded: self._guarded(run, lambda: self._begin(run, loaded)),
            lambda failure: self._onFailure(run, failure),
            lambda text, _fraction: self._tell(run, text),
            mayKeep=True,
        )
        if wait:
            self._wait(timeoutSeconds)

    def cancel(self) -> None:
        """End it now. What is in the scene stays; what the worker is at, it ends, and nobody hears of that."""
        run = self._end()
        if run is not None:
            self._analysis.worker.forget(run.request)

    def _begin(self, run: _Run, loaded: Loaded) -> None:
        lesion, point, wanted = run.lesion, run.lesion.seed.point, run.wanted
        recipeId = find_encoder(loaded["encoder_id"]).recipe_id
        own = pipeline.cut(run.scan.volume, point, recipeId)
        asked = Asked(
            run.jitter,
            PERTURBATIONS if wanted.perturb else (),
            othersOf(lesion.inScene, own.sha256, recipeId, loaded),
            recipeId,
            wanted.randomSeed,
        )
        run.loaded, run.begun = loaded, monotonic()
        run.course = Course(run.scan.volume, point, asked)
        run.portions = run.course.portions()
        self._sendNext(run)

    def _sendNext(self, run: _Run) -> None:
        """The next portion, or what was found."""
        portion, run.ahead = run.ahead or next(run.portions, None), None
        if portion is None:
            self._finish(run)
            return
        run.sent = portion
        run.request = self._analysis.worker.encodeAll(
            [patch for _name, patch in portion],
            lambda features, header, loaded: self._guarded(run, lambda: self._take(run, features, header, loaded)),
            lambda failure: self._onFailure(run, failure),
        )
        self._cutSoon()

    def _cutAhead(self) -> None:
        if (run := self._run) is not None and run.course is not None and run.ahead is None:
            self._guarded(run, lambda: self._cut(run))

    @staticmethod
    def _cut(run: _Run) -> None:
        run.ahead = next(run.portions, None)

    def _take(self, run: _Run, features: np.ndarray, header: Mapping[str, Any], loaded: Loaded) -> None:
        if not isInScene(run.lesion.volumeNode) or findSeed(run.lesion.key)[0] is None:
            self._end()  # the user has removed it
            return
        _requireSame(run, loaded)
        answers = header["answers"]
        run.course.take(
            Answer.to(named, row, predictionsOf(answer), answer["note"])
            for named, row, answer in zip(run.sent, features, answers, strict=True)
        )
        run.by, run.done = answers[-1], run.done + len(answers)
        self._tell(run, _("Patch {done} of {count}").format(done=run.done, count=self._countOf(run)))
        self._sendNext(run)

    def _finish(self, run: _Run) -> None:
        _requireSameWarnings(run)
        loaded = run.loaded
        about = runOf(loaded, run.course.own.recipe_id, self._versions.during(loaded))
        by = ComputedBy(
            loaded["encoder_id"],
            about.weights,
            run.by["device"],
            run.by["engine"],
            loaded["precision"],
            about.versions,
        )
        document = document_of(run.course.end(about.heads), by)
        node, index = findSeed(run.lesion.key)  # which may have another name by now
        StabilityInScene(run.lesion.inScene).write(node.GetNthControlPointLabel(index), document)
        self._end()
        self.finished.emit(run.lesion)

    def _tell(self, run: _Run, text: str) -> None:
        if run is not self._run:
            return
        count, seconds = self._countOf(run), None
        if run.done > 1:
            seconds = (monotonic() - run.begun) / run.done * (count - run.done)
        self.progressed.emit(text, run.done / count, seconds)

    @staticmethod
    def _countOf(run: _Run) -> int:
        """Of patches; draws that are known to have none do not count."""
        return max(run.course.count - len(run.course.left_out), 1) if run.course else 1

    def _onFailure(self, run: _Run, failure: WorkerFailure) -> None:
        if run is self._run:
            self._fail(failure.message)

    def _fail(self, message: str) -> None:
        run = self._end()
        self.failed.emit(run.lesion, message)

    def _end(self) -> _Run | None:
        run, self._run = self._run, None
        if run is not None:
            self.ended.emit()
        return run

    def _guarded(self, run: _Run, step: Callable[[], None]) -> None:
        """Nothing is done for a run that is not wanted any more; what a step raises ends it, and is told."""
        if run is not self._run:
            return
        try:
            step()
        except (FmcibError, AnalysisError) as error:
            self._fail(sentenceOf(error))
        except MemoryError:
            self._fail(_("There is not enough memory to cut the patches. Close other programs."))
        except Exception as error:  # noqa: BLE001  a run that is lost must not look like one that goes on
            _log.exception("Stability could not be computed")
            text = _("The stability could not be computed, which is a fault of this module ({kind}).")
            self._fail(text.format(kind=type(error).__name__))

    def _wait(self, timeoutSeconds: float | None) -> None:
        end = None if timeoutSeconds is None else monotonic() + timeoutSeconds
        problems: list[str] = []

        def remember(_lesion: Lesion, message: str) -> None:
            problems.append(message)

        self.failed.connect(remember)
        try:
            while self._run is not None:
                self._analysis.worker.wait([self._run.request], None if end is None else max(end - monotonic(), 0.0))
        except TimeoutError as error:
            self.cancel()
            text = _("The stability was not computed within {seconds:.0f} seconds, and was cancelled.")
            raise AnalysisError(text.format(seconds=timeoutSeconds)) from error
        finally:
            self.failed.disconnect(remember)
        if problems:
            raise AnalysisError(problems[0])


def _requireSame(run: _Run, loaded: Loaded) -> None:
    """Numbers of two networks, or of a scan before and after it was changed, are not compared.

    Raises:
        AnalysisError: something is another than at the start.
    """
    if any(loaded[name] != run.loaded[name] for name in ("weights_sha256", "precision")) or _headsOf(
        loaded
    ) != _headsOf(run.loaded):
        text = _("The weights or heads were changed while the stability was computed: run it again with those of now.")
        raise AnalysisError(text)
    now = snapshotOf(run.lesion.volumeNode)
    if (now.touched, now.place) != (run.scan.touched, run.scan.place):
        raise AnalysisError(_("The scan was changed while the stability was computed: run it again."))


def _requireSameWarnings(run: _Run) -> None:
    """A look at the headers of the scan may have found meanwhile what forbids the patch, or is to be told of it.

    Raises:
        FmcibError: there is no such patch any more.
        AnalysisError: other warnings are due.
    """
    now, own = snapshotOf(run.lesion.volumeNode), run.course.own
    if now.record == run.scan.record:
        return
    if pipeline.cut(now.volume, own.seed, own.recipe_id).quality.warnings() != own.quality.warnings():
        text = _("More is known of the scan than when the stability was begun: run it again.")
        raise AnalysisError(text)


def _headsOf(loaded: Loaded) -> set[tuple[str, str]]:
    return {(each["id"], each["sha256"]) for each in loaded["heads"]}
