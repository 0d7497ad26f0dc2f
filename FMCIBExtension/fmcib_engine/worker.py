"""The engine behind stdin and stdout: a process that keeps the network warm and turns patches into features.

Started as `python -m fmcib_engine worker`. This docstring is the protocol, version 1.

**Frames.** Both directions carry frames of `framing`: a JSON header, and a binary payload that is empty unless said
otherwise. Requests come in on stdin, replies go out on stdout. File descriptor 1 is turned to stderr at the start, so
that a native library that prints cannot break a frame; stderr carries the log. The parent reads stdout and stderr while
it writes: nothing limits how much may be in flight, except the pipes.

**Start.** The worker speaks first, before it imports torch:

    {"type": "ready", "protocol": 1, "engine_version": "0.1.0", "pid": 4711}

**Requests.** Each has a `type`, and an `id`: an integer or a text of at most 200 characters, which the parent chooses
and should not use twice. Fields in square brackets may be left out; a field that is not listed is refused.

    load       weights, [encoder="fmcib"], [device="auto"], [precision="float32"]
               weights: a file, an installed ID, or "demonstration"; device: auto, cpu, cuda, cuda:N or mps;
               precision: float32, tf32, bfloat16 or float16. Replaces the loaded encoder, and only if it succeeds.
    encode     payload: `Patch.to_bytes()`
    ping
    cancel     target: the id of another request
    shut_down  everything that waits is answered, then the worker ends with exit code 0. Nothing after it is read.

**Replies.** Each request is answered exactly once, by a reply with its `id` or by an `error`, in the order in which
they came. Only `ping` and `cancel` are answered as soon as they are read, hence before what still waits.

    load       {"type": "progress", "step": "Loading the weights", "fraction": 0.3}     any number of these, then
               {"type": "loaded", "encoder_id", "weights_name", "weights_sha256", "demonstration": bool, "device",
                "precision", "precision_deviation": number or null, "feature_count", "versions": {package: version},
                "seconds"}
    encode     {"type": "encoded", "feature_count", "device", "precision", "note", "demonstration": bool, "recipe_id",
                "native_recipe_id", "patch_sha256", "weights_sha256", "seconds"}
               payload: the features, little-endian float32
    ping       {"type": "pong"}
    cancel     {"type": "cancelled", "id": target} in the place of the target's own reply, if it was still waiting, then
               {"type": "cancel_done", "target"}; or, if it was running, answered, or never there, and is left alone,
               {"type": "cancel_ignored", "target"}
    shut_down  {"type": "bye"}

A `note` is empty or says what the user should know, such as a device that ran out of memory or did not work. With
`auto`, `device` is the one that really computes, of `loaded` as of `encoded`. A patch of another recipe than the
encoder's own is encoded all the same, because replication needs it: the two ids are there to be compared, as
`results.lesion` does for its warning.

**Errors.** {"type": "error", "id", "code", "message"}; the message is one or two sentences for the user, who has a
window and no command line (`words`).

    bad_request    a frame that is no request (`id` is null if it had none), an unknown encoder, a payload that is not a
                   patch, or `encode` before `load`
    weights        a file that is not there, or not exactly the encoder's, or whose features are no numbers
    device         a device or precision that this machine does not have; a device, named in `load`, that does not work
    dependency     torch or MONAI is not installed
    out_of_memory  neither the device nor the CPU has room
    internal       a fault of ours; its traceback is in the log
    protocol       bytes that are not a frame, or a header that is not a JSON object

After an error the worker goes on, with the encoder that it had. Only after `protocol` (its id is null) does it end, at
once and with exit code 2: where the next frame would start is unknown. What waited is not answered then.

**End.** When stdin ends without `shut_down`, or stdout has no reader, the parent is gone: the worker ends at once, even
in the middle of a request, with exit code 1. It leaves nothing behind, and may be killed at any moment. It ignores
SIGINT, which a terminal sends to the parent's children as well: the parent decides.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from threading import Thread
from time import perf_counter

import numpy as np

from . import __version__, pipeline
from .encoders import PRECISIONS, Encoder, Precision
from .encoders.devices import import_torch, let_waiting_threads_sleep
from .errors import DeviceError, ProtocolError
from .framing import pack, read_frame
from .preprocessing import Patch
from .results.versions import installed_versions
from .weights import load_encoder
from .worker_errors import error_frame, explain
from .worker_io import PARENT_GONE, Channel, Id, Request, Waiting

__all__ = ["PROTOCOL", "run_worker"]

PROTOCOL = 1
_NOT_A_FRAME = 2


def run_worker() -> int:
    """Answer requests until `shut_down`; the exit code. Takes over the process's standard streams and SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    let_waiting_threads_sleep()
    channel = Channel()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ready = {"type": "ready", "protocol": PROTOCOL, "engine_version": __version__, "pid": os.getpid()}
    channel.write(pack(ready))
    waiting = Waiting()
    Thread(target=_read_requests, args=(channel, waiting), name="requests", daemon=True).start()
    desk = _Desk(channel)
    while (request := waiting.take()).problem or request.type != "shut_down":
        desk.answer(request)
    channel.write(pack({"type": "bye", "id": request.id}))
    return 0


