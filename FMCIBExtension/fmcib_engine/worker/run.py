"""The process that answers: requests read on a thread of their own, replies to the others computed."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from threading import Thread
from time import perf_counter
from types import MappingProxyType
from typing import Any

import numpy as np

from .. import __version__, pipeline
from ..encoders import PRECISIONS, Encoder, Precision
from ..encoders.devices import import_torch, let_waiting_threads_sleep
from ..errors import DeviceError, ProtocolError
from ..framing import frame_length, pack, read_frame
from ..heads.choose import Features, choose_heads
from ..heads.chosen import ChosenHeads, Lesion
from ..preprocessing import Patch
from ..results.versions import installed_versions
from ..weights import load_encoder
from ..words import in_window
from . import PROTOCOL
from .channel import PARENT_GONE, Channel
from .errors import error_frame, explain
from .long import Make, Part
from .maps import explain_lesion
from .predictions import tell_heads, tell_predictions
from .requests import LONG, Id, Request, Waiting

__all__ = ["run_worker"]

_NOT_A_FRAME = 2
MOST_PATCHES = 32
"""Of one `encode_all`: 18 MB, and two or three seconds of FMCIB's network on two cores."""
_FRAME_START = 64
"""Bytes that tell how long a frame is."""
_BETWEEN_PARTS = 0.3
"""Seconds between two parts of a long request that are told."""
_LONG = MappingProxyType[str, Make]({"explain": explain_lesion})


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
    desk = _Desk(channel, waiting)
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
    is_done = dropped or waiting.stop(target)
    channel.write(pack({"type": "cancel_done" if is_done else "cancel_ignored", "id": request.id, "target": target}))


