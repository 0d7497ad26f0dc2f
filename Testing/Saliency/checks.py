"""How far saliency maps can be believed, measured with the small encoder: `make saliency-checks`, 10 minutes.

    python Testing/Saliency/checks.py [--lesions N] [--few N] [--output FOLDER]

Computer-made lesions of a run that nothing was trained on, whose masks are known. Each method's maps are compared under
weights made random stage by stage, and when the patch is flipped; their largest values are looked for in the lesion;
the target is followed while the strongest voxels go, or come. All beside a network of random numbers, and beside maps
of noise. Writes `saliency.md` and its two pictures.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fmcib_engine.encoders import Encoder
from fmcib_engine.encoders.building import random_network
from fmcib_engine.heads.chosen import Member
from fmcib_engine.heads.file import read_head
from fmcib_engine.heads.folder import SHIPPED
from fmcib_engine.heads.predict import predict
from fmcib_engine.phantom.lesions import Case, draw, sample_case
from fmcib_engine.preprocessing.patch import scaled
from fmcib_engine.saliency.checks import (
    STAGES,
    area,
    cascade,
    deletion,
    flipped,
    insertion,
    lent,
    likeness,
    points_at,
)
from fmcib_engine.saliency.methods import METHODS, Parameters
from fmcib_engine.saliency.scorer import Array, Lend, Scorer
from fmcib_engine.saliency.targets import EMBEDDING, Target, class_of
from fmcib_engine.weights import load_encoder
from fmcib_engine.weights.shipped import SMALL
from saliency_page import Measured, written

RUN = 302
"""Of the generator. The encoder was trained on the runs 1 to 3, its heads on 201, and both measured on others."""
HEAD, LABEL = "phantom-density", "density"
CHOSEN = Parameters(step=10, samples=None)
"""The methods' own, but cubes of occlusion that do not overlap: 125 instead of 729."""
STEPS = 5
NOISE = "noise"
SIZES = ", sizes"
TRAINED, RANDOM = "small encoder", "random numbers"


@dataclass(frozen=True, eq=False)
class Phantom:
    """A lesion as it is fed, and what is true of it."""

    case: Case
    patch: Array
    mask: np.ndarray


@dataclass
class Tally:
    """What one method did with one network."""

    hits: list[bool] = field(default_factory=list)
    deletions: list[float] = field(default_factory=list)
    insertions: list[float] = field(default_factory=list)


def drawn(count: int) -> list[Phantom]:
    found = []
    for number in range(count):
        case = sample_case(number, RUN)
        made = draw(case)
        found.append(Phantom(case, scaled(made.hu), made.mask))
    return found


def map_of(lend: Lend, patch: Array, target: Target, method: str) -> Array:
    """The whole map of a method."""
    scorer = Scorer(lend, patch, target, batch_size=8)
    made = METHODS[method].make(scorer, patch, CHOSEN)
    for first in range(0, made.total, 8):
        made.add(first, min(8, made.total - first))
    return made.map()


def randomised(encoder: Encoder, phantoms: Sequence[Phantom]) -> dict[str, list[list[float]]]:
    """Of each method, and of the sizes of the signed ones, and lesion the likeness to its own map, stage by stage."""
    names = [*METHODS, *(f"{name}{SIZES}" for name, method in METHODS.items() if method.is_signed)]
    found: dict[str, list[list[float]]] = {name: [[] for _ in phantoms] for name in names}
    own = {method: [map_of(encoder.lend, one.patch, EMBEDDING, method) for one in phantoms] for method in METHODS}
    for stage, lend in cascade(encoder.lend, encoder.spec, random_seed=1):
        print(f"  random down to {stage}", flush=True)
        for method in METHODS:
            for number, (one, mine) in enumerate(zip(phantoms, own[method], strict=True)):
                other = map_of(lend, one.patch, EMBEDDING, method)
                found[method][number].append(likeness(mine, other))
                if METHODS[method].is_signed:
                    found[f"{method}{SIZES}"][number].append(likeness(mine, other, of_sizes=True))
    return found


