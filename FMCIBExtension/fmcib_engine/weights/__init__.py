"""Files of numbers -> an encoder ready to run: strict, mapped, hashed, and marked where they mean little."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..encoders import (
    BY_WEIGHTS,
    DEMONSTRATION,
    DEMONSTRATION_MEANING,
    Encoder,
    EncoderSpec,
    Precision,
    WeightsIdentity,
    find_encoder,
)
from ..encoders.building import build_network
from ..encoders.devices import engine_of
from ..encoders.engines import choose_places
from ..encoders.fmcib import SPEC as FMCIB
from ..encoders.network import NetworkEncoder
from ..errors import InputError
from .checkpoint import encoder_of, fill, read_checkpoint
from .demonstration import content_sha256, demonstration_trunk, is_demonstration
from .files import file_sha256
from .in_use import hold
from .shipped import caution_for
from .store import require_pinned, resolve

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["DEMONSTRATION_SOURCE", "load_encoder"]

DEMONSTRATION_SOURCE = "demonstration"
"""Given instead of a file, asks for FMCIB's demonstration weights."""


@dataclass(frozen=True)
class _Numbers:
    """What fills a network."""

    spec: EncoderSpec
    trunk: Mapping[str, Tensor]
    name: str
    caution: str
    """As the file says."""
    sha256: Future[str]
    """Being computed."""
    path: Path | None = None


def load_encoder(
    source: str | Path,
    *,
    encoder_id: str = BY_WEIGHTS,
    device: str = "auto",
    precision: Precision = "float32",
    engine: str = "auto",
    batch_size: int | None = None,
) -> Encoder:
    """An encoder with the weights of a file, warmed up.

    Args:
        source: a checkpoint, the ID of installed weights, or `"demonstration"`.
        encoder_id: a key of `ENCODERS`, or auto: the one that the weights are of.
        device: auto, cpu, cuda, cuda:N or mps. With auto the first that works: `Encoder.device` tells which.
        precision: float32 unless the user asks for less, whose deviation is then measured on the probe patch.
        engine: auto, pytorch or openvino (`encoders.engines`); the latter is compared with PyTorch on the probe patch.
        batch_size: patches at once; None chooses by device.

    Raises:
        InputError: an unknown encoder or engine, or demonstration weights of another encoder than FMCIB's.
        WeightsError: a file that is not exactly the encoder's, or not the one that was once verified.
        FeatureError: weights that give no numbers.
        DeviceError: a device or precision that is not here, or a named device that does not work.
        DependencyError: torch or MONAI is not installed, or OpenVINO, where it is named.
        OutOfMemoryError: no room for the network.
    """
    if encoder_id != BY_WEIGHTS:
        find_encoder(encoder_id)
    gc.collect()  # an encoder that nobody holds any more refers to itself, and would keep gigabytes meanwhile
    choice = choose_places(device, precision, engine)
    needs_probe = precision != "float32" or engine_of(choice.devices[0]) != "pytorch"
    with ThreadPoolExecutor(max_workers=1) as background:
        numbers = _numbers(str(source), encoder_id, background.submit)
        network = build_network(numbers.spec)
        fill(network, numbers.trunk, name=numbers.name)
        name, caution = _meaning(numbers, network)
        identity = WeightsIdentity(name, "", caution)
        probe = _probe() if needs_probe else None
        encoder = NetworkEncoder(
            numbers.spec, network, identity, choice, precision=precision, batch_size=batch_size, probe=probe
        )
        # slower than later, and tells whether it works
        encoder.encode([np.zeros((numbers.spec.patch_size,) * 3, dtype=np.float32)])
        encoder.weights = WeightsIdentity(name, numbers.sha256.result(), caution)
    if numbers.path is not None:
        require_pinned(numbers.path, encoder.weights.sha256)
        hold(numbers.path, encoder)
    return encoder


def _numbers(source: str, encoder_id: str, in_background: Callable[..., Future[str]]) -> _Numbers:
    if source == DEMONSTRATION_SOURCE:
        _require_fmcib(encoder_id)
        trunk = demonstration_trunk()
        hashed = in_background(content_sha256, trunk)
        return _Numbers(FMCIB, trunk, DEMONSTRATION, DEMONSTRATION_MEANING, hashed)
    path = resolve(source)
    hashed = in_background(file_sha256, path)  # which pages it in, while MONAI is imported
    checkpoint = read_checkpoint(path)
    spec = encoder_of(checkpoint, encoder_id, name=path.name)
    return _Numbers(spec, checkpoint.trunk, path.name, checkpoint.about.caution, hashed, path)


def _meaning(numbers: _Numbers, network: nn.Module) -> tuple[str, str]:
    """The name of weights that fit, and their caution: what they are decides, then what their file says."""
    if numbers.path is None:
        return numbers.name, numbers.caution
    if is_demonstration(numbers.trunk, network):
        return f"{DEMONSTRATION} ({numbers.name})", DEMONSTRATION_MEANING
    return numbers.name, caution_for(numbers.spec.id, numbers.trunk, numbers.caution)


def _require_fmcib(encoder_id: str) -> None:
    if encoder_id not in {BY_WEIGHTS, FMCIB.id}:
        msg = (
            f"The demonstration weights are of the encoder {FMCIB.id}, got {encoder_id!r}. Choose other weights, or "
            f"the encoder {FMCIB.id}."
        )
        raise InputError(msg)


def _probe() -> NDArray[np.float32]:
    """The patch on which a reduced precision or another engine is measured."""
    from ..phantom import probe_patch  # takes a third of a second, and scipy

    return probe_patch()
