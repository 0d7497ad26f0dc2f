"""The pictures of a patch: each voxel as it was fed, the cross hair at the seed, the letters at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from clicks import rgbOf
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import PATCH_SIZE, cut_patch
from fmcib_engine.results.planes import PLANES, plane_rgb, seed_index
from fmcib_engine.volume import Volume
from FMCIBModuleLib.Window.Patch.PatchPictures import EDGE, planePicture

MARK = np.array([0xFF, 0xD2, 0x3F])
ZOOM = EDGE // PATCH_SIZE
WINDOW = (-1000, 400)


def patchAt(*lps: float):
    """Of a scan of one gray value, 100 mm wide."""
    scan = Volume(np.full((100, 100, 100), -300, dtype=np.int16), VoxelGrid((100, 100, 100), np.eye(4)))
    return cut_patch(scan, PatientPoint(*lps))


def isMark(picture: np.ndarray) -> np.ndarray:
    return np.abs(picture.astype(int) - MARK).max(axis=-1) < 20


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
@pytest.mark.parametrize("seed", [(50, 50, 50), (5, 60, 97), (99, 1, 50)])
def test_the_cross_hair_points_at_the_seed_wherever_it_is(plane, seed):
    patch = patchAt(*seed)
    picture = rgbOf(planePicture(patch, plane, 25, WINDOW))
    assert picture.shape == (EDGE, EDGE, 3)
    marked = isMark(picture)
    across, along = seed_index(patch)[plane.across] + 0.5, seed_index(patch)[plane.along] + 0.5
    row = along if plane.rows_from_top else PATCH_SIZE - along
    columns, rows = marked.sum(axis=0), marked.sum(axis=1)
    assert abs(columns.argmax() - across * ZOOM) <= 2
    assert abs(rows.argmax() - row * ZOOM) <= 2


def test_the_middle_of_the_cross_hair_is_free():
    patch = patchAt(50, 50, 50)
    picture = rgbOf(planePicture(patch, PLANES[0], 25, WINDOW))
    x, y = (round((value + 0.5) * ZOOM) for value in seed_index(patch)[:2])
    around = picture[y - 5 * ZOOM : y + 5 * ZOOM, x - 5 * ZOOM : x + 5 * ZOOM]
    assert (around == plane_rgb(patch, PLANES[0], 25, WINDOW)[25, 25]).all()


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_there_are_letters_at_the_four_edges(plane):
    picture = rgbOf(planePicture(patchAt(50, 50, 50), plane, 25, WINDOW))
    isWhite = (picture > 240).all(axis=-1)
    edges = (isWhite[:, :40], isWhite[:, -40:], isWhite[:40], isWhite[-40:])
    assert all(edge.sum() > 50 for edge in edges)


def test_every_voxel_is_a_square_of_one_colour():
    random = np.random.default_rng(3).integers(-1000, 400, (60, 60, 60), dtype=np.int16)
    patch = cut_patch(Volume(random, VoxelGrid((60, 60, 60), np.eye(4))), PatientPoint(30, 30, 30))
    expected = plane_rgb(patch, PLANES[2], 10, WINDOW).repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
    picture = rgbOf(planePicture(patch, PLANES[2], 10, WINDOW))
    assert (picture == expected).all(axis=-1).mean() > 0.95
