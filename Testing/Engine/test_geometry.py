"""Points and grids: known answers on flipped, permuted, oblique and anisotropic grids."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from fmcib_engine import geometry
from fmcib_engine.errors import ImageError, SeedError
from fmcib_engine.geometry import PatientPoint, VoxelGrid, parse_frame, point_in_frame
from fmcib_engine.readers.dicom.header import shown
from support import OBLIQUE, SIGNED_PERMUTATIONS


@pytest.mark.parametrize("direction", SIGNED_PERMUTATIONS)
def test_index_to_patient_and_back_is_the_same_index_for_each_of_48_storage_orders(direction):
    grid = VoxelGrid.from_parts((7, 11, 13), origin=(-80.5, 12.25, 903.0), spacing=(0.7, 0.9, 2.5), direction=direction)
    point = grid.to_patient((2.5, 3.0, 11.75))
    expected = np.array((-80.5, 12.25, 903.0)) + direction @ (np.array((0.7, 0.9, 2.5)) * (2.5, 3.0, 11.75))
    np.testing.assert_allclose(point, expected, atol=1e-12)
    np.testing.assert_allclose(grid.to_index(PatientPoint.from_lps(point)), (2.5, 3.0, 11.75), atol=1e-12)
    assert not grid.is_oblique
    np.testing.assert_allclose(grid.spacing, (0.7, 0.9, 2.5))
    np.testing.assert_allclose(grid.direction, direction, atol=1e-12)


def test_oblique_grid_is_recognised_and_keeps_its_spacing():
    grid = VoxelGrid.from_parts((5, 6, 7), origin=(0, 0, 0), spacing=(0.5, 0.6, 3.0), direction=OBLIQUE)
    assert grid.is_oblique
    np.testing.assert_allclose(grid.spacing, (0.5, 0.6, 3.0))


def test_ras_and_lps_differ_in_the_signs_of_x_and_y_only():
    assert PatientPoint.from_ras((1, 2, 3)) == PatientPoint.from_lps((-1, -2, 3))
    assert repr(tuple(PatientPoint.from_ras((0, 0, 3)))) == "(0.0, 0.0, 3.0)"  # no negative zero comes into a row
    grid = VoxelGrid.from_parts((2, 3, 4), origin=(10, 20, 30), spacing=(1, 2, 3), direction=np.eye(3))
    np.testing.assert_array_equal(grid.ras_affine[:3, 3], (-10, -20, 30))
    again = VoxelGrid.from_ras_affine(grid.size, grid.ras_affine)
    np.testing.assert_array_equal(again.affine, grid.affine)


def test_the_three_frames_name_the_same_point():
    grid = VoxelGrid.from_parts((20, 30, 40), origin=(-5, 7, 11), spacing=(0.8, 0.8, 2.0), direction=OBLIQUE)
    lps = grid.to_patient((3, 4, 5))
    for values, frame in [(lps, "lps"), (lps * (-1, -1, 1), "ras"), ((3, 4, 5), "ijk")]:
        point = point_in_frame(values, parse_frame(frame), grid)
        np.testing.assert_allclose(point.to_array(), lps, atol=1e-12)


def test_unknown_frame_is_refused_with_the_known_ones():
    with pytest.raises(SeedError, match=r"one of lps, ras, ijk, got 'RSA'"):
        parse_frame("RSA")


@pytest.mark.parametrize("bad", [(np.nan, 0, 0), (0, np.inf, 0)])
def test_seed_that_is_not_finite_is_refused(bad):
    with pytest.raises(SeedError, match="three finite coordinates"):
        PatientPoint(*bad)


def test_point_needs_three_coordinates():
    with pytest.raises(SeedError, match="three coordinates"):
        PatientPoint.from_lps((1, 2))


@pytest.mark.parametrize("direction", [np.eye(3), np.diag([-1.0, 1, -1]), np.eye(3)[:, [2, 0, 1]], OBLIQUE])
def test_bounds_are_the_outer_faces_of_the_border_voxels(direction):
    grid = VoxelGrid.from_parts((4, 5, 6), origin=(1, 2, 3), spacing=(1.0, 2.0, 5.0), direction=direction)
    for axis, count in enumerate(grid.size):
        for face, step in ((-0.5, -1), (count - 0.5, 1)):
            index = np.array([1.0, 2.0, 3.0])
            index[axis] = face
            grid.require_inside(PatientPoint.from_lps(grid.to_patient(index)))
            index[axis] = face + 1e-3 * step
            with pytest.raises(SeedError, match="outside the scan"):
                grid.require_inside(PatientPoint.from_lps(grid.to_patient(index)))


def test_refusal_names_the_seed_and_the_bounds_in_both_frames():
    grid = VoxelGrid.from_parts((4, 5, 6), origin=(0, 0, 0), spacing=(1, 2, 5), direction=np.eye(3))
    with pytest.raises(SeedError) as refusal:
        grid.require_inside(PatientPoint(10, 0, 0))
    message = str(refusal.value)
    assert "(10.00, 0.00, 0.00) mm LPS" in message
    assert "(10.0, 0.0, 0.0)" in message
    assert "[-0.5, 3.5] x [-0.5, 4.5] x [-0.5, 5.5] in IJK" in message
    assert "[-0.50, 3.50] x [-1.00, 9.00] x [-2.50, 27.50] mm in LPS" in message


def test_no_coordinate_in_a_message_reads_minus_zero():
    assert str(PatientPoint(-0.001, -0.0, -1e-9)) == "(0.00, 0.00, 0.00) mm LPS"
    assert str(PatientPoint(-0.006, 0.0, 1.0)) == "(-0.01, 0.00, 1.00) mm LPS"
    assert shown((-0.0, -1e-7, 2.5)) == "(0, -1e-07, 2.5)"
    assert PatientPoint.from_ras((0, 0, 5)) == PatientPoint(0.0, 0.0, 5.0)
    assert "-0" not in repr(PatientPoint.from_ras((0, 0, 5)))
    grid = VoxelGrid.from_parts((4, 5, 6), origin=(1, 1, 0), spacing=(2, 2, 5), direction=np.diag((1.0, 1, -1)))
    with pytest.raises(SeedError) as refusal:
        grid.require_inside(PatientPoint(90, 0.96, -0.001))
    message = str(refusal.value)
    assert "-0.0," not in message
    assert "-0.0)" not in message
    assert "-0.00" not in message
    assert "the seed (90.00, 0.96, 0.00) mm LPS" in message.replace("The seed", "the seed")
    assert "[0.00, 8.00] x [0.00, 10.00] x [-27.50, 2.50] mm in LPS" in message
    with pytest.raises(SeedError, match=r"got \(nan, 0\.0, 1\.0\)"):
        PatientPoint(np.nan, -0.0, 1)
    flat = np.diag((-1.0, -1.0, 0.0, 1.0))
    with pytest.raises(ImageError) as refusal:
        VoxelGrid.from_ras_affine((2, 2, 2), flat)
    assert "-0.0" not in str(refusal.value)


def test_a_grid_is_upright_where_its_axes_are_the_patients_but_for_rounding():
    for direction in SIGNED_PERMUTATIONS:
        grid = VoxelGrid.from_parts((500, 500, 300), origin=(1, 2, 3), spacing=(0.7, 0.8, 2.5), direction=direction)
        assert grid.is_upright
    for noise, upright in ((6e-17, True), (1e-13, True), (1e-9, False), (1e-3, False)):
        direction = np.eye(3)
        direction[1, 0], direction[2, 1] = noise, -noise
        grid = VoxelGrid.from_parts((500, 500, 300), origin=(1, 2, 3), spacing=(1, 1, 1), direction=direction)
        assert grid.is_upright == upright


def test_border_distance_is_in_millimetres_along_the_nearest_axis():
    grid = VoxelGrid.from_parts((10, 10, 10), origin=(0, 0, 0), spacing=(1, 2, 5), direction=OBLIQUE)
    inside = PatientPoint.from_lps(grid.to_patient((1, 4, 4)))
    outside = PatientPoint.from_lps(grid.to_patient((4, 4, -1.5)))
    assert grid.border_distance(inside) == pytest.approx(1.5)
    assert grid.border_distance(outside) == pytest.approx(-5.0)


@pytest.mark.parametrize(
    ("size", "affine", "message"),
    [
        ((0, 2, 2), np.eye(4), "at least one voxel"),
        ((2, 2, 2), np.eye(3), "4x4"),
        ((2, 2, 2), np.diag([1, 1, np.nan, 1]), "finite"),
        ((2, 2, 2), np.diag([1, 0, 1, 1.0]), "must span space"),
        ((2, 2, 2), np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "must span space"),
    ],
)
def test_impossible_grids_are_refused(size, affine, message):
    with pytest.raises(ImageError, match=message):
        VoxelGrid(size, affine)


def test_a_grid_cannot_be_changed_from_outside():
    affine = np.eye(4)
    grid = VoxelGrid((2, 2, 2), affine)
    affine[0, 3] = 99
    assert grid.origin[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 1


def test_examples_in_the_docstrings_are_true():
    assert doctest.testmod(geometry).failed == 0
    assert doctest.testmod(geometry).attempted > 0
