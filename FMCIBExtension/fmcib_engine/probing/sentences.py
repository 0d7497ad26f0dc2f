"""What a study means, in words: how good, the disease or the hospital, the tumour or not. The report begins with it."""

from __future__ import annotations

import math

from .bootstrap import Estimate
from .comparison import Comparison
from .controls import ControlReport
from .judges import main_of
from .origins import OriginReport
from .outcomes import Classes, Survival
from .study import Study

CHANCE = 0.5
_DROP = 0.05
"""From which on a number is called lower than another."""
_KEPT = 0.8
"""Share of what lies above chance, from which on nothing is said to be lost."""
_KNOWN = 0.8
"""AUC from which on features are said to tell an origin."""


def first_paragraph(study: Study) -> list[str]:
    """Sentences, the ones that matter most."""
    said = [worth(study)]
    for report in study.origins:
        said += about_origin(report, main_of(study.cohort.outcome))
    if not study.origins:
        said.append("Whether it knows the disease or the hospital was not asked: no column of it was named (--site).")
    said += [about_control(report) for report in study.controls]
    if not study.controls:
        said.append(
            "Whether it needs the tumour was not asked: no table of the same patients with the tumour destroyed was "
            "given (--control)."
        )
    return said


def is_above_chance(number: Estimate) -> bool:
    """Whether the whole interval is."""
    return math.isfinite(number.low) and number.low > CHANCE


def worth(study: Study) -> str:
    """How good the head is on patients that it has not seen."""
    number, outcome, groups = study.main, study.cohort.outcome, study.cohort.group_count
    said = f"{main_of(outcome)} {number.text} (95 % interval)"
    of_100 = f"{100 * number.value:.0f} of 100"
    if isinstance(outcome, Survival):
        what = f"Who dies sooner: {said} on {groups} patients, each told by heads that had not seen them"
        meaning = f"of two patients it tells in {of_100} cases which one died sooner"
    elif len(outcome.names) == 2:
        negative, positive = outcome.names
        label = study.cohort.columns.label
        what = f"{label} {positive} against {negative}: {said} on {groups} patients, each told by heads that had not "
        what += "seen them"
        meaning = f"of two patients, one of each, it gives the right one the higher probability in {of_100} cases"
    else:
        label, count = study.cohort.columns.label, len(outcome.names)
        what = f"{label}, {count} classes: mean {said} of each class against the others, on {groups} patients, each "
        what += "told by heads that had not seen them"
        meaning = f"of two patients, one of a class, it gives the right one the higher probability in {of_100} cases"
    verdict = "" if is_above_chance(number) else " That cannot be told from chance (0.5): do not use it."
    return f"{what}; {meaning}.{verdict}"


def about_origin(report: OriginReport, number: str) -> list[str]:
    """Does it know the disease or the hospital?"""
    name = report.column
    if report.problem:
        return [report.problem]
    said = [f"Does it know the disease or the {name}? The features tell the {name} with an AUC of {report.told.text}."]
    pooled, inside = report.pooled, report.within
    if not math.isfinite(inside.value):
        return [*said, f"Within one {name} there are no two patients to compare: it may know nothing but the {name}."]
    lost = pooled.value - inside.value
    both = f"Within one {name} its {number} is {inside.text}, over all {pooled.value:z.3f}"
    if lost > _DROP and not is_above_chance(inside):
        verdict = f"what it seems to know is the {name}, not the disease"
    elif not is_above_chance(inside):
        verdict = f"within one {name} that cannot be told from chance (0.5)"
    elif lost > _DROP:
        verdict = f"part of what it seems to know is the {name}, not the disease"
    elif report.told.value > _KNOWN:
        verdict = f"it could see the {name}, but what it knows does not hang on it here"
    else:
        verdict = f"nothing shows that it hangs on the {name}"
    return [*said, f"{both}: {verdict}.", *_unseen(report, number)]


def _unseen(report: OriginReport, number: str) -> list[str]:
    values = [one.unseen.value for one in report.each if math.isfinite(one.unseen.value)]
    if not values:
        return [f"What it is worth in a {report.column} that it has never seen could not be tried."]
    low, high = min(values), max(values)
    span = f"{low:z.3f}" if len(values) == 1 else f"from {low:z.3f} to {high:z.3f}"
    return [f"Where a {report.column} was left out of what is learned, its {number} there is {span}."]


def about_control(report: ControlReport) -> str:
    """Does it need what was destroyed?"""
    both = f"On {report.name} the same heads reach {report.applied.text}, heads trained on it {report.retrained.text}"
    return f"{both}, on the intact scans {report.intact.value:z.3f}: {_verdict(report)}."


def _verdict(report: ControlReport) -> str:
    if not is_above_chance(report.intact):
        return "there was nothing to lose"
    kept, applied = (
        (number.value - CHANCE) / (report.intact.value - CHANCE) for number in (report.retrained, report.applied)
    )
    if kept > _KEPT and applied <= _KEPT:
        return "the features tell it without what was destroyed there, but this head is worth less without it"
    if kept > _KEPT:
        return "the head does not need what was destroyed there"
    if kept > 0.4:
        return "much of what the head knows is still there without what was destroyed"
    return "the head needs what was destroyed there"


def beside_numbers(study: Study) -> list[str]:
    """Of the first paragraph what belongs beside each number that the head will give, in short."""
    number = main_of(study.cohort.outcome)
    said = [sentence for report in study.origins for sentence in about_origin(report, number)]
    if not study.origins:
        said.append("Whether it knows the disease or the hospital was not asked.")
    verdicts: dict[str, list[str]] = {}
    for control in study.controls:
        verdicts.setdefault(_verdict(control), []).append(control.name)
    return [*said, *(f"On {'; '.join(names)}: {verdict}." for verdict, names in verdicts.items())]


def about_comparison(comparison: Comparison) -> str:
    """Which of two is better."""
    one, other, difference = comparison.first_name, comparison.second_name, comparison.difference
    p = "" if comparison.p is None else f", p = {p_text(comparison.p)} by DeLong's test"
    both = f"{one} {comparison.first.text}, {other} {comparison.second.text}, difference {difference.text}{p}"
    if not math.isfinite(difference.low) or difference.low <= 0 <= difference.high:
        return f"{both}: no difference that could be told from chance."
    return f"{both}: {one if difference.value > 0 else other} is better."


def p_text(p: float) -> str:
    """Of a p-value."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def about_threshold(study: Study, threshold: float) -> str:
    """What sensitivity and specificity are of."""
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101  for mypy
    positive = outcome.names[1]
    how = "as chosen" if study.options.threshold is not None else f"the share of {positive} among the rows"
    return f"A row counts as {positive} from a probability of {threshold:.3f} on ({how})."
