"""A worker's side of a run on a dask.distributed cluster: a chunk's scans are read, cut and encoded there.

A worker loads encoder and heads once, and computes nothing unless they, the engine and all other settings are the run's
own. What it gives back are rows of the table, never patches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..encoders import Encoder
from ..errors import ClusterError, FmcibError
from ..heads.choose import Features, choose_heads
from ..heads.chosen import ChosenHeads
from ..results.lesion import LesionResult, Run
from ..results.table import settings_of
from ..results.versions import installed_versions
from ..weights import load_encoder
from .computing import Computing
from .cutting import READ
from .lane import Reader
from .parts import KeptRow
from .patience import Patience
from .requests import Request, Wanted, answer_bytes, refusal_bytes, request_of

if TYPE_CHECKING:
    from distributed import Worker

_SEE_S = 10.0
"""That the system may take to say whether a file is there."""
_VERSION = "engine version"
_UNSEEN = (
    " The worker of the cluster that was to read it does not see it: it must lie under the same path on every worker, "
    "as on a share. Then try the failed rows again (--retry)."
)


class _UnwantedError(Exception):
    """The run has ended, or was interrupted."""


@dataclass(frozen=True, eq=False)
class _Loaded:
    """What this process computes with, and for which run."""

    wanted: Wanted
    settings: Mapping[str, str]
    encoder: Encoder
    heads: ChosenHeads


class _OneAtATime:
    """An encoder that the threads of a worker share."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, patches: Any) -> Any:
        with self._lock:
            return self._encoder.encode(patches)


@dataclass
class _OnWorker(Computing):
    """Rows by this worker."""

    unseen: int = 0
    """Rows whose scan is not there for it."""

    def kept(self, results: Sequence[LesionResult]) -> list[KeptRow]:
        return super().kept([self._with_where(each) for each in results])

    def _with_where(self, result: LesionResult) -> LesionResult:
        """A result, with a word more where the scan is not there."""
        if result.step != READ:
            return result
        patience = Patience(_SEE_S)
        is_there = patience.ask(Path.exists, result.seed.image, otherwise=True)
        patience.close()
        if is_there:
            return result
        self.unseen += 1
        return replace(result, error=result.error + _UNSEEN)


_loading = Lock()
_loaded: list[_Loaded] = []
_spare: list[Reader] = []


def compute(content: bytes) -> bytes:
    """The rows of a chunk; called by dask in a thread of a worker.

    Args:
        content: of `requests.request_bytes`.

    Raises:
        _UnwantedError: nobody waits for them any more.
    """
    from distributed import get_worker

    worker = get_worker()
    try:
        request = request_of(content)
        _require_version(request.settings)
        computing = _computing(request, _still_wanted(worker))
        with closing(computing.rows(request.groups)) as groups:
            rows = _all_rows(groups, computing.reading.while_waiting)
    except FmcibError as error:
        return refusal_bytes(worker.address, str(error))
    return answer_bytes(worker.address, rows, computing.unseen, computing.times)


def open_encoder(wanted: Wanted, weights: str) -> Encoder:
    """An encoder as the user wants it."""
    encoder = load_encoder(
        weights,
        encoder_id=wanted.encoder_id,
        device=wanted.device,
        precision=wanted.precision,  # type: ignore[arg-type]
        engine=wanted.engine,
        batch_size=wanted.batch_size,
    )
    return _OneAtATime(encoder)


def open_heads(wanted: Wanted, encoder: Encoder, columns: tuple[str, ...]) -> ChosenHeads:
    """The heads of a run on the cluster."""
    features = Features(encoder, wanted.weights, wanted.recipe_id, columns)
    return choose_heads(wanted.heads, features, lambda weights: open_encoder(wanted, weights))


def _require_version(settings: Mapping[str, str]) -> None:
    if (theirs := settings.get(_VERSION, "")) != __version__:
        msg = f"its engine is version {__version__}, wanted is {theirs}."
        raise ClusterError(msg)


def _load(request: Request) -> _Loaded:
    """Encoder and heads, which are kept for the chunks to come."""
    with _loading:
        wanted, settings = request.wanted, request.settings
        if not (_loaded and (_loaded[0].wanted, _loaded[0].settings) == (wanted, settings)):
            _loaded.clear()
            encoder = open_encoder(wanted, wanted.weights)
            _loaded.append(_Loaded(wanted, settings, encoder, open_heads(wanted, encoder, request.columns)))
        return _loaded[0]


def _computing(request: Request, still_wanted: Callable[[], None]) -> _OnWorker:
    """What computes the chunk.

    Raises:
        ClusterError: it would compute something else than the run.
    """
    loaded, wanted = _load(request), request.wanted
    encoder = loaded.encoder
    run = Run(
        encoder.spec,
        encoder.weights,
        wanted.recipe_id,
        encoder.precision,
        encoder.precision_deviation,
        installed_versions(),
        encoder.engine_deviation,
        loaded.heads.columns,
        wanted.draws,
    )
    computing = _OnWorker(
        {seed.row: seed for seed in request.seeds},
        request.scans,
        run,
        encoder,
        loaded.heads,
        replace(request.reading, spare=_spare, while_waiting=still_wanted),
        request.folder,
        request.columns,
        request.identifiers,
    )
    here = settings_of(run, computing.format.header, identifiers=request.identifiers)
    if other := [name for name, value in here.items() if request.settings.get(name) != value]:
        told = "; ".join(f"{name} {_short(here[name])}, wanted {_short(request.settings.get(name))}" for name in other)
        msg = f"it would compute with something else than the run: {told}."
        raise ClusterError(msg)
    return computing


def _short(value: str | None) -> str:
    """Of a SHA-256 the beginning; other settings in full."""
    return value[:12] if value and len(value) == 64 else value or "none"


def _all_rows(groups: Iterable[list[KeptRow]], still_wanted: Callable[[], None]) -> list[KeptRow]:
    rows: list[KeptRow] = []
    for group in groups:
        rows += group
        still_wanted()
    return rows


def _still_wanted(worker: Worker) -> Callable[[], None]:
    """Raises when the task of this thread was taken back, as when the run is interrupted or its process was killed."""
    key = worker.get_current_task()

    def ask() -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state not in {"executing", "long-running"}:
            raise _UnwantedError

    return ask
