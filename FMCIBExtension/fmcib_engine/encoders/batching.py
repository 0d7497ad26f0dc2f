"""Many patches through a network of limited memory: halve the batch when it does not fit, then go to the CPU."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError, OutOfMemoryError
from .base import Encoded
from .devices import import_torch

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)

Forward = Callable[[NDArray[np.float32], "torch.device"], NDArray[np.float32]]
"""(n, 50, 50, 50) patches and the device to compute on -> (n, feature_count)."""


class Batcher:
    """Runs `forward` over batches. A smaller batch or another device, once needed, stays for the next calls.

    Attributes:
        device: where the next batch is computed.
        batch_size: how many patches the next batch holds at most.
    """

    def __init__(self, forward: Forward, device: torch.device, batch_size: int, *, remark: str = "") -> None:
        self._forward = forward
        self._remark = remark  # to be said of features computed on the CPU instead
        self.device = device
        self.batch_size = batch_size
        self._note = ""

    def run(self, patches: Sequence[NDArray[np.float32]]) -> list[Encoded]:
        """Features of the patches, in order.

        Raises:
            FeatureError: features of a patch are NaN or infinite.
            OutOfMemoryError: a single patch does not fit, and there is no CPU left to go to.
        """
        results: list[Encoded] = []
        while len(results) < len(patches):
            batch = np.stack(patches[len(results) : len(results) + self.batch_size])
            try:
                features = self._forward(batch, self.device)
            except (MemoryError, RuntimeError) as error:  # torch raises both, and a RuntimeError for a full GPU
                if not is_out_of_memory(error):
                    raise
                self._shrink(len(batch), error)
                continue
            _require_numbers(features)
            results += [Encoded(row, str(self.device), self._note) for row in features]
        return results

    def _shrink(self, failed_size: int, error: BaseException) -> None:
        torch = import_torch()
        if failed_size > 1:
            self.batch_size = failed_size // 2
            _log.warning("%s is out of memory: the batch is now %d patches.", self.device, self.batch_size)
        elif self.device.type != "cpu":
            self._note = f"{self.device} was out of memory, computed on the CPU{self._remark}"
            _log.warning("%s is out of memory for a single patch: going on, slower, on the CPU.", self.device)
            self.device = torch.device("cpu")
        else:
            msg = "The CPU has no memory left for a single patch (it takes about 1.5 GB). Close other programs."
            raise OutOfMemoryError(msg) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _require_numbers(features: NDArray[np.float32]) -> None:
    if not np.isfinite(features).all():
        msg = (
            "The network gave features that are NaN or infinite. Its weights are damaged, or the precision is too low: "
            "check the weights' checksum, and use float32."
        )
        raise FeatureError(msg)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch means that memory ran out. On the CPU and on MPS only its text tells."""
    torch = import_torch()
    text = str(error).lower()
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        sign in text
        for sign in (
            "out of memory",
            "can't allocate memory",
            "not enough memory",
            "could not create a memory",
            "cannot allocate memory",
            "bad_alloc",
            "alloc_failed",
        )
    )
