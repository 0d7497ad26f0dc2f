"""Computer-made lesions: what they say of themselves is so."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from fmcib_engine.errors import InputError
from fmcib_engine.phantom import Case, draw, draw_elsewhere, sample_case
from fmcib_engine.phantom.acquisition import Acquisition, Grid
from fmcib_engine.phantom.dice import Dice
from fmcib_engine.phantom.filling import DENSITY_HU
from fmcib_engine.phantom.lesions import EDITION
from fmcib_engine.phantom.outline import OUTLINES, Outline, outline_of
from fmcib_engine.phantom.scanners import KERNELS, SCANNERS
from fmcib_engine.phantom.sites import SITES
from fmcib_engine.phantom.space import smooth_field
from fmcib_engine.phantom.tissues import PHASES, tissue_ranges

EVERY_LESION = [(site, density) for site in SITES for density in SITES[site].densities]


PATCHES = {
    "bone": "f9b4ce5efc241f4a",
    "abdomen": "a44254351458d8c0",
    "mediastinum": "26ae9c2d2fcb09d3",
    "liver": "7cf444e6133130dd",
    "lung": "6d1736d2839bbeb4",
    "kidney": "62c628e44ea66c06",
    "soft tissue": "21e59e417407a9c1",
    "pelvis": "4eb9b6a58ebc559c",
}
"""SHA-256 of one patch and mask of each site in the edition `lesions-1`: another voxel is another edition."""


def sha(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


@cache
def without_noise(site: str, number: int, **fixed):
    """On the best scanner, so that HU are the tissues'."""
    best = {"noise_hu": 0.0, "kernel": "standard", "pixel_mm": 0.7, "thickness_mm": 1.0, "increment_mm": 1.0}
    return draw(sample_case(number, 4, site=site, **best, **fixed))


def outline(diameter: float, roughness: float, number: int) -> Outline:
    return Outline.drawn(diameter, roughness, Dice(9, number))


def inside(shape: Outline) -> np.ndarray:
    """Voxels of 1 mm that hold all of it, and 3 mm more."""
    return shape.distance((around(shape),) * 3) <= 0


def around(shape: Outline) -> np.ndarray:
    half = int(shape.reach) + 3
    return (np.arange(2 * half) - half + 0.5).astype(np.float32)


# The same again


def test_a_patch_has_the_recipes_grid_and_hu_that_ct_can_say():
    patch = draw(sample_case(0))
    assert patch.hu.shape == patch.mask.shape == (50, 50, 50)
    assert patch.hu.dtype == np.float32
    assert patch.mask.dtype == np.bool_
    assert -1024 <= patch.hu.min() < patch.hu.max() <= 3071


