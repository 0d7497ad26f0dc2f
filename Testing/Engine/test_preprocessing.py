"""Recipes against upstream's golden patches, against the whole-scan chains, and on phantoms that know the answer."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from fmcib_engine.errors import ImageError, InputError, ProtocolError, SeedError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import PATCH_SIZE, RECIPES, Patch, cut_patch, fmcib_csv_v1, fmcib_yaml_v1
from fmcib_engine.preprocessing.crop import Crop
from fmcib_engine.preprocessing.fmcib_csv_v1 import resampled_grid
from fmcib_engine.readers import read_volume
from fmcib_engine.volume import Volume
from support import GOLDEN, OBLIQUE, SIGNED_PERMUTATIONS, golden_cases, needs_golden, rotation


class CountingArray:
    """An array that remembers what was read from it."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.boxes: list[tuple[slice, slice, slice]] = []

    def __getitem__(self, box):
        self.boxes.append(box)
        return self._array[box]


@needs_golden
@pytest.mark.parametrize("case", golden_cases(), ids=str)
def test_the_patch_is_upstreams(case, golden, scan_path):
    patch = cut_patch(read_volume(scan_path(case.image)), PatientPoint(*case.seed))
    assert np.abs(patch.array - golden[f"{case.name}/patch"]).max() < 1e-5


@needs_golden
@pytest.mark.parametrize("case", golden_cases(), ids=str)
def test_only_the_box_around_the_seed_is_read_once(case, golden, scan_path):
    volume = read_volume(scan_path(case.image))
    array = CountingArray(volume.array)
    patch = cut_patch(Volume(array, volume.grid), PatientPoint(*case.seed))
    assert np.abs(patch.array - golden[f"{case.name}/patch"]).max() < 1e-5
    (box,) = array.boxes
    lean = np.abs(volume.grid.direction).sum(axis=0)  # an oblique box is wider than 50 mm
    for part, mm, widening in zip(box, volume.grid.spacing[::-1], lean[::-1], strict=True):
        assert (part.stop - part.start - 1) * mm <= PATCH_SIZE * widening + 2 * mm


@needs_golden
@pytest.mark.parametrize("name", ["lidc-0314-oblique", "lidc-0314-corner", "thorax-heart"])
def test_patches_need_neither_torch_nor_monai_and_one_access_to_the_scan(name):
    script = """
import sys
for name in ("torch", "monai"):
    sys.modules[name] = None  # import raises ImportError
import json, pathlib, numpy as np
from fmcib_engine import pipeline
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.readers import read_volume
from fmcib_engine.volume import Volume
from test_preprocessing import CountingArray
path, case, golden, *seed = sys.argv[1:]
scan = read_volume(pathlib.Path(path))
array = CountingArray(scan.array)
patch = pipeline.cut(Volume(array, scan.grid), PatientPoint(*map(float, seed)))
print(json.dumps([float(np.abs(patch.array - np.load(golden)[case + "/patch"]).max()), len(array.boxes)]))
"""
    case = next(case for case in golden_cases() if case.name == name)
    arguments = [GOLDEN.parent / "data" / case.image, case.name, GOLDEN / "golden.npz", *case.seed]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    difference, accesses = json.loads(done.stdout)
    assert difference < 1e-5
    assert accesses == 1


def random_volume(rng: np.random.Generator, size, spacing, direction, dtype=np.int16) -> Volume:
    array = rng.integers(-1100, 1500, size=size[::-1]).astype(dtype)
    origin = rng.uniform(-300, 300, 3)
    return Volume(array, VoxelGrid.from_parts(size, origin=origin, spacing=spacing, direction=direction))


