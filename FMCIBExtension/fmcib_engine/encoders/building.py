"""A network from its specification: without numbers, to be filled from a file; or with random ones, to be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DependencyError
from .base import EncoderSpec
from .devices import import_torch

if TYPE_CHECKING:
    from torch import nn


def build_network(spec: EncoderSpec) -> nn.Module:
    """The network without numbers: every parameter has a name and a shape, and no memory. For inference only.

    Raises:
        DependencyError: torch or MONAI is not installed.
        WeightsError: MONAI built another network than the encoder's.
    """
    torch = import_torch()
    with torch.device("meta"), _without_random_numbers():
        network = spec.make()
    network.eval().requires_grad_(requires_grad=False)
    return network


def random_network(spec: EncoderSpec, seed: int) -> nn.Module:
    """The network with the random numbers that training begins with, on the CPU, in the mode for training.

    They are MONAI's own initialisers', the same for the same seed. The process's own generator stays as it was.

    Raises:
        DependencyError, WeightsError: as `build_network`.
    """
    torch = import_torch()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return spec.make().train()


def import_resnet() -> Any:
    """MONAI's module of ResNets; it takes seconds, hence not at import.

    Raises:
        DependencyError: MONAI is not installed.
    """
    try:
        from monai.networks.nets import resnet
    except ImportError as error:
        msg = (
            f"The network needs MONAI, which cannot be imported ({error}). Install it (in the window: Install; or the "
            "engine's extra [torch])."
        )
        raise DependencyError(msg) from error
    return resnet


def _without_random_numbers() -> Any:
    """A context in which torch's initialisers leave tensors as they are; on `meta` they would load half of torch."""
    from torch.overrides import TorchFunctionMode

    class LeaveTensors(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if getattr(function, "__name__", "") in {"normal_", "uniform_"}:
                return args[0] if args else kwargs["tensor"]
            return function(*args, **kwargs)

    return LeaveTensors()