def test_another_process_makes_the_same_bits_in_another_order():
    script = """
import hashlib, sys
from fmcib_engine.phantom import draw, sample_case
for number in (7, 3, 5):
    patch = draw(sample_case(number, 11))
    print(hashlib.sha256(patch.hu.tobytes() + patch.mask.tobytes()).hexdigest())
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8")
    here = {number: draw(sample_case(number, 11)) for number in (3, 5, 7)}
    assert done.stdout.split() == [
        hashlib.sha256(here[n].hu.tobytes() + here[n].mask.tobytes()).hexdigest() for n in (7, 3, 5)
    ]


@pytest.mark.parametrize(("number", "site"), list(enumerate(SITES)))
def test_a_patch_has_the_bits_of_its_edition(number, site):
    assert EDITION == "lesions-1"
    patch = draw(sample_case(number, 1, site=site))
    assert hashlib.sha256(patch.hu.astype("<f4").tobytes() + patch.mask.tobytes()).hexdigest()[:16] == PATCHES[site]


def test_cases_and_runs_differ():
    assert len({sha(draw(sample_case(number, run)).hu) for number, run in product(range(3), range(2))}) == 6


def test_what_json_holds_makes_the_same_patch():
    case = sample_case(12, 3)
    again = Case.from_json(json.loads(json.dumps(case.to_json())))
    assert again == case
    assert sha(draw(again).hu) == sha(draw(case).hu)


def test_what_is_asked_for_leaves_the_rest_as_it_was():
    for number in range(20):
        drawn = sample_case(number, 2)
        other = sample_case(number, 2, site="liver", scanner="A", density="solid")
        kept = ("phase", "diameter_mm", "roughness", "outline", "seed_offset_mm" if drawn.scanner == "A" else "phase")
        assert [getattr(other, name) for name in kept] == [getattr(drawn, name) for name in kept]
        same_scanner = sample_case(number, 2, site="lung")
        assert same_scanner.scanner == drawn.scanner
        assert same_scanner.pixel_mm == drawn.pixel_mm


def test_a_smooth_field_is_the_same_whatever_else_is_asked_for_with_it():
    z, y, x = np.arange(40.0), np.arange(30.0), np.arange(20.0)
    axes = [axis.astype(np.float32) for axis in (z, y, x)]
    whole = smooth_field(5, tuple(axes), 6.0)
    part = smooth_field(5, (axes[0][10:20], axes[1][3:9], axes[2][-4:]), 6.0)
    np.testing.assert_array_equal(part, whole[10:20, 3:9, -4:])
    big = smooth_field(6, (np.arange(160, dtype=np.float32),) * 3, 4.0)
    assert abs(big.mean()) < 0.05
    assert big.std() == pytest.approx(1.0, abs=0.05)


# Independence


def test_site_and_scanner_know_nothing_of_each_other():
    cases = [sample_case(number, 77) for number in range(4800)]
    pairs = Counter((case.site, case.scanner) for case in cases)
    counts = np.array([pairs[pair] for pair in product(SITES, SCANNERS)])
    expected = len(cases) / counts.size
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert chi_squared < 82  # 47 degrees of freedom: one in a thousand is beyond
    for name, values in (("phase", PHASES), ("outline", OUTLINES)):
        shares = [np.mean([getattr(c, name) == value for c in cases]) for value in values]
        assert shares == pytest.approx([1 / len(values)] * len(values), abs=0.03)


def test_the_scanner_changes_the_picture_and_nothing_of_the_patient():
    first, second = (draw(sample_case(4, 8, site="kidney", scanner=scanner)) for scanner in "AC")
    assert first.details == second.details
    assert sha(first.hu) != sha(second.hu)


# The lesion's truth


@pytest.mark.parametrize("diameter", [4.0, 7.0, 15.0, 27.0, 40.0])
@pytest.mark.parametrize("roughness", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_the_mask_has_the_volume_of_the_diameter(diameter, roughness):
    for number in range(3):
        volume = np.count_nonzero(inside(outline(diameter, roughness, number)))
        assert (6 / np.pi * volume) ** (1 / 3) == pytest.approx(diameter, abs=0.6)


def test_nothing_of_a_lesion_is_beyond_its_reach():
    for number, roughness in product(range(4), (0.0, 0.5, 1.0)):
        shape = outline(36.0, roughness, number)
        assert np.abs(around(shape)[np.argwhere(inside(shape))]).max() <= shape.reach


def sphericity(mask: np.ndarray) -> float:
    """Of voxels: 1.21 times too many faces for a ball, so a ball has about 0.66."""
    faces = sum(np.count_nonzero(np.diff(np.pad(mask, 1).astype(np.int8), axis=axis)) for axis in range(3))
    return float(np.pi ** (1 / 3) * (6 * np.count_nonzero(mask)) ** (2 / 3) / faces)


@pytest.mark.parametrize("diameter", [10.0, 20.0, 35.0])
def test_the_three_outlines_are_told_apart_by_sphericity(diameter):
    found = {
        name: [sphericity(inside(outline(diameter, rough, number))) for number in range(12)]
        for name, rough in zip(OUTLINES, (0.1, 0.5, 0.85), strict=True)
    }
    assert min(found["smooth"]) > max(found["spiculated"])
    assert np.median(found["smooth"]) > np.median(found["lobulated"]) > np.median(found["spiculated"])


def test_the_outline_is_named_by_its_roughness():
    assert [outline_of(r) for r in (0.0, 0.33, 0.34, 0.66, 0.67, 1.0)] == [
        "smooth", "smooth", "lobulated", "lobulated", "spiculated", "spiculated",
    ]  # fmt: skip


def test_more_roughness_makes_less_of_a_ball_step_by_step():
    means = [np.mean([sphericity(inside(outline(20.0, r, n))) for n in range(6)]) for r in (0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    assert (np.diff(means) < 0).all()


def test_the_lesion_lies_where_the_recipe_puts_a_seed():
    """A seed is 0.5 to 1.5 mm beyond the middle of the patch: the recipe truncates."""
    for number in range(6):
        patch = draw(sample_case(number, 5, diameter_mm=14.0, roughness=0.0))
        x, y, z = np.argwhere(patch.mask).mean(axis=0)[::-1] - 24.5
        assert [x, y, z] == pytest.approx(patch.case.seed_offset_mm, abs=0.8)


@pytest.mark.parametrize(("site", "density"), EVERY_LESION)
def test_a_lesion_has_the_hu_of_its_filling(site, density):
    for number in range(2):
        patch = without_noise(site, number, density=density, diameter_mm=22.0, roughness=0.2)
        healthy = draw(patch.case, lesion=False)
        core = patch.hu[inside_core(patch.mask)]
        if density in DENSITY_HU:
            assert DENSITY_HU[density][0] <= patch.details["lesion_special_hu"] <= DENSITY_HU[density][1]
        if density == "solid":
            wanted = patch.details["lesion_solid_hu"]
            if patch.details["lesion_necrosis"]:
                assert np.percentile(core, 5) <= 30
            else:
                assert np.median(core) == pytest.approx(wanted, abs=12)
        elif density == "calcified":
            assert np.percentile(patch.hu[patch.mask], 98) > 0.75 * patch.details["lesion_special_hu"]
        elif density == "fatty":
            assert np.percentile(core, 30) == pytest.approx(patch.details["lesion_special_hu"], abs=20)
        elif density == "ground-glass":
            assert np.percentile(core, 30) == pytest.approx(patch.details["lesion_special_hu"], abs=70)
            assert (patch.hu[patch.mask] > healthy.hu[patch.mask] - 40).mean() > 0.97  # it veils, it does not hide
        else:
            assert np.median(core) == pytest.approx(patch.details["lesion_solid_hu"], abs=25)
            assert np.percentile(patch.hu[patch.mask], 20) < -350


def inside_core(mask: np.ndarray) -> np.ndarray:
    """Voxels at most 3.5 mm from the middle of a mask."""
    middle = np.argwhere(mask).mean(axis=0)
    return ((np.indices(mask.shape) - middle[:, None, None, None]) ** 2).sum(axis=0) <= 12


def test_only_the_lesion_differs_from_the_same_place_without_it():
    for number, site in enumerate(SITES):
        case = sample_case(number, 6, site=site, scanner="C", diameter_mm=15.0, roughness=0.2)
        sick, healthy = draw(case), draw(case, lesion=False)
        assert not healthy.mask.any()
        places = np.argwhere(np.abs(sick.hu - healthy.hu) > 0.01)
        lesion = np.argwhere(sick.mask)
        assert (places.min(axis=0) >= lesion.min(axis=0) - 6).all()
        assert (places.max(axis=0) <= lesion.max(axis=0) + 6).all()
        changed = np.abs(sick.hu - healthy.hu)[sick.mask]
        assert changed.mean() > 8, site


@pytest.mark.parametrize("site", SITES)
def test_a_negative_is_of_the_same_patient_and_does_not_hold_the_lesion(site):
    case = sample_case(3, 6, site=site, diameter_mm=38.0)
    negatives = [draw_elsewhere(case, number) for number in range(2)]
    for negative in negatives:
        assert not negative.mask.any()
        assert negative.details["fat_hu"] == draw(case, 16).details["fat_hu"]
    assert sha(negatives[0].hu) != sha(negatives[1].hu)


def test_a_negative_has_vessels_of_its_own():
    """Else a lesion could be told by them alone: lung and mesentery have some wherever one looks."""
    for site, low, high in (("lung", -600, 100), ("abdomen", 10, 400)):
        seen = [draw_elsewhere(sample_case(n, 6, site=site, scanner="D", noise_hu=0.0)).hu for n in range(6)]
        assert np.median([np.mean((hu > low) & (hu < high)) for hu in seen]) > 0.004, site


def test_a_negative_is_the_same_whether_the_lesion_was_there_or_not():
    case = sample_case(21, 6, roughness=1.0, diameter_mm=40.0)
    there = draw_elsewhere(case, 1)
    shape = Outline.drawn(40.0, 1.0, Dice(6, 21, 3))
    dice = Dice(6, 21, 5, 1)
    along = shape.reach + 25.0 + dice.uniform(1.0, 12.0)
    centre = (dice.uniform(-20.0, 20.0), dice.uniform(-20.0, 20.0), along * dice.side())
    assert sha(draw(case, 50, centre, lesion=False).hu) == sha(there.hu)


def test_the_noise_of_two_cubes_is_not_the_same_noise():
    """Else a negative could be told from strangers by its grain."""
    case = sample_case(2, 6, site="liver", scanner="B")
    quiet = sample_case(2, 6, site="liver", scanner="B", noise_hu=0.0)
    here, there = (draw(case, 50, place).hu - draw(quiet, 50, place).hu for place in ((0, 0, 0), (0, 0, 0.5)))
    assert here.std() == pytest.approx(there.std(), rel=0.1)
    assert abs(np.corrcoef(here.ravel(), there.ravel())[0, 1]) < 0.05


def test_a_larger_cube_holds_the_smaller_one():
    """Tissue and mask are the patient's; the noise is each cube's own."""
    case = sample_case(9, 6, noise_hu=0.0, site="abdomen")
    small, large = draw(case, 50, (1, 2, 3)), draw(case, 80, (1, 2, 3))
    np.testing.assert_array_equal(large.mask[15:65, 15:65, 15:65], small.mask)
    difference = np.abs(large.hu[15:65, 15:65, 15:65] - small.hu)
    assert difference[4:-4, 4:-4, 4:-4].max() < 0.05


# The patient


def share(patches, low, high):
    return np.mean([np.mean((patch.hu >= low) & (patch.hu < high)) for patch in patches])


@pytest.mark.parametrize(
    ("site", "what", "low", "high", "least", "most"),
    [
        ("lung", "air", -1024, -700, 0.45, 0.97),
        ("liver", "liver and what is like it", 25, 150, 0.6, 1.0),
        ("liver", "air", -1024, -400, 0.0, 0.25),
        ("kidney", "fat", -140, -60, 0.1, 0.6),
        ("kidney", "kidney and what is like it", 20, 230, 0.35, 0.85),
        ("bone", "bone", 180, 3071, 0.06, 0.6),
        ("mediastinum", "air of lungs and trachea", -1024, -600, 0.08, 0.6),
        ("mediastinum", "vessels and other soft tissue", 20, 420, 0.15, 0.8),
        ("mediastinum", "fat", -140, -40, 0.05, 0.6),
        ("abdomen", "fat", -140, -40, 0.15, 0.7),
        ("abdomen", "bowel and other soft tissue", 0, 330, 0.25, 0.8),
        ("soft tissue", "muscle", 30, 110, 0.2, 0.85),
        ("soft tissue", "fat", -140, -40, 0.08, 0.7),
        ("soft tissue", "bone", 400, 3071, 0.0, 0.08),
        ("pelvis", "soft tissue and urine", -20, 200, 0.3, 0.9),
        ("pelvis", "fat", -140, -40, 0.1, 0.65),
    ],
)
def test_each_site_has_its_neighbours(site, what, low, high, least, most):
    patches = [without_noise(site, number, diameter_mm=12.0, density="solid") for number in range(12)]
    assert least <= share(patches, low, high) <= most, what


def test_each_place_of_each_site_comes_up():
    places = {site: set() for site in SITES}
    for site, number in product(SITES, range(60)):
        case = sample_case(number, 1, site=site, scanner="A", diameter_mm=6.0, roughness=0.0)
        places[site].add(draw(case, 16, lesion=False).details["place"])
    assert {site: len(found) for site, found in places.items()} == {
        "bone": 4, "abdomen": 3, "mediastinum": 7, "liver": 4, "lung": 4, "kidney": 3, "soft tissue": 4, "pelvis": 5,
    }  # fmt: skip


@pytest.mark.parametrize("phase", PHASES)
def test_tissues_have_the_hu_of_their_ranges(phase):
    ranges = tissue_ranges(phase)
    for number in range(5):
        details = sample_details(number, phase)
        for name, (low, high) in ranges.items():
            assert low <= details[f"{name}_hu"] <= high


def sample_details(number: int, phase: str) -> dict:
    return draw(sample_case(number, 2, phase=phase), 16, lesion=False).details


def test_what_is_painted_has_the_hu_that_the_details_say():
    for number in range(4):
        liver = without_noise("liver", number)
        assert np.median(liver.hu[liver.hu > 0]) == pytest.approx(liver.details["liver_hu"], abs=25)
        lung = without_noise("lung", number, diameter_mm=5.0)
        assert np.median(lung.hu[lung.hu < -700]) == pytest.approx(lung.details["lung_hu"], abs=45)
        fat = without_noise("soft tissue", number)
        fatty = fat.hu[(fat.hu > -140) & (fat.hu < -70)]
        assert np.percentile(fatty, 35) == pytest.approx(fat.details["fat_hu"], abs=15)


def test_contrast_makes_arteries_brighter():
    plain, arterial = (tissue_ranges(phase)["artery"] for phase in ("none", "arterial"))
    assert plain[1] < arterial[0]
    bright = [share([without_noise("mediastinum", n, phase=phase) for n in range(6)], 220, 400) for phase in PHASES]
    assert bright[PHASES.index("arterial")] > bright[PHASES.index("none")] + 0.05


# The scanner


def empty_scan(kernel: str, noise: float, thickness: float = 1.0, increment: float = 1.0, size: int = 64) -> np.ndarray:
    """Noise alone, at the scanner's own voxels where they are of 1 mm."""
    scan = Acquisition.of_cube(Grid(1.0, thickness, increment, (0.5, 0.5, 0.5)), size)
    tissue = np.zeros([len(axis) for axis in scan.axes], dtype=np.float32)
    return scan.scan(tissue, KERNELS[kernel], noise, Dice(1, 2))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("thickness", [1.0, 3.0])
