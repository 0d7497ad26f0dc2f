"""Saliency maps in words: targets, methods with what is known of them, and the legend of a map."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fmcib_engine.heads.terms import LOG_RELATIVE_HAZARD
from fmcib_engine.saliency.methods import METHODS, Method
from slicer.i18n import tr as _

from ...Scene.HeadTable import HeadTable
from ...Scene.Predictions import Prediction

_SHOWN_OF_SHA = 12
_ALIKE = 0.3
"""A rank correlation above this passes for alike."""

RANDOM_WEIGHTS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "gradient": (0.00, 0.47),
        "smoothgrad": (0.56,),
        "guided-smoothgrad": (0.41,),
        "grad-cam": (0.36,),
        "grad-cam++": (0.41,),
        "integrated-gradients": (0.00, 0.48),
        "occlusion": (-0.10, 0.16),
    }
)
"""Rank correlation of a method's map with that of a network of random numbers; of signed maps also of their sizes.

As `Resources/Docs/saliency.md` has them, to which a test holds them; as well as the next.
"""
POINTS_AT_LESION: Mapping[str, int] = MappingProxyType(
    {
        "gradient": 71,
        "smoothgrad": 80,
        "guided-smoothgrad": 64,
        "grad-cam": 9,
        "grad-cam++": 10,
        "integrated-gradients": 71,
        "occlusion": 35,
    }
)
"""Of how many of 100 lesions the largest value lies in the lesion; of a map of random numbers, of 5."""


def labelFreeTargets() -> list[tuple[str, str]]:
    """Targets that need no head: name, and how it is called."""
    return [
        ("embedding", _("The features themselves, in their own direction (embedding)")),
        ("norm", _("How strong the features are (norm)")),
    ]


def targetsOf(predictions: Sequence[Prediction]) -> list[tuple[str, str]]:
    """Those of the heads that said something of a lesion: name, and how it is called."""
    found = []
    for each in predictions:
        if each.facts.get("columns"):
            continue  # it takes more than the patch
        isSurvival = LOG_RELATIVE_HAZARD in each.values
        for output in [LOG_RELATIVE_HAZARD] if isSurvival else each.values:
            called = _("relative hazard") if isSurvival else output
            found.append((f"{each.head}:{output}", _("{head}: {output}").format(head=each.head, output=called)))
    return found


def targetInWords(target: str, predictions: Sequence[Prediction]) -> str:
    """What a target means; of a class, what its head's label was."""
    if target == "embedding":
        return _("Where the features of this lesion come from, whatever is predicted from them: needs no head.")
    if target == "norm":
        return _("Where the length of the feature vector comes from: needs no head.")
    for each in predictions:
        if target.startswith(f"{each.head}:") and each.facts:
            text = _("{title}. Label: {meaning}.")
            told = text.format(title=_capital(each.facts["title"]), meaning=each.facts["label_meaning"].rstrip("."))
            return "\n".join([told, each.facts["caution"]]).rstrip()
    return ""


def methodNames() -> list[tuple[str, str]]:
    """Name, and how it is called."""
    return [(method.name, _capital(method.title)) for method in METHODS.values()]


def methodInWords(name: str) -> str:
    """What a value of its map is, and how far such a map can be believed."""
    method = METHODS[name]
    return "\n".join([f"{_capital(method.meaning)}.", _verdict(method), _pointing(method)])


def _verdict(method: Method) -> str:
    """Of the check by random weights."""
    likeness, *sizes = RANDOM_WEIGHTS[method.name]
    told = f"{likeness:z.2f}" + (_(", sizes {sizes}").format(sizes=f"{sizes[0]:z.2f}") if sizes else "")
    if method.caution:
        text = _("! {caution}. Check by random weights: rank correlation {told} (1: nothing changes).")
        return text.format(caution=_capital(method.caution), told=told)
    text = (
        _("Check by random weights: the map stays alike, rank correlation {told} (0: all changes). Little evidence.")
        if likeness > _ALIKE
        else _("Check by random weights: the map changes, as it should: rank correlation {told} (0: all changes).")
    )
    return text.format(told=told)


def _pointing(method: Method) -> str:
    text = _("Its largest value lay in the lesion {count} times of 100 (of random maps: 5 times).")
    return text.format(count=POINTS_AT_LESION[method.name])


CHECKED_WITH = _("Checked with the small encoder and computer-made lesions; not with these weights.")


def legendOf(facts: Mapping[str, Any], low: float, high: float, volumeNode: Any) -> list[str]:
    """What stands under the colours of a map: one fact a line. Nothing of what the scene lost."""
    if not facts.get("method"):
        return [_("This scene does not tell what this map is. Make it again.")]
    method = METHODS.get(facts["method"])
    title = method.title if method else facts["method"]
    lines = [
        _("Saliency map by {method}").format(method=title),
        _("Target: {meaning}, {score}").format(meaning=facts["target_meaning"], score=_number(facts["score"])),
    ]
    if label := _labelOf(facts, volumeNode):
        lines.append(_("Label: {label}").format(label=label))
    lines += [
        _("Unit: {unit}; raw values {low} to {high}").format(unit=facts["unit"], low=_number(low), high=_number(high)),
        _samples(facts),
    ]
    if low == high:
        lines.append(_("It is the same everywhere, and marks no place."))
    weights = _("Weights: {weights}, SHA-256 {sha}…")
    lines.append(weights.format(weights=facts["weights"], sha=facts["weights_sha256"][:_SHOWN_OF_SHA]))
    return lines


def _samples(facts: Mapping[str, Any]) -> str:
    done, total = facts["samples_done"], facts["samples_total"]
    text = _("{done} of {total} samples, as it was cancelled") if done < total else _("{done} of {total} samples")
    parts = [text.format(done=done, total=total)]
    given = facts["parameters"]
    given = json.loads(given) if isinstance(given, str) else given
    parts += [f"{name.replace('_', ' ')} {value:g}" for name, value in given.items() if name != "samples"]
    return "; ".join([*parts, _("random seed {seed}").format(seed=facts["random_seed"])])


def cautionsOf(facts: Mapping[str, Any]) -> str:
    """What must stand wherever the map is shown: one a line."""
    found = facts.get("cautions") or []
    return "\n".join(f"! {_capital(each)}" for each in found) if isinstance(found, list) else str(found)


def _labelOf(facts: Mapping[str, Any], volumeNode: Any) -> str:
    head, colon, _output = facts["target"].partition(":")  # a class may have colons in its name, a head has none
    return HeadTable(volumeNode).facts(head, facts["head_sha256"]).get("label_meaning", "") if colon else ""


def _number(value: Any) -> str:
    return f"{float(value):z.3g}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
