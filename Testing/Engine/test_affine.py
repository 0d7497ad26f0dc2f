"""Affines in plain arithmetic: the values of numpy's linear algebra but for rounding, and exact where they can be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from fmcib_engine import affine as plain
from support import OBLIQUE, SIGNED_PERMUTATIONS


def affines(count=50):
    rng = np.random.default_rng(1)
    for _ in range(count):
        whole = np.eye(4)
        whole[:3] = rng.normal(size=(3, 4)) * (1, 1, 1, 300)
        yield whole


def test_products_inverses_and_points_are_those_of_linear_algebra():
    for one, other in zip(affines(), list(affines())[::-1], strict=True):
        points = np.random.default_rng(2).normal(size=(7, 3)) * 100
        np.testing.assert_allclose(plain.product(one, other), one @ other, rtol=1e-12, atol=1e-10)
        condition = np.linalg.cond(one[:3, :3])
        np.testing.assert_allclose(
            plain.inverse(one), np.linalg.inv(one), rtol=1e-12 * condition, atol=1e-11 * condition
        )
        moved = plain.moved(one, points)
        np.testing.assert_allclose(moved, points @ one[:3, :3].T + one[:3, 3], rtol=1e-12, atol=1e-11)
        np.testing.assert_array_equal(moved[3], plain.moved(one, points[3]))
        assert plain.triple(one[:3, :3]) == pytest.approx(np.linalg.det(one[:3, :3]), rel=1e-12)
        np.testing.assert_allclose(plain.lengths(points), np.linalg.norm(points, axis=1), rtol=1e-15)
        np.testing.assert_allclose(plain.cross(points[0], points[1]), np.cross(points[0], points[1]), rtol=1e-14)


def test_each_operation_is_rounded_by_itself_in_the_order_in_which_it_is_written():
    """No fused multiply-add, no other order of a sum: as numbers that are rounded after each step, in fractions."""

    def rounded(exact: Fraction) -> Fraction:
        return Fraction(float(exact))

    for whole in affines():
        point = [Fraction(float(number)) for number in np.random.default_rng(3).normal(size=3)]
        for row, moved in zip(whole[:3], plain.moved(whole, [float(number) for number in point]), strict=True):
            a, b, c, d = (Fraction(float(number)) for number in row)
            products = [rounded(m * x) for m, x in zip((a, b, c), point, strict=True)]
            expected = rounded(rounded(rounded(products[0] + products[1]) + products[2]) + d)
            assert Fraction(float(moved)) == expected


@pytest.mark.parametrize("direction", SIGNED_PERMUTATIONS)
def test_the_inverse_of_an_upright_affine_is_one_over_its_steps_exactly(direction):
    whole = np.eye(4)
    whole[:3, :3] = direction * (0.7, 0.9765625, 2.5)
    whole[:3, 3] = (-120.7, 33.3, 901.13)
    undone = plain.inverse(whole)
    np.testing.assert_array_equal(undone[:3, :3], (direction * (1 / 0.7, 1 / 0.9765625, 1 / 2.5)).T)
    assert not (np.signbit(undone) & (undone == 0)).any()


def test_settled_takes_wholes_and_halves_but_for_noise_and_leaves_the_rest():
    far = [2.0000001, 0.4999999, -7.3, 1e6 + 0.25]
    near = [3.0000000001, 2.9999999999, -0.4999999999, 7.5, 1e5 + 1e-10]
    np.testing.assert_array_equal(plain.settled(far), far)
    np.testing.assert_array_equal(plain.settled(near), [3, 3, -0.5, 7.5, 1e5])


def test_a_leaning_affine_and_its_inverse_leave_nothing_but_noise():
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = OBLIQUE * (0.7, 0.8, 2.5), (-300.123, 200.5, 1500.25)
    np.testing.assert_allclose(plain.product(plain.inverse(whole), whole), np.eye(4), rtol=0, atol=1e-12)
