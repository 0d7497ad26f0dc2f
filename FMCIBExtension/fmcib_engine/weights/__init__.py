"""Files of numbers -> an encoder ready to run: strict, mapped, hashed, and marked where nothing was trained."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..encoders import DEMONSTRATION, Encoder, Precision, WeightsIdentity, find_encoder
from ..encoders.devices import engine_of
from ..encoders.engines import choose_places
from ..encoders.fmcib import SPEC, build_network
from ..encoders.network import NetworkEncoder
from ..preprocessing import PATCH_SIZE
from .checkpoint import fill, read_checkpoint
from .demonstration import content_sha256, demonstration_trunk, is_demonstration
from .files import file_sha256
from .in_use import hold
from .store import require_pinned, resolve

__all__ = ["DEMONSTRATION_SOURCE", "load_encoder"]

DEMONSTRATION_SOURCE = "demonstration"
"""Given instead of a file, asks for the demonstration weights."""


def load_encoder(
    source: str | Path,
    *,
    encoder_id: str = "fmcib",
    device: str = "auto",
    precision: Precision = "float32",
    engine: str = "auto",
    batch_size: int | None = None,
) -> Encoder:
    """An encoder with the weights of a file, warmed up.

    Args:
        source: a checkpoint, the ID of installed weights, or `"demonstration"`.
        encoder_id: a key of `ENCODERS`.
        device: auto, cpu, cuda, cuda:N or mps. With auto the first that works: `Encoder.device` tells which.
        precision: float32 unless the user asks for less, whose deviation is then measured on the probe patch.
        engine: auto, pytorch or openvino (`encoders.engines`); the latter is compared with PyTorch on the probe patch.
        batch_size: patches at once; None chooses by device.

    Raises:
        InputError: an unknown encoder or engine.
        WeightsError: a file that is not exactly the encoder's, or not the one that was once verified.
        FeatureError: weights that give no numbers.
        DeviceError: a device or precision that is not here, or a named device that does not work.
        DependencyError: torch or MONAI is not installed, or OpenVINO, where it is named.
        OutOfMemoryError: no room for the network.
    """
    find_encoder(encoder_id)
    gc.collect()  # an encoder that nobody holds any more refers to itself, and would keep gigabytes meanwhile
    choice = choose_places(device, precision, engine)
    needs_probe = precision != "float32" or engine_of(choice.devices[0]) != "pytorch"
    path: Path | None = None
    with ThreadPoolExecutor(max_workers=1) as background:
        if str(source) == DEMONSTRATION_SOURCE:
            network, trunk = build_network(), demonstration_trunk()
            sha256 = background.submit(content_sha256, trunk)
            name, demonstration = DEMONSTRATION, True
        else:
            path = resolve(str(source))
            sha256 = background.submit(file_sha256, path)  # which pages it in, while MONAI is imported
            network, trunk = build_network(), dict(read_checkpoint(path).trunk)
            name, demonstration = path.name, False
        fill(network, trunk, name=name)
        if not demonstration and is_demonstration(trunk, network):
            name, demonstration = f"{DEMONSTRATION} ({name})", True
        identity = WeightsIdentity(name, "", demonstration)
        probe = _probe() if needs_probe else None
        encoder = NetworkEncoder(
            SPEC, network, identity, choice, precision=precision, batch_size=batch_size, probe=probe
        )
        encoder.encode([np.zeros((PATCH_SIZE,) * 3, dtype=np.float32)])  # slower than later, and tells whether it works
        encoder.weights = WeightsIdentity(name, sha256.result(), demonstration)
    if path is not None:
        require_pinned(path, encoder.weights.sha256)
        hold(path, encoder)
    return encoder


def _probe() -> NDArray[np.float32]:
    """The patch on which a reduced precision or another engine is measured."""
    from ..phantom import probe_patch  # takes a third of a second, and scipy

    return probe_patch()
