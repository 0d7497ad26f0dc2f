"""What limits the encoder here: its arithmetic and its weights against what the processor and the memory give."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from fmcib_engine.encoders.engines import is_openvino_installed
from fmcib_engine.encoders.openvino_cpu import OpenVinoNetwork
from fmcib_engine.phantom import probe_patch
from timing import in_turns, repeat, require_same_features
from torch.utils.flop_counter import FlopCounterMode

STAGES = ("conv1", "layer1", "layer2", "layer3", "layer4")
BATCHES = (1, 4, 8)


@dataclass(frozen=True)
class Stage:
    """One part of the network at batch 1."""

    name: str
    gflop: float
    weight_bytes: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """GFLOP count 2 for a multiplication and its addition, convolutions only."""

    gflop: float
    weight_bytes: int
    seconds: dict[int, float]
    """Of a forward pass by PyTorch, by batch."""
    fast_seconds: dict[int, float]
    """The same by OpenVINO, in turns with it; empty where that is not installed."""
    matrix_gflops: float
    """Best float32 matrix product."""
    copy_bytes_per_second: float
    """Read and written together, by a copy larger than any cache."""
    stages: list[Stage]

    def gflops(self, batch: int, seconds: float) -> float:
        return batch * self.gflop / seconds

    def least_seconds(self, stage: Stage) -> tuple[float, float]:
        """If nothing but its arithmetic took time, and if nothing but reading its weights once did."""
        return stage.gflop / self.matrix_gflops, stage.weight_bytes / self.copy_bytes_per_second


def measure_limits(network: Any, repeats: int) -> Limits:
    flops = _count_flops(network)
    seconds, fast_seconds = _time_batches(network, repeats)
    with torch.inference_mode():
        stage_seconds = _time_stages(network, repeats)
    stages = [Stage(name, flops[name], _bytes_of(getattr(network, name)), stage_seconds[name]) for name in STAGES]
    weight_bytes = _bytes_of(network)
    return Limits(
        flops[""], weight_bytes, seconds, fast_seconds, best_matrix_gflops(repeats), copy_bandwidth(repeats), stages
    )


def _time_batches(network: Any, repeats: int) -> tuple[dict[int, float], dict[int, float]]:
    """Median seconds of a forward pass by batch: by PyTorch, and by OpenVINO where it is installed."""

    def by_torch(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(batch)[:, None]).numpy()

    fast = OpenVinoNetwork(network, probe_patch(), by_torch) if is_openvino_installed() else None
    seconds, fast_seconds = {}, {}
    for size in BATCHES:
        batch = np.random.default_rng(0).random((size, 50, 50, 50), dtype=np.float32)
        if fast is None:
            seconds[size] = median(repeat(lambda batch=batch: by_torch(batch), repeats))
            continue
        require_same_features(fast(batch), by_torch(batch))
        pair = in_turns(lambda batch=batch: fast(batch), lambda batch=batch: by_torch(batch), rounds=repeats)
        seconds[size], fast_seconds[size] = median(pair.theirs), median(pair.ours)
    return seconds, fast_seconds


def best_matrix_gflops(repeats: int) -> float:
    """The most that float32 matrix products of several sizes reach."""
    best = 0.0
    for n in (512, 1024, 2048, 3072):
        a, b = torch.rand(n, n), torch.rand(n, n)
        out = torch.empty(n, n)
        seconds = min(repeat(lambda a=a, b=b, out=out: torch.mm(a, b, out=out), 3 * repeats))
        best = max(best, 2 * n**3 / 1e9 / seconds)
    return best


def copy_bandwidth(repeats: int) -> float:
    """Bytes read and written a second by torch's copy of 738 MB, as large as the weights."""
    source = torch.ones(184_500_000)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(repeat(lambda: target.copy_(source), repeats))


def _count_flops(network: Any) -> dict[str, float]:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 1, 50, 50, 50))
    counts = counter.get_flop_counts()
    root = type(network).__name__
    stages = {name: sum(counts[f"{root}.{name}"].values()) / 1e9 for name in STAGES}
    return stages | {"": counter.get_total_flops() / 1e9}


def _bytes_of(module: Any) -> int:
    return sum(tensor.nbytes for tensor in module.state_dict().values())


def _time_stages(network: Any, repeats: int) -> dict[str, float]:
    """Median seconds of each stage within a forward pass of one patch."""
    inputs = torch.rand(1, 1, 50, 50, 50)
    times: dict[str, list[float]] = {name: [] for name in STAGES}
    with _clocks(network, times):
        repeat(lambda: network(inputs), repeats)
    return {name: median(values[1:]) for name, values in times.items()}


@contextmanager
def _clocks(network: Any, times: dict[str, list[float]]) -> Iterator[None]:
    handles = []
    for name, found in times.items():
        started = np.zeros(1)
        module = getattr(network, name)
        handles.append(module.register_forward_pre_hook(lambda *_, at=started: at.__setitem__(0, time.perf_counter())))
        handles.append(
            module.register_forward_hook(lambda *_, at=started, to=found: to.append(time.perf_counter() - at[0]))
        )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
