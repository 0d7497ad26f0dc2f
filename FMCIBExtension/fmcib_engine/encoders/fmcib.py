"""FMCIB's encoder: a 3D ResNet50 of doubled width, 50x50x50 patches of 1 mm -> 4096 features.

Source: Pai et al., Nature Machine Intelligence 2024, doi 10.1038/s42256-024-00807-9; network of
AIM-Harvard/foundation-cancer-image-biomarker (`fmcib/models/load_model.py`), built by MONAI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DependencyError, WeightsError
from .base import EncoderSpec
from .devices import import_torch

if TYPE_CHECKING:
    from torch import nn

SPEC = EncoderSpec(
    id="fmcib",
    title="Foundation Model for Cancer Imaging Biomarkers",
    recipe_id="fmcib-csv-v1",
    feature_count=4096,
    weights_licence="CC BY-NC 4.0 (non-commercial)",
    citation="Pai et al., Foundation model for cancer imaging biomarkers, Nat Mach Intell 2024, "
    "doi 10.1038/s42256-024-00807-9",
)


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
