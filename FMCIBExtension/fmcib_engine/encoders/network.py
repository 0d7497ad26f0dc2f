"""What every network has in common as an encoder: weights on a device, a precision, an engine, batches.

A network's own file has its `EncoderSpec`, and builds it without numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError, ImageError
from .base import Encoded, EncoderSpec, Precision, WeightsIdentity
from .batching import Batcher
from .devices import Choice, Place, engine_of, import_torch, require_precision
from .openvino_cpu import OpenVinoNetwork

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_PARAMETER_DTYPES = {"float32": "float32", "tf32": "float32", "bfloat16": "bfloat16", "float16": "float16"}
_DEFAULT_BATCH = {"openvino": 4, "cpu": 4, "cuda": 16, "mps": 4}


class NetworkEncoder:
    """A network with its weights on a device. For one thread at a time.

    Args:
        spec: of the encoder.
        network: as its file builds it, filled strictly with float32 weights on the CPU.
        weights: what filled it.
        devices: where to compute, and where to go on.
        precision: other than float32 only at the user's wish; marked in every result.
        batch_size: patches at once; None chooses by device.
        probe: a patch [z, y, x] on which a reduced precision is compared with float32, or another engine with PyTorch.

    Raises:
        DeviceError: a precision that the device does not have.
        FeatureError: a precision in which the features overflow.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        network: nn.Module,
        weights: WeightsIdentity,
        devices: Choice,
        *,
        precision: Precision = "float32",
        batch_size: int | None = None,
        probe: NDArray[np.float32] | None = None,
    ) -> None:
        device = devices.devices[0]
        require_precision(device, precision)
        self.spec = spec
        self.weights = weights
        self.precision: Precision = precision
        self.precision_deviation: float | None = None
        self._network: Any = network
        self._openvino: OpenVinoNetwork | None = None
        self._probe = probe
        self._placed_on: torch.device | None = import_torch().device("cpu")
        self._on_cpu: Mapping[str, Tensor] = {} if str(device) == "cpu" else network.state_dict()
        """What a broken device cannot give back; of a file these tensors are mapped, and cost nothing."""
        self._batcher = Batcher(
            self._forward,
            device,
            batch_size or _DEFAULT_BATCH[device.type],
            others=devices.devices[1:],
            left_out=devices.left_out,
            may_overflow=precision == "float16",
        )
        if precision != "float32":
            self.precision_deviation = self._measure_deviation()
            self._batcher.remark = f"; the deviation of {precision} there was not measured"

    @property
    def device(self) -> str:
        return str(self._batcher.device)

    @property
    def engine(self) -> str:
        return engine_of(self._batcher.device)

    @property
    def engine_deviation(self) -> float | None:
        return self._openvino.deviation if self._openvino and self.engine == "openvino" else None

    @property
    def batch_size(self) -> int:
        return self._batcher.batch_size

    def encode(self, patches: Sequence[NDArray[np.float32]]) -> list[Encoded]:
        """Features of each patch; see `Encoder.encode`.

        Raises:
            ImageError: voxels that are not finite, of which PyTorch makes no numbers, and OpenVINO's ReLU wrong ones.
            FeatureError: features that are not finite.
            DeviceError: the device does not work, and the user has named it.
            OutOfMemoryError: not even one patch fits into the CPU's memory.
        """
        if not all(np.isfinite(patch).all() for patch in patches):
            msg = "A patch holds voxels that are NaN or infinite. Repair the scan, or place the seed elsewhere."
            raise ImageError(msg)
        return self._batcher.run(patches)

    def _forward(self, batch: NDArray[np.float32], device: Place) -> NDArray[np.float32]:
        if engine_of(device) == "openvino":
            self._openvino = self._openvino or self._make_openvino()
            return self._openvino(batch)
        self._openvino = None  # it has failed, and has as much memory as the weights
        return self._by_torch(batch, device)

    def _make_openvino(self) -> OpenVinoNetwork:
        cpu = import_torch().device("cpu")
        return OpenVinoNetwork(self._network, self._required_probe(), lambda batch: self._by_torch(batch, cpu))

    @contextmanager
    def lend(self) -> Iterator[tuple[nn.Module, torch.device]]:
        """The network and where it lies; see `Encoder.lend`.

        Raises:
            DeviceError: it computes in less than float32, in which gradients lose themselves.
        """
        if self.precision not in {"float32", "tf32"}:
            msg = f"Gradients are computed in float32, the network is loaded in {self.precision}. Load it in float32."
            raise DeviceError(msg)
        device: Any = self._batcher.device if self.engine == "pytorch" else import_torch().device("cpu")
        self._place(device)
        with self._exact_convolutions(device):
            yield self._network, device

    def _place(self, device: Any) -> Any:
        """Bring the weights there; gives their type."""
        torch = import_torch()
        dtype = getattr(torch, _PARAMETER_DTYPES[self.precision])
        if device.type == "cpu" and dtype == torch.float16:
            dtype = torch.float32  # after a fall-back from a GPU
        if device != self._placed_on or next(self._network.parameters()).dtype != dtype:
            self._placed_on = None  # a move that fails leaves some tensors behind
            if self._on_cpu:
                self._network.load_state_dict(self._on_cpu, assign=True)
            self._network = self._network.to(device=device, dtype=dtype)
            self._placed_on = device
        return dtype

    def _by_torch(self, batch: NDArray[np.float32], device: Any) -> NDArray[np.float32]:
        torch = import_torch()
        dtype = self._place(device)
        with torch.inference_mode(), self._exact_convolutions(device):
            inputs = torch.from_numpy(batch)[:, None].to(device=device, dtype=dtype)
            features: NDArray[np.float32] = self._network(inputs).float().cpu().numpy()
        return features

    def _exact_convolutions(self, device: Any) -> AbstractContextManager[None]:
        """On CUDA torch lets convolutions round to TF32, and choose another algorithm each time, unless told not to."""
        if device.type != "cuda":
            return nullcontext()
        flags: AbstractContextManager[None] = import_torch().backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=self.precision == "tf32"
        )
        return flags

    def _required_probe(self) -> NDArray[np.float32]:
        if self._probe is None:
            msg = "A reduced precision and another engine need a probe patch to measure their deviation on."
            raise ValueError(msg)
        return self._probe

    def _measure_deviation(self) -> float:
        probe = self._required_probe()
        reduced = self.precision
        while True:
            self.precision = "float32"
            (reference,) = self._batcher.run([probe])
            self.precision = reduced
            (rounded,) = self._batcher.run([probe])
            if rounded.device == reference.device:  # else one of the two was the last that a device gave
                break
        return float(np.linalg.norm(rounded.features - reference.features) / np.linalg.norm(reference.features))
