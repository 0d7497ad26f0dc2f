"""Which rows are held back together: whole groups, and the classes in equal shares."""

from __future__ import annotations

import warnings
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .libraries import import_for_heads

Codes = NDArray[np.intp]


def grouped_folds(strata: Codes, groups: Codes, count: int, seed: int) -> Codes:
    """The fold of each row, from 0: no group is in two of them, and each has the strata in much the same shares.

    Raises:
        InputError: a fold would leave a class out of what is learned from.
        DependencyError: scikit-learn is not installed.
    """
    selection = import_for_heads("sklearn.model_selection")
    splitter = selection.StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    fold = np.full(len(strata), -1, dtype=np.intp)
    with warnings.catch_warnings(), suppress(ValueError):  # of too few rows of a class: said below, in our words
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, held) in enumerate(splitter.split(np.zeros(len(strata)), strata, groups)):
            fold[held] = number
    require_whole_groups(fold, groups)
    everything = set(strata.tolist())
    if (fold < 0).any() or any(set(strata[fold != each].tolist()) != everything for each in range(count)):
        msg = (
            f"{count} folds of whole groups do not leave every class in what is learned from: the rarest class is in "
            "too few groups. Give more rows of it, or choose fewer folds (--folds)."
        )
        raise InputError(msg)
    return fold


def require_whole_groups(fold: Codes, groups: Codes) -> None:
    """Refuse folds that tear a group apart: a head would be judged on patients that it has learned.

    Raises:
        InputError: with how many.
    """
    pairs = np.unique(np.stack([groups, fold]), axis=1)
    torn = len(pairs[0]) - len(np.unique(groups))
    if torn:
        msg = f"{torn} times a group of rows would be in two folds, wanted each in one. Report it: no number is given."
        raise InputError(msg)
