"""Where the test data lies, and phantoms' directions: what tests import."""

from __future__ import annotations

import csv
import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FMCIB_TEST_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = DATA.parent / "golden"

OF_THE_COMMAND_LINE = re.compile(r"--[a-z]|fmcib-engine [a-z]|`fmcib-engine")
"""What nobody is told in the window."""

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the test CTs (FMCIB_TEST_DATA)")
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs the golden values beside the test CTs")


@dataclass(frozen=True)
class GoldenCase:
    name: str
    image: str
    seed: tuple[float, float, float]

    def __str__(self) -> str:
        return self.name


def golden_cases() -> list[GoldenCase]:
    if not GOLDEN.is_dir():
        return []
    with (GOLDEN / "golden_cases.csv").open(encoding="utf-8", newline="") as file:
        return [
            GoldenCase(row["case"], row["image"], (float(row["coordX"]), float(row["coordY"]), float(row["coordZ"])))
            for row in csv.DictReader(file)
        ]


SIGNED_PERMUTATIONS = [
    np.eye(3)[:, list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]
"""The 48 ways to store an axis-aligned scan, as directions (columns are the axes i, j, k in LPS)."""


def rotation(degrees_about_z: float, degrees_about_x: float) -> np.ndarray:
    a, b = np.radians([degrees_about_z, degrees_about_x])
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_z @ about_x


OBLIQUE = rotation(17, 9)
