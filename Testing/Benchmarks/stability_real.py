"""Stability on the real test CTs, by the small encoder: what was found, as tables in Markdown.

From the root: `.venv/bin/python Testing/Benchmarks/stability_real.py`. Needs the test CTs (FMCIB_TEST_DATA) and the
golden cases beside them. It asserts nothing.

    jitter      every golden case, its seed moved as the paper moved LUNG1's
    in mask     a nodule whose mask four readers agreed on: seeds in the mask, and as many around it as widely
    recon       one acquisition in three reconstructions (a skull phantom): places of it as lesions
    radiomics   balls at some of these places, by PyRadiomics where it is installed, beside the network's features there
    resolution  one lung, and every second voxel of it: places as lesions
    follow-up   the same lung at two times, registered, both at that half resolution
"""

from __future__ import annotations

import csv
import os
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.heads.choose import Features, choose_heads
from fmcib_engine.pipeline import cut, encode
from fmcib_engine.preprocessing import Patch
from fmcib_engine.probing.table import Provenance
from fmcib_engine.readers import read_volume
from fmcib_engine.stability.cohort import agree, summary
from fmcib_engine.stability.jitter import Jitter, in_mask, normal
from fmcib_engine.stability.one import Asked, Others, Steadiness, cut_all, disturb
from fmcib_engine.stability.pairs import Row, arrange
from fmcib_engine.stability.radiomics import ABSENT, extractor, is_installed
from fmcib_engine.volume import Volume
from fmcib_engine.weights import load_encoder
from machine import load_average, machine_line

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FMCIB_TEST_DATA", ROOT.parent / "shared" / "data"))
WEIGHTS = ROOT / "FMCIBExtension" / "fmcib_engine" / "weights" / "small.safetensors"
DRAWS = 50
RECONSTRUCTIONS = {
    "1 mm soft": "dcm_qa_ct_S21570_S2020_1mm_UB_iDose_crop.nrrd",
    "5 mm soft": "dcm_qa_ct_S21570_S2010_5mm_UB_crop.nrrd",
    "1 mm bone": "dcm_qa_ct_S21570_S2030_1mm_YA_bone_crop.nrrd",
}
RADIUS_MM = 10.0


def main() -> int:
    encoder = load_encoder(WEIGHTS, device="cpu", engine="pytorch")
    heads = choose_heads("auto", Features(encoder, str(WEIGHTS), encoder.spec.recipe_id), lambda _: encoder)
    print(f"Weights `{encoder.weights.name}`, SHA-256 {encoder.weights.sha256[:12]}…, by PyTorch, random seed 0:")
    print(f"{encoder.weights.caution}. {machine_line()}.")
    with tempfile.TemporaryDirectory() as name:
        cases = _cases(Path(name))
        _jitter(cases, encoder, heads)
    _in_mask(encoder, heads)
    recon = {name: read_volume(DATA / "multirecon" / file) for name, file in RECONSTRUCTIONS.items()}
    _places("Three reconstructions of one acquisition", recon, 15.0, encoder)
    _radiomics(recon, 30.0, encoder)
    lung, before = (read_volume(DATA / "elastix" / f"3DCT_lung{name}.mha") for name in ("", "_baseline_small"))
    half = every_second(lung, before.grid)
    _places("One lung at two resolutions", {"full": lung, "every second voxel": half}, 40.0, encoder)
    _places("One lung at two times, every second voxel", {"follow-up": half, "baseline": before}, 40.0, encoder)
    print(f"\nAt the end: {load_average()}.")
    return 0


def every_second(volume: Volume, wanted: VoxelGrid) -> Volume:
    """Every second voxel, from the second on: the grid on which the baseline comes.

    Raises:
        ValueError: it is another grid.
    """
    thin = np.ascontiguousarray(volume.array[1::2, 1::2, 1::2])
    first, spacing = volume.grid.to_patient((1, 1, 1)), volume.grid.spacing * 2
    grid = VoxelGrid.from_parts(thin.shape[::-1], origin=first, spacing=spacing, direction=volume.grid.direction)
    if grid.size != wanted.size or not np.allclose(grid.affine, wanted.affine, atol=1e-3):
        msg = f"the baseline's grid was expected to be {grid}, got {wanted}"
        raise ValueError(msg)
    return Volume(thin, wanted)


