"""One process of `test_processors.py`: what the engine decides, to the last bit, as JSON on standard output.

    python process_kernels.py FOLDER

The folder holds `cases.json`, grids and seeds as fixed numbers, and `series/`, DICOM series. `blas` shows which kernels
numpy's own products were made by.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from fmcib_engine import phantom
from fmcib_engine.errors import SeedError, SeriesError
from fmcib_engine.geometry import PatientPoint, VoxelGrid, point_in_frame
from fmcib_engine.phantom.sites import SITES
from fmcib_engine.preprocessing import RECIPES, cut_patch, fmcib_csv_v1, fmcib_yaml_v1
from fmcib_engine.preprocessing.crop import Crop
from fmcib_engine.readers import read_volume
from fmcib_engine.volume import Volume
from support import DATA, GOLDEN, golden_cases


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def blas() -> str:
    """Of products that BLAS and LAPACK make of 200 matrices."""
    rng = np.random.default_rng(0)
    matrices, others = rng.normal(size=(2, 200, 4, 4))
    return digest(
        np.stack([(a @ b, np.linalg.inv(a), np.linalg.solve(a, b)) for a, b in zip(matrices, others, strict=True)])
    )


def voxels(case: dict) -> list:
    """Grids of both recipes, and for each seed the voxel, whether it is on an edge, and its index."""
    source = VoxelGrid(tuple(case["size"]), np.array(case["affine"]))
    found: list = [source.is_upright, source.is_oblique, digest(source.inverse), digest(source.corners(0.5))]
    for recipe in (fmcib_csv_v1, fmcib_yaml_v1):
        target = recipe.resampled_grid(source)
        found += [target.size, digest(target.affine)]
        for seed in case["seeds"]:
            index = digest(target.to_index(PatientPoint(*seed)))
            try:
                crop = Crop.around(PatientPoint(*seed), source, target)
            except SeedError as error:  # beyond the scan's own grid
                found.append([str(error), False, index])
            else:
                found.append([crop.centre.tolist(), crop.on_edge, index, digest(crop.index_map(source))])
    ijk = [point_in_frame(seed, "ijk", source).to_array() for seed in case["seeds"]]
    return [*found, digest(np.array(ijk)), [source.border_distance(PatientPoint(*seed)) for seed in case["seeds"]]]


def patches(case: dict, number: int) -> list:
    """The patches of three seeds by both recipes: voxels, what is inside, place, and facts."""
    source = VoxelGrid(tuple(case["size"]), np.array(case["affine"]))
    array = np.random.default_rng(number).integers(-1024, 1500, source.size[::-1]).astype(np.int16)
    found = []
    for seed in case["seeds"][:3]:
        for recipe in RECIPES:
            try:
                frame = cut_patch(Volume(array, source), PatientPoint(*seed), recipe).to_bytes()
            except SeedError as error:
                frame = str(error).encode()
            found.append(hashlib.sha256(frame).hexdigest())
    return found


def real_patches() -> dict[str, str]:
    """Of the golden cases that are files, where they are here."""
    cases = [case for case in golden_cases() if GOLDEN.is_dir() and not case.image.endswith(".xz")]
    return {
        f"{case} {recipe}": cut_patch(read_volume(DATA / case.image), PatientPoint(*case.seed), recipe).sha256
        for case in cases
        for recipe in RECIPES
    }


def stacks(folder: Path) -> list:
    """Grids, faults and notes of DICOM series with jitter, gaps and slices aside, on leaning axes."""
    found = []
    for series in sorted(folder.iterdir()):
        try:
            volume = read_volume(series)
        except SeriesError as error:
            found.append(str(error))
            continue
        faults = [(fault.first, fault.last, fault.reason) for fault in volume.faults]
        found.append([volume.grid.size, digest(volume.grid.affine), faults, volume.source.notes])
    return found


def lesions() -> list[str]:
    """Of two computer-made lesions of each site, by all scanners."""
    patches = [phantom.draw(phantom.sample_case(number, 3, site=site)) for number, site in enumerate([*SITES] * 2)]
    return [digest(patch.hu) + digest(patch.mask) for patch in patches]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    answers = {
        "voxels": [voxels(case) for case in cases],
        "patches": [patches(case, number) for number, case in enumerate(cases[::4])],
        "real": real_patches(),
        "stacks": stacks(folder / "series"),
        "lesions": lesions(),
    }
    print(json.dumps({"blas": blas(), "answers": answers}))
