"""Predictions in words: what the window shows of a head's numbers, and never more than row and head say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fmcib_engine.heads.terms import LOG_RELATIVE_HAZARD
from slicer.i18n import tr as _

from ...Scene.HeadTable import sentencesOf, worthOf
from ...Scene.Predictions import Prediction
from ..LesionWords import outputInWords
from .PredictionRows import Bar, Card

_SHOWN_OF_SHA = 12


def cardsOf(
    predictions: Sequence[Prediction],
    weightsCaution: str,
    thresholds: Mapping[str, float],
    hidden: Collection[str],
    isSettled: bool,
) -> list[Card]:
    """A card for each head; those of the same classes stand together, with their classes in one order.

    Args:
        predictions: of one lesion.
        weightsCaution: what the features of its weights do not say.
        thresholds: the user's, by `thresholdName`.
        hidden: IDs of heads that the user does not want to see.
        isSettled: False where the numbers may not be those of now.
    """
    groups: dict[str, list[Prediction]] = {}
    for each in predictions:
        groups.setdefault(_groupOf(each), []).append(each)
    return [
        _card(each, group, _order(together), weightsCaution, thresholds, each.head not in hidden, isSettled)
        for group, together in groups.items()
        for each in together
    ]


def thresholdName(sha256: str, output: str) -> str:
    """Of the user's threshold: it belongs to a head's file, as another may have its name."""
    return f"{sha256}:{output}"


def _groupOf(prediction: Prediction) -> str:
    """Heads of one task have the same outputs; one without numbers stands alone."""
    return "\n".join(sorted(prediction.values)) or prediction.head


def _order(together: Sequence[Prediction]) -> list[str]:
    """Classes from the likeliest to the least, of several heads on the average; times as they come."""
    outputs = list(together[0].values)
    if any(_isNoShare(output) for output in outputs):
        return outputs
    return sorted(outputs, key=lambda output: -sum(each.values[output] for each in together))


def _isNoShare(output: str) -> bool:
    return output == LOG_RELATIVE_HAZARD


def _card(
    prediction: Prediction,
    group: str,
    order: Sequence[str],
    weightsCaution: str,
    thresholds: Mapping[str, float],
    isShown: bool,
    isSettled: bool,
) -> Card:
    facts = prediction.facts
    cautions = list(dict.fromkeys(each for each in (weightsCaution, facts.get("caution", "")) if each))
    bars = [_bar(prediction, output, thresholds.get(thresholdName(prediction.sha256, output))) for output in order]
    unknown = _("This scene does not tell what this head is: its table of heads is gone.")
    return Card(
        head=prediction.head,
        sha256=prediction.sha256,
        group=group,
        title=facts.get("title", unknown),
        caution="\n".join(cautions),
        alarms="\n".join(f"! {each}" for each in _alarms(prediction, cautions)),
        facts="\n".join(factsInWords(facts)) if facts else "",
        bars=bars,
        isShown=isShown,
        isSettled=isSettled,
    )


def _bar(prediction: Prediction, output: str, threshold: float | None) -> Bar:
    value = prediction.values[output]
    if _isNoShare(output):
        return Bar(output, outputInWords(output), f"{value:z.3f}", None)
    text = f"{value:.3f}"
    if threshold is not None:
        text += f"\n{'≥' if value >= threshold else '<'} {threshold:.2f}"
    return Bar(output, outputInWords(output), text, value, threshold)


def _alarms(prediction: Prediction, cautions: Sequence[str]) -> list[str]:
    """The sentences of the note that the card does not say elsewhere, and what to do about columns that are missing."""
    facts = prediction.facts
    if not facts:
        return list(prediction.notes)
    if facts["columns"] and not prediction.values:
        return [*prediction.notes, _howToGiveColumns(prediction)]
    said = [*cautions, f"label: {facts['label_meaning']}", f"trained on: {facts['population']}"]
    said = [each.replace(";", ",") for each in said]
    worth = sentencesOf(facts["worth"])
    return [
        each
        for each in prediction.notes
        if each not in said and not each.startswith("uncalibrated: ") and not any(w.startswith(each) for w in worth)
    ]


def _howToGiveColumns(prediction: Prediction) -> str:
    text = _(
        "How to get it: a click in a scan brings no such number, so this window cannot. Write the lesions as rows of a "
        "table, with {columns} beside their seeds, and let the engine's command line predict from it with the head "
        "{head} (user's guide: Predictions)."
    )
    return text.format(columns=prediction.facts["columns"], head=prediction.head)


def factsInWords(facts: Mapping[str, str]) -> list[str]:
    """What a head's numbers mean: one fact a line."""
    worth = sentencesOf(facts["worth"]) or [_("not told: nobody has measured it, or the file does not say")]
    lines = [_("Label: {text}").format(text=facts["label_meaning"])]
    lines += [_("Worth: {text}").format(text=each) for each in worth]
    if facts["task"] == "classification" and facts["is_calibrated"] != "true":
        lines.append(_("Uncalibrated: read it as an order, not as a chance."))
    elif facts["task"] == "classification":
        lines.append(_("Calibrated."))
    lines.append(_("Trained on: {text}").format(text=facts["population"]))
    if facts["columns"]:
        lines.append(_("Needs your columns beside the features: {text}").format(text=facts["columns"]))
    if facts["licence"]:
        lines.append(_("Licence: {text}").format(text=facts["licence"]))
    text = _("Head: {source}, SHA-256 {sha}…").format(source=facts["source"], sha=facts["sha256"][:_SHOWN_OF_SHA])
    return [*lines, text + (_(", of {date}").format(date=facts["date"][:10]) if facts["date"] else "")]


def headInWords(head: Mapping[str, Any]) -> str:
    """All that the engine's task `heads` tells of one: one fact a line; nothing of what is not known."""
    unverified = _("unverified: nobody knows of which features it was made")
    lines = [
        ("", head["title"]),
        ("", head["caution"]),
        (_("gives"), ", ".join(map(outputInWords, head["outputs"]))),
        (_("label"), head["label_meaning"]),
        (_("trained on"), head["population"]),
        *((_("worth"), worthOf(each)) for each in head["metrics"]),
        (_("calibration"), "" if head["task"] != "classification" else _calibration(head["is_calibrated"])),
        *((_("warning"), each) for each in head["warnings"]),
        (_("encoder"), head["encoder_id"] or unverified),
        (_("weights"), f"SHA-256 {head['weights_sha256']}" if head["weights_sha256"] else unverified),
        (_("recipe"), head["recipe_id"] or unverified),
        (_("your columns"), ", ".join(head["columns"])),
        (_("date"), head["date"]),
        (_("licence"), head["licence"]),
        (_("to be cited"), head["citation"]),
        (_("file"), f"SHA-256 {head['sha256']}, {head['source']}"),
    ]
    return "\n".join(f"{name}: {text}" if name else text for name, text in lines if text)


def _calibration(isCalibrated: bool) -> str:
    return _("calibrated") if isCalibrated else _("none: its numbers are an order, and no chances")