def _read_requests(channel: Channel, waiting: Waiting) -> None:
    """Hand on what comes in, up to `shut_down`. The end of the stream ends the process."""
    while True:
        try:
            frame = read_frame(channel.read)
        except (ProtocolError, RecursionError) as error:  # a header nested too deeply for the JSON parser
            channel.write_last(error_frame(None, "protocol", str(error)), _NOT_A_FRAME)
        except MemoryError:
            channel.write_last(
                error_frame(None, "out_of_memory", "There is no memory to read a request."), _NOT_A_FRAME
            )
        if frame is None:
            os._exit(PARENT_GONE)
        request = Request.from_frame(*frame)
        if request.problem:
            waiting.put(request)
        elif request.type == "ping":
            channel.write(pack({"type": "pong", "id": request.id}))
        elif request.type == "cancel":
            _cancel(request, channel, waiting)
        else:
            waiting.put(request)
            if request.type == "shut_down":
                return


def _cancel(request: Request, channel: Channel, waiting: Waiting) -> None:
    target = request.fields["target"]
    dropped = waiting.drop(target)
    if dropped:
        channel.write(pack({"type": "cancelled", "id": target}))
    channel.write(pack({"type": "cancel_done" if dropped else "cancel_ignored", "id": request.id, "target": target}))


class _Desk:
    """Computes the replies to `load` and `encode`, one at a time, with the encoder that was loaded last."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._encoder: Encoder | None = None

    def answer(self, request: Request) -> None:
        try:
            frame = self._compute(request)
        except Exception as error:  # noqa: BLE001 - the worker outlives every request, and every request is answered
            frame = error_frame(request.id, *explain(error))
        self._channel.write(frame)

    def _compute(self, request: Request) -> bytes:
        if request.problem:
            raise ProtocolError(request.problem)
        return self._load(request) if request.type == "load" else self._encode(request)

    def _load(self, request: Request) -> bytes:
        start = perf_counter()
        wanted = request.fields
        precision = _as_precision(wanted["precision"])
        self._report(request.id, "Starting PyTorch", 0.0)
        import_torch()
        self._report(request.id, "Loading the weights", 0.3)
        encoder = load_encoder(
            wanted["weights"],
            encoder_id=wanted["encoder"],
            device=wanted["device"],
            precision=precision,
        )
        header = {
            "type": "loaded",
            "id": request.id,
            "encoder_id": encoder.spec.id,
            "weights_name": encoder.weights.name,
            "weights_sha256": encoder.weights.sha256,
            "demonstration": encoder.weights.demonstration,
            "device": encoder.device,
            "precision": encoder.precision,
            "precision_deviation": encoder.precision_deviation,
            "feature_count": encoder.spec.feature_count,
            "versions": installed_versions(),
            "seconds": perf_counter() - start,
        }
        frame = pack(header)
        self._encoder = encoder
        return frame

    def _encode(self, request: Request) -> bytes:
        start = perf_counter()
        if self._encoder is None:
            msg = "There is no encoder yet to encode with. Send load first."
            raise ProtocolError(msg)
        patch = Patch.from_bytes(request.payload)
        [encoded] = pipeline.encode([patch], self._encoder)
        header = {
            "type": "encoded",
            "id": request.id,
            "feature_count": len(encoded.features),
            "device": encoded.device,
            "precision": self._encoder.precision,
            "note": encoded.note,
            "demonstration": self._encoder.weights.demonstration,
            "recipe_id": patch.recipe_id,
            "native_recipe_id": self._encoder.spec.recipe_id,
            "patch_sha256": patch.sha256,
            "weights_sha256": self._encoder.weights.sha256,
            "seconds": perf_counter() - start,
        }
        return pack(header, np.ascontiguousarray(encoded.features, dtype="<f4").tobytes())

    def _report(self, request_id: Id | None, step: str, fraction: float) -> None:
        self._channel.write(pack({"type": "progress", "id": request_id, "step": step, "fraction": fraction}))


def _as_precision(name: str) -> Precision:
    for precision in PRECISIONS:
        if precision == name:
            return precision
    msg = f"The precision is one of {', '.join(PRECISIONS)}, got {name!r}. Use float32."
    raise DeviceError(msg)
