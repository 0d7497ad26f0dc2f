"""What is measured on: a scan of 512x512x360 voxels with two seeds, and a weights file, in a folder that is removed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.phantom import chest_phantom
from fmcib_engine.readers import read_volume
from fmcib_engine.results.image import write_image
from fmcib_engine.volume import Volume
from fmcib_engine.weights.demonstration import demonstration_trunk

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FMCIB_TEST_DATA", ROOT.parent / "shared" / "data"))
REAL_CT = DATA / "radio" / "R01-001_crop.nrrd"  # 0.69x0.69x1 mm: its texture is nearly right as it is

SIZE = (512, 512, 360)
SPACING = (0.7, 0.7, 0.9)
ORIGIN = (-180.3, -330.1, -610.7)
BESIDE_THE_MIDDLE = np.array((37.31, -41.87, 22.73))


@dataclass(frozen=True)
class BenchmarkScan:
    """A scan as an uncompressed NIfTI file, and the same in memory as that file reads."""

    path: Path
    volume: Volume
    seeds: list[PatientPoint]
    made_of: str


def make_scan(folder: Path) -> BenchmarkScan:
    """A chest repeated in mirrors up to the size: real texture, int16, and nobody's anatomy."""
    if REAL_CT.is_file():
        piece, made_of = np.asarray(read_volume(REAL_CT).array), f"{REAL_CT.name}, mirrored"
    else:
        piece, made_of = np.asarray(chest_phantom(SPACING).array), "the engine's chest phantom, mirrored"
    array = mirrored(piece.astype(np.int16), SIZE[::-1])
    grid = VoxelGrid.from_parts(SIZE, origin=ORIGIN, spacing=SPACING, direction=np.eye(3))
    middle = grid.to_patient((np.array(SIZE) - 1) / 2)
    seeds = [PatientPoint.from_lps(middle), PatientPoint.from_lps(middle + BESIDE_THE_MIDDLE)]
    return _as_file(Volume(array, grid), seeds, made_of, folder)


def copy_scan(source: Path, seed: tuple[float, float, float], folder: Path) -> BenchmarkScan:
    """The user's scan, rewritten in the form that both sides read: uncompressed NIfTI."""
    return _as_file(read_volume(source), [PatientPoint(*seed)], source.name, folder)


def make_weights(folder: Path) -> Path:
    """The demonstration weights in the form of the published file, 740 MB."""
    path = folder / "weights.torch"
    torch.save({"trunk_state_dict": demonstration_trunk()}, path)
    return path


def mirrored(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`array` and its mirror images side by side along each axis, cut to `shape`."""
    for axis, wanted in enumerate(shape):
        there_and_back = np.concatenate([array, np.flip(array, axis)], axis)
        index = np.arange(wanted) % there_and_back.shape[axis]
        array = there_and_back.take(index, axis)
    return array


def _as_file(volume: Volume, seeds: list[PatientPoint], made_of: str, folder: Path) -> BenchmarkScan:
    path = folder / "scan.nii"
    write_image(volume, path)
    read_back = read_volume(path)
    in_memory = Volume(np.array(read_back.array), read_back.grid)
    return BenchmarkScan(path, in_memory, seeds, made_of)
