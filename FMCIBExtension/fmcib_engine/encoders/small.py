"""A small encoder of our own: a 3D ResNet10 of 16 to 128 channels, 50x50x50 patches of 1 mm -> 128 features.

0.9 million parameters, a two-hundredth of FMCIB's, and the same patches. Its numbers are trained with this engine:
those that ship with it (`weights/shipped.py`) on computer-made lesions, others on whatever their file says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import WeightsError
from .base import EncoderSpec
from .building import import_resnet

if TYPE_CHECKING:
    from torch import nn

_STRIDE = 2


def _make() -> nn.Module:
    """The network by MONAI, whose first convolution is checked as FMCIB's is.

    Raises:
        DependencyError: MONAI is not installed.
        WeightsError: MONAI built another network.
    """
    network: Any = import_resnet().ResNet(
        block="basic",
        layers=[1, 1, 1, 1],
        block_inplanes=[16, 32, 64, 128],
        spatial_dims=3,
        n_input_channels=1,
        conv1_t_size=3,
        conv1_t_stride=_STRIDE,
        feed_forward=False,
        bias_downsample=False,
    )
    first = tuple(network.conv1.kernel_size), tuple(network.conv1.stride)
    if first != ((3,) * 3, (_STRIDE,) * 3):
        msg = (
            f"The small encoder's first convolution has 3x3x3 voxels and the stride {_STRIDE}, this MONAI built "
            f"{first[0]} and {first[1]}. Use another MONAI version."
        )
        raise WeightsError(msg)
    return network  # type: ignore[no-any-return]


SPEC = EncoderSpec(
    id="small",
    title="small encoder of this engine",
    recipe_id="fmcib-csv-v1",
    patch_size=50,
    feature_count=128,
    weights_licence="MIT",
    citation="this program",
    make=_make,
)
