"""A process: seconds from a weights file to the first features, imports not counted. Arguments: ours|theirs WEIGHTS.

Prints one line of JSON: the seconds, and the features of a fixed patch.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from fmcib_engine.weights import load_encoder
from monai.networks.nets.resnet import resnet50  # noqa: F401  imported before the clock starts, on both sides
from whole_scan import build_and_load_network, forward


def main(side: str, weights: str) -> None:
    patch = np.random.default_rng(0).random((50, 50, 50), dtype=np.float32)
    started = time.perf_counter()
    if side == "ours":
        encoder = load_encoder(weights, device="cpu")
        features = encoder.encode([patch])[0].features
    else:
        features = forward(build_and_load_network(Path(weights)), torch.from_numpy(patch)[None])
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "features": features.tolist()}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
