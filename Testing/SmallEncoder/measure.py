"""What the small encoder's features tell: of held-out phantoms by linear probes, of real lesions by jittered seeds.

Beside it the same network as contrast alone left it, the same with random numbers, and plain statistics of pixels:
mean, standard deviation and a histogram of the patch and of its middle. A probe is standardisation and a logistic
regression (scikit-learn), its strength chosen by five-fold cross-validation on phantoms of one run of the generator,
and measured on another's. Intervals are of 95 %, from 1,000 bootstraps of the held-out phantoms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fmcib_engine.encoders import find_encoder
from fmcib_engine.encoders.building import build_network, random_network
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.phantom import Case, draw, sample_case
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.preprocessing.patch import scaled
from fmcib_engine.readers import read_volume
from fmcib_engine.weights.checkpoint import fill, read_checkpoint
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Array = NDArray[np.float32]
Encode = Callable[[Array], NDArray[np.float64]]
"""(n, 50, 50, 50) as the recipe scales -> (n, features)."""

LEARNED, HELD_OUT = (101, 1500), (102, 500)
"""Run of the generator and number of phantoms. The encoder was trained on the runs 1, 2 and 3."""
LARGE_MM = 15.0
BINS_HU = np.concatenate([[-1025.0], np.arange(-1000.0, 1001.0, 50.0), [4000.0]])
JITTER_MM, JITTERS = 4.0, 20
"""Standard deviation along each axis as in the paper's study of stability, and how often."""


def phantoms(run: tuple[int, int]) -> tuple[list[Case], Array]:
    """The cases of a run and their patches."""
    seed, count = run
    cases = [sample_case(number, seed) for number in range(count)]
    return cases, np.stack([scaled(draw(case).hu) for case in cases])


def encoded_by(network: Any) -> Encode:
    import torch

    network.eval()

    def encode(patches: Array) -> NDArray[np.float64]:
        with torch.no_grad():
            found = [network(torch.from_numpy(few[:, None])) for few in np.array_split(patches, len(patches) // 20 + 1)]
        return torch.cat(found).double().numpy()

    return encode


def of_file(path: Path) -> Encode:
    network = build_network(find_encoder("small"))
    fill(network, read_checkpoint(path).trunk, name=path.name)
    return encoded_by(network)


def at_random() -> Encode:
    return encoded_by(random_network(find_encoder("small"), 1))


def pixel_statistics(patches: Array) -> NDArray[np.float64]:
    rows = []
    for patch in patches:
        row: list[float] = []
        for part in (patch, patch[15:35, 15:35, 15:35]):
            shares = np.histogram(part * 3072.0 - 1024.0, bins=BINS_HU)[0] / part.size
            row += [float(part.mean()), float(part.std()), *shares]
        rows.append(row)
    return np.array(rows)


def probe(learned: tuple[list[Case], Any], held: tuple[list[Case], Any], task: str, smallest_mm: float = 0.0) -> str:
    """The score of one task with its interval, for print: AUC of spiculated against smooth, else balanced accuracy."""
    rows = [_rows(cases, task, smallest) for (cases, _), smallest in ((learned, 0.0), (held, smallest_mm))]
    (x, y), (held_x, held_y) = (
        (features[chosen], labels) for (_, features), (chosen, labels) in zip((learned, held), rows, strict=True)
    )
    probed = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model = GridSearchCV(probed, {"logisticregression__C": [0.001, 0.01, 0.1, 1.0]}, cv=5).fit(x, y)
    told = model.decision_function(held_x) if task == "outline" else model.predict(held_x)
    score = _score(task, held_y, told)
    random = np.random.default_rng(1)
    draws = (random.integers(len(held_y), size=len(held_y)) for _ in range(1000))
    low, high = np.percentile([_score(task, held_y[draw], told[draw]) for draw in draws], [2.5, 97.5])
    return f"{score:.2f} ({low:.2f} to {high:.2f})"


def _rows(cases: Sequence[Case], task: str, smallest_mm: float) -> tuple[list[int], NDArray[np.str_]]:
    """Which cases are asked about, and their labels; a lobulated outline is neither of the two."""
    chosen = [
        row
        for row, case in enumerate(cases)
        if case.diameter_mm >= smallest_mm and (task != "outline" or case.outline != "lobulated")
    ]
    return chosen, np.array([getattr(cases[row], task) for row in chosen])


def _score(task: str, truth: NDArray[np.str_], told: Any) -> float:
    if task == "outline":
        return float(roc_auc_score(truth == "spiculated", told))
    return float(balanced_accuracy_score(truth, told))


def jittered(scan: Path, seed: tuple[float, float, float], number: int) -> Array:
    """(1 + JITTERS, 50, 50, 50): a real lesion's patch, and those of seeds near its own."""
    volume, random = read_volume(scan), np.random.default_rng([3, number])
    offsets = np.vstack([np.zeros(3), random.normal(0.0, JITTER_MM, (JITTERS, 3))])
    return np.stack([cut_patch(volume, PatientPoint.from_lps(np.array(seed) + offset)).array for offset in offsets])


def rank_of_jitters(encode: Encode, lesions: Sequence[Array]) -> tuple[float, float]:
    """Mean rank of a jittered seed's own lesion among all by the features' cosine, and how often it is the first."""
    features = np.stack([encode(patches) for patches in lesions])
    features -= features[:, 0].mean(axis=0)  # what all lesions have in common says nothing of one
    features /= np.linalg.norm(features, axis=-1, keepdims=True)
    ranks = []
    for own, rows in enumerate(features):
        near = rows[1:] @ features[:, 0].T
        ranks += list(1 + (near > near[:, own : own + 1]).sum(axis=1))
    return float(np.mean(ranks)), float(np.mean(np.array(ranks) == 1))
