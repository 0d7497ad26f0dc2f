"""The planes in which people look at a patch: which way is up, what lies outside, what is black and white."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.pipeline import cut
from fmcib_engine.results.planes import OUTSIDE_RGB, PLANES, plane_rgb, seed_index, seed_levels
from fmcib_engine.volume import Volume

AXIAL, CORONAL, SAGITTAL = PLANES


@pytest.fixture(scope="module")
def patch():
    return cut(chest_phantom((2.0, 2.0, 2.5)), PHANTOM_SEED)


def marked(patch, *lps_offset: float):
    """The patch, black but for one white voxel so far from its middle voxel, LPS mm."""
    array = np.full_like(patch.array, -1.0)
    x, y, z = (25 + round(mm) for mm in lps_offset)
    array[z, y, x] = 2.0
    return replace(patch, array=array, inside=np.ones_like(patch.inside))


@pytest.mark.parametrize(
    ("plane", "offset", "row", "column"),
    [
        (AXIAL, (10, 0, 0), 25, 35),  # the patient's left is at the viewer's right
        (AXIAL, (0, -10, 0), 15, 25),  # the front is up
        (CORONAL, (10, 0, 0), 24, 35),
        (CORONAL, (0, 0, 10), 14, 25),  # the head is up
        (SAGITTAL, (0, -10, 0), 24, 15),  # the front is at the viewer's left
        (SAGITTAL, (0, 0, 10), 14, 25),
    ],
)
def test_a_mark_is_seen_where_radiologists_expect_it(patch, plane, offset, row, column):
    rgb = plane_rgb(marked(patch, *offset), plane, 25)
    assert [tuple(each) for each in np.argwhere(rgb[..., 0] > 0)] == [(row, column)]


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_the_letters_name_the_ends_of_the_axes(plane):
    ends = {0: "RL", 1: "AP", 2: "IS"}
    assert plane.letters[:2] == ends[plane.across]
    assert plane.letters[2:] == (ends[plane.along] if plane.rows_from_top else ends[plane.along][::-1])


def test_the_window_says_what_is_black_and_what_is_white(patch):
    ramp = np.broadcast_to(np.linspace(-0.2, 0.8, 50, dtype=np.float32), (50, 50, 50)).copy()
    patch = replace(patch, array=ramp, inside=np.ones_like(patch.inside))
    hu = patch.to_hu()[25]
    rgb = plane_rgb(patch, AXIAL, 25, (-1000, 400))
    assert (rgb[hu <= -1000] == 0).all()
    assert (rgb[hu >= 400] == 255).all()
    between = (hu > -1000) & (hu < 400)
    assert rgb[between][:, 1] == pytest.approx((hu[between] + 1000) / 1400 * 255, abs=0.6)


def test_what_lies_outside_the_scan_is_striped_and_nothing_else_is():
    size = (40, 40, 30)
    grid = VoxelGrid(size, np.diag([1.0, 1.0, 1.0, 1.0]))
    scan = Volume(np.zeros(size[::-1], dtype=np.int16), grid)
    patch = cut(scan, PatientPoint(20.0, 20.0, 3.0))
    rgb = plane_rgb(patch, CORONAL, seed_levels(patch)[1])
    striped = np.isin(rgb.reshape(-1, 3) @ (1, 256, 65536), np.array(OUTSIDE_RGB) @ (1, 256, 65536)).reshape(50, 50)
    outside = ~patch.inside.take(seed_levels(patch)[1], axis=1)[::-1]
    assert outside.any()
    assert (~outside).any()
    assert np.array_equal(striped, outside)


def test_the_seed_is_in_the_voxel_of_its_levels(patch):
    assert np.abs(seed_index(patch) - seed_levels(patch)).max() <= 0.5
    assert patch.grid.to_patient(seed_index(patch)) == pytest.approx([*PHANTOM_SEED])
