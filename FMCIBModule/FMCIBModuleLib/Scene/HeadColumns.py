"""The columns of heads in the lesions' table: `malignancy:malignant`, `malignancy:note`, `malignancy:sha256`, …

A head's ID has no colon, and no other column has one; a class may.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fmcib_engine.heads.terms import LOG_RELATIVE_HAZARD, NOTE, SHA256, TIME_UNITS
from fmcib_engine.results.schema import HEAD_COLUMNS

_LAST = (NOTE, SHA256)
"""Of each head, in this order."""
_CLASS, _SURVIVAL = "<class>", "survival_<time>_<unit>"
"""As the engine's schema writes them."""
_AT_A_TIME = re.compile(rf"survival_([0-9.e+-]+)_({'|'.join(TIME_UNITS)})")
_DAYS = {"days": 1.0, "months": 30.4375, "years": 365.25}
"""Of each unit of time, to put times in order."""


def isOfHead(name: str) -> bool:
    """Whether a column of the table is one of a head's."""
    return ":" in name


def headOf(name: str) -> tuple[str, str]:
    """The head's ID, and what the column is of it: the name of an output, `note` or `sha256`."""
    head, _colon, what = name.partition(":")
    return head, what


def byHead(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of columns by their heads: those of one stand together, its outputs first, as the engine has them.

    Times of survival rise, also where heads of one name, one after the other, had others.
    """
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        if isOfHead(name):
            found.setdefault(headOf(name)[0], []).append(name)
    return {head: _inOrder(head, own) for head, own in found.items()}


def _inOrder(head: str, names: list[str]) -> list[str]:
    isSurvival = f"{head}:{LOG_RELATIVE_HAZARD}" in names

    def place(name: str) -> tuple[int, float]:
        what = headOf(name)[1]
        if what in _LAST:
            return 2, float(_LAST.index(what))
        time = timeOf(what) if isSurvival else None  # a class may be called like one
        return (0, 0.0) if time is None else (1, float(time[0]) * _DAYS[time[1]])

    return sorted(names, key=place)


def timeOf(output: str) -> tuple[str, str] | None:
    """Number and unit of the time of a survival, such as `365` and `days`; None of another output."""
    found = _AT_A_TIME.fullmatch(output)
    try:
        return (found[1], found[2]) if found and float(found[1]) > 0 else None
    except ValueError:  # such as 1e
        return None


def meaningOf(name: str) -> tuple[str, str]:
    """Unit and meaning of such a column, as the engine's schema has them."""
    what = headOf(name)[1]
    pattern = what if what in (*_LAST, LOG_RELATIVE_HAZARD) else _SURVIVAL if timeOf(what) else _CLASS
    return next((unit, meaning) for each, _kind, unit, meaning in HEAD_COLUMNS if headOf(each)[1] == pattern)
