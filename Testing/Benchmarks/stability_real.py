"""Stability on the real test CTs, by the small encoder: what was found, as tables in Markdown.

From the root: `.venv/bin/python Testing/Benchmarks/stability_real.py`. Needs the test CTs (FMCIB_TEST_DATA) and the
golden cases beside them. It asserts nothing.

    jitter      every golden case, its seed moved as the paper moved LUNG1's
    in mask     a nodule whose mask four readers agreed on: seeds in the mask, and as many around it as widely
    recon       one acquisition in three reconstructions (a skull phantom): places of it as lesions
    follow-up   one lung at two times, registered, and at half resolution: places of it as lesions
"""

from __future__ import annotations

import csv
import os
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.heads.choose import Features, choose_heads
from fmcib_engine.pipeline import cut, encode
from fmcib_engine.preprocessing import Patch
from fmcib_engine.probing.table import Provenance
from fmcib_engine.readers import read_volume
from fmcib_engine.stability.cohort import agree, summary
from fmcib_engine.stability.jitter import Jitter, in_mask, normal
from fmcib_engine.stability.one import Asked, Others, Steadiness, cut_all, disturb
from fmcib_engine.stability.pairs import Row, arrange
from fmcib_engine.volume import Volume
from fmcib_engine.weights import load_encoder
from machine import machine_line

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FMCIB_TEST_DATA", ROOT.parent / "shared" / "data"))
WEIGHTS = ROOT / "FMCIBExtension" / "fmcib_engine" / "weights" / "small.safetensors"
DRAWS = 50


def main() -> int:
    print(machine_line())
    encoder = load_encoder(WEIGHTS, device="cpu", engine="pytorch")
    heads = choose_heads("auto", Features(encoder, str(WEIGHTS), encoder.spec.recipe_id), lambda _: encoder)
    print(f"\nWeights {encoder.weights.name}, SHA-256 {encoder.weights.sha256[:12]}…: {encoder.weights.caution}")
    with tempfile.TemporaryDirectory() as name:
        cases = _cases(Path(name))
        _jitter(cases, encoder, heads)
    _in_mask(encoder, heads)
    _places(
        "Three reconstructions of one acquisition",
        {
            "1 mm soft": "multirecon/dcm_qa_ct_S21570_S2020_1mm_UB_iDose_crop.nrrd",
            "5 mm soft": "multirecon/dcm_qa_ct_S21570_S2010_5mm_UB_crop.nrrd",
            "1 mm bone": "multirecon/dcm_qa_ct_S21570_S2030_1mm_YA_bone_crop.nrrd",
        },
        15.0,
        encoder,
    )
    _places(
        "One lung, twice",
        {"full": "elastix/3DCT_lung.mha", "half resolution": "elastix/3DCT_lung_baseline_small.mha"},
        40.0,
        encoder,
    )
    return 0


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


def _places(title: str, files: dict[str, str], step_mm: float, encoder) -> None:
    """Places of a scan as lesions, each in every condition; those whose patch is half outside are left out."""
    volumes = {name: read_volume(DATA / file) for name, file in files.items()}
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
    rows = []
    for name, patches in cuts.items():
        for at, one in zip(good, encode([patches[at] for at in good], encoder), strict=True):
            rows.append(Row(f"{at}", name, one.features.astype(np.float64), {}, {}))
    measured = arrange(rows, Provenance())
    print(f"\n### {title}: {len(good)} places {step_mm:g} mm apart, {len(measured.conditions)} conditions\n")
    print("Overlapping patches are not independent: no interval is given.\n")
    for each in agree(measured).agreements:
        for coefficient, one in each.coefficients(measured.conditions):
            print(f"* {coefficient}: {summary(one)}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
