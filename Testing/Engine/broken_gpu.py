"""The engine on a computer whose GPU does not work: PyTorch lists it, and whatever is computed there fails. A script.

    python broken_gpu.py HOW ARGUMENTS...      as `python -m fmcib_engine ARGUMENTS...`, also `worker` and `task`

HOW is a key of `ERRORS`; or `later: ` and one of these, where the first two batches are computed.
"""

from __future__ import annotations

import runpy
import sys
import types
from collections.abc import Callable

TITLE = "NVIDIA GeForce RTX 5070 Ti"
ASYNCHRONOUS = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1"
)


def accelerator_error(text: str) -> Exception:
    """As newer versions of PyTorch raise them, if this one has the class."""
    import torch

    return getattr(torch, "AcceleratorError", RuntimeError)(text)


ERRORS: dict[str, Callable[[], Exception]] = {
    "kernels": lambda: accelerator_error(
        f"CUDA error: no kernel image is available for execution on the device{ASYNCHRONOUS}"
    ),
    "mps": lambda: NotImplementedError("Conv3D is not supported on MPS"),
    "lost": lambda: accelerator_error(f"CUDA error: unspecified launch failure{ASYNCHRONOUS}"),
}


def break_gpu(how: str) -> None:
    """Make PyTorch, in this process, that of such a computer."""
    import torch
    from fmcib_engine.encoders.network import NetworkEncoder

    later, how = how.startswith("later: "), how.removeprefix("later: ")
    kind = "mps" if how == "mps" else "cuda"
    torch.cuda.is_available = lambda: kind == "cuda"
    torch.backends.mps.is_available = lambda: kind == "mps"
    torch.cuda.device_count = lambda: 1
    torch.cuda.get_device_properties = lambda _: types.SimpleNamespace(name=TITLE, total_memory=16 << 30)
    torch.cuda.empty_cache = lambda: None
    compute, calls = NetworkEncoder._forward, []

    def forward(encoder, batch, device):
        if device.type == "cpu":
            return compute(encoder, batch, device)
        calls.append(len(batch))
        if later and len(calls) <= 2:
            return compute(encoder, batch, torch.device("cpu"))
        make_error = ERRORS[how]
        raise make_error()

    NetworkEncoder._forward = forward


if __name__ == "__main__":
    break_gpu(sys.argv[1])
    sys.argv[1:] = sys.argv[2:]
    runpy.run_module("fmcib_engine", run_name="__main__")
