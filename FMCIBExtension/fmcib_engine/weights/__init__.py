"""Files of numbers -> an encoder ready to run: strict, mapped, hashed, and marked where nothing was trained."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..encoders import DEMONSTRATION, ENCODERS, Encoder, Precision, WeightsIdentity
from ..encoders.devices import resolve_device
from ..encoders.fmcib import FmcibEncoder, build_network
from ..errors import InputError
from ..preprocessing import PATCH_SIZE
from .checkpoint import file_sha256, fill, read_checkpoint
from .demonstration import content_sha256, demonstration_trunk, is_demonstration

__all__ = ["DEMONSTRATION_SOURCE", "load_encoder"]

DEMONSTRATION_SOURCE = "demonstration"
"""Given instead of a file, asks for the demonstration weights."""


def load_encoder(
    source: str | Path,
    *,
    encoder_id: str = "fmcib",
    device: str = "auto",
    precision: Precision = "float32",
    batch_size: int | None = None,
    probe: NDArray[np.float32] | None = None,
) -> Encoder:
    """An encoder with the weights of a file, warmed up.

    Args:
        source: a checkpoint, or `"demonstration"`.
        encoder_id: a key of `ENCODERS`.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: float32 unless the user asks for less.
        batch_size: patches at once; None chooses by device.
        probe: a patch [z, y, x]; needed to measure a reduced precision.

    Raises:
        InputError: an unknown encoder.
        WeightsError: a file that is not exactly the encoder's.
        FeatureError: weights that give no numbers.
        DeviceError: a device or precision that is not here.
        DependencyError: torch or MONAI is not installed.
        OutOfMemoryError: no room for the network.
    """
    if encoder_id not in ENCODERS:
        msg = f"An encoder is one of {', '.join(ENCODERS)}, got {encoder_id!r}."
        raise InputError(msg)
    torch_device = resolve_device(device)
    network = build_network()
    with ThreadPoolExecutor(max_workers=1) as background:
        if str(source) == DEMONSTRATION_SOURCE:
            trunk = demonstration_trunk()
            sha256 = background.submit(content_sha256, trunk)
            name, demonstration = DEMONSTRATION, True
        else:
            path = Path(source)
            trunk = dict(read_checkpoint(path).trunk)
            sha256 = background.submit(file_sha256, path)
            name, demonstration = path.name, False
        fill(network, trunk, name=name)
        if not demonstration and is_demonstration(trunk, network):
            name, demonstration = f"{DEMONSTRATION} ({name})", True
        identity = WeightsIdentity(name, "", demonstration)
        encoder = FmcibEncoder(network, identity, torch_device, precision=precision, batch_size=batch_size, probe=probe)
        encoder.encode([np.zeros((PATCH_SIZE,) * 3, dtype=np.float32)])  # pages the file in while it is hashed
        encoder.weights = WeightsIdentity(name, sha256.result(), demonstration)
    return encoder
