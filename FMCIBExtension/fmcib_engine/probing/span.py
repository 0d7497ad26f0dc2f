"""Features of n patients, n < p, as n numbers each, without loss: the rows' own span, as an exact rotation.

The solution of a ridge penalty lies in the span of the rows (Kimeldorf & Wahba 1971; Hastie & Tibshirani 2004,
doi 10.1093/biostatistics/kxh010). In an orthonormal basis of it, lengths and products are the same, so a fit to n
numbers a row, rotated back, is the fit to all p: 4,096 features of 337 patients are as quick as 337.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Standard:
    """Mean and spread of each column among the rows that were learned from; a constant column has the spread 1."""

    mean: Matrix
    spread: Matrix

    def of(self, rows: Matrix) -> Matrix:
        """Standardised rows; a missing cell is the mean."""
        placed = rows - self.mean
        placed /= self.spread
        return np.nan_to_num(placed, copy=False, nan=0.0, posinf=np.nan, neginf=np.nan)


def standard(rows: Matrix) -> Standard:
    """Of these rows, as scikit-learn's StandardScaler (population spread); missing cells do not count."""
    mean = np.nanmean(rows, axis=0)
    spread = np.nanstd(rows, axis=0)
    constant = spread <= 10 * np.finfo(float).eps * np.maximum(np.abs(mean), 1e-300)
    return Standard(mean, np.where(constant, 1.0, spread))


@dataclass(frozen=True, eq=False)
class Span:
    """An orthonormal basis (p, k) of the rows' span; None where so few rows less would be no gain."""

    basis: Matrix | None

    def of(self, rows: Matrix) -> Matrix:
        """Rows as k numbers each."""
        return rows if self.basis is None else rows @ self.basis

    def back(self, coefficients: Matrix) -> Matrix:
        """Coefficients (outputs, k) as those of the p columns."""
        return coefficients if self.basis is None else coefficients @ self.basis.T


def span(rows: Matrix) -> Span:
    """Of standardised rows (n, p)."""
    count, width = rows.shape
    return Span(None if 2 * count > width else np.linalg.qr(rows.T)[0])
