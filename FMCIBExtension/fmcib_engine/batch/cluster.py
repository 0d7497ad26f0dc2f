"""A run on an existing dask.distributed cluster: its workers compute chunks, this process alone writes.

A task is a call of the engine that a worker has, named by text, with a chunk as bytes: dask is given nothing of ours to
pickle, and a scheduler needs no engine. So many chunks are under way as keep all workers busy, however long the list.
"""

from __future__ import annotations

import importlib
import logging
import operator
import re
import socket
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError, DependencyError
from ..results.lesion import LesionResult
from ..results.table import settings_of
from .chunks import Groups, chunks_of
from .computing import Computing, Times
from .cutting import ENCODE
from .parts import KeptRow
from .requests import Answer, Wanted, answer_of, request_bytes

if TYPE_CHECKING:
    from distributed import Client, Future

_log = logging.getLogger(__name__)

CHUNK_ROWS = 32
"""At most, but for the rest of a scan."""
_CHUNKS_A_THREAD = 4
"""At least, where the list is short, so that all have something to do until the end."""
_AHEAD = 2
"""Chunks a thread that are on their way: one is computed while the next waits beside it."""
_ANSWER_S = 10.0
"""That a scheduler may take to answer."""
_RETRIES = 2
"""Of a chunk at which a worker met something unforeseen."""
_TICK_S = 0.02
_TOLD_S = 60.0
_ADDRESS = re.compile(r"(?:tcp://|(?P<tls>tls://))?(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):(?P<port>\d{1,5})/?")
_WORKER = "fmcib_engine.batch.cluster_worker"


@dataclass
class ClusterTimes(Times):
    """Seconds of a run on a cluster, those of all workers together."""

    workers: set[str] = field(default_factory=set)

    def add(self, answer: Answer) -> None:
        self.workers.add(answer.worker)
        if answer.times is not None:
            self.encoding += answer.times.encoding
            self.waiting += answer.times.waiting
            self.first += answer.times.first

    def __str__(self) -> str:
        return (
            f"{self.whole:.1f} s on {len(self.workers)} workers of a cluster, which computed for {self.encoding:.1f} s "
            f"and waited for scans for {self.waiting:.1f} s ({self.first:.1f} s of it for the first of each chunk); "
            f"{self.writing / max(self.whole, 1e-9):.0%} writing"
        )


