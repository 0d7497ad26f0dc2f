"""How weights are moved: Adam or LARS, and a learning rate that rises, then falls as a cosine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..encoders.devices import import_torch

if TYPE_CHECKING:
    from torch import nn

_TRUST = 0.001
"""Upstream's `trust_coefficient`."""


def rate_at(step: int, steps: int, warm_up: int, highest: float) -> float:
    """The learning rate of a step, counted from 0: a line up to `highest`, then half a cosine down to nearly 0.

    It follows from the step alone, so there is no state of a schedule to keep.
    """
    if step < warm_up:
        return highest * (step + 1) / warm_up
    return highest * 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))


def set_rate(optimizer: Any, rate: float) -> None:
    """Give all parameters this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def make_optimizer(name: str, network: nn.Module, *, weight_decay: float, momentum: float = 0.9) -> Any:
    """The optimizer of the parameters that learn. Biases and norms, which have one axis, are pulled nowhere."""
    torch = import_torch()
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [each for each in learning if each.ndim > 1], "weight_decay": weight_decay},
        {"params": [each for each in learning if each.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if name == "adam":
        return torch.optim.AdamW(groups, lr=0.0)
    return _make_lars(groups, momentum)


def _make_lars(groups: list[dict[str, Any]], momentum: float) -> Any:
    """LARS (You et al. 2017, arXiv 1708.03888) as upstream computes it in `fmcib/optimizers/lars.py`.

    A parameter's step is scaled by |parameter| / (|gradient| + weight decay * |parameter|), unless it has no decay.
    """
    torch = import_torch()

    class Lars(torch.optim.Optimizer):  # type: ignore[misc, name-defined]
        def __init__(self, params: Iterable[Any], lr: float, momentum: float) -> None:
            super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            loss = closure() if closure is not None else None
            with torch.no_grad():
                for group in self.param_groups:
                    for parameter in group["params"]:
                        if parameter.grad is not None:
                            self._move(parameter, group)
            return loss

        def _move(self, parameter: Any, group: dict[str, Any]) -> None:
            step, decay = parameter.grad, group["weight_decay"]
            if decay:
                size, slope = parameter.norm(), step.norm()
                if size != 0 and slope != 0:
                    step = (step + decay * parameter) * (_TRUST * size / (slope + size * decay + 1e-8))
            state = self.state[parameter]
            if "momentum_buffer" in state:
                state["momentum_buffer"].mul_(group["momentum"]).add_(step)
            else:
                state["momentum_buffer"] = step.clone()
            parameter.add_(state["momentum_buffer"], alpha=-group["lr"])

    return Lars(groups, 0.0, momentum)
