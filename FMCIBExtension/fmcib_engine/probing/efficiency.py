"""How many patients does it need? Heads of a share of the patients, judged on the same rows held back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fit import INNER_FOLDS
from .folds import Codes
from .judges import judge_of
from .out_of_fold import Trial, once_predicted
from .outcomes import Classes, Outcome

SHARES = (0.1, 0.2, 0.5, 1.0)
"""As in FMCIB's paper."""
_REPEATS = 5


@dataclass(frozen=True)
class Share:
    """Of the patients: how many were learned from, on average, and the number of each repeat; none if too few."""

    share: float
    patients: float
    values: tuple[float, ...]


def learning_curve(trial: Trial) -> tuple[Share, ...]:
    """Of each share; every repeat has other folds and other patients.

    Raises:
        InputError, TrainingError, DependencyError: as `fit`.
    """
    trial = trial.with_options(repeats=_REPEATS)
    return tuple(_share(trial, share) for share in SHARES)


def fits_of_curve(trial: Trial) -> int:
    """How many heads that takes at the most."""
    return len(SHARES) * _REPEATS * trial.options.folds


def _share(trial: Trial, share: float) -> Share:
    outcome, groups = trial.outcome, trial.groups
    counts, values = [], []
    for repeat, fold in enumerate(trial.folds):
        random = np.random.default_rng([trial.options.seed, repeat])
        scores = np.zeros((len(trial.rows), outcome.outputs))
        for number in range(trial.options.folds):
            held, learned = fold == number, np.flatnonzero(fold != number)
            learned = learned[_drawn(outcome.of(learned), groups[learned], share, random)]
            counts.append(len(np.unique(groups[learned])))
            if not _enough(outcome.of(learned), groups[learned]):
                return Share(share, float(np.mean(counts)), ())
            scores[held] = trial.fit(learned).scores(trial.rows[held])
            trial.advance()
        judge = judge_of(outcome, once_predicted(scores), trial.options)
        values.append(judge.main(np.arange(len(scores))))
    return Share(share, float(np.mean(counts)), tuple(values))


def _drawn(outcome: Outcome, groups: Codes, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Whole groups, of each class the same share."""
    chosen: list[int] = []
    kind = {group: int(outcome.kinds[groups == group].max()) for group in np.unique(groups).tolist()}
    for stratum in sorted(set(kind.values())):
        members = [group for group, own in kind.items() if own == stratum]
        count = max(1, round(share * len(members)))
        chosen += random.permutation(members)[:count].tolist()
    return np.isin(groups, chosen)


def _enough(outcome: Outcome, groups: Codes) -> bool:
    """Of each class so many groups as there are inner folds."""
    codes = range(len(outcome.names)) if isinstance(outcome, Classes) else (1,)
    return all(len(np.unique(groups[outcome.kinds == code])) >= INNER_FOLDS for code in codes)
