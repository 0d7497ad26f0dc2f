"""From voxels and outlines to seeds: phantoms that know their answer, on flipped, permuted, oblique, unequal grids."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fmcib_engine.errors import SeedError
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.seeds.outlines import voxels_inside
from fmcib_engine.seeds.shape import Mask, count_parts, parts_of, shape_of
from matplotlib.path import Path as Polygon
from support import OBLIQUE, SIGNED_PERMUTATIONS

SPACING = np.array((0.7, 0.9, 2.0))
"""Along the patient's axes, mm."""
COUNT = np.array((41, 37, 15))


def stored(direction):
    """A grid of which the voxel centres are the same places in the patient, however it is stored."""
    axes = np.abs(direction).argmax(axis=0)
    signs = direction[axes, range(3)]
    size = COUNT[axes]
    origin = np.array((-10.0, 25.0, -300.0))
    origin = origin + direction @ np.where(signs < 0, -(size - 1) * SPACING[axes], 0.0) * np.array((1.0, 1.0, 1.0))
    return VoxelGrid.from_parts(tuple(size), origin=origin, spacing=SPACING[axes], direction=direction)


def places(grid):
    """LPS mm of every voxel, shape (n_k, n_j, n_i, 3)."""
    i, j, k = np.indices(grid.size)
    indices = np.stack([i, j, k], axis=-1).reshape(-1, 3)
    return grid.to_patient(indices).reshape(*grid.size, 3).transpose(2, 1, 0, 3)


def whole(array, grid):
    return Mask(array, np.zeros(3, dtype=np.int64), grid)


def middle(grid):
    return grid.to_patient((np.array(grid.size) - 1) / 2)


@pytest.mark.parametrize("direction", [*SIGNED_PERMUTATIONS, OBLIQUE, OBLIQUE @ SIGNED_PERMUTATIONS[23]])
def test_a_ball_gives_its_middle_its_diameter_and_its_volume(direction):
    size, spacing = (43, 41, 27), (0.7, 0.9, 1.5)
    grid = VoxelGrid.from_parts(size, origin=(-10.0, 25.0, -300.0), spacing=spacing, direction=direction)
    centre, radius = grid.to_patient((20.0, 20.0, 13.0)), 11.0
    mask = whole(np.linalg.norm(places(grid) - centre, axis=-1) <= radius, grid)
    shape = shape_of(mask)
    assert shape.is_centroid
    np.testing.assert_allclose(shape.seed, centre, atol=1e-9)
    assert shape.volume_mm3 == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)
    assert 2 * radius - 1.5 <= shape.diameter_mm <= 2 * radius + 1.5


def test_a_box_gives_exact_numbers():
    grid = VoxelGrid((9, 8, 7), np.diag([0.5, 1.5, 2.0, 1.0]))
    array = np.zeros((7, 8, 9), dtype=bool)
    array[2:5, 1:3, 4:8] = True
    shape = shape_of(whole(array, grid))
    assert shape.seed == (5.5 * 0.5, 1.5 * 1.5, 3 * 2.0)
    assert shape.volume_mm3 == pytest.approx(3 * 2 * 4 * 0.5 * 1.5 * 2.0)
    # from the middle of a face that looks up to the middle of the farthest one that looks down
    assert shape.diameter_mm == pytest.approx(np.sqrt((3 * 0.5) ** 2 + (1 * 1.5) ** 2 + (3 * 2.0) ** 2))


def test_one_voxel_is_as_long_as_its_longest_edge():
    grid = VoxelGrid.from_parts((3, 3, 3), origin=(0, 0, 0), spacing=(0.5, 0.7, 3.0), direction=OBLIQUE)
    array = np.zeros((3, 3, 3), dtype=bool)
    array[1, 2, 0] = True
    shape = shape_of(whole(array, grid))
    np.testing.assert_allclose(shape.seed, grid.to_patient((0, 2, 1)))
    assert (shape.diameter_mm, shape.volume_mm3) == pytest.approx((3.0, 0.5 * 0.7 * 3.0))


