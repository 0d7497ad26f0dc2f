"""What the engine tells of a batch, as the window shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fmcib_engine.encoders import COMPUTER_MADE, DEMONSTRATION
from slicer.i18n import tr as _

from .BatchPanel import PlanShown, ResultShown
from .BatchRows import BatchLine, ListedRow

Told = Mapping[str, Any]
"""A result of the engine's task `plan_batch` or `batch`, or a row of the latter."""

_MOST_REASONS, _MOST_CAUSES = 8, 8


def planOf(told: Told) -> PlanShown:
    """Of a dry run."""
    rules = " ".join(told["rules"])
    notes = "\n".join(f"! {each}" for each in told["notes"])
    return PlanShown(countsOf(told), rules, _reasons(told["not_done"]), notes)


def countsOf(told: Told) -> str:
    """What would be done, counted."""
    text = _("{lesions} of {series} would be computed: {files}{size}.")
    size = "" if told["bytes"] is None else _(", {size}").format(size=_sized(told["bytes"]))
    return text.format(
        lesions=_counted(told["rows"], _("1 lesion"), _("{count} lesions")),
        series=_counted(told["series"], _("1 series"), _("{count} series")),
        files=_counted(told["files"], _("1 file"), _("{count} files")),
        size=size,
    )


def questionOf(told: Told) -> str:
    """Before what the user has not seen yet is begun."""
    left = sum(count for _why, count in told["not_done"])
    lines = [countsOf(told)]
    if left:
        lines.append(_("{count} lines of the list would not be done; the panel says why.").format(count=left))
    return "\n".join([*lines, " ".join(told["rules"]), _("Start now?")])


def _reasons(notDone: Sequence[Sequence[Any]]) -> str:
    if not notDone:
        return ""
    lines = [f"{count:,} x {why}" for why, count in notDone[:_MOST_REASONS]]
    if len(notDone) > _MOST_REASONS:
        more = _("and {count} other reasons: the list that can be saved has all")
        lines.append(more.format(count=len(notDone) - _MOST_REASONS))
    return "\n".join([_("Not done:"), *lines])


def listOf(lines: Sequence[Told], identifiers: bool) -> list[list[str]]:
    """The list of a dry run as the rows of a table, its header first; series UIDs only where they are asked for."""
    names = ["do", "why", "patient", *(["series_uid"] if identifiers else []), "lesion_id"]
    return [names, *([_cell(name, each.get(name)) for name in names] for each in lines)]


def _cell(name: str, value: Any) -> str:
    if name == "do":
        return "yes" if value else "no"
    return "" if value is None else str(value)


def rowOf(told: Told, caution: str = "") -> ListedRow:
    """A row as it comes.

    Args:
        told: by the engine.
        caution: of the weights, as the window shows it; numbers that have one are in the details alone.
    """
    isGood, isKept = told["status"] == "ok", told["kept"]
    marks = (_("✗ error"), _("✗ before")), (_("✓ done"), _("✓ before"))
    line = BatchLine(_nameOf(told), marks[isGood][isKept], _inShort(told, caution), told["problem"])
    return ListedRow(line, isGood, told)


def _nameOf(told: Told) -> str:
    return told["lesion_id"] or _("row {number}").format(number=told["row"])


def _inShort(told: Told, caution: str) -> str:
    """The likeliest of the first head whose numbers have no caution, and how many other heads there are."""
    said = told["predictions"]
    if not said:
        return _("no head") if told["status"] == "ok" else ""
    cautions = tuple(filter(None, (DEMONSTRATION, COMPUTER_MADE, caution)))
    first = next((each for each in said if not each["note"].startswith(cautions)), None)
    if first is None:
        return _("demonstration") if said[0]["note"].startswith(DEMONSTRATION) else _("only a trial")
    others = f" +{len(said) - 1}" if len(said) > 1 else ""
    return first["text"].partition(", ")[0] + others