def whole_scan_by_monai(volume: Volume, seed: PatientPoint) -> np.ndarray:
    """Upstream's chain of public MONAI transforms over the whole scan."""
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("monai.transforms")
    from monai.data import MetaTensor

    image = MetaTensor(
        torch.from_numpy(np.asarray(volume.array, dtype=np.float32).transpose(2, 1, 0).copy())[None],
        affine=torch.from_numpy(volume.grid.ras_affine),
    )
    image = transforms.NormalizeIntensity(subtrahend=-1024, divisor=3072)(image)
    image = transforms.Spacing(pixdim=1, padding_mode="zeros", mode="bilinear", align_corners=True, diagonal=True)(
        image
    )
    image = transforms.Orientation(axcodes="LPS", labels=(("L", "R"), ("P", "A"), ("I", "S")))(image)
    ras = (-seed.x, -seed.y, seed.z, 1.0)
    centre = [int(value) for value in (np.linalg.inv(image.affine.numpy()) @ ras)[:3]]
    box = tuple(slice(max(c - 25, 0), min(c + 25, n)) for c, n in zip(centre, image.shape[1:], strict=True))
    crop = image.as_tensor()[(slice(None), *box)].permute(0, 3, 2, 1)
    return transforms.SpatialPad(spatial_size=(50, 50, 50))(crop)[0].numpy()


def axis_aligned_cases():
    rng = np.random.default_rng(7)
    for number, direction in enumerate(SIGNED_PERMUTATIONS):
        spacing = [(0.7, 0.7, 1.25), (0.98, 0.9, 3.0), (1.0, 1.001, 0.999), (2.0, 0.5, 0.9995)][number % 4]
        yield pytest.param(direction, spacing, int(rng.integers(1 << 30)), id=f"order-{number}-spacing-{spacing}")


def oblique_cases():
    for number, (about_z, about_x) in enumerate([(17, 9), (-40, 3), (0, 18.5), (1e-4, 0), (0.01, 0.02)]):
        for spacing in [(0.8, 0.8, 1.0), (0.9, 1.1, 5.0), (1.0, 1.0, 1.0)]:
            yield pytest.param(rotation(about_z, about_x), spacing, number, id=f"turned-{about_z}-{about_x}-{spacing}")


@pytest.mark.parametrize(("direction", "spacing", "number"), [*axis_aligned_cases(), *oblique_cases()])
def test_csv_recipe_is_the_whole_scan_chain(direction, spacing, number):
    rng = np.random.default_rng(number)
    size = tuple(int(n) for n in np.ceil(rng.uniform(35, 80, 3) / spacing))
    volume = random_volume(rng, size, spacing, direction)
    for index in [rng.uniform(0, np.array(size) - 1), (0, 0, 0), np.array(size) - 1.0]:
        seed = PatientPoint.from_lps(volume.grid.to_patient(index))
        difference = np.abs(cut_patch(volume, seed).array - whole_scan_by_monai(volume, seed))
        assert difference.max() < 1e-5


def upstreams_grid(grid: VoxelGrid) -> tuple[tuple[int, ...], np.ndarray]:
    """Size and 4x4 to RAS mm of the grid that upstream's chain of MONAI transforms resamples a scan to."""
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("monai.transforms")
    from monai.data import MetaTensor

    image = MetaTensor(torch.zeros((1, *grid.size)), affine=torch.from_numpy(grid.ras_affine))
    image = transforms.Spacing(pixdim=1, padding_mode="zeros", align_corners=True, diagonal=True)(image)
    image = transforms.Orientation(axcodes="LPS", labels=(("L", "R"), ("P", "A"), ("I", "S")))(image)
    return tuple(image.shape[1:]), image.affine.numpy()


