"""The devices that torch can compute on here, by the names that the user gives: auto, cpu, cuda, cuda:1, mps."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import DependencyError, DeviceError
from .base import Precision
from .device_faults import OTHER_NUMBERS, Fault, does_not_compute, fault_of, said
from .known_bad import known_bad_on_cuda

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_log = logging.getLogger(__name__)

_SUPPORTED: dict[str, tuple[Precision, ...]] = {
    "cpu": ("float32", "bfloat16"),
    "cuda": ("float32", "tf32", "bfloat16", "float16"),
    "mps": ("float32", "float16"),
    "openvino": ("float32",),
}
_VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_LIKE = 1e-2
"""Devices round differently, tf32 to three digits."""

_NO_DRIVER = "no nvidia driver"
"""Said where there is no such GPU at all, which is no fault."""


@dataclass(frozen=True)
class DeviceFacts:
    """A device as `info` and the window list it."""

    name: str
    title: str
    memory_bytes: int | None
    problem: str = ""
    """Why it cannot compute, as a clause; empty if nothing is known against it."""
    remedy: str = field(default="", compare=False)
    """What to do about that, without a full stop."""

    @property
    def in_words(self) -> str:
        return f"{self.title} ({self.name})"


class Place(Protocol):
    """Where something can be computed: a `torch.device`, or another library on the CPU (`engines`)."""

    @property
    def type(self) -> str: ...


@dataclass(frozen=True)
class Choice:
    """Where to compute."""

    devices: tuple[Place, ...]
    """The first, and where to go on, in this order, if it turns out not to work. One where the user named it."""
    left_out: tuple[str, ...] = ()
    """Better ones that are known not to work, each with its reason."""


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
            f"Features need PyTorch, which could not be imported ({said(error)}). Install it "
            "(in the window: Install; or the engine's extra [torch])."
        )
        raise DependencyError(msg) from error
    return torch


def list_devices() -> list[DeviceFacts]:
    """Every device that `auto` chooses from, the best first; what is broken at first sight has a problem."""
    torch = import_torch()
    cpu = DeviceFacts("cpu", f"{torch.get_num_threads()} threads", None)
    return [*_cuda_devices(torch), *_mps_devices(torch), cpu]


def try_devices() -> list[DeviceFacts]:
    """The same, each GPU having computed a little: seconds where there is one. Takes some of its memory."""
    return [device if device.problem or device.name == "cpu" else _tried(device) for device in list_devices()]


def engine_of(place: Place) -> str:
    """The name that a row has of it."""
    return "openvino" if place.type == "openvino" else "pytorch"


def in_words(device: Place) -> str:
    """Title and name of a device; of another library on the CPU its title."""
    if device.type == "openvino":
        return "OpenVINO"
    found = [facts.in_words for facts in list_devices() if facts.name == str(device)]
    return found[0] if found else str(device)


def choose_devices(name: str, precision: str = "float32", *, listed: Sequence[DeviceFacts] | None = None) -> Choice:
    """The devices of a name, without any computation.

    Args:
        name: auto, cpu, cuda, cuda:N or mps.
        precision: which they must have.
        listed: what is here, if that is known already.

    Raises:
        DeviceError: a name that is not one, a device that is not here or does not work, or a precision that it lacks.
    """
    torch = import_torch()
    listed = list_devices() if listed is None else listed
    wanted = {"cuda": "cuda:0"}.get(name, name)
    if wanted == "auto":
        good = [torch.device(facts.name) for facts in listed if not facts.problem]
        fitting = [device for device in good if precision in _SUPPORTED[device.type]]
        require_precision((fitting or good)[0], precision)
        left_out = tuple(does_not_work(facts.in_words, facts.problem) for facts in listed if facts.problem)
        return Choice(tuple(fitting), left_out)
    found = [facts for facts in listed if facts.name == wanted and re.fullmatch(r"cpu|mps|cuda:\d+", wanted)]
    if not found:
        here = ", ".join(facts.name for facts in listed)
        msg = f"The device is auto, cpu, cuda, cuda:N or mps; here are {here}, got {name!r}."
        raise DeviceError(f"{msg} {_why_no_gpu(torch)}" if wanted.startswith("cuda") else msg)
    if found[0].problem:
        raise does_not_compute(found[0].in_words, Fault(found[0].problem, found[0].remedy))
    require_precision(torch.device(wanted), precision)
    return Choice((torch.device(wanted),))


def does_not_work(title: str, reason: str) -> str:
    """For the note of a row that another device computed."""
    return f"{title} does not work ({reason})"


def require_precision(device: Place, precision: str) -> None:
    """Refuse a precision that the device does not compute in.

    Raises:
        DeviceError: with those that it does.
    """
    supported = _SUPPORTED[device.type]
    if precision not in supported:
        msg = f"On {device} the precision is one of {', '.join(supported)}, got {precision!r}. Use float32."
        raise DeviceError(msg)


def _cuda_devices(torch: Any) -> list[DeviceFacts]:
    try:
        fault = _warning_of_cuda()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    except Exception as error:  # noqa: BLE001 - whatever a broken driver makes of a question
        return [_broken("cuda:0", error)]
    if count:
        return [_cuda_device(torch, index) for index in range(count)]
    return [DeviceFacts("cuda:0", "GPU", None, fault.reason, fault.remedy)] if fault else []


def _cuda_device(torch: Any, index: int) -> DeviceFacts:
    name = f"cuda:{index}"
    try:
        properties, bad = torch.cuda.get_device_properties(index), known_bad_on_cuda(torch)
        device = DeviceFacts(name, properties.name, properties.total_memory)
        return _with(bad.fault, device) if bad else device
    except Exception as error:  # noqa: BLE001 - as above
        return _broken(name, error)


def _mps_devices(torch: Any) -> list[DeviceFacts]:
    try:
        return [DeviceFacts("mps", "Apple GPU", None)] if torch.backends.mps.is_available() else []
    except Exception as error:  # noqa: BLE001 - as above
        return [_broken("mps", error)]


def _broken(name: str, error: Exception) -> DeviceFacts:
    _log.warning("%s: %s", name, said(error))
    fault = fault_of(error)
    return DeviceFacts(name, "GPU", None, fault.reason, fault.remedy)


@cache
def _warning_of_cuda() -> Fault | None:
    """What is wrong with the driver: PyTorch says so once in a process, and then that there is no GPU."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import_torch().cuda.is_available()
    for one in caught:
        _log.debug("%s", one.message)
        if "CUDA" in str(one.message) and _NO_DRIVER not in str(one.message).lower():
            return fault_of(RuntimeError(str(one.message)))
    return None