def flips(encoder: Encoder, phantoms: Sequence[Phantom]) -> dict[str, list[float]]:
    """Of each method the likeness of the flipped patch's map, turned back; of every lesion and axis."""
    found: dict[str, list[float]] = {}
    for method in METHODS:

        def make(patch: Array, method: str = method) -> Array:
            return map_of(encoder.lend, patch, EMBEDDING, method)

        found[method] = [
            likeness(own, flipped(make, one.patch, axis))
            for one in phantoms
            for own in [make(one.patch)]
            for axis in range(3)
        ]
    return found


def lesions(lend: Lend, phantoms: Sequence[Phantom], targets: dict[str, Target]) -> dict[str, Tally]:
    """Of each method, and of noise: pointing, deletion and insertion."""
    tallies = {name: Tally() for name in (*METHODS, NOISE)}
    for number, one in enumerate(phantoms):
        target = targets[getattr(one.case, LABEL)]
        scorer = Scorer(lend, one.patch, target, batch_size=8)

        def chances(patches: Array, scorer: Scorer = scorer) -> np.ndarray:
            return 1 / (1 + np.exp(-scorer.scores(patches)))

        for name, tally in tallies.items():
            noise = np.random.default_rng([RUN, number]).random(one.patch.shape, np.float32)
            saliency = noise if name == NOISE else map_of(lend, one.patch, target, name)
            tally.hits.append(points_at(saliency, one.mask))
            tally.deletions.append(area(deletion(chances, one.patch, saliency, STEPS)))
            tally.insertions.append(area(insertion(chances, one.patch, saliency, STEPS)))
        if number % 10 == 9:
            print(f"  {number + 1} of {len(phantoms)} lesions", flush=True)
    return tallies


def balanced_accuracy(encoder: Encoder, phantoms: Iterable[Phantom], member: Member) -> float:
    """Of the head on these lesions: whether there is something to explain."""
    told = [*phantoms]
    features = np.stack([one.features for one in encoder.encode([one.patch for one in told])])
    guessed = predict(member.head, features.astype(np.float64)).argmax(axis=1)
    truth = np.array([member.head.classes.index(getattr(one.case, LABEL)) for one in told])
    return float(np.mean([np.mean(guessed[truth == label] == label) for label in np.unique(truth)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lesions", type=int, default=100, help="for pointing, deletion and insertion")
    parser.add_argument("--few", type=int, default=5, help="of them, for random weights and flips")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[2] / "Resources" / "Docs")
    given = parser.parse_args()
    started = time.process_time()
    encoder = load_encoder(SMALL, device="cpu", engine="pytorch")
    read = read_head(SHIPPED / f"{HEAD}.head")
    member = Member(read.head, read.sha256, "shipped")
    targets = {name: class_of(member, name) for name in read.head.classes}
    phantoms = drawn(given.lesions)
    few = phantoms[: given.few]
    with encoder.lend() as (_, device):
        at_random = lent(random_network(encoder.spec, 1).requires_grad_(False), device)  # noqa: FBT003
    print("random weights", flush=True)
    likenesses = randomised(encoder, few)
    print("flips", flush=True)
    turned = flips(encoder, few)
    tallies = {}
    for name, lend in ((TRAINED, encoder.lend), (RANDOM, at_random)):
        print(name, flush=True)
        tallies[name] = lesions(lend, phantoms, targets)
    first = max(few, key=lambda one: one.case.diameter_mm)
    maps = {
        name: {method: map_of(lend, first.patch, targets[getattr(first.case, LABEL)], method) for method in METHODS}
        for name, lend in ((TRAINED, encoder.lend), (RANDOM, at_random))
    }
    share = math.fsum(float(one.mask.mean()) for one in phantoms) / len(phantoms)
    measured = Measured(
        stages=STAGES,
        likenesses=likenesses,
        flips=turned,
        tallies=tallies,
        lesion_share=share,
        accuracy=balanced_accuracy(encoder, phantoms, member),
        example=first,
        maps=maps,
        minutes=(time.process_time() - started) / 60,
        few=len(few),
        count=len(phantoms),
    )
    written(given.output, measured)
    print(f"{measured.minutes:.1f} minutes of processor time")


if __name__ == "__main__":
    main()