def test_seeds_on_the_very_edge_of_a_voxel_are_truncated_as_upstream_does():
    """Voxel centres are such edges, and users' seeds are voxel centres.

    In an upright scan upstream's last bit is the same on every processor, and ours; in a leaning one it is not, and the
    seed belongs to the voxel whose index it is.
    """
    rng = np.random.default_rng(5)
    for number in range(60):
        direction = SIGNED_PERMUTATIONS[rng.integers(48)] if number % 3 else rotation(*rng.uniform(-40, 40, 2))
        size = tuple(int(n) for n in rng.integers(6, 40, 3))
        spacing = rng.choice([0.5, 0.7, 0.78125, 0.9765625, 0.9995, 1.0, 1.25, 2.5, 3.0, 5.0], 3)
        grid = VoxelGrid.from_parts(
            size, origin=rng.uniform(-300, 300, 3).round(4), spacing=spacing, direction=direction
        )
        ours, (their_size, their_affine) = resampled_grid(grid), upstreams_grid(grid)
        assert ours.size == their_size
        to_index = np.linalg.inv(their_affine)
        for _ in range(40):
            on_ours = rng.random() < 0.5
            index = rng.integers(0, ours.size) if on_ours else rng.integers(0, grid.size)
            x, y, z = (ours if on_ours else grid).to_patient(index)
            upstream = (to_index @ (-x, -y, z, 1.0))[:3]
            mine = Crop.around(PatientPoint(x, y, z), grid, ours)
            if number % 3:
                assert np.array_equal(ours.to_index(PatientPoint(x, y, z)), upstream)
                assert mine.centre.tolist() == [int(value) for value in upstream]
            elif on_ours:
                assert mine.centre.tolist() == index.tolist()
                assert mine.on_edge == index.any()
                assert np.abs(upstream - index).max() < 1e-9
            else:
                assert mine.centre.tolist() == [int(value) for value in upstream]
                assert mine.on_edge == (np.abs(upstream - np.rint(upstream)) < 1e-6).any()


@pytest.mark.parametrize("direction", [np.eye(3), np.eye(3)[:, [2, 0, 1]] * (-1, 1, -1), OBLIQUE], ids=str)
@pytest.mark.parametrize("recipe", [fmcib_csv_v1, fmcib_yaml_v1], ids=lambda recipe: recipe.ID)
def test_a_seed_within_a_millionth_of_a_voxels_edge_says_so_and_is_truncated(direction, recipe):
    source = VoxelGrid.from_parts((70, 60, 50), origin=(-40, 10, -30), spacing=(2, 1, 1.5), direction=direction)
    target = recipe.resampled_grid(source)
    for index in (np.array((30.5, 20.25, 12.75)), np.array((-0.5, 3.5, 40.5))):
        for axis in range(3):
            for edge, off in itertools.product((-1, 1, 17), (-2e-6, -5e-7, 0.0, 5e-7, 2e-6)):
                place = index.copy()
                place[axis] = edge + off
                crop = Crop.around(PatientPoint.from_lps(target.to_patient(place)), source, target)
                assert crop.on_edge == (abs(off) < 1e-6)
                if off or not source.is_upright:  # upright: upstream's last bit, whatever it is (above)
                    assert crop.centre[axis] == int(edge + off)
    for off in (-1e-7, 0.0, 1e-7):  # -0.9 and 0.9 are truncated to 0: no edge
        crop = Crop.around(PatientPoint.from_lps(target.to_patient((off, 3.5, 40.5))), source, target)
        assert not crop.on_edge
        assert crop.centre[0] == 0


def test_rounding_errors_in_a_leaning_scans_header_change_no_voxel():
    """One and the same scan, read by another library or placed by a transform, differs in last bits."""
    rng = np.random.default_rng(8)
    for _ in range(40):
        size = tuple(int(n) for n in rng.integers(20, 60, 3))
        spacing = rng.choice([0.5, 0.7, 0.78125, 1.0, 1.001, 0.999, 1.25, 2.5], 3)
        grid = VoxelGrid.from_parts(
            size,
            origin=rng.uniform(-300, 300, 3).round(2),
            spacing=spacing,
            direction=rotation(*rng.uniform(-40, 40, 2)),
        )
        for recipe in (fmcib_csv_v1, fmcib_yaml_v1):
            target = recipe.resampled_grid(grid)
            seeds = [target.to_patient(rng.integers(0, np.minimum(target.size, 30))) for _ in range(5)]
            noise = 1.0 + rng.choice([-1, 0, 1], (4, 4)) * np.finfo(float).eps
            noisy = VoxelGrid(size, np.vstack([(grid.affine * noise)[:3], (0, 0, 0, 1)]))
            again = recipe.resampled_grid(noisy)
            assert again.size == target.size
            for seed in seeds:
                one, other = (Crop.around(PatientPoint(*seed), *pair) for pair in ((grid, target), (noisy, again)))
                assert one.centre.tolist() == other.centre.tolist()


