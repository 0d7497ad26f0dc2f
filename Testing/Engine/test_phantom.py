import hashlib
from functools import cache

import numpy as np
import pytest
from fmcib_engine import phantom
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.phantom import chest
from fmcib_engine.preprocessing import RECIPES, cut_patch
from scipy import ndimage

COARSE = (1.4, 1.4, 2.5)

PROBE_VOLUME_SHA256 = "5f5217fdc7d3e8ddf179b5bdfe7f23e07d9e340c29921e12ff306b496b5083cc"
# [z, y, x] of the probe patch, computed once; every machine must agree.
PROBE_VALUES = {
    (25, 25, 25): 0.3384554982185364,
    (0, 0, 0): 0.35174560546875,
    (49, 49, 49): 0.05441942438483238,
    (25, 25, 2): 0.5257735848426819,
    (24, 33, 30): 0.19727040827274323,
    (40, 10, 20): 0.05344286188483238,
    (10, 40, 35): 0.06323003023862839,
    (25, 16, 25): 0.06910616159439087,
    (25, 25, 35): 0.19814643263816833,
    (15, 20, 25): 0.05439070239663124,
}
PROBE_MEAN = 0.13207661040607094


@cache
def coarse():
    return phantom.chest_phantom(COARSE)


def hu_at(volume, x, y, z):
    """HU at mm from the midline, mid-chest, lowest slice; the mean of a small box."""
    point = PatientPoint.from_lps(np.add(chest._MIDLINE, (x, y, z)))
    i, j, k = np.rint(volume.grid.to_index(point)).astype(int)
    return float(volume.array[k, j - 1 : j + 2, i - 1 : i + 2].mean())


def nodule_of(volume):
    """The voxels [k, j, i] of the nodule: denser than half way to lung, cut free from its vessels, around the seed."""
    dense = ndimage.binary_opening(np.asarray(volume.array) > -410, iterations=2)
    labels, _ = ndimage.label(dense)
    i, j, k = np.rint(volume.grid.to_index(phantom.PHANTOM_SEED)).astype(int)
    assert labels[k, j, i] > 0
    return labels == labels[k, j, i]


def test_the_chest_has_the_size_and_place_it_promises():
    volume = coarse()
    assert volume.array.dtype == np.int16
    assert volume.grid.size == (256, 256, 120)
    np.testing.assert_allclose(volume.grid.spacing, COARSE)
    np.testing.assert_array_equal(volume.grid.direction, np.eye(3))
    centre = volume.grid.corners().mean(axis=0)
    np.testing.assert_allclose(centre[:2], chest._MIDLINE[:2], atol=1e-4)


def test_the_chest_is_the_same_each_time():
    first, second = (phantom.chest_phantom((2.8, 2.8, 5.0)).array for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("tissue", "place", "lowest", "highest"),
    [
        ("air before the patient", (0, -160, 150), -1024, -980),
        ("right lung", (-100, 30, 150), -920, -780),
        ("left lung", (100, 30, 150), -920, -780),
        ("subcutaneous fat", (0, -103, 120), -130, -70),
        ("heart, left of the midline", (30, -35, 110), 20, 70),
        ("descending aorta, left of the spine", (27, 45, 150), 20, 70),
        ("trachea", (0, 11, 250), -1024, -960),
        ("liver, on the right", (-70, 0, 60), 40, 80),
        ("vertebral body", (0, 60, 142), 120, 320),
        ("spinal canal", (0, 84, 142), -20, 70),
    ],
)
def test_each_tissue_has_its_hu_where_a_radiologist_looks_for_it(tissue, place, lowest, highest):
    assert lowest <= hu_at(coarse(), *place) <= highest, tissue


def test_bone_is_bright_and_nothing_is_brighter_than_ct_can_say():
    array = coarse().array
    assert array.min() >= -1024
    assert 500 < array.max() < 900
    assert 0.002 < np.mean(np.asarray(array) > 250) < 0.05


def test_the_table_can_be_left_out():
    without = phantom.chest_phantom((2.8, 2.8, 5.0), table=False)
    with_table = phantom.chest_phantom((2.8, 2.8, 5.0))
    assert hu_at(without, 0, 140, 150) < -950
    changed = np.argwhere(without.array != with_table.array)
    y = with_table.grid.to_patient(changed[:, ::-1])[:, 1]
    assert y.min() > chest._MIDLINE[1] + 60


def test_the_nodule_lies_at_the_seed_in_the_right_lung():
    volume = coarse()
    centre = volume.grid.to_patient(np.argwhere(nodule_of(volume))[:, ::-1]).mean(axis=0)
    assert (np.abs(centre - phantom.PHANTOM_SEED.to_array()) < volume.grid.spacing).all()
    assert phantom.PHANTOM_SEED.x < chest._MIDLINE[0] - 30
    assert phantom.PHANTOM_SEED.x < 0  # LPS: x grows to the left


def test_the_nodule_is_as_large_as_it_says_and_soft():
    volume = coarse()
    nodule = nodule_of(volume)
    diameter = (6 / np.pi * nodule.sum() * np.prod(volume.grid.spacing)) ** (1 / 3)
    assert diameter == pytest.approx(phantom.NODULE_DIAMETER_MM, abs=1.0)
    core = ndimage.binary_erosion(nodule, iterations=2)
    assert np.asarray(volume.array)[core].mean() == pytest.approx(30, abs=5)


def test_the_lungs_are_two_and_lie_left_and_right_of_the_midline():
    volume = coarse()
    k = round(150 / COARSE[2])
    labels, count = ndimage.label(ndimage.binary_opening(np.asarray(volume.array[k]) < -600, iterations=3))
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    sizes = {n: np.count_nonzero(labels == n) for n in range(1, count + 1) if n not in edge}
    lungs = sorted(sizes, key=lambda n: sizes[n], reverse=True)[:2]
    right, left = sorted(np.argwhere(labels == lung)[:, 1].mean() for lung in lungs)
    assert right < 100
    assert left > 156


def test_the_probe_volume_is_whole_hu_and_the_same_to_the_bit():
    volume = phantom.probe_volume()
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, np.rint(volume.array))
    assert hashlib.sha256(np.ascontiguousarray(volume.array, dtype="<f4").tobytes()).hexdigest() == PROBE_VOLUME_SHA256


def test_the_probe_patch_has_the_values_it_had():
    patch = phantom.probe_patch()
    assert patch.shape == (50, 50, 50)
    assert patch.dtype == np.float32
    for index, value in PROBE_VALUES.items():
        assert patch[index] == pytest.approx(value, abs=1e-6), index
    assert patch.mean(dtype=np.float64) == pytest.approx(PROBE_MEAN, abs=1e-7)


def test_the_probe_seed_is_far_from_where_truncation_decides():
    quality = cut_patch(phantom.probe_volume(), phantom.PROBE_SEED).quality
    for offset in (quality.seed_offset_x_mm, quality.seed_offset_y_mm, quality.seed_offset_z_mm):
        assert 0.6 < offset < 1.4
    assert quality.padded_fraction == 0


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_probe_shows_a_nodule_beside_the_right_chest_wall(recipe):
    hu = cut_patch(phantom.probe_volume(), phantom.PROBE_SEED, recipe).to_hu()
    assert hu[23:28, 23:28, 23:28].mean() == pytest.approx(30, abs=15)
    assert hu[20:30, 20:30, 0].mean() > 40  # the right side, x low: soft tissue and rib
    assert hu[5:15, 20:30, 40:].mean() < -700  # the left side: lung
