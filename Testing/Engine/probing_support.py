"""Feature tables that know their truth: how much of the features is the disease, the hospital, the patient."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

WEIGHTS = "ab" * 32


@dataclass
class Made:
    """Rows of a table before it is written."""

    features: np.ndarray
    columns: dict[str, list] = field(default_factory=dict)

    def write(self, path: Path, *, provenance: bool = True) -> Path:
        said = {"encoder_id": "own", "weights_sha256": WEIGHTS, "recipe_id": "own-v1"} if provenance else {}
        columns = {**self.columns, **{name: [value] * len(self.features) for name, value in said.items()}}
        names = [f"pred_{index}" for index in range(self.features.shape[1])]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*columns, *names])
            for place, row in enumerate(self.features.tolist()):
                writer.writerow([*(column[place] for column in columns.values()), *map(repr, row)])
        return path


def two_classes(count: int = 120, width: int = 64, *, strength: float = 1.0, seed: int = 0) -> Made:
    """Patients of two classes, whose first eight features lie apart by `strength` standard deviations."""
    random = np.random.default_rng(seed)
    codes = np.arange(count) % 2
    features = random.normal(size=(count, width))
    features[:, :8] += strength * (codes[:, None] - 0.5)
    columns = {
        "lesion_id": [f"l{place}" for place in range(count)],
        "patient_key": [f"k{place}" for place in range(count)],
        "kind": [("benign", "malignant")[code] for code in codes.tolist()],
    }
    return Made(features, columns)


def lives(count: int = 120, width: int = 64, *, strength: float = 0.4, seed: int = 0) -> Made:
    """Patients whose first eight features shorten their lives; a fifth is lost from sight, times in whole days."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, width))
    hazards = np.exp(strength * features[:, :8].sum(axis=1))
    deaths = random.exponential(400 / hazards)
    lost = random.exponential(1600, size=count)
    times = np.ceil(np.minimum(deaths, lost) / 5) * 5
    columns = {
        "patient_key": [f"k{place}" for place in range(count)],
        "days": [f"{time:.0f}" for time in times.tolist()],
        "died": [str(int(each)) for each in (deaths <= lost).tolist()],
    }
    return Made(features, columns)
