"""The heads that ship with the small encoder: site, outline, density of computer-made lesions. `make small-heads`.

    python Testing/SmallEncoder/heads.py [--lesions N] [--held-out N] [--output FOLDER]

Lesions of one run of the generator are encoded with the weights that ship and learned from; their strength and
calibration are chosen by cross-validation among them. Those of another run, of which nothing was learned, say what the
heads are worth; a head at chance does not ship. Runs that trained the encoder, or measure it, are others.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from fmcib_engine.encoders import COMPUTER_MADE, Encoder
from fmcib_engine.heads.file import write_head
from fmcib_engine.heads.folder import SHIPPED, SUFFIX
from fmcib_engine.heads.head import Head, Metric
from fmcib_engine.heads.predict import predict
from fmcib_engine.phantom.lesions import DIAMETERS_MM, EDITION, Case, draw, sample_case
from fmcib_engine.preprocessing.patch import HU_OF_ZERO, HU_PER_UNIT
from fmcib_engine.probing.bootstrap import Estimate, estimates
from fmcib_engine.probing.cohort import gather
from fmcib_engine.probing.made import About, made_of
from fmcib_engine.probing.scores import ClassScores
from fmcib_engine.probing.sentences import CHANCE
from fmcib_engine.probing.study import study
from fmcib_engine.probing.table import FeatureTable, Provenance
from fmcib_engine.probing.wanted import Columns, Options
from fmcib_engine.weights import load_encoder
from fmcib_engine.weights.shipped import SMALL, shipped_file

LEARNED, HELD_OUT = (201, 1500), (202, 500)
"""Run of the generator and number of lesions."""
LARGE_MM = 15.0
NUMBERS = ("AUC", "balanced accuracy")
_TOGETHER = 32


@dataclass(frozen=True)
class Question:
    """One head: `label` is an attribute of a case."""

    label: str
    title: str
    meaning: str

    @property
    def id(self) -> str:
        return f"phantom-{self.label}"


QUESTIONS = (
    Question(
        "site",
        "site of a computer-made lesion",
        "among which of eight sites' organs the generator put the lesion; no radiologist has seen it",
    ),
    Question(
        "outline",
        "outline of a computer-made lesion",
        "the third in which the roughness lies that the generator drew: smooth (an ellipsoid) up to 1/3, lobulated, "
        "spiculated (long strands) from 2/3 on",
    ),
    Question(
        "density",
        "density of a computer-made lesion",
        "what the generator filled the lesion with",
    ),
)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Lesions of a run, their features (n, 128), and by what these were computed."""

    cases: Sequence[Case]
    features: np.ndarray
    provenance: Provenance


def encoded(run: tuple[int, int], encoder: Encoder, processes: int = 1) -> Encoded:
    """Draw the lesions of a run as `extract` would see them, and encode them."""
    cases = [sample_case(number, run[0]) for number in range(run[1])]
    features = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        drawn = pool.map(_patch, cases, chunksize=8) if processes > 1 else map(_patch, cases)
        for number, few in enumerate(_batches(drawn), 1):
            features += [each.features for each in encoder.encode(few)]
            print(f"  run {run[0]}: {min(number * _TOGETHER, run[1])} of {run[1]}", flush=True)
    weights = encoder.weights
    told = Provenance(encoder.spec.id, weights.sha256, encoder.spec.recipe_id, weights.caution)
    return Encoded(cases, np.array(features, dtype=np.float64), told)


def _patch(case: Case) -> np.ndarray:
    return ((draw(case).hu - np.float32(HU_OF_ZERO)) / np.float32(HU_PER_UNIT)).astype(np.float32)


