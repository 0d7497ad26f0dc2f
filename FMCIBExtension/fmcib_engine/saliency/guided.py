"""Guided back-propagation: on the way back each ReLU lets only what is positive through (Springenberg et al. 2015).

ReLUs are found by their type. MONAI's `GuidedBackpropSmoothGrad` looks for modules called `relu`; its ResNet calls them
`act` since 1.3.1, so that it guides nothing and is plain SmoothGrad.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..encoders.devices import import_torch
from ..errors import InputError

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def guided_relus(*networks: nn.Module) -> Iterator[int]:
    """Within, every `torch.nn.ReLU` of the networks is a guided one; gives their number. Afterwards all is as it was.

    Raises:
        InputError: the first network has none.
    """
    relu = import_torch().nn.ReLU
    found = [
        (parent, name, child)
        for network in networks
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, relu)
    ]
    if not any(isinstance(module, relu) for module in networks[0].modules()):
        msg = "This network has no ReLU to be guided. Choose a method that is not guided."
        raise InputError(msg)
    guide = _module()
    try:
        for parent, name, _ in found:
            setattr(parent, name, guide)
        yield len(found)
    finally:
        for parent, name, child in found:
            setattr(parent, name, child)


def _module() -> nn.Module:
    """It has no state, and may stand in many places."""
    torch = import_torch()

    class Rectify(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(context: Any, values: Any) -> Any:
            context.save_for_backward(values)
            return values.clamp_min(0)

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            (values,) = context.saved_tensors
            return gradient.clamp_min(0) * (values > 0)

    class GuidedReLU(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, values: Any) -> Any:
            return Rectify.apply(values)

    return GuidedReLU()
