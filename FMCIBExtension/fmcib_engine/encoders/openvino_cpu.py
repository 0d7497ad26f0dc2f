"""OpenVINO: the same network with the same weights, some 1.8 times as fast on an x86 processor.

PyTorch puts the weights into its processor's order at every call; this does so once, when it is made. Nothing is kept
on disk: to read a converted network back takes longer than to make it anew (measured: CONTRIBUTING.md).

* **float32 only.** OpenVINO would choose bfloat16 by itself where the processor has it; it is told not to.
* **One patch after the other**, so that a patch's features have the same bits alone and in any batch.
* **As many threads as PyTorch**, which heeds OMP_NUM_THREADS; not bound to cores, which others may use.
* **Compared with PyTorch** on two patches before anything else is computed, and refused where it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LibraryError
from ..quiet import import_openvino
from .batching import is_out_of_memory
from .device_faults import said
from .devices import import_torch
from .memory import free_bytes
from .openvino_graph import translate

if TYPE_CHECKING:
    from torch import nn

Forward = Callable[[NDArray[np.float32]], NDArray[np.float32]]

NOISE_LIMIT, PROBE_LIMIT = 1e-5, 1e-4
"""|OpenVINO - PyTorch| / |PyTorch| over the features of noise, and of the probe, that is allowed.

Noise excites the network so much that rounding is 2e-6 there, and any mistake shows. Of a patch like a CT's, PyTorch's
own features lie 2e-5 from those in float64, OpenVINO's 3e-5 (demonstration weights): nothing shows below that.
"""

_ROOM = 500_000_000
"""Bytes that it needs beside two copies of the weights: OpenVINO itself, and maps."""


class OpenVinoNetwork:
    """A network made ready for this processor. Its own weights are no longer needed then.

    Attributes:
        deviation: |OpenVINO - PyTorch| / |PyTorch| over the features of the probe.
    """

    def __init__(self, network: nn.Module, probe: NDArray[np.float32], by_torch: Forward) -> None:
        """
        Args:
            network: with float32 weights on the CPU.
            probe: a patch as of a CT, [z, y, x]; all others must have its shape.
            by_torch: the network by PyTorch, (n, z, y, x) patches -> (n, features).

        Raises:
            LibraryError: OpenVINO does not compute it, or other features.
            MemoryError: there is no room for it.
        """
        _require_room(sum(tensor.nbytes for tensor in network.state_dict().values()))
        with _told_as_ours():
            options = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": import_torch().get_num_threads(),
                "ENABLE_CPU_PINNING": False,
            }
            model = translate(network, (1, 1, *probe.shape))
            self._request: Any = _core().compile_model(model, "CPU", options).create_infer_request()
        noise = np.random.default_rng(0).random(probe.shape, dtype=np.float32)
        self._require_same(noise, by_torch, NOISE_LIMIT)
        self.deviation = self._require_same(probe, by_torch, PROBE_LIMIT)

    def _require_same(self, patch: NDArray[np.float32], by_torch: Forward, limit: float) -> float:
        """The deviation of one patch's features."""
        features, expected = self(patch[None])[0], by_torch(patch[None])[0]
        deviation = float(np.linalg.norm(features - expected) / np.linalg.norm(expected))
        if not deviation <= limit:
            msg = f"its features differ by {deviation:.1e} from PyTorch's, at most {limit:.0e} is allowed"
            raise LibraryError(msg)
        return deviation

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, z, y, x) patches -> (n, features).

        Raises:
            LibraryError: OpenVINO fails, other than of a lack of memory.
        """
        with _told_as_ours():
            return np.stack([self._request.infer([patch[None, None]])[0][0].copy() for patch in batch])


@cache
def _core() -> Any:
    """OpenVINO's core, one for the life of the process.

    Its plugin gives the thread that loads it another stack for signals, and takes that away when it is unloaded, by
    whichever thread. If that is another one, the next signal (Ctrl-C, a child's end) ends the process without a word.
    """
    return import_openvino().Core()


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """Whatever OpenVINO raises, as an error that tells that it was OpenVINO; but a lack of memory."""
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        msg = f"it failed ({said(_reason(error))})"
        raise LibraryError(msg) from error


def _reason(error: Exception) -> Exception:
    """Of an error of OpenVINO's own the last line: the lines before tell places in its source."""
    lines = str(error).strip().splitlines()
    return RuntimeError(lines[-1]) if lines and lines[0].startswith("Exception from ") else error


def _require_room(weight_bytes: int) -> None:
    """Refuse before Linux, which gives out memory that it does not have, ends the process for it.

    Raises:
        MemoryError: with what is free and what is needed.
    """
    free, needed = free_bytes(), 2 * weight_bytes + _ROOM
    if free is not None and free < needed:
        msg = f"not enough memory: {free / 1e9:.1f} GB are free, {needed / 1e9:.1f} GB are needed"
        raise MemoryError(msg)
