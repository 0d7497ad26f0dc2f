"""A saliency map of one lesion: asked of the process that computes, and written to the scene while it refines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fmcib_engine.framing import Header
from fmcib_engine.preprocessing import Patch
from slicer.i18n import tr as _

from ..Errors import AnalysisError
from ..Scene.LesionInScene import LesionInScene
from ..Scene.SaliencyInScene import saliencyOf, writeSaliency
from ..Scene.ScanNode import isInScene
from ..Signal import Signal
from ..Worker.WorkerProcess import WorkerFailure
from .AnalysisLogic import AnalysisLogic


@dataclass(frozen=True)
class MapWish:
    """What is asked: a target and a method of the engine's `saliency`, and what is chosen of the method."""

    target: str
    method: str
    parameters: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(eq=False)
class _Job:
    lesion: LesionInScene
    wish: MapWish
    patch: Patch
    number: int | None = None
    """Of the request; None while the network is loaded."""
    isStopped: bool = False
    isShown: bool = False
    """Whether a part of it has been put into the scene."""


class Explaining:
    """One map after another, never two.

    Attributes:
        changed: emitted when a map has got better, or none is made any more.
        failed: emitted with the lesion, the target and one sentence.
        text, done, total: how far it is, for people; nothing is done while the network is loaded.
    """

    def __init__(self, logic: AnalysisLogic) -> None:
        self.changed, self.failed = Signal(), Signal()
        self.text, self.done, self.total = "", 0, 0
        self._logic = logic
        self._job: _Job | None = None

    @property
    def lesion(self) -> LesionInScene | None:
        """Whose map is made now; None for none."""
        return self._job.lesion if self._job else None

    @property
    def target(self) -> str:
        """What is explained now; empty for nothing."""
        return self._job.wish.target if self._job else ""

    @property
    def isStopping(self) -> bool:
        """Whether it was asked to end, and has not yet."""
        return self._job is not None and self._job.isStopped

    def start(self, lesion: LesionInScene, wish: MapWish) -> None:
        """Make a map of the very patch that the lesion's features are of.

        Raises:
            AnalysisError: one is being made; the lesion has no features, or its patch would be another one now.
            FmcibError: the scan cannot be read any more.
        """
        if self._job is not None:
            raise AnalysisError(_("A map is being made already. Cancel it first."))
        job = self._job = _Job(lesion, wish, self._logic.patches.fed(lesion))
        self.text, self.done, self.total = _("Loading the network"), 0, 0
        self._logic.worker.load(
            self._logic.settings,
            lambda header: self._onLoaded(job, header),
            lambda failure: self._onFailure(job, failure),
            lambda text, _fraction: self._onLoading(job, text),
            mayKeep=True,
        )
        self.changed.emit()

    def stop(self) -> None:
        """End with the map as it is; a second time, at once, whatever the process that computes is at."""
        job = self._job
        if job is None:
            return
        if job.number is None:
            self._end(job)
        elif job.isStopped:
            self._logic.worker.cancel(job.number)
        else:
            job.isStopped = True
            self._logic.worker.stop(job.number)
            self.changed.emit()

    def close(self) -> None:
        """Nobody is told anything any more."""
        self._job = None
        for signal in (self.changed, self.failed):
            signal.disconnectAll()

    def _onLoading(self, job: _Job, text: str) -> None:
        if job is self._job:
            self.text = text
            self.changed.emit()

    def _onLoaded(self, job: _Job, loaded: Header) -> None:
        if job is not self._job or not self._isWanted(job):
            return
        if loaded["weights_sha256"] != job.lesion.row["weights_sha256"]:
            text = _(
                "The features of this lesion are of other weights than those that are chosen now ({weights}). Analyse "
                "it again, and then make its map."
            )
            self._end(job, text.format(weights=loaded["weights_name"]))
            return
        self.text = _("Waiting for the first sample")
        wish = {"target": job.wish.target, "method": job.wish.method, "parameters": dict(job.wish.parameters)}
        job.number = self._logic.worker.compute(
            {"type": "explain", **wish},
            job.patch,
            lambda header, payload, _loaded: self._onResult(job, header, payload),
            lambda header, payload: self._take(job, header, payload),
            lambda failure: self._onFailure(job, failure),
        )
        self.changed.emit()

    def _take(self, job: _Job, header: Header, payload: bytes) -> bool:
        """Whether the map so far was written."""
        if job is not self._job or not self._isWanted(job):
            return False
        try:
            name, facts = job.lesion.row["lesion_id"], _factsOf(job, header)
            writeSaliency(job.lesion, name, job.patch.grid, facts, payload)
            job.isShown = True
            self.done, self.total = header["done"], header["total"]
        except (KeyError, TypeError, ValueError):
            text = _("The process that computes sent something that is no map of this lesion. Try again.")
            self._drop(job, text)
            return False
        self.text = _("Sample {done} of {total}").format(done=self.done, total=self.total)
        self.changed.emit()
        return True

    def _onResult(self, job: _Job, header: Header, payload: bytes) -> None:
        if self._take(job, header, payload):
            self._end(job)

    def _onFailure(self, job: _Job, failure: WorkerFailure) -> None:
        if job is self._job:
            self._end(job, "" if failure.code == "cancelled" else failure.message)

    def _isWanted(self, job: _Job) -> bool:
        """Whether the lesion is there with the features of this patch; if not, nobody waits for the map any more."""
        row = job.lesion.row if isInScene(job.lesion.volumeNode) else None
        isWanted = row is not None and row["status"] == "ok" and row["patch_sha256"] == job.patch.sha256
        if isWanted and job.isShown and saliencyOf(job.lesion, job.wish.target).node is None:
            isWanted = False  # the user has taken it away
        if not isWanted:
            self._drop(job)
        return isWanted

    def _drop(self, job: _Job, problem: str = "") -> None:
        if job.number is not None:
            self._logic.worker.stop(job.number)
        self._end(job, problem)

    def _end(self, job: _Job, problem: str = "") -> None:
        if job is self._job:
            self._job, self.text = None, ""
            if problem:
                self.failed.emit(job.lesion, job.wish.target, problem)
            self.changed.emit()


def _factsOf(job: _Job, header: Header) -> dict:
    """What is told of a map, if it is of the target and the patch that were asked for.

    Raises:
        KeyError, ValueError: it is not.
    """
    facts = header["facts"]
    if (facts["target"], facts["patch_sha256"]) != (job.wish.target, job.patch.sha256):
        msg = f"a map of {facts['target']} came, of {job.wish.target} was wanted"
        raise ValueError(msg)
    return facts
