"""The same scan and seed give the same voxel and patch on every processor, and the same number the same
computer-made lesion, to the last bit.

OpenBLAS, which numpy's wheels bring, has other code for other processors; `OPENBLAS_CORETYPE` chooses it. One that the
processor cannot run ends its process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_phantom import AXES, STEP, phantom_series, write
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.preprocessing.fmcib_csv_v1 import resampled_grid
from support import SIGNED_PERMUTATIONS, rotation

KERNELS = {
    "this processor's": {},
    "AVX512": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "AVX2": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2"},
    "AVX": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "SSE4": {"OPENBLAS_CORETYPE": "Nehalem"},
    "SSE3, numpy without its own dispatch": {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "..."},
}
ILLEGAL_INSTRUCTION = (-4, 0xC000001D)
"""How a process ends by it: POSIX, Windows."""


def edge_cases() -> list[dict]:
    """60 scans, upright in any storage order or leaning, with 40 seeds each on edges of the 1 mm grid or the scan's."""
    rng = np.random.default_rng(5)
    cases = []
    for number in range(60):
        direction = SIGNED_PERMUTATIONS[rng.integers(48)] if number % 3 else rotation(*rng.uniform(-40, 40, 2))
        size = tuple(int(n) for n in rng.integers(6, 40, 3))
        spacing = rng.choice([0.5, 0.7, 0.78125, 0.9765625, 1.0, 1.25, 2.5, 3.0, 5.0], 3)
        grid = VoxelGrid.from_parts(
            size, origin=rng.uniform(-300, 300, 3).round(4), spacing=spacing, direction=direction
        )
        grids = [resampled_grid(grid), grid]
        chosen = [grids[rng.integers(2)] for _ in range(40)]
        seeds = [one.to_patient([rng.integers(min(n, 30)) for n in one.size]).tolist() for one in chosen]
        cases.append({"size": size, "affine": grid.affine.tolist(), "seeds": seeds})
    return cases


def write_series(folder: Path) -> None:
    """Slices that lie aside by what is just allowed, or by a quarter of a step; and one missing."""
    for name, axes in AXES.items():
        for aside in (0.03, 0.1, STEP / 4, STEP / 2):
            datasets = phantom_series(axes, slices=14)
            del datasets[10]
            normal = np.cross(*axes)
            for n in (4, 7):
                place = np.array(datasets[n].ImagePositionPatient, dtype=float) + aside * normal
                datasets[n].ImagePositionPatient = [f"{number:.10g}" for number in place]
            write(folder / f"{name}-{aside}", datasets)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """By the kernels' names: what a process of its own answers."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "cases.json").write_text(json.dumps(edge_cases()), encoding="utf-8")
    write_series(folder / "series")
    dispatched = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    told = {}
    for name, variables in KERNELS.items():
        features = {"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)} if "NPY_DISABLE_CPU_FEATURES" in variables else {}
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("process_kernels.py"), folder],
            capture_output=True,
            encoding="utf-8",
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", **variables, **features},
        )
        if done.returncode in ILLEGAL_INSTRUCTION:
            continue  # this processor lacks what the kernel needs
        assert done.returncode == 0, done.stderr
        told[name] = json.loads(done.stdout)
    if len({each["blas"] for each in told.values()}) < 2:
        pytest.skip("numpy's BLAS computes the same under each name of a processor: there is nothing to compare")
    return {name: each["answers"] for name, each in told.items()}


@pytest.mark.parametrize("what", ["voxels", "patches", "real", "stacks", "lesions"])
def test_every_processor_gives_the_same_to_the_last_bit(answers, what):
    first, *others = [each[what] for each in answers.values()]
    assert len(others) >= 1
    for other in others:
        assert other == first


def test_the_cases_are_such_that_a_last_bit_would_decide(answers):
    """2,400 seeds, nearly all on an edge; leaning scans and upright ones; faults and none."""
    found = [voxel for case in answers["this processor's"]["voxels"] for voxel in case[6:46]]
    assert len(found) == 2400
    assert sum(on_edge for _, on_edge, *_ in found) > 1500
    series = answers["this processor's"]["stacks"]
    assert any(faults for _, _, faults, _ in series)
    assert any(notes for *_, notes in series)
