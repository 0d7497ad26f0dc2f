"""What every encoder is: a named network with native preprocessing, that turns patches into features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import nn

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

ENGINES = ("auto", "pytorch", "openvino")
"""Of the libraries that compute the network; `auto` is the fastest that is here, see `engines`."""


def feature_names(count: int) -> tuple[str, ...]:
    """`pred_0`, `pred_1`, …: upstream's names of the features, which have no unit."""
    return tuple(f"pred_{index}" for index in range(count))


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder: its network, and what it is fed. A file of its own has it, and `ENCODERS` lists it."""

    id: str
    title: str
    recipe_id: str
    """Its native preprocessing."""
    patch_size: int
    """Edge of the patch that it makes, voxels."""
    feature_count: int
    weights_licence: str
    citation: str
    make: Callable[[], nn.Module]
    """Builds the network with its library's own random numbers; `building` is how it is called."""


@dataclass(frozen=True)
class WeightsIdentity:
    """Which numbers an encoder computes with."""

    name: str
    """The file's name, or DEMONSTRATION WEIGHTS."""
    sha256: str
    """Of the file; of generated weights, of their names and values (`weights.demonstration`)."""
    caution: str = ""
    """What must stand wherever their features appear (`cautions`); empty where there is nothing to warn of."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """One patch's features, and where they were computed."""

    features: NDArray[np.float32]
    """Shape (feature_count,)."""
    device: str
    note: str = ""
    """What the user should know, such as a device that did not work."""
    engine: str = "pytorch"
    """Which library computed them: pytorch or openvino."""


class Encoder(Protocol):
    """A network with its weights on a device, ready to encode."""

    @property
    def spec(self) -> EncoderSpec: ...
    @property
    def weights(self) -> WeightsIdentity: ...
    @property
    def device(self) -> str:
        """Where the next patch is computed: another one after a device ran out of memory, or did not work."""

    @property
    def precision(self) -> Precision: ...
    @property
    def precision_deviation(self) -> float | None:
        """|reduced - float32| / |float32| over the features of the probe patch; None in float32."""

    @property
    def engine(self) -> str:
        """Which library computes the next patch: pytorch, or openvino."""

    @property
    def engine_deviation(self) -> float | None:
        """|engine - PyTorch| / |PyTorch| over the features of the probe patch; None where PyTorch computes."""

    @property
    def batch_size(self) -> int:
        """How many patches go through the network at once."""

    def encode(self, patches: Sequence[NDArray[np.float32]]) -> list[Encoded]:
        """Features of any number of patches, each [z, y, x] as the native recipe makes it; in the order given."""

    def lend(self) -> AbstractContextManager[tuple[nn.Module, torch.device]]:
        """The network by PyTorch, (n, 1, z, y, x) -> (n, features), and where it lies; to be given back as it was."""
