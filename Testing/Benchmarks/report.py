"""Measures -> Markdown that can be pasted: both sides side by side, and what limits the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from limits import BATCHES, Limits, Stage
from timing import Pair

HEADER = [
    "| | ours | whole scan, MONAI | ratio | target for 512x512x360 | | others' cores |",
    "|---|--:|--:|--:|---|---|--:|",
]


@dataclass(frozen=True)
class Row:
    """One measure of both sides, what we want of it, and how many cores others kept busy meanwhile."""

    name: str
    pair: Pair
    others: float | None
    unit: str = "s"
    wanted_ratio: float | None = None
    wanted_ours: float | None = None
    """In seconds."""

    def __str__(self) -> str:
        target, met = self._target()
        others = "" if self.others is None else f"{self.others:.1f}"
        ours, theirs = self._cell(self.pair.ours), self._cell(self.pair.theirs)
        return _line(self.name, ours, theirs, f"{self.pair.ratio:.3g}x", target, met, others)

    def _target(self) -> tuple[str, str]:
        wanted, met = [], []
        if self.wanted_ratio is not None:
            wanted.append(f">= {self.wanted_ratio:g}x")
            met.append(self.pair.ratio >= self.wanted_ratio)
        if self.wanted_ours is not None:
            wanted.append(f"<= {_seconds(self.wanted_ours)}")
            met.append(median(self.pair.ours) <= self.wanted_ours)
        return ", ".join(wanted), ("met" if all(met) else "**missed**") if met else ""

    def _cell(self, values: list[float]) -> str:
        show = _seconds if self.unit == "s" else _gigabytes
        return f"{show(median(values))} (min {show(min(values))}, n={len(values)})"


def limits_section(limits: Limits) -> list[str]:
    """The encoder's two tables and what follows from them."""
    counted = (
        f"One patch takes {limits.gflop:.1f} GFLOP in convolutions, a multiply-add counted as 2 (25.7 expected). "
        f"This machine's best float32 matrix product: {limits.matrix_gflops:.0f} GFLOP/s. Copying 738 MB moves "
        f"{limits.copy_bytes_per_second / 1e9:.1f} GB/s, read and written together."
    )
    return [counted, "", *_batch_table(limits), "", *_stage_table(limits), "", verdict(limits)]


def verdict(limits: Limits) -> str:
    """What limits the encoder, from the numbers alone."""
    took, last = sum(stage.seconds for stage in limits.stages), limits.stages[-1]
    arithmetic, memory = (sum(part) for part in zip(*map(limits.least_seconds, limits.stages), strict=True))
    least = sum(max(limits.least_seconds(stage)) for stage in limits.stages)
    by_weights = [stage.name for stage in limits.stages if _nearer_limit(limits, stage) == "weights"]
    biggest = BATCHES[-1]
    saved = 1 - limits.seconds[biggest] / biggest / limits.seconds[1]
    return " ".join(
        [
            f"At batch 1 the stages take {_seconds(took)}.",
            f"Their arithmetic alone would take {_seconds(arithmetic)} ({arithmetic / took:.0%}),",
            f"reading their weights once {_seconds(memory)} ({memory / took:.0%}):",
            f"the nearer limit is **{'arithmetic' if arithmetic >= memory else 'the traffic of the weights'}**",
            f"as a whole, and the weights in {', '.join(by_weights) or 'no stage'}.",
            f"{last.name} holds {last.weight_bytes / limits.weight_bytes:.0%} of the weights, does",
            f"{last.gflop / limits.gflop:.0%} of the arithmetic and takes {last.seconds / took:.0%} of the time.",
            f"The nearer limits, stage by stage, explain {least / took:.0%} of the time;",
            "the rest is what convolutions lose against a matrix product and a plain copy.",
            f"A batch of {biggest} {'saves' if saved > 0 else 'costs'} {abs(saved):.0%} of the time of a patch.",
        ]
    )


def _batch_table(limits: Limits) -> list[str]:
    rows = ["| batch | engine | a patch | GFLOP/s | of the best matrix product | ratio |", "|--:|---|--:|--:|--:|--:|"]
    for engine, times in (("PyTorch", limits.seconds), ("OpenVINO", limits.fast_seconds)):
        for batch, seconds in times.items():
            reached = limits.gflops(batch, seconds)
            share, ratio = f"{reached / limits.matrix_gflops:.0%}", f"{limits.seconds[batch] / seconds:.2f}x"
            rows.append(_line(str(batch), engine, _seconds(seconds / batch), f"{reached:.0f}", share, ratio))
    return rows


def _stage_table(limits: Limits) -> list[str]:
    total = sum(stage.seconds for stage in limits.stages)
    rows = [
        "| stage, batch 1 | time | | GFLOP | weights | GFLOP/s | arithmetic alone | weights alone | nearer limit |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for stage in limits.stages:
        arithmetic, memory = limits.least_seconds(stage)
        rows.append(
            _line(
                stage.name,
                _seconds(stage.seconds),
                f"{stage.seconds / total:.0%}",
                f"{stage.gflop:.1f}",
                f"{stage.weight_bytes / 1e6:.0f} MB",
                f"{stage.gflop / stage.seconds:.0f}",
                _seconds(arithmetic),
                _seconds(memory),
                _nearer_limit(limits, stage),
            )
        )
    return rows


def _nearer_limit(limits: Limits, stage: Stage) -> str:
    arithmetic, memory = limits.least_seconds(stage)
    return "arithmetic" if arithmetic >= memory else "weights"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _seconds(value: float) -> str:
    return f"{value * 1e3:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def _gigabytes(value: float) -> str:
    return f"{value / 1e9:.2f} GB"
