"""`Resources/Docs/small-encoder.md`: what the small encoder is worth, with its log and its curve."""

from __future__ import annotations

import csv
import json
import statistics
import tarfile
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.phantom.lesions import EDITION
from fmcib_engine.training.folder import METRICS
from fmcib_engine.weights import load_encoder
from measure import (
    HELD_OUT,
    JITTER_MM,
    JITTERS,
    LARGE_MM,
    LEARNED,
    Array,
    Encode,
    at_random,
    jittered,
    of_file,
    phantoms,
    pixel_statistics,
    probe,
    rank_of_jitters,
)

TASKS = ("site", "outline", "density", "scanner")
LESIONS = (
    ("lidc/LIDC-IDRI-0001_slab", (58.296875, 85.643753, -115.0)),
    ("lidc/LIDC-IDRI-0003_slab", (71.434198, 79.570144, -191.5)),
    ("lidc/LIDC-IDRI-0314_crop.nrrd", (-56.46875, 130.84375, -519.800049)),
    ("radio/R01-001_crop.nrrd", (-95.693778, -144.984598, -66.121)),
    ("ibsi/nifti/image/phantom.nii.gz", (-74.470257, 16.355619, -18.734989)),
    ("lung1/LUNG1-001_dicom.tar.xz", (82.300730, -201.481085, -456.837891)),
)
"""Six lesions of six patients among the test CTs, LPS mm."""
EVERY = 10
"""Steps of which one is kept in the log."""


def probes(made: dict[str, Encode]) -> str:
    """The table of linear probes; makes the phantoms, which takes minutes."""
    (learned_cases, learned), (held_cases, held) = phantoms(LEARNED), phantoms(HELD_OUT)
    head = ["", "site", "outline", f"outline from {LARGE_MM:g} mm on", "density", "scanner"]
    rows = []
    for name, encode in made.items():
        one, other = (learned_cases, encode(learned)), (held_cases, encode(held))
        scores = {task: probe(one, other, task) for task in TASKS}
        large = probe(one, other, "outline", LARGE_MM)
        rows.append([name, scores["site"], scores["outline"], large, scores["density"], scores["scanner"]])
        print(rows[-1], flush=True)
    return _table(head, rows)


def jitters(made: dict[str, Encode], data: Path) -> str:
    """The table of real lesions; a sentence where the test CTs are not here."""
    if not data.is_dir():
        return "Not measured: the test CTs were not at hand."
    lesions: list[Array] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, seed) in enumerate(LESIONS):
            scan = data / name
            if name.endswith(".tar.xz"):
                with tarfile.open(scan) as archive:
                    archive.extractall(folder, filter="data")
                scan = Path(folder)
            lesions.append(jittered(scan, seed, number))
    rows = []
    for name, encode in made.items():
        mean, first = rank_of_jitters(encode, lesions)
        rows.append([name, f"{mean:.2f}", f"{100 * first:.0f} %"])
        print(rows[-1], flush=True)
    return _table(["", "mean rank of the own lesion, of 6", "own lesion nearest"], rows)


def speeds() -> str:
    """Milliseconds of one patch, both networks and engines in turns."""
    names = [(weights, engine) for weights in ("small", "demonstration") for engine in ("pytorch", "openvino")]
    encoders = {name: load_encoder(name[0], device="cpu", engine=name[1]) for name in names}
    patch = np.zeros((50, 50, 50), dtype=np.float32)
    taken: dict[tuple[str, str], list[float]] = {name: [] for name in names}
    for _ in range(15):
        for name, encoder in encoders.items():
            started = time.perf_counter()
            encoder.encode([patch])
            taken[name].append(1000 * (time.perf_counter() - started))
    rows = [
        [title, *(f"{statistics.median(taken[weights, engine]):.0f}" for engine in ("pytorch", "openvino"))]
        for weights, title in (("small", "small encoder"), ("demonstration", "FMCIB's network"))
    ]
    return _table(["ms a patch, one at a time (median of 15)", "PyTorch", "OpenVINO"], rows)


