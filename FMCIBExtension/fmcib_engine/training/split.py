"""Which lesions are learned from and which are held back, so that no patient is in both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..errors import InputError, TableError
from .sources import Lesion

TRAIN, VALIDATION = "train", "validation"
_TRIES = 500
_SPELLINGS = {"train": TRAIN, "training": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION}


def class_names(lesions: Sequence[Lesion]) -> list[str]:
    """The labels in order: as numbers if all are, else by the alphabet.

    Raises:
        InputError: fewer than two.
    """
    names = {lesion.label for lesion in lesions}
    if len(names) < 2:
        everywhere = ", ".join(names) or "missing"
        msg = f"Classes to tell apart are wanted, the label is {everywhere} everywhere. Choose another with `label`."
        raise InputError(msg)
    try:
        numbers = {name: float(name) for name in names}
    except ValueError:
        return sorted(names)
    if not all(map(math.isfinite, numbers.values())):
        return sorted(names)
    return sorted(names, key=lambda name: (numbers[name], name))  # a set's order is another in each process


def split(lesions: Sequence[Lesion], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Numbers of the lesions to learn from, and to validate on.

    Where the user has split, so; else whole groups by chance, such that both parts have the classes in much the same
    shares: the best of some hundred draws.

    Raises:
        TableError: the user's split tears a group apart, or names parts that are not known.
        InputError: there is no split that has every class on both sides.
    """
    if any(lesion.part for lesion in lesions):
        return _as_told(lesions)
    groups = sorted({lesion.group for lesion in lesions})
    random = np.random.default_rng(seed)
    draws = [_drawn(lesions, [groups[i] for i in random.permutation(len(groups))], share) for _ in range(_TRIES)]
    usable = [draw for draw in draws if _has_all_classes(lesions, draw)]
    if not usable:
        counts = Counter(lesion.label for lesion in lesions)
        rarest = min(counts, key=counts.__getitem__)
        msg = (
            f"No split of {len(groups)} groups has every class in both parts; the rarest, {rarest}, has "
            f"{counts[rarest]} lesions. Add lesions, merge classes, or say the parts in a column with `part`."
        )
        raise InputError(msg)
    held = min(usable, key=lambda draw: _unevenness(lesions, draw, share))
    return [each.number for each in lesions if each.group not in held], [
        each.number for each in lesions if each.group in held
    ]


def _as_told(lesions: Sequence[Lesion]) -> tuple[list[int], list[int]]:
    odd = sorted({lesion.part for lesion in lesions} - _SPELLINGS.keys() - {"test"})
    if odd:
        msg = f"The column of parts says train, validation or test, it says {odd[0] or 'nothing'!r}. Correct it."
        raise TableError(msg)
    parts = {lesion.number: _SPELLINGS.get(lesion.part, "") for lesion in lesions}
    sides: dict[str, set[str]] = {TRAIN: set(), VALIDATION: set()}
    for lesion in lesions:
        if parts[lesion.number]:
            sides[parts[lesion.number]].add(lesion.group)
    if torn := sides[TRAIN] & sides[VALIDATION]:
        rows = sorted(lesion.number for lesion in lesions if lesion.group in torn)
        msg = (
            f"{len(torn)} groups are in both parts of the split, such as that of rows {rows[0]} and {rows[-1]}: what "
            "is validated on would have been learned. Correct the column of parts, or leave it out."
        )
        raise TableError(msg)
    chosen = [[number for number, part in parts.items() if part == wanted] for wanted in (TRAIN, VALIDATION)]
    if not all(chosen):
        msg = "The column of parts should have rows of train and of validation, one of them is missing. Correct it."
        raise TableError(msg)
    labels = {lesion.label for lesion in lesions if parts[lesion.number] == VALIDATION}
    if len(labels) < 2:
        msg = (
            f"The lesions to validate on should be of two classes at least, all are {labels.pop()}. Correct the column "
            "of parts, or leave it out."
        )
        raise TableError(msg)
    return chosen[0], chosen[1]


def _drawn(lesions: Sequence[Lesion], order: list[str], share: float) -> frozenset[str]:
    """The first groups that together have the share of the lesions."""
    sizes = Counter(lesion.group for lesion in lesions)
    held, count = set(), 0
    for group in order[:-1]:
        if count >= share * len(lesions):
            break
        held.add(group)
        count += sizes[group]
    return frozenset(held)


def _has_all_classes(lesions: Sequence[Lesion], held: frozenset[str]) -> bool:
    classes = {lesion.label for lesion in lesions}
    inside = {lesion.label for lesion in lesions if lesion.group in held}
    outside = {lesion.label for lesion in lesions if lesion.group not in held}
    return inside == outside == classes


def _unevenness(lesions: Sequence[Lesion], held: frozenset[str], share: float) -> float:
    """How far each class's held share is from the wanted, added up."""
    all_of = Counter(lesion.label for lesion in lesions)
    held_of = Counter(lesion.label for lesion in lesions if lesion.group in held)
    return sum(abs(held_of[label] / count - share) for label, count in all_of.items())
