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
_AT_A_TIME = re.compile(rf"survival_[0-9.e+]+_({'|'.join(TIME_UNITS)})")


def isOfHead(name: str) -> bool:
    """Whether a column of the table is one of a head's."""
    return ":" in name


def headOf(name: str) -> tuple[str, str]:
    """The head's ID, and what the column is of it: the name of an output, `note` or `sha256`."""
    head, _colon, what = name.partition(":")
    return head, what


def byHead(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of columns by their heads: those of one stand together, its outputs first, as the engine has them."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        if isOfHead(name):
            found.setdefault(headOf(name)[0], []).append(name)
    return {head: sorted(own, key=_place) for head, own in found.items()}


def _place(name: str) -> int:
    what = headOf(name)[1]
    return _LAST.index(what) + 1 if what in _LAST else 0


def meaningOf(name: str) -> tuple[str, str]:
    """Unit and meaning of such a column, as the engine's schema has them."""
    what = headOf(name)[1]
    pattern = what if what in (*_LAST, LOG_RELATIVE_HAZARD) else _SURVIVAL if _AT_A_TIME.fullmatch(what) else _CLASS
    return next((unit, meaning) for each, _kind, unit, meaning in HEAD_COLUMNS if headOf(each)[1] == pattern)