def logged(folders: Sequence[Path], log: Path, curve: Path) -> str:
    """Write every tenth step of all stages into one CSV and the losses into a picture; gives the stages in words."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    stages = {folder.name: _metrics(folder) for folder in folders}
    with log.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        names = ("step", "epoch", "loss", "found", "accuracy", "validation_loss", "validation_balanced_accuracy")
        table.writerow(["stage", *names])
        for stage, rows in stages.items():
            kept = [row for row in rows if int(row["step"]) % EVERY == 0 or row.get("validation_loss")]
            table.writerows([stage, *(row.get(name, "") for name in names)] for row in kept)
    figure, axes = plt.subplots(1, len(stages), figsize=(11, 3.2), layout="constrained")
    for axis, (stage, rows) in zip(axes, stages.items(), strict=True):
        steps, losses = [int(row["step"]) for row in rows], [float(row["loss"]) for row in rows]
        smooth = np.convolve(losses, np.ones(20) / 20, "valid")
        axis.plot(steps, losses, color="#bbbbbb", linewidth=0.5, label="each step")
        axis.plot(steps[19:], smooth, color="#1f5fa8", label="mean of 20 steps")
        held = [(int(row["step"]), float(row["validation_loss"])) for row in rows if row.get("validation_loss")]
        if held:
            axis.plot(*zip(*held, strict=True), "o-", color="#c04a00", markersize=3, label="held back")
        axis.set(title=stage, xlabel="step", ylabel="loss" if axis is axes[0] else "")
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(curve, dpi=110)
    facts = {folder.name: json.loads((folder / "run.json").read_text(encoding="utf-8")) for folder in folders}
    made = [[name, each["data"]["phantoms"], str(each["result"]["steps"])] for name, each in facts.items()]
    minutes = [_minutes(each) for each in facts.values()]
    rows = [[*row, f"{taken:.0f}"] for row, taken in zip(made, minutes, strict=True)]
    return _table(["stage", "lesions", "steps", "minutes"], [*rows, ["together", "", "", f"{sum(minutes):.0f}"]])


def written(page: Path, parts: dict[str, str], facts: str) -> None:
    """The page."""
    text = f"""# The small encoder

**{COMPUTER_MADE}.**
It comes with the engine, so that everything can be tried at once; for lesions of patients there are
[FMCIB's published weights](user-guide.md). For research use only.

A 3D ResNet10 by MONAI of 16 to 128 channels: 0.9 million parameters, 128 features, the patches of FMCIB's recipe, MIT.
`make small-encoder` makes it from nothing, and this page; `Testing/SmallEncoder/` has the run files. The generator of
the lesions is `{EDITION}`.

## How it came about

{parts["stages"]}

![Losses of the four stages](small-encoder-curve.png)

[The log](small-encoder-log.csv) has every tenth step. Stage 1 is plain SimCLR, without labels, and tells nothing of
outlines. Stage 2 learns the outline alone, of lesions of {LARGE_MM:g} mm and more and from *twins*: each is drawn
twice, once smooth and once spiculated, and both are in one step, so that nothing else tells them apart. Stages 3 and
4 learn site, outline and density as one of 78 classes, of lesions of every size, again from twins.

## What its features tell of computer-made lesions

Linear probes, learned on {LEARNED[1]:,} lesions and measured on {HELD_OUT[1]} others; none trained the encoder.
Site, density and scanner: balanced accuracy (of 8, 5 and 6 classes). Outline: AUC of spiculated against smooth, of all
lesions (4 to 40 mm) and of the larger ones. In brackets 95 % intervals, by bootstrap over the held-out lesions. The
scanner is what features should *not* tell; chance is 0.17. The aim was 0.9 for site and outline. **The outline does
not reach it, not even from {LARGE_MM:g} mm on, and of small lesions little is seen:** their strands are often
thinner than a voxel, or fainter than the noise. What labels teach costs some of what contrast had taught of places
nearby: see the next table.

{parts["probes"]}

## Real lesions

Six lesions of six patients (three of LIDC-IDRI, one each of NSCLC-Radiogenomics, the IBSI phantom and LUNG1), each
with {JITTERS} seeds jittered by {JITTER_MM:g} mm along each axis (standard deviation). The own lesion should be the
nearest of the six by the cosine of their features. No more is claimed of patients.

{parts["jitters"]}

## Speed

{parts["speeds"]}

{facts}
"""
    page.write_text(text, encoding="utf-8")


def _metrics(folder: Path) -> list[dict[str, str]]:
    with (folder / METRICS).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _minutes(facts: dict[str, Any]) -> float:
    """Of a run that was started once, from its start to its end, lesions and all."""
    started, ended = (datetime.fromisoformat(text) for text in (facts["started"][0]["time"], facts["finished"]))
    return (ended - started).total_seconds() / 60


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def at_hand(trained: Path, by_contrast: Path) -> dict[str, Encode]:
    """What is compared, by name."""
    return {
        "**small encoder**": of_file(trained),
        "after stage 1, contrast alone": of_file(by_contrast),
        "random numbers, same network": at_random(),
        "pixel statistics": pixel_statistics,
    }
