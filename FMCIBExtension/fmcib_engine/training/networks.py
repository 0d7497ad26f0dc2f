"""Which networks can be trained: an encoder's spec, how it is built, and random numbers to begin with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..encoders import EncoderSpec, fmcib
from ..encoders.devices import import_torch
from ..errors import InputError
from ..preprocessing import PATCH_SIZE

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Trainable:
    """A network to train."""

    spec: EncoderSpec
    build: Callable[[], nn.Module]
    """The network, with or without numbers, that turns (n, 1, size, size, size) into (n, feature_count)."""
    size: int = PATCH_SIZE
    """Edge of what it is fed, at most that of a patch."""


TRAINABLE: Mapping[str, Trainable] = MappingProxyType({fmcib.SPEC.id: Trainable(fmcib.SPEC, fmcib.build_network)})


def find_trainable(encoder_id: str) -> Trainable:
    """The network of an encoder's id.

    Raises:
        InputError: an unknown id.
    """
    if encoder_id not in TRAINABLE:
        msg = f"`encoder` should be one of {', '.join(TRAINABLE)}, it is {encoder_id!r}. Choose one of these."
        raise InputError(msg)
    return TRAINABLE[encoder_id]


def random_network(trainable: Trainable, seed: int) -> nn.Module:
    """The network with random numbers on the CPU, always the same of a seed.

    Convolutions as MONAI's ResNet begins with them (He et al. 2015, by the numbers that they give); all other modules
    as torch begins with them.
    """
    torch = import_torch()
    with torch.random.fork_rng(devices=[]):
        network: Any = trainable.build().to_empty(device="cpu")
        torch.manual_seed(seed)
        for module in network.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
            if isinstance(module, torch.nn.Conv3d):
                torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network.requires_grad_(requires_grad=True).train()  # type: ignore[no-any-return]


def projection_head(features: int, projected: int) -> nn.Module:
    """Upstream's (`fmcib.ssl.modules.ExNegSimCLR`): Linear to half as many numbers, ReLU, Linear; no batch norm."""
    nn = import_torch().nn
    return nn.Sequential(nn.Linear(features, features // 2), nn.ReLU(), nn.Linear(features // 2, projected))  # type: ignore[no-any-return]


def classification_head(sizes: tuple[int, ...]) -> nn.Module:
    """Upstream's (`fmcib.models.LoadModel`): its tensors have the published names, `0.0.weight`, `1.0.weight`, …."""
    nn = import_torch().nn
    pairs = list(itertools.pairwise(sizes))
    blocks = [nn.Sequential(nn.Linear(*pair), nn.ReLU()) for pair in pairs[:-1]]
    return nn.Sequential(*blocks, nn.Sequential(nn.Linear(*pairs[-1])))  # type: ignore[no-any-return]


def in_parts(trunk: nn.Module, head: nn.Module) -> nn.Module:
    """A network of (parts, n, 1, z, y, x) -> (parts, n, numbers).

    Each part goes through alone, so that batch norms see one kind of patch at a time, as in upstream; yet it is one
    call, as processes that train together need it.
    """
    torch = import_torch()

    class InParts(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.trunk = trunk
            self.head = head

        def forward(self, parts: Tensor) -> Tensor:
            embedded: Tensor = torch.stack([self.head(self.trunk(part)) for part in parts])
            return embedded

    return InParts()


def has_batch_norm(network: nn.Module) -> bool:
    """Whether a batch's patches reach each other inside the network."""
    kind: Any = import_torch().nn.modules.batchnorm._BatchNorm  # noqa: SLF001  the one base of all of them
    return any(isinstance(module, kind) for module in network.modules())
