"""What a study means, in words: how good, the disease or the hospital, the tumour or not. The report begins with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .bootstrap import Estimate
from .comparison import Comparison
from .controls import ControlReport
from .judges import main_of
from .origins import OriginReport
from .outcomes import Classes, Survival
from .study import Study

CHANCE = 0.5
_KNOWN = 0.8
"""AUC from which on features are said to tell an origin."""


def first_paragraph(study: Study) -> list[str]:
    """Sentences, the ones that matter most."""
    said = [worth(study)]
    for report in study.origins:
        said += about_origin(report, main_of(study.cohort.outcome))
    if not study.origins:
        said.append("Whether it knows the disease or the hospital was not asked: no column of it was named (--site).")
    said += about_controls(study.controls)
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
    both = f"Within one {name} its {number} is {inside.text}, {_less(report.lost)} than over all ({pooled.value:z.3f})"
    if not is_above_chance(inside):
        verdict = f"within one {name} that cannot be told from chance (0.5)"
        if report.lost.is_above_zero:
            verdict = (
                f"clearly less, and no more than chance (0.5): what it seems to know is the {name}, not the disease"
            )
    elif report.lost.is_above_zero:
        verdict = f"clearly less: part of what it seems to know is the {name}, not the disease"
    else:
        verdict = f"the two are not shown to differ: nothing shows that it hangs on the {name}"
        if report.told.low > _KNOWN:
            verdict = f"the two are not shown to differ: it could see the {name}, but nothing shows that it hangs on it"
    return [*said, f"{both}: {verdict}.", *_unseen(report, number)]


def _unseen(report: OriginReport, number: str) -> list[str]:
    numbers = [one.unseen for one in report.each if math.isfinite(one.unseen.value)]
    if not numbers:
        return [f"What it is worth in a {report.column} that it has never seen could not be tried."]
    low, high = (end(numbers, key=lambda one: one.value) for end in (min, max))
    span = low.text if len(numbers) == 1 else f"from {low.text} to {high.text}"
    return [f"Where a {report.column} was left out of what is learned, its {number} there is {span}."]


def about_controls(reports: Sequence[ControlReport]) -> list[str]:
    """One sentence for all of which the same holds; each number stands in the table."""
    if len(reports) < 2:
        return [about_control(report) for report in reports]
    verdicts: dict[str, list[ControlReport]] = {}
    for report in reports:
        verdicts.setdefault(_verdict(report), []).append(report)
    said = [f"On the intact scans it is {reports[0].intact.value:z.3f}."]
    for verdict, of_it in verdicts.items():
        each = "; ".join(f"{one.name} {one.applied.text}, {_less(one.lost)}" for one in of_it)
        said.append(f"The same heads on {each}: {verdict}.")
    return said


def about_control(report: ControlReport) -> str:
    """Does it need what was destroyed?"""
    return (
        f"On {report.name} the same heads reach {report.applied.text}, {_less(report.lost)} than on the intact scans "
        f"({report.intact.value:z.3f}); heads trained on it {report.retrained.text}, {_less(report.lost_retrained)}: "
        f"{_verdict(report)}."
    )


def _less(lost: Estimate) -> str:
    """Such as `0.012 [-0.003, 0.025] less`; of a loss below 0 `0.012 [-0.025, 0.003] more`."""
    return f"{lost.text} less" if lost.value >= 0 else f"{Estimate(-lost.value, -lost.high, -lost.low).text} more"


def _verdict(report: ControlReport) -> str:
    """By the intervals of what is lost; short, and the same of tables of which the same holds."""
    if not is_above_chance(report.intact):
        return "there was nothing to lose"
    if report.lost_retrained.is_above_zero and not is_above_chance(report.retrained):
        return "the head needs what was destroyed there"
    if report.lost_retrained.is_above_zero:
        return "clearly less: part of what the head knows was destroyed there, the rest was not"
    if report.lost.is_above_zero:
        return "the features tell it without what was destroyed there, but this head is clearly worse without it"
    losses = (report.lost, report.lost_retrained)
    if any(not math.isfinite(each.low) for each in losses):
        return "whether anything is lost is not known, for want of an interval"
    how = "clearly no worse, rather better" if any(each.is_below_zero for each in losses) else "not shown to differ"
    return f"{how}: the head is not shown to need what was destroyed there"


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
    if not math.isfinite(difference.low):
        return f"{both}: whether they differ is not known, for want of an interval."
    if difference.is_above_zero or difference.is_below_zero:
        return f"{both}: {one if difference.is_above_zero else other} is clearly better."
    return f"{both}: the two are not shown to differ."


def p_text(p: float) -> str:
    """Of a p-value."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def about_threshold(study: Study) -> str:
    """What sensitivity and specificity are of."""
    outcome = study.cohort.outcome
    assert isinstance(outcome, Classes)  # noqa: S101  for mypy
    positive, chosen = outcome.names[1], study.options.threshold
    if chosen is not None:
        return f"A row counts as {positive} from a probability of {chosen:.3f} on (as chosen)."
    learned = study.predictions.learned
    low, high = f"{learned.min():.3f}", f"{learned.max():.3f}"
    span = low if low == high else f"{low} to {high}"
    return (
        f"A row counts as {positive} from a probability of {span} on: the share of {positive} among the rows that its "
        "head had learned from, none of those held back."
    )
