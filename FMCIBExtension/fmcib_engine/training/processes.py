"""The device, the precision, and the other processes of a run, by Lightning Fabric.

`torchrun` starts the processes, on one machine or several, and tells each its place by variables of the environment;
Fabric joins them. Gradients are averaged by torch's DistributedDataParallel, batch norms see all processes' patches.
"""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..encoders.devices import choose_devices, import_torch
from ..errors import DependencyError, DeviceError, InputError
from .networks import has_batch_norm

if TYPE_CHECKING:
    from torch import Tensor, nn

_LONGEST_WAIT = timedelta(days=7)
"""The others wait while the first process cuts patches."""


class Processes:
    """This process among those of the run.

    Args:
        device: auto, cpu, cuda, cuda:N or mps; with several processes, each takes its own GPU.
        precision: float32, tf32 or bfloat16, which is mixed.

    Raises:
        DependencyError: Lightning Fabric is not installed.
        DeviceError: a device or precision that is not here.
    """

    def __init__(self, device: str, precision: str) -> None:
        fabric_package = _import_fabric()
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        chosen: Any = choose_devices(device, precision).devices[0]
        if precision == "bfloat16" and chosen.type != "cuda":
            msg = f"Mixed precision is for CUDA, this device is {chosen}. Use `precision: float32`."
            raise DeviceError(msg)
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        places: Any = here if self.count > 1 or chosen.type != "cuda" else [chosen.index or 0]
        several = fabric_package.strategies.DDPStrategy(timeout=_LONGEST_WAIT)
        self._tf32 = precision == "tf32"
        self.fabric = fabric_package.Fabric(
            accelerator=chosen.type,
            devices=places,
            num_nodes=max(self.count // here, 1),
            strategy=several if self.count > 1 else "auto",
            precision="bf16-mixed" if precision == "bfloat16" else "32-true",
        )
        self.fabric.launch()

    @property
    def rank(self) -> int:
        return int(self.fabric.global_rank)

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share_of(self, batch_size: int) -> int:
        """Lesions of a step for each process.

        Raises:
            InputError: they cannot be shared out.
        """
        if batch_size % self.count or batch_size // self.count < 2:
            msg = (
                f"A step of {batch_size} lesions cannot be shared by {self.count} processes, two at least for each. "
                "Change `batch_size`."
            )
            raise InputError(msg)
        return batch_size // self.count

    def set_up(self, network: nn.Module, optimizer: Any) -> tuple[Any, Any]:
        """Both on the device, and joined with those of the other processes.

        On a CPU the channels of a voxel lie side by side: a step of the encoder `small` takes two thirds of the time.

        Raises:
            DeviceError: batch norms on several CPUs, which torch cannot join.
        """
        if self.count > 1 and has_batch_norm(network):
            if self.fabric.device.type != "cuda":
                msg = (
                    "This network's batch norms must see the patches of all processes, which PyTorch does on CUDA "
                    "only. Train on one CPU, or on GPUs."
                )
                raise DeviceError(msg)
            network = import_torch().nn.SyncBatchNorm.convert_sync_batchnorm(network)
        if self.fabric.device.type == "cpu":
            network = network.to(memory_format=import_torch().channels_last_3d)  # type: ignore[call-overload]
        pair: tuple[Any, Any] = self.fabric.setup(network, optimizer)
        return pair

    def gather(self, tensor: Tensor) -> Tensor:
        """(n, …) of each process as (count * n, …) in their order, with gradients to all of them.

        On gloo torch sends gradients as they lie in memory, and those of a transposed tensor arrive mixed up without a
        word: hence the hook.
        """
        if self.count == 1:
            return tensor
        gathered: Tensor = self.fabric.all_gather(tensor, sync_grads=True)
        if gathered.requires_grad:
            gathered.register_hook(lambda gradient: gradient.contiguous())  # type: ignore[no-untyped-call]
        return gathered.flatten(0, 1)

    def mean(self, tensor: Tensor) -> float:
        """Over all processes, of one number."""
        return float(self.fabric.all_reduce(tensor.detach().clone(), reduce_op="mean"))

    def total(self, tensor: Tensor) -> Tensor:
        """Sum over all processes, without gradients."""
        summed: Tensor = self.fabric.all_reduce(tensor.detach().clone(), reduce_op="sum")
        return summed

    def wait(self) -> None:
        """Until all processes are here."""
        self.fabric.barrier()

    def exact(self) -> AbstractContextManager[None]:
        """On CUDA: the same algorithm each time, and no rounding to TF32 that was not asked for."""
        flags: AbstractContextManager[None] = import_torch().backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=self._tf32
        )
        return flags


def _import_fabric() -> Any:
    try:
        import lightning_fabric
        import lightning_fabric.strategies
    except ImportError as error:
        msg = f"Training needs Lightning Fabric, which cannot be imported ({error}). Install the extra [train]."
        raise DependencyError(msg) from error
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    return lightning_fabric
