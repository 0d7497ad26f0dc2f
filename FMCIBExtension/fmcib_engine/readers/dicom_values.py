"""Elements of DICOM datasets as plain values: nothing where one is absent, empty or of another kind."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from .dicom_header import Numbers

if TYPE_CHECKING:
    from pydicom import Dataset


def first_of(groups: Iterable[Dataset], *keywords: str) -> object | None:
    """The first of the elements that is there and not empty."""
    values = (group.get(keyword) for keyword in keywords for group in groups)
    return next((value for value in values if value not in (None, "")), None)


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
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value or ())  # type: ignore[attr-defined]


def digest_of(dataset: Dataset, keyword: str) -> str:
    text = text_of(dataset, keyword).strip().casefold()
    return hashlib.sha256(text.encode(errors="replace")).hexdigest() if text else ""