def detailOf(told: Told) -> str:
    """All that is known of a row; what belongs beside the numbers of all heads comes before them, once."""
    lines = [_nameOf(told)]
    if told["status"] != "ok":
        lines.append(_("No features ({step}): {problem}").format(step=told["step"], problem=told["problem"]))
        return "\n".join(lines)
    said = told["predictions"]
    notes = [each["note"].split("; ") if each["note"] else [] for each in said]
    shared = [clause for clause in notes[0] if all(clause in each for each in notes[1:])] if len(said) > 1 else []
    lines += ["; ".join(shared)] if shared else []
    for each, clauses in zip(said, notes, strict=True):
        own = "; ".join(clause for clause in clauses if clause not in shared)
        lines += [f"{each['head']}: {each['text']}", *([own] if own else [])]
    if not said:
        lines.append(_("The features are there; no head turned them into a prediction."))
    return "\n".join([*lines, _("For research use only. Not a medical device.")])


def countOf(good: int, failed: int, unlisted: int) -> str:
    """Of the rows that have come."""
    text = _("{good} with features, {failed} without.").format(good=f"{good:,}", failed=f"{failed:,}")
    if unlisted:
        text += " " + _("{count} of them are not listed here: the table on the disk has them.").format(
            count=f"{unlisted:,}"
        )
    return text


def causesOf(causes: Sequence[Told], count: int = 0) -> str:
    """Why rows have no features, the commonest first.

    Args:
        causes: all, or those of which there is most.
        count: of all causes.
    """
    if not causes:
        return ""
    ordered = sorted(causes, key=lambda each: -each["count"])
    lines = [f"{each['count']:,} x {each['problem']} ({each['step']})" for each in ordered[:_MOST_CAUSES]]
    count = max(count, len(causes))
    if count > _MOST_CAUSES:
        more = _("and {count} causes more: the file errors.csv has all")
        lines.append(more.format(count=f"{count - _MOST_CAUSES:,}"))
    return "\n".join([_("Without features:"), *lines])


def causesSoFar(problems: Counter[tuple[str, str]]) -> str:
    """The same while a run goes on, or of one that was ended: by (problem, step)."""
    most = problems.most_common(_MOST_CAUSES)
    causes = [{"problem": problem, "step": step, "count": count} for (problem, step), count in most]
    return causesOf(causes, len(problems))


def resultOf(told: Told, planned: int = 0) -> ResultShown:
    """Of a run that came to its end.

    Args:
        told: by the engine.
        planned: lesions of which the look before it told; 0 where nobody knows.
    """
    text = _("{rows} in the table, {computed} of them computed now.")
    rows = text.format(
        rows=_counted(told["rows"], _("1 row"), _("{count} rows")),
        computed=f"{told['computed']:,}",
    )
    if planned and planned != told["rows"]:
        text = _(
            "Before it began, {lesions} could be computed: files or seeds have changed since. Make a dry run again."
        )
        rows += " " + text.format(lesions=_counted(planned, _("1 lesion"), _("{count} lesions")))
    if told["lost"]:
        text = _("{seeds} no row: worklist.csv in the folder says why.")
        rows += " " + text.format(seeds=_counted(told["lost"], _("1 seed has"), _("{count} seeds have")))
    return ResultShown(rows, told["times"], bool(told["failed"]))


def networkOf(weights: str, device: str, heads: str) -> str:
    """What computes, and that it is another process than the window's."""
    text = _(
        "Weights {weights}, device {device}, heads {heads}, as chosen in this window. A run loads a network of its own "
        "beside Slicer. The window's network is let go then, unless it is computing, and comes back with the next "
        "lesion that is analysed here."
    )
    return text.format(weights=weights, device=device, heads=heads)


def _counted(count: int, one: str, several: str) -> str:
    return one if count == 1 else several.format(count=f"{count:,}")


def _sized(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