class Cluster:
    """A connection to a scheduler.

    Args:
        address: of the scheduler, as `tcp://host:8786`; with `tls://` dask's own settings have the certificates.

    Raises:
        ClusterError: no scheduler answers there.
        DependencyError: dask.distributed is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = _connect(address)

    def computing(self, wanted: Wanted) -> Callable[[Computing], OnCluster]:
        """For `Batch.elsewhere`: rows by the workers, with what is wanted of encoder and heads."""
        return lambda here: OnCluster(self.client, wanted, here)

    def close(self) -> None:
        with suppress(Exception):  # the scheduler may have gone
            self.client.close(timeout=_ANSWER_S)


class OnCluster:
    """Rows by the workers of a cluster.

    Args:
        client: connected.
        wanted: encoder and heads.
        here: what they would be computed from.
    """

    def __init__(self, client: Client, wanted: Wanted, here: Computing) -> None:
        self.times = ClusterTimes()
        self._client = client
        self._wanted = wanted
        self._here = here
        self._settings = settings_of(here.run, here.format.header, identifiers=here.identifiers)
        self._name = f"fmcib-{uuid.uuid4().hex[:12]}"
        self._count = 0
        self._at_work: dict[str, tuple[Future[bytes], Groups]] = {}
        self._suspects: list[Groups] = []
        self._killed_workers = 0
        self._done: Any = None
        self._unseen: set[str] = set()

    def rows(self, groups: Sequence[Sequence[int]]) -> Generator[Sequence[KeptRow], None, None]:
        """The rows of each chunk as it is done. When it is closed, the cluster is told to drop what is under way.

        Raises:
            ClusterError: the cluster is lost, or a worker would compute something else, or has no engine.
        """
        from distributed import as_completed

        self._done = as_completed(loop=self._client.loop)
        self._tell_if_nobody_is_there()
        rows = sum(map(len, groups))
        try:
            yield from self._computed(chunks_of(self._here.scans, groups, self._chunk_rows(rows)))
            yield from self._computed(iter(self._suspects), alone=True)
        finally:
            self._drop()

    def _computed(self, chunks: Iterator[Groups], *, alone: bool = False) -> Iterator[Sequence[KeptRow]]:
        """The rows of chunks; where workers end at one that is not alone, it may be another's fault: it comes later."""
        self._send(chunks, alone=alone)
        while self._at_work:
            future = self._next()
            _, chunk = self._at_work.pop(str(future.key))
            rows = self._rows(future, chunk)
            del future  # the worker may forget its rows
            if rows is not None:
                yield rows
            elif alone:
                yield self._killed(chunk)
            else:
                self._suspects += [(group,) for group in chunk]
            self._send(chunks, alone=alone)

    def _chunk_rows(self, rows: int) -> int:
        return max(1, min(CHUNK_ROWS, rows // (_CHUNKS_A_THREAD * max(1, self._threads()))))

    def _threads(self) -> int:
        """How many chunks the cluster computes at once; 0 where nobody is there yet.

        Raises:
            ClusterError: the scheduler does not answer.
        """
        try:
            return sum(self._client.nthreads().values())
        except Exception as error:
            raise _lost(error) from error

    def _send(self, chunks: Iterator[Groups], *, alone: bool) -> None:
        """Chunks on their way, until there are enough."""
        most = 1 if alone else max(2, _AHEAD * self._threads())
        while len(self._at_work) < most and (chunk := next(chunks, None)) is not None:
            self._count += 1
            key = f"{self._name}-{self._count}"
            content = request_bytes(self._here, self._settings, self._wanted, chunk)
            call = (operator.call, (getattr, (importlib.import_module, _WORKER), "compute"), content)
            future = self._client.get({key: call}, key, sync=False, retries=_RETRIES)
            self._at_work[key] = future, chunk
            self._done.add(future)

    def _next(self) -> Future[bytes]:
        """The next chunk that is done; where there is no worker to do it, that is said now and then."""
        waited_from = time.monotonic()
        while not self._done.has_ready():
            time.sleep(_TICK_S)
            if time.monotonic() - waited_from > _TOLD_S:
                waited_from = time.monotonic()
                self._tell_if_nobody_is_there()
        future: Future[bytes] = next(self._done)
        return future

    def _tell_if_nobody_is_there(self) -> None:
        if not self._threads():
            _log.warning("The cluster has no worker at the moment; the run waits for one.")

    def _rows(self, future: Future[bytes], chunk: Groups) -> Sequence[KeptRow] | None:
        """What came of a chunk; None where workers ended at it, as often as the scheduler allows.

        Raises:
            ClusterError: as `rows`.
        """
        from distributed import KilledWorker

        try:
            content = future.result()
        except KilledWorker as killed:
            self._killed_workers = killed.allowed_failures + 1
            return None
        except Exception as error:
            raise _lost(error) from error
        answer = answer_of(content, [row for group in chunk for row in group])
        if answer.refused:
            msg = (
                f"The worker {answer.worker} does not compute this run: {answer.refused} Mend that, or take it out of "
                "the cluster, then go on (--resume)."
            )
            raise ClusterError(msg)
        self._tell_unseen(answer)
        self.times.add(answer)
        return answer.rows

    def _killed(self, chunk: Groups) -> Sequence[KeptRow]:
        """Rows as errors, at which one worker after the other ended."""
        sentence = (
            f"{self._killed_workers} workers of the cluster ended one after the other while they computed this row or "
            "those with it: mostly there is too little memory. Look at their logs, give them more, then try the failed "
            "rows again (--retry)."
        )
        seeds = [self._here.seeds[row] for group in chunk for row in group]
        return self._here.kept([LesionResult(seed, error=sentence, step=ENCODE) for seed in seeds])

    def _tell_unseen(self, answer: Answer) -> None:
        if answer.unseen and answer.worker not in self._unseen:
            self._unseen.add(answer.worker)
            _log.warning("The worker %s does not see scans of the list, whose rows are errors.", answer.worker)

    def _drop(self) -> None:
        """Take back what is under way; workers stop at the next group of patches, or second of waiting."""
        futures = [future for future, _ in self._at_work.values()]
        self._at_work.clear()
        if futures and self._client.status == "running":
            with suppress(Exception):  # whatever it is, they are dropped when this client has gone
                self._client.cancel(futures, force=True)


def _connect(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        msg = f"A cluster needs dask.distributed, which cannot be imported ({error}). Install the engine with [dask]."
        raise DependencyError(msg) from error
    _quiet()
    _require_there(address)
    try:
        return Client(address, timeout=_ANSWER_S, set_as_default=False, name="fmcib-engine")
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: of TLS
        raise _nobody(address, _said(error)) from error


def _require_there(address: str) -> None:
    """Refuse, before dask tries for a while, an address that is none, where nobody listens, or without certificates."""
    from distributed.security import Security

    found = _ADDRESS.fullmatch(address)
    if not found:
        msg = f"A cluster's address should be as tcp://host:8786 or tls://host:8786, got {address!r} (--dask)."
        raise ClusterError(msg)
    if found["tls"] and Security().get_connection_args("client").get("ssl_context") is None:
        msg = (
            f"For {address} certificates are needed, and dask's settings have none. Give them there: "
            "distributed.comm.tls.ca-file, .client.cert and .client.key, as the variables "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__CLIENT__CERT and …__CLIENT__KEY."
        )
        raise ClusterError(msg)
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _nobody(address, getattr(error, "strerror", None) or str(error)) from error


def _nobody(address: str, why: str) -> ClusterError:
    return ClusterError(
        f"No dask scheduler answers at {address} ({why}). Give the address that it shows when it starts, such as "
        "tcp://host:8786 (--dask)."
    )


def _quiet() -> None:
    """What dask has to say of connections is said here in sentences, unless all is to be shown."""
    if not _log.isEnabledFor(logging.DEBUG):
        for name in ["distributed", *logging.root.manager.loggerDict]:
            if name == "distributed" or name.startswith("distributed."):
                logging.getLogger(name).setLevel(logging.CRITICAL)


def _lost(error: Exception) -> ClusterError:
    """Why a chunk, or the whole cluster, gives nothing."""
    go_on = "What was done is kept: go on when that is mended (--resume)."
    if isinstance(error, ModuleNotFoundError):
        return ClusterError(
            f"A worker of the cluster has no such engine ({error}). Install this version there. {go_on}"
        )
    if type(error).__name__.endswith("CancelledError") or isinstance(error, OSError | TimeoutError):
        return ClusterError(f"The cluster was lost: its scheduler ended, or is not reached any more. {go_on}")
    return ClusterError(f"A worker of the cluster failed ({_said(error)}); its log has the details. {go_on}")


def _said(error: Exception) -> str:
    """The first line of what an exception says, and its kind."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
