"""Why a device does not compute, in words.

That it does not is no matter of words: see `batching` and `devices`, which ask the CPU for the same. The cause is told
by text alone, in the wordings of PyTorch, its drivers and its libraries; it only chooses the sentence.

Seen in pytorch/pytorch#77818, #81883, #117949, #164346, vllm-project/vllm#19906, facebookresearch/detectron2#2616,
karpathy/neuraltalk2#127, tloen/alpaca-lora#123, haotian-liu/LLaVA#458, RaleLee/Co-GAT#2, ROCm/legacy-rocm-build#2536.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import DeviceError, FeatureError, LibraryError

_PATH = re.compile(r"""(?:[A-Za-z]:)?[^\s'"(]*[\\/]([^\s\\/'"]*)""")
_LONGEST = 150

ANOTHER_ENGINE = "let the engine be chosen (in the window: Advanced; or --engine auto)"
_ANOTHER_DEVICE = "choose another device (in the window: Advanced; or --device cpu)"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a device."""

    reason: str
    """A clause, such as `this PyTorch was not built for it`."""
    remedy: str
    """What to do about it, without a full stop."""
    otherwise: str = _ANOTHER_DEVICE
    """What else can be done."""


_NO_NUMBERS = Fault("it gives features that are no numbers", "Update its driver, or install another PyTorch")
OTHER_NUMBERS = Fault("it computes other numbers than the CPU", _NO_NUMBERS.remedy)
_KINDS: tuple[tuple[str, Fault], ...] = (
    (
        (
            r"no kernel image|invalid device function|kernel image is invalid|no ?binary ?for ?gpu|arch_mismatch|"
            r"not compatible with the current pytorch|gpu-architecture|no longer supports this gpu|"
            r"named symbol not found"
        ),
        Fault("this PyTorch was not built for it", "Install a PyTorch that supports this GPU"),
    ),
    (
        (
            r"\becc\b|is lost|fallen off|\bxid\b|launch fail|launch timed out|illegal (memory|instruction|address)|"
            r"misaligned|device-side assert|hardware|nvlink|command buffer|gpu hang|failed to unload"
        ),
        Fault("it broke off in the midst of the work", "Restart the computer; if it happens again, the GPU is damaged"),
    ),
    (
        r"driver|forward compatib|unsupported toolchain|unknown error|initialization error|not yet initialized|nvml",
        Fault(
            "its driver is too old for this PyTorch, or does not work", "Update the driver, and restart the computer"
        ),
    ),
    (
        r"not compiled with|not linked with|built without|cpu-only",
        Fault("this PyTorch was not built for GPUs of this kind", "Install a PyTorch that supports this GPU"),
    ),
    (
        r"no (cuda|hip|xpu) gpus|no (cuda|hip|rocm)-capable device|invalid device (ordinal|id)|num_gpus|cuda_visible",
        Fault("PyTorch does not find it", "Check the variable CUDA_VISIBLE_DEVICES, and whether the GPU is there"),
    ),
    (
        r"busy or unavailable|exclusive|prohibited",
        Fault("another program has it for itself", "End that program"),
    ),
    (
        (
            r"cudnn|cublas|cusolver|miopen|hipblas|rocblas|nvrtc|cudart|engine to execute|shared object|could not load|"
            r"dll load|winerror|library not loaded|symbol"
        ),
        Fault(
            "a library of PyTorch for it is missing, does not fit, or could not start",
            "End other programs that use it, or install PyTorch again",
        ),
    ),
    (
        r"not (currently )?(implemented|supported)|n't support|unsupported|only supported|does not support",
        Fault("this PyTorch lacks an operation of the network there", "Install a newer PyTorch"),
    ),
)


def fault_of(error: BaseException) -> Fault:
    """What an exception tells of the device on which it was raised."""
    if isinstance(error, LibraryError):
        return Fault(str(error), "Install it again", ANOTHER_ENGINE)
    if isinstance(error, FeatureError):
        return _NO_NUMBERS
    text = str(error).lower()
    for pattern, fault in _KINDS:
        if re.search(pattern, text):
            return fault
    return Fault(f"it failed ({said(error)})", _NO_NUMBERS.remedy)


def said(error: BaseException) -> str:
    """The first line of a library's error, without folders and options of other programs."""
    line = (str(error).strip().splitlines() or [""])[0]
    line = re.sub(r"--(?=\w)", "", _PATH.sub(r"\1", line)).rstrip(". ")
    return f"{type(error).__name__}: {line[:_LONGEST]}" if line else type(error).__name__


def does_not_compute(title: str, fault: Fault) -> DeviceError:
    """For somebody who has asked for this very device or engine."""
    return DeviceError(f"{title} does not compute here: {fault.reason}. {fault.remedy}, or {fault.otherwise}.")
