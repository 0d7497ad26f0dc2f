"""How well repeated measurements agree: ICC(A,1), ICC(C,1), CCC, each with a 95 % interval; Bland-Altman.

Each function takes many numbers at once: an array (lesions n, repeats k, numbers p) gives p coefficients.

McGraw and Wong 1996, Psychological Methods 1:30: the two-way model, single measurements; ICC(A,1) is of absolute
agreement, ICC(C,1) of consistency (Shrout and Fleiss call them ICC(2,1) and ICC(3,1)).
Lin 1989, Biometrics 45:255, variance as corrected in 2000, 56:324: the concordance correlation coefficient of two.
Bland and Altman 1986, Lancet 1:307: mean difference and limits of agreement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[np.float64]
_Z = float(stats.norm.ppf(0.975))
_EXACT = 1e-12
"""Of a variance against the numbers' own squares: less is rounding."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Of p numbers, each (p,); NaN where there is none, such as of a number that is the same in all lesions."""

    values: Numbers
    low: Numbers
    high: Numbers

    def share_above(self, bound: float) -> float:
        """Share of the numbers that have a coefficient whose coefficient is above `bound`; NaN without any."""
        known = self.values[np.isfinite(self.values)]
        return float((known > bound).mean()) if len(known) else math.nan


def icc(measured: Numbers) -> tuple[Coefficients, Coefficients]:
    """ICC(A,1) and ICC(C,1) of (n, k, p), with 95 % intervals.

    Raises:
        ValueError: fewer than two lesions or repeats.
    """
    n, k, _ = measured.shape
    if n < 2 or k < 2:
        msg = f"an ICC needs two lesions and two repeats, got {n} and {k}"
        raise ValueError(msg)
    rows, columns, error = _mean_squares(measured)
    f = stats.f
    with np.errstate(invalid="ignore", divide="ignore"):
        agreement = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
        a = k * agreement / (n * (1 - agreement))
        b = 1 + k * agreement * (n - 1) / (n * (1 - agreement))
        freedom = (a * columns + b * error) ** 2 / (
            (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
        )
        lower, upper = f.ppf(0.975, n - 1, freedom), f.ppf(0.975, freedom, n - 1)
        rest = k * columns + (k * n - k - n) * error
        low = n * (rows - lower * error) / (lower * rest + n * rows)
        high = n * (upper * rows - error) / (rest + n * upper * rows)
        consistency = (rows - error) / (rows + (k - 1) * error)
        ratio = rows / error
        least = ratio / f.ppf(0.975, n - 1, (n - 1) * (k - 1))
        most = ratio * f.ppf(0.975, (n - 1) * (k - 1), n - 1)
        consistent = Coefficients(consistency, (least - 1) / (least + k - 1), (most - 1) / (most + k - 1))
    return Coefficients(agreement, low, high), consistent


def _mean_squares(measured: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Of lesions, repeats and error of the two-way analysis of variance; all NaN where nothing differs at all."""
    n, k, _ = measured.shape
    whole = measured.mean(axis=(0, 1))
    of_rows, of_columns = measured.mean(axis=1), measured.mean(axis=0)
    rows = k * ((of_rows - whole) ** 2).sum(axis=0) / (n - 1)
    columns = n * ((of_columns - whole) ** 2).sum(axis=0) / (k - 1)
    rest = measured - of_rows[:, np.newaxis] - of_columns[np.newaxis] + whole
    error = (rest**2).sum(axis=(0, 1)) / ((n - 1) * (k - 1))
    flat = rows + columns + error <= _EXACT * (measured**2).mean(axis=(0, 1))
    return tuple(np.where(flat, np.nan, each) for each in (rows, columns, error))  # type: ignore[return-value]


def ccc(first: Numbers, second: Numbers) -> Coefficients:
    """Lin's CCC of (n, p) against (n, p), variances with 1/n; interval by his z-transform, from three lesions on."""
    n = len(first)
    means = first.mean(axis=0), second.mean(axis=0)
    away = first - means[0], second - means[1]
    variances = (away[0] ** 2).mean(axis=0), (away[1] ** 2).mean(axis=0)
    shared = (away[0] * away[1]).mean(axis=0)
    gap = means[0] - means[1]
    flat = variances[0] + variances[1] <= _EXACT * ((first**2).mean(axis=0) + (second**2).mean(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(flat, np.nan, 2 * shared / (variances[0] + variances[1] + gap**2))
        if n < 3:
            return Coefficients(values, np.full_like(values, np.nan), np.full_like(values, np.nan))
        together = np.sqrt(variances[0] * variances[1])
        pearson = shared / together
        location = gap**2 / together
        spread = (
            (1 - pearson**2) * values**2 / ((1 - values**2) * pearson**2)
            + 2 * values**3 * (1 - values) * location / (pearson * (1 - values**2) ** 2)
            - values**4 * location**2 / (2 * pearson**2 * (1 - values**2) ** 2)
        ) / (n - 2)
        z, half = np.arctanh(values), _Z * np.sqrt(np.maximum(spread, 0.0))
        return Coefficients(values, np.tanh(z - half), np.tanh(z + half))


@dataclass(frozen=True)
class Limits:
    """Bland-Altman: differences of the second from the first."""

    bias: float
    sd: float
    low: float
    high: float
    """95 % limits of agreement, bias ± 1.96 sd."""
    pairs: int


def bland_altman(first: Numbers, second: Numbers) -> Limits:
    """Of one number, (n,) and (n,): second minus first."""
    differences = second - first
    bias = float(differences.mean())
    sd = float(differences.std(ddof=1)) if len(differences) > 1 else math.nan
    return Limits(bias, sd, bias - 1.96 * sd, bias + 1.96 * sd, len(differences))
