"""Does the head need the tumour? The same patients with something destroyed in their scans, in tables of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .bootstrap import Estimate, Rows, estimates
from .judges import judge_of
from .out_of_fold import Predictions, Trial, out_of_fold
from .span import Matrix


@dataclass(frozen=True)
class ControlReport:
    """Of one table: what the head says of its rows, and what one says that was trained on them.

    Attributes:
        name: of the table.
        intact: the head's number on the rows as they are.
        applied: the same heads on the rows of this table.
        retrained: heads of this table on it, with the same folds.
        lost, lost_retrained: intact - applied, intact - retrained, each of the same draws of patients.
    """

    name: str
    intact: Estimate
    applied: Estimate
    retrained: Estimate
    lost: Estimate
    lost_retrained: Estimate


def ask_control(trial: Trial, name: str, rows: Matrix, intact: Predictions, applied: Predictions) -> ControlReport:
    """Numbers of a control's rows, all drawn on the same patients.

    Raises:
        InputError, TrainingError, DependencyError: as `fit`.
    """
    (retrained,) = out_of_fold(replace(trial, rows=rows))
    told = {"intact": intact, "applied": applied, "retrained": retrained}
    judges = {key: judge_of(trial.outcome, each, trial.options) for key, each in told.items()}

    def all_of(chosen: Rows) -> dict[str, float]:
        each = {key: judge.main(chosen) for key, judge in judges.items()}
        lost = {"lost": each["intact"] - each["applied"], "lost_retrained": each["intact"] - each["retrained"]}
        return each | lost

    found = estimates(all_of, trial.groups, trial.options.bootstraps, trial.options.seed)
    return ControlReport(name, **found)