def _why_no_gpu(torch: Any) -> str:
    if not torch.version.cuda and not torch.version.hip:
        return "This PyTorch was built for the CPU only: install another for a GPU."
    hidden = next((name for name in _VISIBLE if name in os.environ), "")
    if hidden:
        return f"The variable {hidden} is {os.environ[hidden]!r}, which hides others: correct it."
    return "Check that the GPU has a driver."


def _tried(device: DeviceFacts) -> DeviceFacts:
    """The device, with what came of a small computation there."""
    torch = import_torch()
    expected = _little(torch.device("cpu"))
    try:
        got = _little(torch.device(device.name))
    except Exception as error:  # noqa: BLE001 - the CPU could: it is the device's fault, whatever it is
        _log.warning("%s: %s", device.name, said(error))
        return _with(fault_of(error), device)
    if not torch.allclose(got, expected, rtol=_LIKE, atol=_LIKE):
        return _with(OTHER_NUMBERS, device)
    return device


def _with(fault: Fault, device: DeviceFacts) -> DeviceFacts:
    return replace(device, problem=fault.reason, remedy=fault.remedy)


def _little(device: torch.device) -> Tensor:
    """The network's operations, on a cube of 16 voxels."""
    torch = import_torch()
    functional = torch.nn.functional
    with torch.inference_mode():
        voxels = torch.linspace(0, 1, 16**3).reshape(1, 1, 16, 16, 16).to(device)
        weights = torch.linspace(-1, 1, 8 * 7**3).reshape(8, 1, 7, 7, 7).to(device) / 7**3
        zeros, ones = torch.zeros(8, device=device), torch.ones(8, device=device)
        maps = functional.conv3d(voxels, weights, stride=2, padding=3)
        maps = functional.relu(functional.batch_norm(maps, zeros, ones))
        pooled = functional.adaptive_avg_pool3d(functional.max_pool3d(maps, 3, 2, 1) + 1, 1)
        features: Tensor = pooled.float().cpu()
    return features