def ring(grid):
    """Around the middle, in the plane of x and y: 9 mm from it, 3 mm thick."""
    away = places(grid) - middle(grid)
    from_axis = np.hypot(away[..., 0], away[..., 1])
    return (np.abs(from_axis - 9.0) <= 3.0) & (np.abs(away[..., 2]) <= 5.0)


def crescent(grid):
    away = places(grid) - middle(grid)
    return ring(grid) & (away[..., 0] > -2.0)


def longest(points):
    return max(np.linalg.norm(points - point, axis=1).max() for point in points)


@pytest.mark.parametrize("form", [ring, crescent])
def test_where_the_centroid_lies_outside_the_innermost_voxel_is_the_seed_however_it_is_stored(form):
    seeds = []
    for direction in SIGNED_PERMUTATIONS:
        grid = stored(direction)
        array = form(grid)
        shape = shape_of(whole(array, grid))
        assert not shape.is_centroid
        i, j, k = np.rint(grid.inverse @ [*shape.seed, 1.0])[:3].astype(int)
        assert array[k, j, i]
        away = np.array(shape.seed) - middle(grid)
        assert np.hypot(away[0], away[1]) == pytest.approx(9.0, abs=0.9)  # along the ring's core
        assert abs(away[2]) <= 2.0
        seeds.append(shape.seed)
    np.testing.assert_allclose(seeds, [seeds[0]] * len(seeds), atol=1e-6)


def test_a_filled_box_around_the_mask_changes_nothing():
    grid = stored(np.eye(3))
    array = crescent(grid)
    indices = np.argwhere(array)[:, ::-1]
    assert shape_of(Mask.of_indices(indices, grid)) == shape_of(whole(array, grid))


def test_separate_parts_come_by_size_and_touching_corners_are_one():
    grid = VoxelGrid((12, 6, 5), np.eye(4))
    array = np.zeros((5, 6, 12), dtype=bool)
    array[0, 0, 0] = array[1, 1, 1] = True  # two that touch by a corner
    array[2:4, 3:5, 8:11] = True  # twelve
    array[4, 0, 5] = True
    parts = list(parts_of(whole(array, grid)))
    assert count_parts(whole(array, grid)) == 3
    assert [int(part.array.sum()) for part in parts] == [12, 2, 1]
    assert [shape_of(part).seed for part in parts] == [(9.0, 3.5, 2.5), (0.5, 0.5, 0.5), (5.0, 0.0, 4.0)]


def test_the_longest_diameter_is_that_of_all_points_of_the_surface():
    random = np.random.default_rng(4)
    grid = VoxelGrid.from_parts((9, 8, 7), origin=(1, 2, 3), spacing=(0.6, 1.1, 2.3), direction=OBLIQUE)
    for _ in range(20):
        array = random.random((7, 8, 9)) < 0.05
        array[3, 3, 3] = True
        faces = [
            grid.to_patient(np.array((i, j, k)) + np.array(step) / 2)
            for k, j, i in np.argwhere(array)
            for step in itertools.chain(np.eye(3), -np.eye(3))
        ]
        assert shape_of(whole(array, grid)).diameter_mm == pytest.approx(longest(np.array(faces)))


# Outlines

GRIDS = {
    "plain": VoxelGrid((40, 34, 6), np.diag([0.9, 0.7, 3.0, 1.0])),
    "oblique": VoxelGrid.from_parts((40, 34, 6), origin=(-50, 20, 300), spacing=(0.9, 0.7, 3.0), direction=OBLIQUE),
    "flipped": VoxelGrid.from_parts(
        (40, 34, 6), origin=(9, 9, 9), spacing=(0.9, 0.7, 3.0), direction=SIGNED_PERMUTATIONS[37]
    ),
}
every_grid = pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)


def on_slice(grid, points, k):
    points = np.asarray(points, dtype=float)
    return grid.to_patient(np.column_stack([points, np.full(len(points), k)]))


def found(outlines, grid):
    indices, _ = voxels_inside(outlines, grid)
    return {tuple(map(int, index)) for index in indices}