def _batches(patches: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    few: list[np.ndarray] = []
    for patch in patches:
        few.append(patch)
        if len(few) == _TOGETHER:
            yield few
            few = []
    if few:
        yield few


def made(question: Question, learned: Encoded, held: Encoded, *, bootstraps: int = 1000) -> Head:
    """The head of one label, with what it is worth on the lesions held out."""
    cells = {"case": tuple(str(case.number) for case in learned.cases)}
    cells[question.label] = tuple(str(getattr(case, question.label)) for case in learned.cases)
    rows = tuple(range(1, len(learned.cases) + 1))
    name = f"run {learned.cases[0].run_seed} of {EDITION}"
    table = FeatureTable(name, "", rows, learned.features, cells, learned.provenance)
    cohort = gather(table, Columns("classification", question.label, group="case"))
    done = study(cohort, Options(repeats=1, bootstraps=0, calibrate=True), _shown)
    about = About(
        question.id,
        question.title,
        question.meaning,
        f"computer-made lesions of {DIAMETERS_MM[0]:g} to {DIAMETERS_MM[1]:g} mm, {name}",
        licence="MIT",
    )
    head = made_of(done, about)
    numbers = scores(head, held, question.label, bootstraps)
    how = f"{len(held.cases)} other computer-made lesions, run {held.cases[0].run_seed}, bootstrap over lesions"
    metrics = [_metric(name, numbers[name], how) for name in NUMBERS]
    if question.label == "outline":
        large = of_size(held, LARGE_MM)
        told = f"those {len(large.cases)} of {LARGE_MM:g} mm and more"
        found = scores(head, large, question.label, bootstraps)["AUC"]
        metrics.append(_metric(f"AUC from {LARGE_MM:g} mm on", found, told))
    training = replace(head.training, groups=0)  # each lesion is its own
    warnings = ("knows nothing but computer-made lesions",)
    return replace(head, metrics=tuple(metrics), warnings=warnings, training=training)


def ship(head: Head, folder: Path) -> None:
    """Write a head that is above chance; another is told and not shipped, nor is an older one of its name kept."""
    path = folder / f"{head.id}{SUFFIX}"
    area = head.metrics[0]
    if area.low is not None and area.low > CHANCE:
        print(f"{path.name}, SHA-256 {write_head(path, head)}, {path.stat().st_size / 1e3:.0f} kB")
    else:
        path.unlink(missing_ok=True)
        print(f"{path.name} is not shipped: it cannot be told from chance")
    for metric in head.metrics:
        print(f"  {metric.text} ({metric.about})")


def scores(head: Head, held: Encoded, label: str, bootstraps: int) -> dict[str, Estimate]:
    """Numbers of a head on lesions, as `extract` computes them from its file."""
    truth = [str(getattr(case, label)) for case in held.cases]
    codes = np.array([head.classes.index(each) for each in truth], dtype=np.intp)
    judge = ClassScores(codes, [predict(head, held.features)], 0.5)
    return estimates(judge.of, np.arange(len(codes)), bootstraps, 0)


def of_size(held: Encoded, smallest_mm: float) -> Encoded:
    """Those of a diameter and more."""
    chosen = [place for place, case in enumerate(held.cases) if case.diameter_mm >= smallest_mm]
    return Encoded([held.cases[place] for place in chosen], held.features[chosen], held.provenance)


def _metric(name: str, number: Estimate, about: str) -> Metric:
    has_interval = math.isfinite(number.low)
    return Metric(name, number.value, *((number.low, number.high) if has_interval else (None, None)), about)


@contextmanager
def _shown(what: str, total: int) -> Iterator[Any]:
    print(f"  {what}: {total}", flush=True)
    yield lambda: None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lesions", type=int, default=LEARNED[1], help="to learn from")
    parser.add_argument("--held-out", type=int, default=HELD_OUT[1], help="to measure on")
    parser.add_argument("--processes", type=int, default=min(os.cpu_count() or 1, 4), help="that draw lesions")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    given = parser.parse_args()
    encoder = load_encoder(SMALL, device="cpu", engine="pytorch")
    if encoder.weights.caution != COMPUTER_MADE:
        parser.error(
            f"{shipped_file().name} is not the small encoder's: it has the caution {encoder.weights.caution!r}"
        )
    print(f"{shipped_file().name}, SHA-256 {encoder.weights.sha256}")
    learned = encoded((LEARNED[0], given.lesions), encoder, given.processes)
    held = encoded((HELD_OUT[0], given.held_out), encoder, given.processes)
    heads = [made(question, learned, held) for question in QUESTIONS]  # all of them before any is written
    given.output.mkdir(parents=True, exist_ok=True)
    for head in heads:
        ship(head, given.output)


if __name__ == "__main__":
    main()
