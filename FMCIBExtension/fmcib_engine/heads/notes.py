"""The sentences beside a head's numbers: what they mean, what they are worth, and whether the lesion is unlike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .head import Head

_LIKELY = 0.5
"""Below this the sites that a head knows are less likely than all others together."""


def standing_notes(head: Head, caution: str) -> list[str]:
    """What is the same for every lesion.

    Args:
        head: the head.
        caution: of the weights whose features it is given.
    """
    notes = [*dict.fromkeys(each for each in (caution, head.caution) if each)]
    notes.append(f"label: {head.label_meaning}")
    notes += [f"{metric.text}{f' ({metric.about})' if metric.about else ''}" for metric in head.metrics[:1]]
    notes.append(f"trained on: {head.training.population}")
    if not head.origin.is_verified:
        notes.append("encoder unverified: nobody knows of which features it was made")
    if head.task == "classification" and head.calibration.kind == "none":
        notes.append("uncalibrated: read it as an order, not as a chance")
    return [*notes, *head.warnings]


def unlike(head: Head, others: Mapping[Head, Sequence[float]]) -> list[str]:
    """Why a lesion is unlike those that a head knows, by what other heads of the run say of its site.

    Args:
        head: the head.
        others: what heads say of this lesion, in the order of their outputs.
    """
    found = []
    for other, values in others.items():
        if not (head.sites and other.tells_site) or other is head or (other.caution and not head.caution):
            continue
        known = sum(value for site, value in zip(other.classes, values, strict=True) if site in head.sites)
        if known < _LIKELY:
            top = max(range(len(values)), key=values.__getitem__)
            found.append(
                f"UNLIKE what it knows: the head {other.id} says {other.classes[top]} ({values[top]:.2f}), it knows "
                f"{', '.join(head.sites)}"
            )
    return found


def in_one_cell(notes: Iterable[str]) -> str:
    """Sentences as one text: semicolons separate them."""
    return "; ".join(note.replace(";", ",") for note in notes)
