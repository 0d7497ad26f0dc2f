"""How well classes are told apart: balanced accuracy and the area under the ROC curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def balanced_accuracy(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> float:
    """Mean over the classes of the share of their lesions that have their highest share for it."""
    chosen = shares.argmax(axis=1)
    return float(np.mean([(chosen[truth == each] == each).mean() for each in np.unique(truth)]))


def mean_auc(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> float:
    """Area under the ROC curve: of two classes that of the second; of more the mean of each against the rest."""
    classes = np.unique(truth)
    if shares.shape[1] == 2:
        return _auc(truth == 1, shares[:, 1])
    return float(np.mean([_auc(truth == each, shares[:, each]) for each in classes]))


def _auc(positive: NDArray[np.bool_], values: NDArray[np.float64]) -> float:
    """By ranks (Mann and Whitney), ties as half."""
    count = int(positive.sum())
    ranks = rankdata(values)[positive].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(positive) - count)))
