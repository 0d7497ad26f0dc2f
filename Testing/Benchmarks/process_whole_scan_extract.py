"""A process: one seed's features by the whole-scan pipeline, into a CSV. Arguments: IMAGE WEIGHTS OUTPUT X Y Z."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from whole_scan import build_and_load_network, forward, load_scan, patch_by_whole_scan


def main(image: str, weights: str, output: str, *seed: str) -> None:
    network = build_and_load_network(Path(weights))
    x, y, z = map(float, seed)
    features = forward(network, patch_by_whole_scan(load_scan(Path(image)), (x, y, z)))
    with Path(output).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["coordX", "coordY", "coordZ", *(f"pred_{n}" for n in range(features.size))])
        writer.writerow([x, y, z, *features.tolist()])


if __name__ == "__main__":
    main(*sys.argv[1:])
