"""FMCIB's encoder: a 3D ResNet50 of doubled width, 50x50x50 patches of 1 mm -> 4096 features.

Source: Pai et al., Nature Machine Intelligence 2024, doi 10.1038/s42256-024-00807-9; network of
AIM-Harvard/foundation-cancer-image-biomarker (`fmcib/models/load_model.py`), built by MONAI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import WeightsError
from .base import EncoderSpec
from .building import import_resnet

if TYPE_CHECKING:
    from torch import nn


def _make() -> nn.Module:
    """The network by MONAI.

    The first convolution's stride of 2 is FMCIB's; MONAI's default of 1 takes the same weights and gives other features
    without a word, so the stride is not an argument here, and is checked.

    Raises:
        DependencyError: MONAI is not installed.
        WeightsError: MONAI built another network than FMCIB's.
    """
    network: Any = import_resnet().resnet50(
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
    return network  # type: ignore[no-any-return]


SPEC = EncoderSpec(
    id="fmcib",
    title="Foundation Model for Cancer Imaging Biomarkers",
    recipe_id="fmcib-csv-v1",
    patch_size=50,
    feature_count=4096,
    weights_licence="CC BY-NC 4.0 (non-commercial)",
    citation="Pai et al., Foundation model for cancer imaging biomarkers, Nat Mach Intell 2024, "
    "doi 10.1038/s42256-024-00807-9",
    make=_make,
)