def test_noise_has_the_deviation_that_is_stated(kernel, thickness):
    noise = empty_scan(kernel, 20.0, thickness)
    assert noise.std() == pytest.approx(20.0, rel=0.04)
    assert abs(noise.mean()) < 1.0


def correlation(noise: np.ndarray, axis: int, apart: int = 1) -> float:
    first = np.take(noise, np.arange(noise.shape[axis] - apart), axis=axis)
    second = np.take(noise, np.arange(apart, noise.shape[axis]), axis=axis)
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def test_thick_slices_show_along_the_body():
    """Neighbours along z are nearly the same where slices are 5 mm, and hardly alike where they are 1 mm."""
    thin, thick = empty_scan("sharp", 20.0), empty_scan("sharp", 20.0, 5.0, 5.0)
    assert correlation(thin, 0) == pytest.approx(0.0, abs=0.03)
    assert correlation(thick, 0) > 0.75
    assert correlation(empty_scan("sharp", 20.0, 3.0, 1.0), 0) == pytest.approx(2 / 3, abs=0.05)


def test_kernels_have_a_grain_of_their_own():
    by_kernel = {kernel: correlation(empty_scan(kernel, 20.0), 2) for kernel in KERNELS}
    assert by_kernel["sharp"] < 0.1 < by_kernel["standard"] < by_kernel["soft"] < by_kernel["iterative"]


