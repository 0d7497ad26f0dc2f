"""The devices that torch can compute on here, by the names that the user gives: auto, cpu, cuda, cuda:1, mps."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DependencyError, DeviceError
from .base import Precision

if TYPE_CHECKING:
    import torch

_SUPPORTED: dict[str, tuple[Precision, ...]] = {
    "cpu": ("float32", "bfloat16"),
    "cuda": ("float32", "tf32", "bfloat16", "float16"),
    "mps": ("float32", "float16"),
}


@dataclass(frozen=True)
class DeviceFacts:
    """A device as `info` and the window list it."""

    name: str
    title: str
    memory_bytes: int | None


def let_waiting_threads_sleep() -> None:
    """Keep torch's threads from spinning while they wait, unless the user chose otherwise. Before torch is imported.

    With one other busy process on two cores a forward pass takes 0.4 s like this, and 1.9 s without. It is a setting of
    the whole process, so only our own entry points call this.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def import_torch() -> Any:
    """The torch package, imported at its first use.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library that PyTorch itself needs
        msg = (
            f"Features need PyTorch, which could not be imported ({error}). Install it (in the window: Install; or the "
            "engine's extra [torch])."
        )
        raise DependencyError(msg) from error
    return torch


def list_devices() -> list[DeviceFacts]:
    """Every device that `auto` chooses from, the best first."""
    torch = import_torch()
    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(index)
        found.append(DeviceFacts(f"cuda:{index}", properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        found.append(DeviceFacts("mps", "Apple GPU", None))
    found.append(DeviceFacts("cpu", f"{torch.get_num_threads()} threads", None))
    return found


def resolve_device(name: str) -> torch.device:
    """The torch device of a name.

    Raises:
        DeviceError: a name that is not one, or a device that is not here; the message lists those that are.
    """
    available = [device.name for device in list_devices()]
    wanted = {"auto": available[0], "cuda": "cuda:0"}.get(name, name)
    if not re.fullmatch(r"cpu|mps|cuda:\d+", wanted) or wanted not in available:
        msg = f"The device is auto, cpu, cuda, cuda:N or mps; here are {', '.join(available)}, got {name!r}."
        raise DeviceError(msg)
    device: torch.device = import_torch().device(wanted)
    return device


def require_precision(device: torch.device, precision: str) -> None:
    """Refuse a precision that the device does not compute in.

    Raises:
        DeviceError: with those that it does.
    """
    supported = _SUPPORTED[device.type]
    if precision not in supported:
        msg = f"On {device} the precision is one of {', '.join(supported)}, got {precision!r}. Use float32."
        raise DeviceError(msg)