@every_grid
def test_voxels_whose_centres_lie_inside_are_those_of_another_librarys_polygons(grid):
    random = np.random.default_rng(1)
    j, i = np.indices((34, 40))
    centres = np.column_stack([i.ravel(), j.ravel()])
    for k in (0, 3, 5):
        angles = np.sort(random.random(30)) * 2 * np.pi
        radii = 4 + 11 * random.random(30)
        points = np.column_stack([19.3 + radii * np.cos(angles), 16.2 + radii * np.sin(angles)])
        inside = Polygon(points, closed=False).contains_points(centres)
        assert inside.sum() > 100
        expected = {(int(x), int(y), k) for x, y in centres[inside]}
        assert found([on_slice(grid, points, k)], grid) == expected


@every_grid
def test_a_keyhole_and_two_outlines_make_the_same_hole(grid):
    outer, inner = (
        [(3.5, 3.2), (30.5, 3.2), (30.5, 28.7), (3.5, 28.7)],
        [(9.4, 9.4), (9.4, 20.1), (21.7, 20.1), (21.7, 9.4)],
    )
    keyhole = [*outer, outer[0], *inner, inner[0]]
    ways = [
        found([on_slice(grid, keyhole, 2)], grid),
        found([on_slice(grid, outer, 2), on_slice(grid, inner, 2)], grid),
        found([on_slice(grid, inner[::-1], 2), on_slice(grid, outer, 2)], grid),
    ]
    expected = {(i, j, 2) for i in range(4, 31) for j in range(4, 29) if not (10 <= i <= 21 and 10 <= j <= 20)}
    assert ways == [expected] * 3


@every_grid
def test_three_outlines_in_each_other_are_in_out_in(grid):
    squares = [[(a, a), (b, a), (b, b), (a, b)] for a, b in ((1.5, 31.5), (5.5, 27.5), (11.5, 20.5))]
    got = found([on_slice(grid, square, 1) for square in squares], grid)
    assert len(got) == 30 * 30 - 22 * 22 + 9 * 9


def test_what_hangs_over_the_scan_is_cut_off():
    grid = GRIDS["plain"]
    got = found([on_slice(grid, [(-7.3, -5.1), (4.4, -5.1), (4.4, 200.0), (-7.3, 200.0)], 5)], grid)
    assert got == {(i, j, 5) for i in range(5) for j in range(34)}
    assert found([on_slice(grid, [(0, 0), (4, 0), (4, 4)], 9)], grid) == set()  # beyond the last slice


def test_a_slice_takes_the_outline_of_the_nearest_plane_and_never_two_of_them():
    grid = GRIDS["plain"]
    square = [(2.5, 2.5), (8.5, 2.5), (8.5, 8.5), (2.5, 8.5)]
    thin = [on_slice(grid, square, 2 + step / 3) for step in range(7)]  # a plane every third of a slice, 2 to 4
    indices, doubts = voxels_inside(thin, grid)
    assert len(indices) == 3 * 36
    assert doubts == ("4 of 7 planes with outlines have no slice of their own in the scan",)
    sparse = [on_slice(grid, square, k) for k in (0, 3, 4)]
    indices, doubts = voxels_inside(sparse, grid)
    assert (sorted({int(k) for k in indices[:, 2]}), doubts) == (
        [0, 3, 4],
        ("2 slices between outlines have none: nothing is filled in",),
    )


@every_grid
def test_a_plane_halfway_between_two_slices_fills_one_of_them(grid):
    square = [(2.5, 2.5), (8.5, 2.5), (8.5, 8.5), (2.5, 8.5)]
    indices, doubts = voxels_inside([on_slice(grid, square, k) for k in (1.5, 2.5, 3.5)], grid)
    assert [int((indices[:, 2] == k).sum()) for k in range(6)] == [0, 0, 36, 36, 36, 0]
    assert doubts == ()


def test_an_outline_in_another_plane_is_refused():
    grid = GRIDS["oblique"]
    sagittal = grid.to_patient(np.array([(5, 5, 1), (5, 20, 1), (5, 20, 4), (5, 5, 4)], dtype=float))
    with pytest.raises(SeedError, match="does not lie in the plane of the scan's slices"):
        voxels_inside([sagittal], grid)