class _Desk:
    """Computes the replies to all but `ping` and `cancel`, one at a time, with the encoder that was loaded last."""

    def __init__(self, channel: Channel, waiting: Waiting) -> None:
        self._channel, self._waiting = channel, waiting
        self._encoder: Encoder | None = None
        self._heads: ChosenHeads | None = None

    def answer(self, request: Request) -> None:
        try:
            frame = self._compute(request)
        except Exception as error:  # noqa: BLE001 - the worker outlives every request, and every request is answered
            frame = error_frame(request.id, *explain(error))
        self._channel.write(frame)

    def _compute(self, request: Request) -> bytes:
        if request.problem:
            raise ProtocolError(request.problem)
        if request.type in LONG:
            return self._compute_long(request)
        return {"load": self._load, "encode": self._encode, "encode_all": self._encode_all}[request.type](request)

    def _load(self, request: Request) -> bytes:
        start = perf_counter()
        wanted = request.fields
        how = {
            "device": wanted["device"],
            "precision": _as_precision(wanted["precision"]),
            "engine": wanted["engine"],
        }
        self._report(request.id, "Starting PyTorch", 0.0)
        import_torch()
        self._report(request.id, "Loading the weights", 0.3)
        encoder = load_encoder(wanted["weights"], encoder_id=wanted["encoder"], **how)
        self._report(request.id, "Loading the heads", 0.8)
        features = Features(encoder, wanted["weights"], encoder.spec.recipe_id, columns=None)
        heads = choose_heads(wanted["heads"], features, lambda weights: load_encoder(weights, **how))
        header = {
            "type": "loaded",
            "id": request.id,
            "encoder_id": encoder.spec.id,
            "weights_name": encoder.weights.name,
            "weights_sha256": encoder.weights.sha256,
            "caution": encoder.weights.caution,
            "device": encoder.device,
            "precision": encoder.precision,
            "precision_deviation": encoder.precision_deviation,
            "engine": encoder.engine,
            "engine_deviation": encoder.engine_deviation,
            "feature_count": encoder.spec.feature_count,
            "heads": tell_heads(heads, encoder),
            "head_problems": [in_window(problem) for problem in heads.problems],
            "versions": installed_versions(),
            "seconds": perf_counter() - start,
        }
        frame = pack(header)
        self._encoder, self._heads = encoder, heads
        gc.collect()  # the former one refers to itself, and would keep gigabytes
        return frame

    def _encode(self, request: Request) -> bytes:
        header, features = self._answer_all("encoded", request, [Patch.from_bytes(request.payload)])
        [answer] = header.pop("answers")
        return pack({**header, **answer}, features)

    def _encode_all(self, request: Request) -> bytes:
        return pack(*self._answer_all("encoded_all", request, _patches_of(request.payload)))

    def _answer_all(self, kind: str, request: Request, patches: list[Patch]) -> tuple[dict[str, Any], bytes]:
        """Header and payload of a reply about patches."""
        start = perf_counter()
        encoder, heads = self._loaded()
        encoded = pipeline.encode(patches, encoder)
        lesions = [Lesion(patch, one.features, {}) for patch, one in zip(patches, encoded, strict=True)]
        said = heads.predict(lesions)
        header = {
            "type": kind,
            "id": request.id,
            "feature_count": len(encoded[0].features),
            "precision": encoder.precision,
            "caution": encoder.weights.caution,
            "native_recipe_id": encoder.spec.recipe_id,
            "weights_sha256": encoder.weights.sha256,
            "answers": [
                {
                    "device": one.device,
                    "engine": one.engine,
                    "note": one.note,
                    "recipe_id": patch.recipe_id,
                    "patch_sha256": patch.sha256,
                    "predictions": tell_predictions(predictions),
                }
                for patch, one, predictions in zip(patches, encoded, said, strict=True)
            ],
            "seconds": perf_counter() - start,
        }
        return header, np.stack([one.features for one in encoded]).astype("<f4").tobytes()

    def _compute_long(self, request: Request) -> bytes:
        """Tells of parts, and answers shorter ones between them."""
        start = perf_counter()
        encoder, heads = self._loaded()
        patch = Patch.from_bytes(request.payload)
        facts = {
            "patch_sha256": patch.sha256,
            "weights_sha256": encoder.weights.sha256,
            "precision": encoder.precision,
        }

        def frame(kind: str, part: Part) -> bytes:
            told, payload = part.tell()
            seconds = perf_counter() - start
            header = {"type": kind, "id": request.id, "done": part.done, "total": part.total}
            return pack({**header, **facts, "seconds": seconds, **told}, payload)

        due = start
        for part in _LONG[request.type](request.fields, patch, encoder, heads):
            if part.done >= part.total or self._waiting.is_stopped():
                break
            if perf_counter() >= due:
                self._channel.write(frame("part", part))
                due = perf_counter() + _BETWEEN_PARTS
            while (other := self._waiting.take_short()) is not None:
                self.answer(other)
        return frame("result", part)

    def _loaded(self) -> tuple[Encoder, ChosenHeads]:
        if self._encoder is None or self._heads is None:
            msg = "There is no encoder yet to compute with. Send load first."
            raise ProtocolError(msg)
        return self._encoder, self._heads

    def _report(self, request_id: Id | None, step: str, fraction: float) -> None:
        self._channel.write(pack({"type": "progress", "id": request_id, "step": step, "fraction": fraction}))


def _patches_of(payload: bytes) -> list[Patch]:
    """The patches of `encode_all`.

    Raises:
        ProtocolError: none, more than are taken at once, or bytes that are no patch.
    """
    patches, rest = [], memoryview(payload)
    while rest:
        length = frame_length(bytes(rest[:_FRAME_START])) or len(rest)
        patches.append(Patch.from_bytes(bytes(rest[:length])))
        rest = rest[length:]
        if len(patches) > MOST_PATCHES:
            break
    if not 1 <= len(patches) <= MOST_PATCHES:
        got = f"more than {MOST_PATCHES}" if patches else "none"
        msg = f"Wanted 1 to {MOST_PATCHES} patches at once, got {got}. Ask for the rest in another request."
        raise ProtocolError(msg)
    return patches


def _as_precision(name: str) -> Precision:
    for precision in PRECISIONS:
        if precision == name:
            return precision
    msg = f"The precision is one of {', '.join(PRECISIONS)}, got {name!r}. Use float32."
    raise DeviceError(msg)
