"""With which library to compute on the CPU: PyTorch, or OpenVINO, which is faster where it is installed."""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import dataclass

from ..errors import DependencyError, DeviceError, InputError
from .base import ENGINES
from .device_faults import ANOTHER_ENGINE
from .devices import Choice, choose_devices

_X86 = {"x86_64", "AMD64"}
"""The processors on which OpenVINO was measured; on others it computes only where it is named."""


@dataclass(frozen=True)
class OpenVinoCpu:
    """The CPU as OpenVINO computes on it: a place beside torch's devices."""

    type: str = "openvino"

    def __str__(self) -> str:
        return "cpu"


def openvino_is_faster() -> bool:
    """Whether it would be worth while to install it: on processors of the kind on which it was measured."""
    return platform.machine() in _X86


def is_openvino_installed() -> bool:
    return importlib.util.find_spec("openvino") is not None


def choose_places(device: str, precision: str = "float32", engine: str = "auto") -> Choice:
    """Where to compute, and by what. OpenVINO comes before PyTorch on the CPU, or is alone where it is named.

    Args:
        device: auto, cpu, cuda, cuda:N or mps.
        precision: which the places must have.
        engine: auto, pytorch or openvino.

    Raises:
        InputError: an unknown engine.
        DeviceError: as `choose_devices`; or OpenVINO is named for a GPU, or for another precision than float32.
        DependencyError: PyTorch is not installed; or OpenVINO is named, and is not.
    """
    if engine not in ENGINES:
        msg = f"The engine is one of {', '.join(ENGINES)}, got {engine!r}. Choose one of these."
        raise InputError(msg)
    choice = choose_devices(device, precision)
    if engine == "openvino":
        _require_openvino(choice, precision)
        return Choice((OpenVinoCpu(),), choice.left_out)
    is_for_it = choice.devices[0].type == "cpu" and precision == "float32" and openvino_is_faster()
    if engine == "auto" and is_for_it and is_openvino_installed():
        return Choice((OpenVinoCpu(), *choice.devices), choice.left_out)
    return choice


def _require_openvino(choice: Choice, precision: str) -> None:
    if choice.devices[0].type != "cpu":
        msg = (
            f"OpenVINO computes on the CPU, and the device here is {choice.devices[0]}. Choose the device cpu "
            f"(in the window: Advanced; or --device cpu), or {ANOTHER_ENGINE}."
        )
        raise DeviceError(msg)
    if precision != "float32":
        msg = f"OpenVINO computes in float32, got {precision!r}. Use float32, or {ANOTHER_ENGINE}."
        raise DeviceError(msg)
    if not is_openvino_installed():
        msg = (
            "OpenVINO is not installed. Install it (in the window: Install OpenVINO; or the engine's extra [fast]), or "
            f"{ANOTHER_ENGINE}."
        )
        raise DependencyError(msg)
