"""A network and a target as one function of patches, with its gradients; the network is left exactly as it was.

It is borrowed for one batch at a time: between two pictures of a map it may encode another lesion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..encoders.devices import import_torch
from ..errors import FeatureError
from .guided import guided_relus
from .targets import Score, Target, score_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Array = NDArray[np.float32]
Lend = Callable[[], AbstractContextManager[tuple["nn.Module", "torch.device"]]]


class Scorer:
    """The number of a target, for any patches.

    Args:
        lend: as `Encoder.lend`.
        patch: as fed, [z, y, x]: the lesion that is explained.
        target: what is explained of it.
        batch_size: patches at once; None chooses by device.

    Raises:
        InputError: as `score_of`.
        FeatureError: the score of the patch is no number.
    """

    def __init__(self, lend: Lend, patch: Array, target: Target, *, batch_size: int | None = None) -> None:
        self._lend = lend
        torch = import_torch()
        with lend() as (network, device), kept_as_it_is(network), torch.no_grad():
            self.device = str(device)
            self.batch_size = batch_size or (16 if device.type == "cuda" else 4)
            features = network(_tensor(patch[None], device))
            self._score: Score = score_of(target, features[0])
            self.value = float(self._score(features)[0])
        if not np.isfinite(self.value):
            msg = (
                "The target of this lesion is no finite number. Check the weights' checksum, or choose another target."
            )
            raise FeatureError(msg)

    def scores(self, patches: Array) -> NDArray[np.float64]:
        """(n, z, y, x) -> (n,)."""
        torch = import_torch()
        with self._lend() as (network, device), kept_as_it_is(network), torch.inference_mode():
            return _finite(self._score(network(_tensor(patches, device)))).astype(np.float64)

    def gradients(self, patches: Array, *, guided: bool = False) -> Array:
        """Derivative of each patch's score by its voxels, (n, z, y, x); those of the weights are not computed.

        Raises:
            FeatureError: gradients that are no numbers.
            InputError: `guided_relus` finds none.
        """
        torch = import_torch()
        with self._lend() as (network, device), kept_as_it_is(network), ExitStack() as stack:
            if guided:
                head = [self._score] if isinstance(self._score, torch.nn.Module) else []
                stack.enter_context(guided_relus(network, *head))
            inputs = _tensor(patches, device).requires_grad_()
            (found,) = torch.autograd.grad(self._score(network(inputs)).sum(), inputs)
            return _finite(found[:, 0])

    def at_stage(self, patch: Array, stage: int) -> tuple[Array, Array]:
        """What a stage of the network gives of a patch, (channels, z, y, x), and the score's derivative by it."""
        torch = import_torch()
        held: list[Tensor] = []

        def cut(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
            held.append(output.detach().requires_grad_())  # nothing before it is differentiated
            return held[0].clone()  # what follows may write into it

        with self._lend() as (network, device), kept_as_it_is(network):
            hook = getattr(network, f"layer{stage}").register_forward_hook(cut)
            try:
                score = self._score(network(_tensor(patch[None], device)))
                (gradient,) = torch.autograd.grad(score.sum(), held[0])
            finally:
                hook.remove()
            return _finite(held[0][0].detach()), _finite(gradient[0])


@contextmanager
def kept_as_it_is(network: nn.Module) -> Iterator[None]:
    """Within, the network is in the mode for inference, and its weights have no gradients; afterwards as before."""
    training = [(module, module.training) for module in network.modules()]
    with_gradients = [parameter for parameter in network.parameters() if parameter.requires_grad]
    try:
        for parameter in with_gradients:
            parameter.requires_grad_(False)  # noqa: FBT003  torch's own
        network.eval()
        yield
    finally:
        for module, was in training:
            module.training = was
        for parameter in with_gradients:
            parameter.requires_grad_(True)  # noqa: FBT003


def _tensor(patches: Array, device: torch.device) -> Tensor:
    """(n, z, y, x) -> (n, 1, z, y, x)."""
    torch = import_torch()
    return torch.from_numpy(np.array(patches, np.float32))[:, None].to(device)  # type: ignore[no-any-return]


def _finite(values: Tensor) -> Array:
    found: Array = values.detach().float().cpu().numpy()
    if not np.isfinite(found).all():
        msg = "The network gave gradients or scores that are NaN or infinite. Check its weights' checksum."
        raise FeatureError(msg)
    return found
