"""Texts, whatever computer wrote them or reads them: letters of any encoding, numbers with decimal points."""

from __future__ import annotations

import locale
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def decoded(content: bytes) -> str:
    """UTF-8, else as Windows writes names and labels in Western Europe."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def finite_number(text: str) -> float:
    """The finite number that a text is, to the letter; else NaN."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else math.nan


@contextmanager
def decimal_points() -> Iterator[None]:
    """While ITK reads or writes: where decimals have commas, it would read 1.25 mm as 1 mm, and write 1,25.

    The locale is global to the process, so it is put back at the end.
    """
    before = locale.setlocale(locale.LC_NUMERIC)
    locale.setlocale(locale.LC_NUMERIC, "C")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)
