"""What every encoder is: a named network with native preprocessing, that turns patches into features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

ENGINES = ("auto", "pytorch", "openvino")
"""Of the libraries that compute the network; `auto` is the fastest that is here, see `engines`."""

DEMONSTRATION = "DEMONSTRATION WEIGHTS"
DEMONSTRATION_MEANING = f"{DEMONSTRATION} (random numbers, not trained): the features mean nothing"


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder as published."""

    id: str
    title: str
    recipe_id: str
    """Its native preprocessing."""
    feature_count: int
    weights_licence: str
    citation: str


@dataclass(frozen=True)
class WeightsIdentity:
    """Which numbers an encoder computes with."""

    name: str
    """The file's name, or DEMONSTRATION WEIGHTS."""
    sha256: str
    """Of the file; of generated weights, of their names and values (`weights.demonstration`)."""
    demonstration: bool = False


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
