"""What is trained beside an encoder: heads, and how several parts of a step go through both."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ..encoders.devices import import_torch

if TYPE_CHECKING:
    from torch import Tensor, nn


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
