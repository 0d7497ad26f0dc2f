"""A small network to train, small scans to train it on, and the command line with that network, in this process.

As a script: `python training_support.py pretrain …` is `fmcib-engine pretrain …` that knows the encoder `tiny`.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
from fmcib_engine import encoders
from fmcib_engine.encoders import EncoderSpec
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.results.image import write_image
from fmcib_engine.volume import Volume
from fmcib_engine.weights import checkpoint

SIZE = 16
FEATURES = 16


def build_batch_norm():
    """MONAI's ResNet with one block a stage and few planes."""
    from monai.networks.nets.resnet import ResNet

    return ResNet(
        "basic", [1, 1, 1, 1], [4, 4, 8, FEATURES], n_input_channels=1, conv1_t_size=3, conv1_t_stride=2,
        feed_forward=False, bias_downsample=True,
    )  # fmt: skip


def build_tiny():
    """The same with group norms, which keep a batch's patches apart."""
    from torch import nn

    network = build_batch_norm()
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm3d):
            parent = network.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], nn.GroupNorm(2, module.num_features))
    return network


def spec(encoder_id: str, make) -> EncoderSpec:
    return EncoderSpec(encoder_id, "Tiny", "fmcib-csv-v1", SIZE, FEATURES, "MIT", "none", make)


TINY = spec("tiny", build_tiny)
TINY_BATCH_NORM = spec("tiny-bn", build_batch_norm)
WITH_TINY = MappingProxyType({**encoders.ENCODERS, "tiny": TINY, "tiny-bn": TINY_BATCH_NORM})

SCANS = 6
PLACES = ((32.0, 32.0, 40.0), (32.0, 32.0, 100.0))
"""LPS mm of the lesions of each scan: one is a ball of 8 mm, the other of 16 mm."""


def make_scans(folder: Path) -> Path:
    """Scans of 120 x 120 x 140 mm in voxels of 2.5 mm with two balls each, and the table of them; gives its path."""
    grid = VoxelGrid.from_parts((48, 48, 56), origin=np.zeros(3), spacing=(2.5, 2.5, 2.5), direction=np.eye(3))
    k, j, i = np.meshgrid(*(2.5 * np.arange(n) for n in (56, 48, 48)), indexing="ij")
    with (folder / "seeds.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_path", "coordX", "coordY", "coordZ", "patient", "kind"])
        for scan in range(SCANS):
            hu = np.random.default_rng(scan).normal(-100.0, 60.0, k.shape)
            for (x, y, z), radius, kind in zip(PLACES, (8.0, 16.0), ("small", "large"), strict=True):
                hu[(i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2 < radius**2] = 300.0
                table.writerow([f"scan{scan}.nrrd", x, y, z, f"P{scan}", kind])
            write_image(Volume(np.rint(hu).astype(np.int16), grid), folder / f"scan{scan}.nrrd")
    return folder / "seeds.csv"


def command(*arguments: object) -> list[str]:
    return [sys.executable, __file__, *map(str, arguments)]


def run(*arguments: object, timeout: float = 300.0, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        command(*arguments), capture_output=True, encoding="utf-8", check=False, timeout=timeout,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip


def losses(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    from fmcib_engine.cli.commands import run as run_cli

    encoders.ENCODERS = checkpoint.ENCODERS = WITH_TINY
    sys.exit(run_cli(sys.argv[1:]))
