"""What the engine tells of a table, and of a head that was trained, as the window shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fmcib_engine.results.schema import COLUMNS
from slicer.i18n import tr as _

from ...Scene.HeadColumns import isOfHead
from ...Scene.LesionTable import KEY_COLUMN
from .TrainingPanel import Facts

_OF_THE_TABLE = {column.name for column in COLUMNS} | {KEY_COLUMN}
_MAY_GROUP = ("image_path", "series_uid", "lesion_id")
"""Of the engine's own columns those that may tell whose a lesion is."""
_SHOWN_OF_SHA = 12

Told = Mapping[str, Any]
"""A result of the engine's task `check_head` or `train_head`."""


def labelColumns(told: Told) -> list[str]:
    """Columns that may be what is learned: the user's own."""
    names = [each["name"] for each in told["columns"] if each["different"] > 1]
    return [name for name in names if name not in _OF_THE_TABLE and not isOfHead(name)]


def groupColumns(told: Told) -> list[str]:
    """Columns that may say whose a lesion is, or where it was scanned."""
    there = [each["name"] for each in told["columns"] if each["different"] > 1]
    return [*labelColumns(told), *(name for name in _MAY_GROUP if name in there)]


def factsOf(told: Told) -> Facts:
    """Of a look at a table."""
    missing = told["missing_packages"]
    lines = [_aboutFeatures(told)]
    if told["usable"] is not None:
        lines.append(_aboutRows(told))
    problems = [told["refused"]] if told["refused"] else []
    if not labelColumns(told):
        problems = [_("The table has no column with a label. Join one that has.")]
    if missing:
        text = _("Training needs packages that are not installed: {names}.")
        problems.insert(0, text.format(names=", ".join(missing)))
    warnings = "\n".join(f"! {each}" for each in told["warnings"])
    canTrain = told["usable"] is not None and not problems
    return Facts("\n".join(lines), warnings, "\n".join(problems), canTrain, missing)


def _aboutFeatures(told: Told) -> str:
    if not told["encoder_id"]:
        text = _("{rows} lesions with {features} features each, of which nobody knows what they were computed with.")
    else:
        text = _("{rows} lesions with {features} features each, of {encoder}, weights {sha}…")
    line = text.format(
        rows=told["rows"],
        features=f"{told['features']:,}",
        encoder=told["encoder_id"],
        sha=told["weights_sha256"][:_SHOWN_OF_SHA],
    )
    return "\n".join([line, *([told["caution"]] if told["caution"] else [])])


def _aboutRows(told: Told) -> str:
    rows, usable = told["rows"], told["usable"]
    counts = ", ".join(f"{name} {count} ({count / usable:.0%})" for name, count in told["counts"])
    text = _("{usable} of them can be learned from, of {groups} patients; {out} are left out. {counts}.")
    return text.format(usable=usable, groups=told["groups"], out=rows - usable, counts=counts)


def numbersInWords(numbers: Sequence[Mapping[str, str]]) -> str:
    """One a line."""
    return "\n".join(f"{each['name']}: {each['text']}" for each in numbers)


def titleOf(told: Told) -> str:
    """Of a head that was trained."""
    return _("{name}, on patients that it has not seen [95 % interval]:").format(name=told["head"]["id"])


def paragraphOf(told: Told) -> str:
    """What it means, and what belongs beside its numbers."""
    return "\n".join([" ".join(told["first_paragraph"]), *(f"! {each}" for each in told["warnings"])])
