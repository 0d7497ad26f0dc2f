"""FMCIB's encoder: a 3D ResNet50 of doubled width, 50x50x50 patches of 1 mm -> 4096 features.

Source: Pai et al., Nature Machine Intelligence 2024, doi 10.1038/s42256-024-00807-9; network of
AIM-Harvard/foundation-cancer-image-biomarker (`fmcib/models/load_model.py`), built by MONAI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError, WeightsError
from .base import Encoded, EncoderSpec, Precision, WeightsIdentity
from .batching import Batcher
from .devices import Choice, import_torch, require_precision

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

SPEC = EncoderSpec(
    id="fmcib",
    title="Foundation Model for Cancer Imaging Biomarkers",
    recipe_id="fmcib-csv-v1",
    feature_count=4096,
    weights_licence="CC BY-NC 4.0 (non-commercial)",
    citation="Pai et al., Foundation model for cancer imaging biomarkers, Nat Mach Intell 2024, "
    "doi 10.1038/s42256-024-00807-9",
)

_PARAMETER_DTYPES = {"float32": "float32", "tf32": "float32", "bfloat16": "bfloat16", "float16": "float16"}
_DEFAULT_BATCH = {"cpu": 4, "cuda": 16, "mps": 4}


def build_network() -> nn.Module:
    """The network without numbers: every parameter has a name and a shape, and no memory.

    The first convolution's stride of 2 is FMCIB's; MONAI's default of 1 takes the same weights and gives other features
    without a word, so the stride is not an argument here, and is checked.

    Raises:
        DependencyError: MONAI is not installed.
        WeightsError: MONAI built another network than FMCIB's.
    """
    torch = import_torch()
    try:
        from monai.networks.nets.resnet import resnet50  # takes seconds, hence not at import
    except ImportError as error:
        msg = (
            f"The network needs MONAI, which cannot be imported ({error}). Install it (in the window: Install; or the "
            "engine's extra [torch])."
        )
        raise DependencyError(msg) from error

    with torch.device("meta"), _without_random_numbers():
        network: Any = resnet50(
            pretrained=False,
            n_input_channels=1,
            widen_factor=2,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=True,
        )
    stride = tuple(network.conv1.stride)
    if stride != (2, 2, 2):
        msg = (
            f"FMCIB's first convolution has the stride (2, 2, 2), this MONAI built {stride}. Use another MONAI version."
        )
        raise WeightsError(msg)
    network.eval().requires_grad_(requires_grad=False)
    return network  # type: ignore[no-any-return]


def _without_random_numbers() -> Any:
    """A context in which torch's initialisers leave tensors as they are; on `meta` they would load half of torch."""
    from torch.overrides import TorchFunctionMode

    class LeaveTensors(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if getattr(function, "__name__", "") in {"normal_", "uniform_"}:
                return args[0] if args else kwargs["tensor"]
            return function(*args, **kwargs)

    return LeaveTensors()


class FmcibEncoder:
    """FMCIB with its weights on a device.

    Args:
        network: from `build_network`, filled strictly with float32 weights on the CPU.
        weights: what filled it.
        devices: where to compute, and where to go on.
        precision: other than float32 only at the user's wish; marked in every result.
        batch_size: patches at once; None chooses by device.
        probe: a patch [z, y, x] on which a reduced precision is compared with float32.

    Raises:
        DeviceError: a precision that the device does not have.
        FeatureError: a precision in which the features overflow.
    """

    def __init__(
        self,
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
        self.spec = SPEC
        self.weights = weights
        self.precision: Precision = precision
        self.precision_deviation: float | None = None
        self._network: Any = network
        self._placed_on: torch.device | None = import_torch().device("cpu")
        self._on_cpu: Mapping[str, Tensor] = {} if device.type == "cpu" else network.state_dict()
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
            self.precision_deviation = self._measure_deviation(probe)
            self._batcher.remark = f"; the deviation of {precision} there was not measured"

    @property
    def device(self) -> str:
        return str(self._batcher.device)

    @property
    def batch_size(self) -> int:
        return self._batcher.batch_size

    def encode(self, patches: Sequence[NDArray[np.float32]]) -> list[Encoded]:
        """4096 features a patch; see `Encoder.encode`.

        Raises:
            DeviceError: the device does not work, and the user has named it.
            OutOfMemoryError: not even one patch fits into the CPU's memory.
        """
        return self._batcher.run(patches)

    def _forward(self, batch: NDArray[np.float32], device: torch.device) -> NDArray[np.float32]:
        torch = import_torch()
        dtype = getattr(torch, _PARAMETER_DTYPES[self.precision])
        if device.type == "cpu" and dtype == torch.float16:
            dtype = torch.float32  # after a fall-back from a GPU
        if device != self._placed_on or self._network.conv1.weight.dtype != dtype:
            self._placed_on = None  # a move that fails leaves some tensors behind
            if self._on_cpu:
                self._network.load_state_dict(self._on_cpu, assign=True)
            self._network = self._network.to(device=device, dtype=dtype)
            self._placed_on = device
        with torch.inference_mode(), self._exact_convolutions(device):
            inputs = torch.from_numpy(batch)[:, None].to(device=device, dtype=dtype)
            features: NDArray[np.float32] = self._network(inputs).float().cpu().numpy()
        return features

    def _exact_convolutions(self, device: torch.device) -> AbstractContextManager[None]:
        """On CUDA torch lets convolutions round to TF32, and choose another algorithm each time, unless told not to."""
        if device.type != "cuda":
            return nullcontext()
        flags: AbstractContextManager[None] = import_torch().backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=self.precision == "tf32"
        )
        return flags

    def _measure_deviation(self, probe: NDArray[np.float32] | None) -> float:
        if probe is None:
            msg = f"The precision {self.precision} needs a probe patch to measure its deviation on."
            raise ValueError(msg)
        reduced = self.precision
        while True:
            self.precision = "float32"
            (reference,) = self._batcher.run([probe])
            self.precision = reduced
            (rounded,) = self._batcher.run([probe])
            if rounded.device == reference.device:  # else one of the two was the last that a device gave
                break
        return float(np.linalg.norm(rounded.features - reference.features) / np.linalg.norm(reference.features))
