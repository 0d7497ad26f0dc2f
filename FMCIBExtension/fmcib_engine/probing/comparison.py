"""Two sets of predictions of the same rows with the same folds: which is better, and is that more than chance."""

from __future__ import annotations

from dataclasses import dataclass

from . import delong
from .bootstrap import Estimate, Rows, estimates
from .judges import judge_of
from .out_of_fold import Predictions, Trial
from .outcomes import Classes


@dataclass(frozen=True)
class Comparison:
    """Of the first with the second.

    Attributes:
        first_name, second_name: what they are of.
        first, second: their numbers.
        difference: first - second, both of the same draws of patients.
        p: of DeLong's test, two-sided; None where there is no such test.
    """

    first_name: str
    second_name: str
    first: Estimate
    second: Estimate
    difference: Estimate
    p: float | None = None


def compare_predictions(trial: Trial, names: tuple[str, str], first: Predictions, second: Predictions) -> Comparison:
    """All numbers drawn on the same patients."""
    outcome, options = trial.outcome, trial.options
    one, other = judge_of(outcome, first, options), judge_of(outcome, second, options)

    def both(rows: Rows) -> dict[str, float]:
        a, b = one.main(rows), other.main(rows)
        return {"first": a, "second": b, "difference": a - b}

    found = estimates(both, trial.groups, options.bootstraps, options.seed)
    p = None
    if isinstance(outcome, Classes) and len(outcome.names) == 2:
        scores = [[each[:, 1] for each in predictions.shares] for predictions in (first, second)]
        p = delong.compare(outcome.codes == 1, scores[0], scores[1], trial.groups).p
    return Comparison(*names, found["first"], found["second"], found["difference"], p)