def test_a_sharp_kernel_shows_a_sharper_edge_than_a_soft_one():
    scan = Acquisition.of_cube(Grid(1.0, 1.0, 1.0, (0.5, 0.5, 0.5)), 40)
    tissue = np.broadcast_to(np.where(scan.axes[2] < 0, 0.0, 1000.0), [len(a) for a in scan.axes]).astype(np.float32)
    steepest = {k: np.diff(scan.scan(tissue, KERNELS[k], 0.0, Dice(1))[20, 20]).max() for k in KERNELS}
    assert steepest["sharp"] > steepest["standard"] > steepest["soft"]


def test_what_is_blurred_and_resampled_keeps_its_mean():
    for kernel, thickness in product(KERNELS, (1.0, 5.0)):
        scan = Acquisition.of_cube(Grid(0.83, thickness, thickness, (0.1, 0.7, 0.4)), 50)
        tissue = np.full([len(axis) for axis in scan.axes], 40.0, dtype=np.float32)
        np.testing.assert_allclose(scan.scan(tissue, KERNELS[kernel], 0.0, Dice(1)), 40.0, atol=0.01)


def test_tissue_is_where_it_is_whatever_the_grid():
    """A ball's middle, from pixels and slices of any phase."""
    for pixel, thickness, phase in ((0.7, 1.0, 0.2), (0.98, 5.0, 0.9), (1.1, 3.3, 0.5)):
        scan = Acquisition.of_cube(Grid(pixel, thickness, thickness, (phase, 1 - phase, phase)), 50)
        z, y, x = np.meshgrid(*scan.axes, indexing="ij")
        ball = np.clip(8.5 - np.sqrt((x - 3) ** 2 + (y + 2) ** 2 + (z - 1) ** 2), 0, 1).astype(np.float32) * 1000
        hu = scan.scan(ball, KERNELS["standard"], 0.0, Dice(1)).astype(float)
        middle = [(np.moveaxis(hu, axis, 0).sum(axis=(1, 2)) * scan.out).sum() / hu.sum() for axis in (2, 1, 0)]
        assert middle == pytest.approx([3.0, -2.0, 1.0], abs=0.15)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_a_scanners_numbers_lie_in_its_ranges(scanner):
    about = SCANNERS[scanner]
    for number in range(40):
        case = sample_case(number, 1, scanner=scanner)
        assert about.pixel_mm[0] <= case.pixel_mm <= about.pixel_mm[1]
        assert about.thickness_mm[0] <= case.thickness_mm <= about.thickness_mm[1]
        assert about.noise_hu[0] <= case.noise_hu <= about.noise_hu[1]
        assert about.overlap[0] - 1e-9 <= case.increment_mm / case.thickness_mm <= about.overlap[1] + 1e-9
        assert case.kernel in about.kernels


