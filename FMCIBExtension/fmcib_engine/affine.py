"""4x4 affines in plain arithmetic: the same bits on every processor.

numpy hands `@`, `dot`, `linalg.inv` and `linalg.solve` to a BLAS library, which has other code for other processors
(fused multiply-add or not, sums in another order). The last bits differ, and where a recipe truncates, a last bit is a
millimetre. Here each product and sum is one operation of its own on doubles, in the order in which it is written; for
those, and for the square root, IEEE 754 leaves no choice.

An affine is 4x4 with the last row 0 0 0 1; points are rows, shape (3,) or (n, 3). No frames here: `geometry` has them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

NOISE = 1e-9
"""Voxels or millimetres. Rounding errors are smaller, and nothing that can be measured is."""


def dot(one: ArrayLike, other: ArrayLike) -> FloatArray:
    """Scalar products of vectors along the last axis, which has three components; the others are broadcast."""
    products = np.asarray(one, dtype=np.float64) * np.asarray(other, dtype=np.float64)
    sums: FloatArray = products[..., 0] + products[..., 1] + products[..., 2]
    return sums


def lengths(vectors: ArrayLike) -> FloatArray:
    """Lengths of vectors along the last axis, which has three components."""
    roots: FloatArray = np.sqrt(dot(vectors, vectors))
    return roots


def cross(one: ArrayLike, other: ArrayLike) -> FloatArray:
    """The vector product of two vectors, shape (3,)."""
    (a, b, c), (d, e, f) = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d])


def triple(matrix: ArrayLike) -> float:
    """The determinant of a 3x3: the volume that its columns span, with its sign."""
    first, second, third = np.asarray(matrix, dtype=np.float64).T
    return float(dot(first, cross(second, third)))


def moved(affine: FloatArray, points: ArrayLike) -> FloatArray:
    """Where an affine takes points; shape (3,) or (n, 3), as given."""
    x, y, z = np.asarray(points, dtype=np.float64).T
    along = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in affine[:3]]
    there: FloatArray = np.array(along).T
    return there


def product(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """The affine that does `inner` first, then `outer`."""
    terms = [outer[:, [axis]] * inner[axis] for axis in range(4)]
    both: FloatArray = terms[0] + terms[1] + terms[2] + terms[3]
    return both


def inverse(affine: FloatArray) -> FloatArray:
    """The affine that undoes one whose axes span space.

    Each row of its 3x3 is the normal of two unit axes over its height along the third, over that axis' length: of an
    axis that is a coordinate's own, exactly one over its length.
    """
    steps = lengths(affine[:3, :3].T)
    units = (affine[:3, :3] / steps).T
    undone = np.eye(4)
    for axis in range(3):
        normal = cross(units[axis - 2], units[axis - 1])
        undone[axis, :3] = normal / dot(units[axis], normal) / steps[axis]
    undone[:3, 3] = -dot(undone[:3, :3], affine[:3, 3])
    return undone + 0.0  # no negative zeros


def settled(values: ArrayLike) -> FloatArray:
    """Numbers that are a whole or a half but for `NOISE`, as such; the others as they are.

    For what is truncated or rounded next, and is known but for rounding errors: none of those decides then.
    """
    numbers = np.asarray(values, dtype=np.float64)
    plain = np.rint(numbers * 2.0) / 2.0
    return np.where(np.abs(numbers - plain) <= NOISE, plain, numbers)
