"""Versions of PyTorch that compute wrongly or uselessly on some devices, told before anything is computed there.

Excluded where they are used, not where they are installed: on the CPU they are as good as others, so that the package
takes them (pyproject.toml), and whoever has one keeps it. What installs anew leaves them out (`NOT_INSTALLED`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .device_faults import Fault

_NEVER = 10**9


@dataclass(frozen=True)
class KnownBad:
    """What is known of a version."""

    version: str
    """As it is released, without what follows a plus."""
    fault: Fault
    source: str
    cured_by_cudnn: int = _NEVER
    """From this on the same version is good; as `torch.backends.cudnn.version()` counts."""


def _convolves_badly(version: str) -> Fault:
    reason = f"PyTorch {version} convolves volumes there slowly, with many times the memory, or wrongly"
    return Fault(reason, "Install PyTorch 2.10 or newer")


ON_CUDA: tuple[KnownBad, ...] = (
    KnownBad(
        "2.9.0",
        _convolves_badly("2.9.0"),
        "pytorch/pytorch#163539: Conv3d in bfloat16 is wrong with cuDNN 9.8 to 9.10. #166643, #174051, "
        "nvidia-cosmos/cosmos-transfer2.5#227: so 2.9.0 goes round cuDNN, with up to 17 times the memory, and slowly",
    ),
    KnownBad(
        "2.9.1",
        _convolves_badly("2.9.1"),
        "the same, but with cuDNN 9.15 or newer, which it does not bring, 2.9.1 uses cuDNN again",
        cured_by_cudnn=91500,
    ),
)

NOT_INSTALLED: Mapping[str, tuple[str, ...]] = MappingProxyType({"torch": tuple(bad.version for bad in ON_CUDA)})
"""By package: what is not chosen where something is installed anew, as nobody knows for which device."""


def known_bad_on_cuda(torch: Any) -> KnownBad | None:
    """What is known against this PyTorch on an NVIDIA GPU, without computing there; None for builds without CUDA."""
    if not torch.version.cuda:
        return None
    release = str(torch.__version__).partition("+")[0]
    found = next((bad for bad in ON_CUDA if bad.version == release), None)
    if found is None:
        return None
    cudnn = torch.backends.cudnn.version()  # which loads a library, hence last
    return None if cudnn is not None and cudnn >= found.cured_by_cudnn else found