# What can be asked for


@pytest.mark.parametrize(("site", "density"), EVERY_LESION)
def test_every_combination_can_be_drawn(site, density):
    for number, (phase, roughness) in enumerate(product(PHASES, (0.0, 0.5, 1.0))):
        scanner = list(SCANNERS)[number % len(SCANNERS)]
        for diameter in (4.0, 40.0):
            asked = {"site": site, "density": density, "scanner": scanner, "phase": phase}
            patch = draw(sample_case(number, 1, roughness=roughness, diameter_mm=diameter, **asked), 20)
            assert patch.mask.any()
            assert np.isfinite(patch.hu).all()
            json.dumps({**patch.case.to_json(), **patch.details})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"number": -1}, "whole number from 0"),
        ({"number": 1.5}, "whole number from 0"),
        ({"number": 1, "run_seed": True}, "run seed"),
        ({"number": 1, "site": "brain"}, "No site 'brain'.*bone, abdomen"),
        ({"number": 1, "scanner": "Z"}, "No scanner 'Z'.*A, B"),
        ({"number": 1, "site": "liver", "density": "ground-glass"}, "liver cannot be ground-glass.*solid"),
        ({"number": 1, "density": "gold"}, "No density 'gold'"),
        ({"number": 1, "roughness": 1.2}, "roughness.*0 to 1, got 1.2"),
        ({"number": 1, "roughness": float("nan")}, "roughness"),
        ({"number": 1, "diameter_mm": 90.0}, "diameter_mm.*4 to 40, got 90"),
        ({"number": 1, "phase": "late"}, "No phase 'late'"),
        ({"number": 1, "kernel": "B31f"}, "No kernel 'B31f'"),
        ({"number": 1, "noise_hu": -1.0}, "noise_hu"),
        ({"number": 1, "colour": "red"}, "no value 'colour'.*diameter_mm"),
        ({"number": 1, "outline": "smooth"}, "no value 'outline'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        sample_case(**arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size_mm": 15}, "from 16 to 128, got 15"),
        ({"size_mm": 50.0}, "whole number of millimetres"),
        ({"centre_mm": (0, 0)}, "three numbers"),
        ({"centre_mm": (0, 0, 900)}, "at most 200 mm"),
        ({"centre_mm": (0, 0, float("nan"))}, "three numbers"),
    ],
)
def test_a_cube_that_cannot_be_is_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        draw(sample_case(0), **arguments)