def test_a_leaning_scan_of_half_millimetres_rounds_halves_to_even_as_an_upright_one():
    """n voxels of 0.5 mm: 10.5 mm are ten voxels of 1 mm, 11.5 twelve (`round`, in upstream's SimpleITK pipeline)."""
    for n, expected in ((21, 10), (23, 12), (85, 42), (87, 44)):
        for direction in (np.eye(3), OBLIQUE, rotation(-33, 21), rotation(5, -7)):
            grid = VoxelGrid.from_parts((n, n, n), origin=(1, 2, 3), spacing=(0.5,) * 3, direction=direction)
            assert fmcib_yaml_v1.resampled_grid(grid).size == (expected,) * 3


@pytest.mark.parametrize("turn", [45, -45, 135, -135, 44.9, 45.1], ids="{} degrees".format)
def test_a_scan_that_leans_by_45_degrees_is_cut_by_the_training_recipe(turn):
    """Two of its axes are as near to a patient axis as each other: the first is taken, whatever the last bit says."""
    direction = rotation(turn, 0)
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(5, 6, 7), spacing=(1, 1, 1), direction=direction)
    volume = Volume(np.random.default_rng(1).integers(-1000, 500, (60,) * 3).astype(np.int16), grid)
    seed = PatientPoint.from_lps(grid.to_patient((30.5, 30.5, 30.5)))
    patch = cut_patch(volume, seed, "fmcib-yaml-v1")
    nearest = direction[:, [1, 0, 2]] if turn == 45.1 else direction
    np.testing.assert_allclose(patch.grid.direction, nearest * np.sign(np.diag(nearest)), atol=1e-12)
    if turn in (44.9, 45.1):
        assert np.abs(patch.array - whole_scan_by_simpleitk(volume, seed)).max() * 3072 < 1.01


def test_the_row_warns_of_a_seed_on_an_edge_only_where_the_original_hangs_on_its_computer():
    for direction, words in ((np.eye(3), []), (OBLIQUE, ["edge between two voxels"])):
        grid = VoxelGrid.from_parts((120,) * 3, origin=(0, 0, 0), spacing=(1, 1, 1), direction=direction)
        volume = Volume(np.full((120,) * 3, -5, np.int16), grid)
        target = resampled_grid(grid)
        middle = np.array(target.size) // 2
        for off, on_edge in (((0, 0.25, 0.5), True), ((0.25, 0.25, 0.5), False)):
            quality = cut_patch(volume, PatientPoint.from_lps(target.to_patient(middle + np.array(off)))).quality
            assert quality.seed_on_voxel_edge is on_edge
            said = [one for one in quality.warnings() if "edge" in one]
            assert len(said) == len(words if on_edge else [])
            assert all(word in one for word, one in zip(words, said, strict=False))


