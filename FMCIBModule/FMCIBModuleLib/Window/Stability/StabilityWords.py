"""What stability found, in words: never a verdict, always the numbers, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from fmcib_engine.heads.terms import LOG_RELATIVE_HAZARD
from slicer.i18n import tr as _

from ...Scene.StabilityInScene import COSINE
from ..LesionWords import outputInWords
from .StabilityRows import Strip

Document = Mapping[str, Any]
"""As the engine tells it, `fmcib_engine.stability.document`."""


def howInWords(document: Document) -> str:
    """How the seed was moved, and how often that failed."""
    text = _("Seed moved: {how}.").format(how=document["jitter"]["how"])
    if left := document["left_out"]:
        one, several = _("1 of these is left out: {why}"), _("{count} of these are left out, such as: {why}")
        out = one if len(left) == 1 else several
        text = f"{text} {out.format(count=len(left), why=left[0]['why'])}"
    return text


def stripsOf(document: Document) -> list[Strip]:
    """Of each head its name, then its numbers from the likeliest to the least; of a survival in their order."""
    found = []
    for head in document["heads"]:
        outputs = list(head["outputs"])
        if LOG_RELATIVE_HAZARD not in outputs:
            outputs.sort(key=lambda name: -head["outputs"][name]["value"])
        found.append(Strip(_titleOf(head)))
        found += [_stripOf(document, head, name) for name in outputs]
    return found


def _titleOf(head: Document) -> str:
    likeliest = head["likeliest"]
    if not head["outputs"]:
        return _("{head}: no prediction").format(head=head["id"])
    if not likeliest:
        return head["id"]
    if likeliest["of"] == 1:
        text = _("{head}: {name} stays the likeliest in {count} of 1 draw")
    else:
        text = _("{head}: {name} stays the likeliest in {count} of {of} draws")
    return text.format(head=head["id"], name=likeliest["class"], count=likeliest["stays_in"], of=likeliest["of"])


def _stripOf(document: Document, head: Document, name: str) -> Strip:
    spread = head["outputs"][name]
    draws, changes = (
        [said[name] for each in document[kind] if (said := each["predictions"].get(head["id"]))]
        for kind in ("draws", "perturbations")
    )
    ends = _endsOf([*draws, *changes, spread["value"]]) if name == LOG_RELATIVE_HAZARD else (0.0, 1.0)
    text = f"{spread['value']:z.3f}\n[{spread['low']:z.3f}, {spread['high']:z.3f}]"
    about = _(
        "From {low:z.3f} at the left to {high:z.3f} at the right. Undisturbed {value:z.3f}; {draws} draws, mean "
        "{mean:z.3f}, standard deviation {sd:.3f}."
    )
    if spread["draws"] == 1:  # which has no standard deviation
        about = _(
            "From {low:z.3f} at the left to {high:z.3f} at the right. Undisturbed {value:z.3f}; 1 draw, {mean:z.3f}."
        )
    known = {"low": ends[0], "high": ends[1], "value": spread["value"], "draws": spread["draws"]}
    about = about.format(**known, mean=spread["mean"], sd=spread["sd"])
    return Strip(outputInWords(name), text, spread["value"], draws, changes, spread["low"], spread["high"], ends, about)


def _endsOf(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max(0.05 * (high - low), 1e-3)
    return low - margin, high + margin


def legendOf(document: Document) -> str:
    """How the strips are read."""
    if not any(head["outputs"] for head in document["heads"]):
        return ""
    lines = _("Orange line: at the seed itself. Upper row, blue: each draw; grey bar and [ ]: 95 % of the draws.")
    if document["perturbations"]:
        lines += " " + _("Lower row, violet squares: each change of the patch.")
    return lines


def cosineInWords(document: Document) -> str:
    """The cosine with its rank, without which it misleads."""
    similar = [each["cosine"] for each in document["draws"] if each["cosine"] is not None]
    rank = document["cosine"]["rank"]["in_words"]
    if not similar:
        return _("The features have no cosine similarity: they are zero. {rank}").format(rank=rank)
    text = _(
        "Cosine similarity of the features to the undisturbed: median {median:z.4f}, smallest {least:z.4f}; {rank}. "
        "A cosine near 1 alone says little: with some networks all lesions have one."
    )
    return text.format(median=float(np.median(similar)), least=min(similar), rank=rank)


def changesInWords(document: Document) -> str:
    """A change of the patch a line."""
    lines = []
    for each in document["perturbations"]:
        cosine = _("none") if each["cosine"] is None else f"{each['cosine']:z.4f}"
        rank = each["rank"]
        place = (
            _(", rank {rank} of {count}").format(rank=rank["worst"], count=rank["others"] + 1)
            if "worst" in rank
            else ""
        )
        lines.append(
            _("{name} ({about}): cosine {cosine}{place}").format(
                name=each["name"], about=each["about"], cosine=cosine, place=place
            )
        )
    return "\n".join(lines)


def notesInWords(document: Document) -> str:
    """What is to be known of the patch, of where it was computed, and of each head; one a line."""
    notes = [f"! {each}" for each in document["warnings"]]
    notes += [f"{head['id']}: {head['note']}" for head in document["heads"] if head["note"]]
    return "\n".join(notes)


def quantityInWords(quantity: str) -> str:
    """What a map shows."""
    if quantity == COSINE:
        return _("cosine similarity to the seed itself")
    head, _colon, output = quantity.partition(":")
    return f"{head}: {outputInWords(output)}"
