"""Many patches through a network on a device that may fail: halve the batch, go on elsewhere, or say why not.

Another library on the CPU (`engines`) counts as such a device; "the CPU" is PyTorch's.

A device that runs out of memory gets smaller batches, then the CPU takes over. One that fails for any other reason,
be it an exception of whatever kind or features that are no numbers, is at fault if the CPU can compute the same batch:
then the next device takes over, or there is a sentence where the user named the device. What the CPU cannot compute
either is no fault of the device, and its exception goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError, OutOfMemoryError
from .base import Encoded
from .device_faults import does_not_compute, fault_of, said
from .devices import Place, does_not_work, engine_of, import_torch, in_words

_log = logging.getLogger(__name__)

Forward = Callable[[NDArray[np.float32], Place], NDArray[np.float32]]
"""(n, 50, 50, 50) patches and the place to compute at -> (n, feature_count)."""


class Batcher:
    """Runs `forward` over batches. A smaller batch or another device, once needed, stays for the next calls.

    Attributes:
        device: where the next batch is computed.
        batch_size: how many patches the next batch holds at most.
        remark: to be said of features that are computed elsewhere from now on.
    """

    def __init__(
        self,
        forward: Forward,
        device: Place,
        batch_size: int,
        *,
        others: Sequence[Place] = (),
        left_out: Sequence[str] = (),
        may_overflow: bool = False,
    ) -> None:
        """
        Args:
            forward: the network.
            device: where to compute.
            batch_size: patches at once.
            others: where to go on, in this order, if the device fails for another reason than memory.
            left_out: devices that were not even tried, each with its reason.
            may_overflow: features that are no numbers may be the precision's fault, and are not the device's.
        """
        self._forward = forward
        self._others = list(others)
        self._may_overflow = may_overflow
        self.device = device
        self.batch_size = batch_size
        self.remark = ""
        self._left = list(left_out)
        self._by = ""
        self._note = self._noted()
        self._is_at_fault = False

    def run(self, patches: Sequence[NDArray[np.float32]]) -> list[Encoded]:
        """Features of the patches, in order.

        Raises:
            FeatureError: features of a patch are NaN or infinite.
            DeviceError: the device does not work, and the user wants no other.
            OutOfMemoryError: a single patch does not fit, and there is no CPU left to go to.
        """
        results: list[Encoded] = []
        while len(results) < len(patches):
            batch = np.stack(patches[len(results) : len(results) + self.batch_size])
            features = self._compute(batch)
            if features is not None:
                at = str(self.device), self._note, engine_of(self.device)
                results += [Encoded(row, *at) for row in features]
        return results

    def _compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """The features; None if the batch is to be tried again, smaller or elsewhere."""
        try:
            return self._numbers(batch, self.device)
        except Exception as error:
            if is_out_of_memory(error):
                self._shrink(len(batch), error)
                return None
            if self.device.type == "cpu" or (self._may_overflow and isinstance(error, FeatureError)):
                raise
            return self._leave(batch, error)

    def _numbers(self, batch: NDArray[np.float32], device: Place) -> NDArray[np.float32]:
        features = self._forward(batch, device)
        _require_numbers(features)
        return features

    def _leave(self, batch: NDArray[np.float32], error: Exception) -> NDArray[np.float32] | None:
        """Go on elsewhere, with the features if that is the CPU, which has computed them already."""
        features = None if self._is_at_fault else self._on_cpu(batch)
        title, fault = in_words(self.device), fault_of(error)
        _log.warning("%s does not compute: %s", title, said(error))
        if not self._others:
            self._is_at_fault = True
            raise does_not_compute(title, fault) from error
        self._left.append(does_not_work(title, fault.reason))
        self._go_to(self._others.pop(0))
        return features if self.device.type == "cpu" else None

    def _on_cpu(self, batch: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """The features, one patch at a time; None without the memory to tell. What is raised is no device's fault."""
        cpu = import_torch().device("cpu")
        try:
            return np.concatenate([self._numbers(patch[None], cpu) for patch in batch])
        except Exception as error:
            if is_out_of_memory(error):
                return None
            raise

    def _shrink(self, failed_size: int, error: BaseException) -> None:
        if failed_size > 1:
            self.batch_size = failed_size // 2
            _log.warning("%s is out of memory: the batch is now %d patches.", self.device, self.batch_size)
        elif self.device.type != "cpu":
            name = in_words(self.device) if engine_of(self.device) != "pytorch" else str(self.device)
            self._left.append(f"{name} was out of memory")
            _log.warning("%s is out of memory for a single patch: going on, slower, by PyTorch on the CPU.", name)
            self._go_to(import_torch().device("cpu"))
        else:
            msg = "The CPU has no memory left for a single patch (it takes about 1.5 GB). Close other programs."
            raise OutOfMemoryError(msg) from error
        self._free()

    def _go_to(self, device: Place) -> None:
        self._by = " by PyTorch" if engine_of(self.device) != "pytorch" else ""
        self.device = device
        self._note = self._noted()

    def _noted(self) -> str:
        """What is to be said of every feature from now on."""
        where = "the CPU" if str(self.device) == "cpu" else str(self.device)
        return f"{', '.join(self._left)}, computed{self._by} on {where}{self.remark}" if self._left else ""

    def _free(self) -> None:
        """Give memory of a GPU back, which one that is broken refuses."""
        torch = import_torch()
        with suppress(Exception):
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
            "outofmemory",
            "can't allocate memory",
            "not enough memory",
            "insufficient memory",
            "could not create a memory",
            "cannot allocate memory",
            "bad_alloc",
            "alloc_failed",
            "invalid buffer size",
        )
    )