def whole_scan_by_simpleitk(volume: Volume, seed: PatientPoint) -> np.ndarray:
    """Upstream's training chain: SimpleITK resampling, crop, orientation; then scaling and padding."""
    image = sitk.GetImageFromArray(np.asarray(volume.array))
    grid = volume.grid
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    size = [round(n * mm) for n, mm in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    image = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), (1, 1, 1), image.GetDirection(), -1024.0,
        image.GetPixelID(),
    )  # fmt: skip
    centre = [int(value) for value in image.TransformPhysicalPointToContinuousIndex(list(seed))]
    low = [max(c - 25, 0) for c in centre]
    high = [min(c + 25, n) for c, n in zip(centre, image.GetSize(), strict=True)]
    crop = sitk.DICOMOrient(image[low[0] : high[0], low[1] : high[1], low[2] : high[2]], "LPS")
    array = (sitk.GetArrayFromImage(crop).astype(np.float32) + 1024) / 3072
    missing = [PATCH_SIZE - n for n in array.shape]
    return np.pad(array, [(m // 2, m - m // 2) for m in missing])


@needs_golden
@pytest.mark.parametrize("case", golden_cases(), ids=str)
def test_yaml_recipe_is_the_simpleitk_chain_on_real_scans(case, scan_path):
    volume = read_volume(scan_path(case.image))
    seed = PatientPoint(*case.seed)
    patch = cut_patch(volume, seed, "fmcib-yaml-v1")
    difference_hu = np.abs(patch.array - whole_scan_by_simpleitk(volume, seed)) * 3072
    if volume.grid.is_oblique:  # where a value falls on a whole number, ITK's rounding along a row decides over 1 HU
        assert difference_hu.max() < 1.01
        assert (difference_hu > 0.01).mean() < 0.005
    else:
        assert difference_hu.max() < 0.01


@pytest.mark.parametrize("direction", [*SIGNED_PERMUTATIONS[::5], OBLIQUE])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_yaml_recipe_is_the_simpleitk_chain_on_phantoms(direction, dtype):
    rng = np.random.default_rng(3)
    volume = random_volume(rng, (70, 64, 30), (0.8, 0.9, 1.9), direction, dtype)
    for index in [(30.2, 31.7, 14.1), (1.0, 60.0, 28.0), (-0.4, -0.4, -0.4)]:
        seed = PatientPoint.from_lps(volume.grid.to_patient(index))
        patch = cut_patch(volume, seed, "fmcib-yaml-v1")
        difference_hu = np.abs(patch.array - whole_scan_by_simpleitk(volume, seed)) * 3072
        assert difference_hu.max() < 1.01
        assert (difference_hu > 0.05).mean() < 0.005


@pytest.mark.parametrize("recipe_id", list(RECIPES))
@pytest.mark.parametrize("direction", SIGNED_PERMUTATIONS)
def test_every_voxel_of_the_patch_lies_where_its_grid_says(recipe_id, direction):
    """A phantom whose voxels tell their own address: HU is a linear function of the place, so the patch must be too."""
    size, spacing = (90, 100, 40), (0.8, 0.7, 2.0)
    grid = VoxelGrid.from_parts(size, origin=(12.0, -30.0, 55.0), spacing=spacing, direction=direction)
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    places = grid.to_patient(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    slope = np.array([3.0, -5.0, 7.0])
    middle = grid.to_patient([(n - 1) / 2 for n in size])
    volume = Volume(((places - middle) @ slope).reshape(size[::-1]).astype(np.float32), grid)
    patch = cut_patch(volume, PatientPoint.from_lps(middle + np.array((1.3, -2.1, 0.6))), recipe_id)
    z, y, x = np.meshgrid(*(np.arange(PATCH_SIZE),) * 3, indexing="ij")
    expected = (patch.grid.to_patient(np.stack([x, y, z], axis=-1).reshape(-1, 3)) - middle) @ slope
    assert np.abs(patch.to_hu().ravel() - expected).max() < 0.02
    np.testing.assert_allclose(patch.grid.direction, np.eye(3), atol=1e-12)


def test_the_seed_lies_up_to_one_and_a_half_millimetres_beyond_the_centre():
    grid = VoxelGrid.from_parts((120, 120, 120), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    quality = cut_patch(Volume(np.full((120,) * 3, -5, np.int16), grid), PatientPoint(60.0, 60.25, 60.999)).quality
    assert quality.seed_offset_x_mm == pytest.approx(0.5)
    assert quality.seed_offset_y_mm == pytest.approx(0.75)
    assert quality.seed_offset_z_mm == pytest.approx(1.499)
    assert quality.padded_fraction == 0
    assert quality.border_distance_mm == pytest.approx(58.501)
    assert quality.warnings(lesion_diameter_mm=50.0) == []


def test_a_patch_at_the_border_says_how_much_of_it_is_padding():
    grid = VoxelGrid.from_parts((100, 100, 100), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    volume = Volume(np.full((100,) * 3, 40, np.int16), grid)
    quality = cut_patch(volume, PatientPoint(0, 50, 50)).quality
    assert quality.padded_fraction == pytest.approx(0.5)
    assert quality.border_distance_mm == pytest.approx(0.5)
    assert quality.seed_offset_x_mm == pytest.approx(-12.5)  # 25 mm of scan, padded by 12 before and 13 behind
    assert quality.warnings()[0] == "50.0% of the patch lies outside the scan"


@pytest.mark.parametrize("recipe_id", list(RECIPES))
def test_the_patch_knows_which_voxels_come_from_an_oblique_scan_with_air_of_minus_1024(recipe_id):
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(0, 0, 0), spacing=(1, 1, 1), direction=OBLIQUE)
    array = np.full((60,) * 3, 40, np.float32)
    array[25:35, 25:35, 25:35] = -1024
    patch = cut_patch(Volume(array, grid), PatientPoint.from_lps(grid.to_patient((20, 30, 30))), recipe_id)
    x, y, z = np.rint(patch.grid.to_index(PatientPoint.from_lps(grid.to_patient((30, 30, 30))))).astype(int)
    assert patch.array[z, y, x] == 0
    assert patch.inside[z, y, x]
    assert not patch.array[~patch.inside].any()
    assert (~patch.inside).mean() == pytest.approx(patch.quality.padded_fraction, abs=0.03)
    assert patch.quality.padded_fraction > 0.05


def test_a_patch_survives_the_trip_between_processes():
    grid = VoxelGrid.from_parts((60, 60, 30), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    volume = random_volume(np.random.default_rng(2), grid.size, (1, 1, 1), np.eye(3))
    patch = cut_patch(volume, PatientPoint.from_lps(volume.grid.to_patient((30, 30, 4))))
    again = Patch.from_bytes(patch.to_bytes())
    np.testing.assert_array_equal(again.array, patch.array)
    np.testing.assert_array_equal(again.inside, patch.inside)
    np.testing.assert_array_equal(again.grid.affine, patch.grid.affine)
    assert (again.seed, again.recipe_id, again.quality) == (patch.seed, patch.recipe_id, patch.quality)
    assert again.sha256 == patch.sha256


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"JUNK" + b[4:], lambda b: b[:10]])
def test_bytes_that_are_no_patch_are_refused(damage):
    volume = random_volume(np.random.default_rng(2), (60, 60, 60), (1, 1, 1), np.eye(3))
    whole = cut_patch(volume, PatientPoint.from_lps(volume.grid.to_patient((30, 30, 30)))).to_bytes()
    with pytest.raises(ProtocolError):
        Patch.from_bytes(damage(whole))


def test_hu_beyond_twelve_bits_are_counted_in_the_scanned_part_only():
    grid = VoxelGrid.from_parts((100, 100, 100), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    array = np.zeros((100,) * 3, np.int16)
    array[:50], array[70:] = -2048, 4000
    quality = cut_patch(Volume(array, grid), PatientPoint(50, 50, 50)).quality  # k from 25 to 74
    assert quality.fraction_below_minus_1024_hu == pytest.approx(25 / 50)
    assert quality.fraction_above_3071_hu == pytest.approx(5 / 50)
    assert len(quality.warnings()) == 2


def test_a_lesion_wider_than_the_patch_is_warned_of():
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    quality = cut_patch(Volume(np.full((60,) * 3, -5, np.int16), grid), PatientPoint(30, 30, 30)).quality
    assert quality.warnings(100) == ["the lesion is 100 mm wide, the patch 50 mm: part of it was not seen"]


@pytest.mark.parametrize("recipe_id", list(RECIPES))
def test_a_seed_outside_the_scan_is_refused(recipe_id):
    grid = VoxelGrid.from_parts((60, 60, 20), origin=(0, 0, 0), spacing=(1, 1, 3), direction=OBLIQUE)
    with pytest.raises(SeedError, match="outside the scan"):
        cut_patch(Volume(np.zeros((20, 60, 60), np.int16), grid), PatientPoint(-40, 0, 0), recipe_id)


@pytest.mark.parametrize("recipe_id", list(RECIPES))
@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE], ids=["upright", "oblique"])
@pytest.mark.parametrize("axis", range(3))
def test_a_scan_of_one_slice_is_refused(recipe_id, direction, axis):
    size = [60, 60, 60]
    size[axis] = 1
    grid = VoxelGrid.from_parts(tuple(size), origin=(0, 0, 0), spacing=(1, 1, 3), direction=direction)
    seed = PatientPoint.from_lps(grid.to_patient([n // 2 for n in size]))
    with pytest.raises(ImageError, match=r"at least two slices, this one has \("):
        cut_patch(Volume(np.zeros(size[::-1], np.int16), grid), seed, recipe_id)


@pytest.mark.parametrize(
    ("lowest", "highest", "words"),
    [
        (0, 300, "no voxel of the patch is below 0 HU (lowest 0)"),
        (-1024, -960, "there is air only"),
        (-32, 700, "98% of the patch is above 600 HU"),
        (-5, 40, ""),
    ],
)
def test_values_that_are_unlikely_for_a_ct_are_warned_of(lowest, highest, words):
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    array = np.full((60,) * 3, highest, np.int16)
    array[30] = lowest
    quality = cut_patch(Volume(array, grid), PatientPoint(30, 30, 30)).quality
    assert (quality.lowest_hu, quality.highest_hu) == (lowest, highest)
    assert words in "; ".join(quality.warnings())
    assert bool(words) == bool(quality.warnings())


@pytest.mark.parametrize("recipe_id", list(RECIPES))
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_voxels_that_are_not_numbers_are_refused_inside_the_box_and_harmless_outside(recipe_id, bad):
    grid = VoxelGrid.from_parts((120, 60, 60), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    array = np.zeros((60, 60, 120), np.float32)
    array[30, 30, 115] = bad
    volume = Volume(array, grid)
    assert cut_patch(volume, PatientPoint(30, 30, 30), recipe_id).array.max() < 1
    with pytest.raises(ImageError, match="NaN or infinite"):
        cut_patch(volume, PatientPoint(110, 30, 30), recipe_id)


def test_unknown_recipe_is_refused():
    grid = VoxelGrid.from_parts((9, 9, 9), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    with pytest.raises(InputError, match="one of fmcib-csv-v1, fmcib-yaml-v1, got 'v2'"):
        cut_patch(Volume(np.zeros((9, 9, 9), np.int16), grid), PatientPoint(4, 4, 4), "v2")


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((2, 3, 4), complex), np.zeros((2, 3, 4), bool)])
def test_arrays_that_are_no_scan_are_refused(array):
    grid = VoxelGrid.from_parts((4, 3, 2), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    with pytest.raises(ImageError):
        Volume(array, grid)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">i2", "i4", "u4", "f4", ">f8"])
def test_every_type_of_voxels_gives_the_same_patch(dtype):
    array = np.random.default_rng(4).integers(0, 250, (60, 60, 60))
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(0, 0, 0), spacing=(0.9, 0.9, 1.3), direction=np.eye(3))
    patch = cut_patch(Volume(array.astype(dtype), grid), PatientPoint(27, 27, 39))
    assert patch.sha256 == cut_patch(Volume(array.astype("i2"), grid), PatientPoint(27, 27, 39)).sha256


def test_a_memory_mapped_scan_is_read_in_place(tmp_path: Path):
    stored = np.lib.format.open_memmap(tmp_path / "scan.npy", mode="w+", dtype=np.int16, shape=(60, 60, 60))
    stored[:] = np.random.default_rng(0).integers(-1000, 1000, stored.shape)
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    seed = PatientPoint(30, 30, 30)
    mapped = Volume(np.load(tmp_path / "scan.npy", mmap_mode="r"), grid)
    np.testing.assert_array_equal(cut_patch(mapped, seed).array, cut_patch(Volume(np.array(stored), grid), seed).array)
