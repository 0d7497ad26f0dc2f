"""Whether a map can be believed.

    cascade      weights are made random, stage by stage from the output on: a map that hardly changes does not show
                 what the network learned (Adebayo et al. 2018)
    flipped      the map of the flipped patch, flipped back: it should be like the map
    points_at    whether the map's largest value lies in the lesion (the pointing game, Zhang et al. 2018)
    deletion     the target as its strongest voxels become air, from all of the patch to nothing: it should fall early
    insertion    as they come back, from nothing to all: it should rise early (Petsiuk et al. 2018)

Maps are compared by the rank correlation of their voxels (Spearman), as they are and by their sizes. Both are needed:
the sizes of a signed map hang for a large part on the network's first layers, its signs on all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ..encoders import EncoderSpec
from ..encoders.building import random_network
from .scorer import Array, Lend

if TYPE_CHECKING:
    import torch
    from torch import nn

STAGES = ("layer4", "layer3", "layer2", "layer1", "conv1, bn1")
"""Of the network, from the output on."""
_AIR = np.float32(0.0)


def likeness(first: Array, second: Array, *, of_sizes: bool = False) -> float:
    """Spearman's correlation of two maps, or of their absolute values; 0 where one of them is the same everywhere."""
    one, other = (np.abs(values).ravel() if of_sizes else values.ravel() for values in (first, second))
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def cascade(lend: Lend, spec: EncoderSpec, random_seed: int) -> Iterator[tuple[str, Lend]]:
    """Copies of a network with more and more of it random: what became random last, and how to borrow the copy.

    Args:
        lend: of the trained network, which stays as it is.
        spec: of its encoder, whose own initialisers draw the random numbers.
        random_seed: of them.
    """
    fresh = random_network(spec, random_seed)
    with lend() as (network, device):
        copy = deepcopy(network)
    for stage in STAGES:
        for name in stage.split(", "):
            getattr(copy, name).load_state_dict(getattr(fresh, name).state_dict())
        yield stage, lent(copy, device)


def lent(network: nn.Module, device: torch.device) -> Lend:
    """A network of one's own, as an encoder lends its."""
    return lambda: nullcontext((network.eval(), device))


def flipped(make: Callable[[Array], Array], patch: Array, axis: int) -> Array:
    """The map of the patch with one axis turned around, turned back."""
    return np.flip(make(np.ascontiguousarray(np.flip(patch, axis))), axis)


def points_at(saliency: Array, mask: NDArray[np.bool_]) -> bool:
    """Whether the largest value lies in the mask; the first of equals counts."""
    return bool(mask.ravel()[int(np.argmax(saliency))])


def deletion(scores: Callable[[Array], NDArray[np.float64]], patch: Array, saliency: Array, steps: int) -> list[float]:
    """The score with 0, 1/steps, … all of the voxels filled with air, the strongest first."""
    return _curve(scores, patch, np.full_like(patch, _AIR), saliency, steps)


def insertion(scores: Callable[[Array], NDArray[np.float64]], patch: Array, saliency: Array, steps: int) -> list[float]:
    """The score of air with 0, 1/steps, … all of the voxels as they are, the strongest first."""
    return _curve(scores, np.full_like(patch, _AIR), patch, saliency, steps)


def area(curve: list[float]) -> float:
    """Under a curve over 0 … 1 by trapezoids: its mean height."""
    return float((sum(curve) - (curve[0] + curve[-1]) / 2) / (len(curve) - 1))


def _curve(
    scores: Callable[[Array], NDArray[np.float64]], start: Array, end: Array, saliency: Array, steps: int
) -> list[float]:
    """Equal values change in the order of their voxels."""
    order = np.argsort(-saliency.ravel(), kind="stable")
    changed = np.repeat(start[None], steps + 1, axis=0).reshape(steps + 1, -1)
    for step in range(1, steps + 1):
        chosen = order[: round(step * order.size / steps)]
        changed[step, chosen] = end.ravel()[chosen]
    return [float(score) for score in scores(changed.reshape(steps + 1, *start.shape))]
