"""What a map explains: one number of a patch, of its embedding alone or of a head behind it.

With f the embedding of the patch as the network sees it changed, and f0 that of the patch as it is:

    norm        |f|
    embedding   f·f0 / |f0|: how long f is in the direction of f0, which stays fixed (label-free importance, Crabbé and
                van der Schaar, ICML 2022)
    cosine      f·f0 / (|f| |f0|): how similar f is to f0 whatever its length (as in RELAX, Wickstrøm et al., IJCV 2023)
    HEAD:CLASS  the log-odds of the class, log(p / (1 - p)), calibrated as the head's probabilities are

The cosine is largest at the patch itself, where its gradient is zero: methods that look there only would draw rounding
errors, and refuse it. So `embedding` is the one to begin with. At the patch itself its gradient is that of the norm;
they part where a method changes the patch.

Log-odds, and not one output before the softmax: that is known up to a number that all outputs share, so its map would
change with a head that predicts the same. Of two classes both maps are then each other's negative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..encoders.devices import import_torch
from ..errors import InputError
from ..heads.chosen import Member
from ..heads.head import Head
from ..heads.terms import LOG_RELATIVE_HAZARD

if TYPE_CHECKING:
    from torch import Tensor, nn

Score = Callable[["Tensor"], "Tensor"]
"""Features (n, k) -> one number each, (n,)."""


@dataclass(frozen=True)
class Target:
    """What a map explains."""

    name: str
    """Such as `embedding`, or `malignancy:malignant`."""
    meaning: str
    """In a phrase."""
    unit: str
    is_flat_at_patch: bool = False
    """Whether its gradient at the patch itself is zero."""
    head: Head | None = None
    output: int = 0
    """Of the head, which class."""
    head_sha256: str = ""
    """Of the head's file; empty without one."""
    caution: str = ""
    """Of the head."""


EMBEDDING = Target("embedding", "length of the embedding in its unchanged direction", "of the embedding")
NORM = Target("norm", "length of the embedding", "of the embedding")
COSINE = Target(
    "cosine", "cosine similarity to the unchanged embedding", "of the cosine similarity", is_flat_at_patch=True
)
LABEL_FREE = {target.name: target for target in (EMBEDDING, NORM, COSINE)}


def class_of(member: Member, output: str) -> Target:
    """A class of a head, or the hazard of a survival head.

    Raises:
        InputError: the head has no such output, or takes more than features.
    """
    head = member.head
    if head.origin.columns:
        names = ", ".join(head.origin.columns)
        msg = f"The head {head.id} also needs your columns {names}, which no image has. Choose another target."
        raise InputError(msg)
    known: Sequence[str] = head.classes if head.baseline is None else (LOG_RELATIVE_HAZARD,)
    if output not in known:
        told = "" if head.baseline is None else ", of which each survival time is a function"
        msg = f"The head {head.id} has no {output!r} to explain. Choose one of {', '.join(known)}{told}."
        raise InputError(msg)
    if head.baseline is not None:
        meaning, unit = f"log of the relative hazard by {head.id}", "of the log relative hazard"
    else:
        meaning, unit = f"log-odds of {output} by {head.id}", "of the log-odds"
    return Target(
        f"{head.id}:{output}",
        meaning,
        unit,
        head=head,
        output=known.index(output),
        head_sha256=member.sha256,
        caution=head.caution,
    )


def score_of(target: Target, reference: Tensor) -> Score:
    """The function of a target.

    Args:
        target: what to explain.
        reference: the features of the unchanged patch, (k,), on the device of those to come.

    Raises:
        InputError: a direction is asked of features that are all zero.
    """
    if target.head is not None:
        return _module(target.head, target.output, reference)
    if target is NORM:
        return lambda features: features.norm(dim=1)
    length = reference.norm()
    if float(length) == 0.0:
        msg = "All features of this patch are zero: there is no direction to explain. Choose the target norm."
        raise InputError(msg)
    unit = reference / length
    if target is COSINE:
        return lambda features: (features * unit).sum(dim=1) / features.norm(dim=1).clamp_min(1e-12)
    return lambda features: (features * unit).sum(dim=1)


def _module(head: Head, output: int, like: Tensor) -> nn.Module:
    """The head by PyTorch, (n, k) -> (n,), on the device and in the type of `like`; its ReLUs are modules."""
    torch = import_torch()

    def tensor(values: Any) -> Tensor:
        return torch.from_numpy(np.array(values, np.float32)).to(like)  # type: ignore[no-any-return]

    stages: list[nn.Module] = []
    for number, layer in enumerate(head.layers):
        linear = torch.nn.utils.skip_init(torch.nn.Linear, *layer.weight.shape[::-1], device=like.device)
        linear.weight = torch.nn.Parameter(tensor(layer.weight), requires_grad=False)
        linear.bias = torch.nn.Parameter(tensor(layer.bias), requires_grad=False)
        stages += [torch.nn.ReLU(), linear] if number else [linear]
    mean, scale = (tensor(head.scaling.mean), tensor(head.scaling.scale)) if head.scaling else (0.0, 1.0)

    class HeadScore(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(*stages)

        def forward(self, features: Tensor) -> Tensor:
            outputs = self.layers((features - mean) / scale)
            return outputs[:, 0] if head.baseline is not None else _log_odds(head, outputs, output)

    return HeadScore()


def _log_odds(head: Head, outputs: Tensor, chosen: int) -> Tensor:
    torch = import_torch()
    logits = torch.cat([torch.zeros_like(outputs), outputs], dim=1) if outputs.shape[1] == 1 else outputs
    if head.calibration.kind == "temperature":
        logits = logits / head.calibration.parameters[0]
    elif head.calibration.kind == "platt":
        slope, intercept = head.calibration.parameters
        second = slope * (logits[:, 1] - logits[:, 0]) + intercept
        logits = torch.stack([torch.zeros_like(second), second], dim=1)
    others = [place for place in range(logits.shape[1]) if place != chosen]
    return logits[:, chosen] - logits[:, others].logsumexp(dim=1)
