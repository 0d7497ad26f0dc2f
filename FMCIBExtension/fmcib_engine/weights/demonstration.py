"""FMCIB's weights as anyone can make them again in seconds, to test the large network without the published file.

Convolutions from one seeded generator, batch norms from `demonstration_batchnorm.npz` (measured on CT patches, so that
features tell patches apart). Nothing was trained: **the features mean nothing**, and every output says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..encoders.building import build_network
from ..encoders.devices import import_torch
from ..encoders.fmcib import SPEC

if TYPE_CHECKING:
    from torch import Tensor, nn

_SEED = 20240315
_BATCH_NORMS = Path(__file__).with_name("demonstration_batchnorm.npz")
_FIRST = "conv1"
"""The first convolution in the order of generation, by which a file of these weights is recognised."""


def demonstration_trunk() -> dict[str, Tensor]:
    """The encoder's tensors by name, the same on every machine to float noise. 0.7 GB, some seconds."""
    torch = import_torch()
    network = build_network(SPEC)
    state = _convolutions(network)
    with np.load(_BATCH_NORMS, allow_pickle=False) as stored:
        state |= {key: torch.from_numpy(stored[key]) for key in stored.files}
    for key, tensor in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros_like(tensor, device="cpu")
    return state


def is_demonstration(trunk: Mapping[str, Tensor], network: nn.Module) -> bool:
    """Whether tensors for this network are these weights, so that they are marked wherever their features appear."""
    torch = import_torch()
    name = f"{_FIRST}.weight"
    if name not in trunk:
        return False
    mine = _convolutions(network, only=_FIRST)[name]
    theirs = trunk[name]
    return theirs.shape == mine.shape and theirs.dtype == mine.dtype and torch.allclose(theirs, mine, atol=1e-5)


def content_sha256(trunk: Mapping[str, Tensor]) -> str:
    """SHA-256 over the tensors' names and little-endian values, in the order of their names."""
    digest = hashlib.sha256()
    for key in sorted(trunk):
        digest.update(key.encode())
        digest.update(trunk[key].contiguous().numpy().reshape(-1).view(np.uint8).data)  # no copy
    return digest.hexdigest()


def _convolutions(network: nn.Module, only: str | None = None) -> dict[str, Tensor]:
    """He-initialised convolutions in the order of their names, with biases of a hundredth."""
    torch = import_torch()
    generator = torch.Generator().manual_seed(_SEED)
    state: dict[str, Tensor] = {}
    for name, module in sorted(network.named_modules(), key=lambda item: item[0]):
        if not isinstance(module, torch.nn.Conv3d):
            continue
        shape = module.weight.shape
        state[f"{name}.weight"] = torch.randn(shape, generator=generator).mul_((2.0 / shape[1:].numel()) ** 0.5)
        if module.bias is not None:
            state[f"{name}.bias"] = 0.01 * torch.randn(module.bias.shape, generator=generator)
        if name == only:
            break
    return state
