"""Elements of DICOM datasets as plain values: nothing where one is absent, empty or of another kind."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .dicom_header import Numbers

if TYPE_CHECKING:
    from pydicom import Dataset


def first_of(groups: Iterable[Dataset], *keywords: str) -> object | None:
    """The first of the elements that is there and not empty."""
    values = (group.get(keyword) for keyword in keywords for group in groups)
    return next((value for value in values if value not in (None, "")), None)


def told(groups: Iterable[Dataset], *keywords: str) -> object | None:
    """As `first_of`, of elements that a scan can do without: one that is not of its kind ("anonymous") is not there."""
    for keyword in keywords:
        for group in groups:
            with contextlib.suppress(ValueError, TypeError, ArithmeticError):
                if (value := group.get(keyword)) not in (None, ""):
                    return value  # type: ignore[no-any-return]
    return None


def numbers_of(groups: Iterable[Dataset], keyword: str, count: int) -> Numbers:
    """The `count` finite numbers of an element; nothing if it is absent, empty or of another length."""
    value = first_of(groups, keyword)
    if value is None:
        return ()
    numbers = tuple(float(part) for part in np.atleast_1d(np.asarray(value, dtype=object)))
    return numbers if len(numbers) == count and all(math.isfinite(number) for number in numbers) else ()


def text_of(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "")


def words_of(value: object) -> tuple[str, ...]:
    """The values of an element as text."""
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(word) for word in value) if isinstance(value, Sequence) else (str(value),)


def digest_of(dataset: Dataset, keyword: str) -> str:
    """Of a text without blanks and NUL around it, which are no part of it (PS3.5 6.2). Case does not count."""
    return _digest(text_of(dataset, keyword).strip(" \0").casefold())


def name_digest_of(dataset: Dataset, keyword: str) -> str:
    """Of a person's name: of the words of its first group, however they are separated (PS3.5 6.2.1.2).

    So empty components at the end, case, blanks, accents, and the same name in other scripts behind it do not count.
    """
    groups = [group for group in text_of(dataset, keyword).split("=") if group.strip(" ^\0")]
    plain = unicodedata.normalize("NFKD", groups[0] if groups else "").casefold()
    without_accents = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _digest(" ".join(re.findall(r"\w+", without_accents)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest() if text else ""
