"""What a saliency map costs, method by method, beside upstream's notebook way. Same patch, one process, in turns.

    python Testing/Benchmarks/saliency.py [--weights demonstration] [--rounds 2] [--samples 25]

The notebook's way, as MONAI's SmoothGrad computes it: samples one by one, by `backward()` with the gradients of all
weights. It is asked for the same target, and both are compared on the same noise.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import numpy as np
from fmcib_engine.encoders import Encoder
from fmcib_engine.encoders.devices import let_waiting_threads_sleep
from fmcib_engine.phantom import probe_patch
from fmcib_engine.saliency.methods import METHODS, Parameters
from fmcib_engine.saliency.scorer import Array, Scorer
from fmcib_engine.saliency.targets import NORM
from fmcib_engine.weights import load_encoder

let_waiting_threads_sleep()  # before torch is imported

import torch  # noqa: E402
from machine import load_average, machine_line  # noqa: E402


def notebook(encoder: Encoder, patch: Array, samples: int) -> Array:
    """SmoothGrad's root mean square, one sample at a time, gradients of the weights computed too."""
    deviation = np.float32(0.15 * float(patch.max() - patch.min()))
    squares = np.zeros(patch.shape)
    with encoder.lend() as (network, _):
        network.requires_grad_(True)  # noqa: FBT003
        try:
            for number in range(samples):
                noise = np.random.default_rng([0, number]).standard_normal(patch.shape, np.float32)
                inputs = torch.from_numpy(patch + deviation * noise)[None, None].requires_grad_()
                network(inputs).norm(dim=1).sum().backward()
                squares += inputs.grad[0, 0].numpy().astype(np.float64) ** 2
        finally:
            network.requires_grad_(False)  # noqa: FBT003
            for parameter in network.parameters():
                parameter.grad = None
    return np.asarray(np.sqrt(squares / samples), np.float32)


def ours(encoder: Encoder, patch: Array, method: str, chosen: Parameters, at_once: int) -> tuple[Array, float, int]:
    """The map, seconds until the first picture, and how many samples it is of; those of occlusion are cut short."""
    started = time.perf_counter()
    scorer = Scorer(encoder.lend, patch, NORM, batch_size=at_once)
    made = METHODS[method].make(scorer, patch, chosen)
    made.add(0, 1)
    first = time.perf_counter() - started
    total = min(made.total, 1 + 2 * at_once) if method == "occlusion" else made.total
    for number in range(1, total, at_once):
        made.add(number, min(at_once, total - number))
    return made.map(), first, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="demonstration")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--samples", type=int, default=25)
    parser.add_argument("--at-once", type=int, default=4, help="samples of a batch, as on a CPU")
    given = parser.parse_args()
    print(machine_line())
    encoder = load_encoder(given.weights, device="cpu", engine="pytorch")
    patch, chosen = probe_patch(), Parameters(samples=given.samples)
    wall: dict[str, list[float]] = {}
    busy: dict[str, list[float]] = {}
    maps: dict[str, Array] = {}
    firsts: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    for _ in range(given.rounds):
        for name in ("notebook", *METHODS):
            started, spent = time.perf_counter(), time.process_time()
            if name == "notebook":
                maps[name], first, counts[name] = notebook(encoder, patch, given.samples), float("nan"), given.samples
            else:
                maps[name], first, counts[name] = ours(encoder, patch, name, chosen, given.at_once)
            wall.setdefault(name, []).append(time.perf_counter() - started)
            busy.setdefault(name, []).append(time.process_time() - spent)
            firsts.setdefault(name, []).append(first)
            print(f"  {name}: {wall[name][-1]:.1f} s, processor {busy[name][-1]:.1f} s", flush=True)
    difference = np.abs(maps["smoothgrad"] - maps["notebook"]).max() / maps["notebook"].max()
    print(f"\n{encoder.spec.title}, {encoder.weights.name}; at the end: {load_average()}")
    print(f"SmoothGrad and the notebook's, same noise: largest difference {difference:.1e} of the largest value\n")
    print("| | samples | seconds | processor seconds | first picture, s | notebook / this, seconds | processor |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, seconds in wall.items():
        took, spent, first = median(seconds), median(busy[name]), median(firsts[name])
        ratios = [median(wall["notebook"]) / took, median(busy["notebook"]) / spent]
        shown = [str(counts[name]), f"{took:.1f}", f"{spent:.1f}", f"{first:.1f}", *(f"{each:.2f}x" for each in ratios)]
        print(f"| {name} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
