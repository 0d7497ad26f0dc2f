"""The measured half of `Resources/Docs/saliency.md`, and its pictures."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.saliency.methods import METHODS

sys.path.insert(0, str(Path(__file__).parents[1] / "Benchmarks"))
from machine import machine_line  # noqa: E402

HEADING = "## How far they can be believed"
"""What stands above it in the page is written by hand."""


@dataclass(frozen=True, eq=False)
class Measured:
    """All numbers of the page."""

    stages: Sequence[str]
    likenesses: dict[str, list[list[float]]]
    """Of each method, of each lesion, of each stage."""
    flips: dict[str, list[float]]
    tallies: dict[str, dict[str, Any]]
    """Of each network, of each method."""
    lesion_share: float
    """Of the patch's voxels, which is what chance would point at."""
    accuracy: float
    example: Any
    maps: dict[str, dict[str, Any]]
    minutes: float
    few: int
    count: int


def written(folder: Path, measured: Measured) -> None:
    """Write page and pictures."""
    _draw_cascade(folder / "saliency-random-weights.png", measured)
    _draw_maps(folder / "saliency-maps.png", measured)
    page = folder / "saliency.md"
    by_hand = page.read_text(encoding="utf-8").partition(HEADING)[0] if page.is_file() else ""
    page.write_text(by_hand + _section(measured), encoding="utf-8")


def _section(m: Measured) -> str:
    trained, random = m.tallies
    return f"""{HEADING}

**{COMPUTER_MADE}.** Measured with the small encoder on {m.count} computer-made lesions that nothing was trained on,
whose masks are known (run 302 of the generator): `make saliency-checks`, {m.minutes:.0f} minutes of processor time.
Whether FMCIB's maps are as good, it does not tell. Cubes of occlusion did not overlap here (step 10).

### Random weights

The weights become random stage by stage, from the output on (Adebayo et al. 2018). The numbers are rank correlations
(Spearman) of the map of the embedding with that of the trained network, mean of {m.few} lesions; of signed maps also
those of their absolute values (sizes). A map that stays alike does not show what the network learned; of guided methods
that is known, and told beside their maps.

{_table(["", *(f"down to {stage}" for stage in m.stages)], [[n, *_means(rows)] for n, rows in m.likenesses.items()])}

![Likeness under random weights](saliency-random-weights.png)

### Flips

The patch is flipped, its map turned back: rank correlation with the map, mean of {m.few} lesions and three axes. The
network was not made to be symmetrical, and its steps of 2 voxels do not fall alike from both sides.

{_table(["", "mean", "lowest"], [[n, f"{statistics.mean(v):z.2f}", f"{min(v):z.2f}"] for n, v in m.flips.items()])}

### The lesion

Target: log-odds of the lesion's own density class by the head `phantom-density` (balanced accuracy on these lesions
{m.accuracy:.2f}). **Points at the lesion:** how often the largest value lies in the mask, with 95 % intervals (Wilson);
the lesion is {m.lesion_share:.1%} of the patch on average. **Deletion and insertion:** mean probability of the class
while the strongest voxels become air, or come back, in five steps, with 95 % intervals; deletion should be low,
insertion high. `noise` is a map of random numbers.

{_table(["", "points at the lesion", "deletion", "insertion"], [_row(n, t) for n, t in m.tallies[trained].items()])}

The same with random numbers in the network and the same head, whose probabilities then mean nothing:

{_table(["", "points at the lesion", "deletion", "insertion"], [_row(n, t) for n, t in m.tallies[random].items()])}

![Maps of one lesion](saliency-maps.png)

The largest of the first {m.few} lesions: {m.example.case.density}, {m.example.case.site},
{m.example.case.diameter_mm:.0f} mm; axial plane through its middle, outline of its mask; above the small encoder, below
random numbers. Each map is stretched by itself.

Measured on {machine_line()}.
"""


def _means(rows: list[list[float]]) -> list[str]:
    return [f"{statistics.mean(column):z.2f}" for column in zip(*rows, strict=True)]


def _row(name: str, tally: Any) -> list[str]:
    return [name, _wilson(tally.hits), _interval(tally.deletions), _interval(tally.insertions)]


def _wilson(hits: list[bool]) -> str:
    n, share, z = len(hits), sum(hits) / len(hits), 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return f"{share:.0%} ({max(middle - half, 0):.0%} to {min(middle + half, 1):.0%})"


def _interval(values: list[float]) -> str:
    mean, half = statistics.mean(values), 1.96 * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.3f} ({mean - half:.3f} to {mean + half:.3f})"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _draw_cascade(path: Path, m: Measured) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    for (method, rows), marker in zip(m.likenesses.items(), "osv^DxpP*h", strict=True):
        means = [statistics.mean(column) for column in zip(*rows, strict=True)]
        axes.plot(["trained", *m.stages], [1.0, *means], marker=marker, label=method)
    axes.set(xlabel="random from the output down to", ylabel="rank correlation with the trained map", ylim=(-0.2, 1.05))
    axes.axhline(0, color="#999999", linewidth=0.6)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_maps(path: Path, m: Measured) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    level = int(np.round(np.argwhere(m.example.mask)[:, 0].mean()))
    figure, axes = plt.subplots(len(m.maps), len(METHODS) + 1, figsize=(15, 4.4), layout="constrained")
    for row, (network, maps) in zip(axes, m.maps.items(), strict=True):
        panels = {"CT": m.example.patch, **maps}
        for axis, (name, values) in zip(row, panels.items(), strict=True):
            signed = name in METHODS and METHODS[name].is_signed
            top = float(np.abs(values).max()) if signed else None
            colours = "gray" if name == "CT" else "seismic" if signed else "inferno"
            axis.imshow(values[level], cmap=colours, vmin=-top if top else None, vmax=top)
            axis.contour(m.example.mask[level], levels=[0.5], colors="#35c435", linewidths=0.9)
            axis.set_title(name, fontsize=8)
            axis.set_xticks([])
            axis.set_yticks([])
        row[0].set_ylabel(network)
    figure.savefig(path, dpi=80)
    plt.close(figure)