def test_a_described_case_is_checked_value_by_value():
    values = sample_case(0).to_json()
    with pytest.raises(InputError, match="missing or unknown: site"):
        Case.from_json({name: value for name, value in values.items() if name != "site"})
    with pytest.raises(InputError, match="missing or unknown: colour"):
        Case.from_json({**values, "colour": "red"})
    wrong = next(name for name in OUTLINES if name != values["outline"])
    with pytest.raises(InputError, match="not " + wrong):
        Case.from_json({**values, "outline": wrong})
    with pytest.raises(InputError, match="pixel_mm"):
        Case.from_json({**values, "pixel_mm": 40.0})
    for wrong in ([0.5], 0.5, [0.5, 0.5, "x"], [0.5, 0.5, 7.0]):
        with pytest.raises(InputError, match="three numbers"):
            Case.from_json({**values, "grid_phase": wrong})
    with pytest.raises(InputError, match="No site"):
        Case.from_json({**values, "site": ["lung"]})
    with pytest.raises(InputError, match="diameter_mm"):
        Case.from_json({**values, "diameter_mm": "large"})


def test_a_case_cannot_be_changed_by_accident():
    case = sample_case(0)
    with pytest.raises(AttributeError):
        case.site = "lung"
    assert replace(case, site=case.site) == case