def _cases(folder: Path) -> list[tuple[str, Volume, PatientPoint]]:
    found = []
    with (DATA.parent / "golden" / "golden_cases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = DATA / row["image"]
            if path.name.endswith(".tar.xz"):
                with tarfile.open(path) as archive:
                    archive.extractall(folder, filter="data")
                path = folder
            seed = PatientPoint(*(float(row[f"coord{axis}"]) for axis in "XYZ"))
            found.append((row["case"], read_volume(path), seed))
    return found


def _jitter(cases, encoder, heads) -> None:
    patches = [cut(volume, seed) for _, volume, seed in cases]
    features = np.stack([one.features for one in encode(patches, encoder)])
    patients = [_patient(name) for name, *_ in cases]
    print(f"\n### Seed jitter, variance 16 mm² along each axis, {DRAWS} draws\n")
    print("| case | in the scan | cosine: mean, smallest | nearest to itself | likeliest site | stays | sd of it |")
    print("|---|--:|--:|--:|---|--:|--:|")
    for index, (name, volume, seed) in enumerate(cases):
        different = [at for at, patient in enumerate(patients) if patient != patients[index]]
        others = Others(features[different], f"{len(different)} cases of other patients")
        asked = Asked(normal(seed, DRAWS, 16, 0), others=others)
        print(f"| {name} | {_line(disturb(volume, seed, encoder, heads, asked))} |")
        sys.stdout.flush()


def _patient(case: str) -> str:
    """Of a golden case: lidc-0314-RAS and lidc-0314-5mm are one lesion in other files."""
    parts = case.split("-")
    return "-".join(parts[:2]) if parts[0] in {"lidc", "r01", "lung1"} else parts[0]


def _line(found: Steadiness) -> str:
    similar, rank = found.cosines(found.drawn), found.rank(found.drawn)
    head = next(each for each in found.heads if each.id == "phantom-site")
    top, stays, of = found.same_class(head)
    nearest = f"{rank.first} of {rank.draws} (among {rank.others})" if rank else "no others"
    sd = found.spreads()[head.id, top].sd
    cosine = f"{similar.mean():.3f}, {similar.min():.3f}"
    return f"{len(found.drawn)} | {cosine} | {nearest} | {top} | {stays} of {of} | {sd:.3f}"


def _in_mask(encoder, heads) -> None:
    volume = read_volume(DATA / "lidc" / "LIDC-IDRI-0314_crop.nrrd")
    mask = read_volume(DATA / "lidc" / "LIDC-IDRI-0314_crop_mask.nrrd")
    inside = in_mask(mask, 2 * DRAWS, 0)
    places = np.array([tuple(point) for point in inside.points])
    centre = PatientPoint.from_lps(places.mean(axis=0))
    variance = float(places.var(axis=0).mean())
    around = normal(centre, 2 * DRAWS, variance, 0)
    kept = [point for point in around.points if not _is_in(mask, point)]
    outside = Jitter(f"{around.how}; of these the {len(kept)} outside the mask", tuple(kept))
    print("\n### In the four readers' mask against around it (LIDC-IDRI-0314)\n")
    print(
        "| seeds | draws | cosine: mean, smallest | likeliest site | stays | sd of it | density: sd of the likeliest |"
    )
    print("|---|--:|--:|---|--:|--:|--:|")
    for jitter in (inside, around, outside):
        found = disturb(volume, centre, encoder, heads, Asked(jitter))
        similar = found.cosines(found.drawn)
        parts = _line(found).split(" | ")
        density = next(each for each in found.heads if each.id == "phantom-density")
        top, stays, of = found.same_class(density)
        sd = found.spreads()[density.id, top].sd
        cosine = f"{similar.mean():.3f}, {similar.min():.3f}"
        said = f"{top}, {sd:.3f}, stays in {stays} of {of}"
        print(f"| {jitter.how} | {len(found.drawn)} | {cosine} | {' | '.join(parts[3:])} | {said} |")


def _is_in(mask: Volume, point: PatientPoint) -> bool:
    index = np.rint(mask.grid.to_index(point)).astype(int)
    if (index < 0).any() or (index >= mask.grid.size).any():
        return False
    i, j, k = index.tolist()
    return bool(np.asarray(mask.array[k : k + 1, j : j + 1, i : i + 1]).any())


def _places(title: str, volumes: dict[str, Volume], step_mm: float, encoder) -> None:
    """Places of a scan as lesions, each in every condition; those whose patch is half outside are left out."""
    good = _good_places(volumes, step_mm, encoder)
    rows = [
        Row(f"{at}", name, one.features.astype(np.float64), {}, {})
        for name, patches in good.items()
        for at, one in enumerate(encode(patches, encoder))
    ]
    _tell(title, rows, step_mm)


def _radiomics(volumes: dict[str, Volume], step_mm: float, encoder) -> None:
    """PyRadiomics' features of balls at places of a scan, beside the network's of the patches there."""
    if not is_installed():
        print(f"\n{ABSENT}.")
        return
    measure, rows = extractor(), []
    for name, patches in _good_places(volumes, step_mm, encoder).items():
        for at, (patch, one) in enumerate(zip(patches, encode(patches, encoder), strict=True)):
            with tempfile.TemporaryDirectory() as folder:
                found = measure(volumes[name], _ball(volumes[name].grid, patch.seed), Path(folder))
            rows.append(Row(f"{at}", name, one.features.astype(np.float64), {}, found))
    _tell(f"The same by PyRadiomics, balls of {2 * RADIUS_MM:g} mm", rows, step_mm)


def _ball(grid: VoxelGrid, centre: PatientPoint) -> Volume:
    k, j, i = np.indices(grid.size[::-1])
    where = grid.to_patient(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    inside = ((where - centre.to_array()) ** 2).sum(axis=1) <= RADIUS_MM**2
    return Volume(inside.reshape(grid.size[::-1]).astype(np.uint8), grid)


def _good_places(volumes: dict[str, Volume], step_mm: float, encoder) -> dict[str, list[Patch]]:
    """The patches at places that all conditions show: by condition, in the order of the places."""
    corners = [volume.grid.corners() for volume in volumes.values()]
    low = np.max([each.min(axis=0) for each in corners], axis=0)
    high = np.min([each.max(axis=0) for each in corners], axis=0)
    along = [np.arange(a + step_mm / 2, b, step_mm) for a, b in zip(low, high, strict=True)]
    points = [PatientPoint(*place) for place in np.array(np.meshgrid(*along, indexing="ij")).reshape(3, -1).T]
    cuts = {name: cut_all(volume, points, encoder.spec.recipe_id) for name, volume in volumes.items()}
    good = [
        at
        for at in range(len(points))
        if all(isinstance(each[at], Patch) and each[at].quality.padded_fraction < 0.5 for each in cuts.values())
    ]
    return {name: [patches[at] for at in good] for name, patches in cuts.items()}


def _tell(title: str, rows: list[Row], step_mm: float) -> None:
    measured = arrange(rows, Provenance())
    count = len(measured.lesions)
    print(f"\n### {title}: {count} places {step_mm:g} mm apart, {len(measured.conditions)} conditions\n")
    print("Overlapping patches are not independent: no interval is given.\n")
    for each in agree(measured).agreements:
        for coefficient, one in each.coefficients(measured.conditions):
            print(f"* {each.group.title} ({len(each.group.names)}), {coefficient}: {summary(one)}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
