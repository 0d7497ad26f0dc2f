"""Elements of DICOM datasets as plain values: nothing where one is absent, empty or of another kind.

And what such an element holds instead, so that a message can say it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import struct
import unicodedata
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from ..itk import import_package
from .header import Numbers

if TYPE_CHECKING:
    from pydicom import Dataset

_LONGEST_SHOWN = 64
_OF_NUMBERS = frozenset("0123456789+-.,;:eEnaNAifIF\\/ ")


@cache
def _of_another_kind() -> tuple[type[Exception], ...]:
    """What pydicom raises on bytes that are no value of their element's kind, and what a conversion of ours does."""
    length_error: type[Exception] = import_package("pydicom").errors.BytesLengthException
    return (
        *(length_error, struct.error, ArithmeticError, AttributeError, LookupError, NotImplementedError),
        *(TypeError, ValueError),
    )


@cache
def damage() -> tuple[type[Exception], ...]:
    """What pydicom raises on bytes that are no DICOM, and what is raised on values of a wrong kind.

    There is no memory for the length that a damaged element claims; a sound header takes little.
    """
    invalid: type[Exception] = import_package("pydicom").errors.InvalidDicomError
    return (*_of_another_kind(), invalid, zlib.error, EOFError, MemoryError, OSError, RecursionError)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Without pydicom's warnings, one a file and more, which quote values: they may be the patient's.

    It does not check values against their VR meanwhile. What of them matters is looked at where it is used, and told.
    Both settings are global to the process, so they are put back at the end.
    """
    config, logger = import_package("pydicom.config"), logging.getLogger("pydicom")
    level = logger.level
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            logger.setLevel(level)


@cache
def tag_of(keyword: str) -> int:
    """Looked up once: pydicom's own look-ups by keyword would take most of the time of reading a header."""
    tag: int = import_package("pydicom.tag").Tag(keyword)
    return tag


def first_of(groups: Iterable[Dataset], *keywords: str) -> object | None:
    """The first of the elements that is there and not empty; nothing if that one is not of its kind."""
    for tag in map(tag_of, keywords):
        for group in groups:
            if tag not in group:
                continue
            try:
                value: object | None = group[tag].value
            except _of_another_kind():
                return None
            if value not in (None, ""):
                return value
    return None


def told(groups: Sequence[Dataset], *keywords: str) -> object | None:
    """As `first_of`, of elements that a scan can do without: one that is not of its kind ("anonymous") is not there."""
    values = (first_of([group], keyword) for keyword in keywords for group in groups)
    return next((value for value in values if value is not None), None)


def numbers_of(groups: Iterable[Dataset], keyword: str, count: int) -> Numbers:
    """The `count` finite numbers of an element; nothing if it is absent, empty, of another length or no numbers."""
    value = first_of(groups, keyword)
    if value is None:
        return ()
    parts: Iterable[Any] = value if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else (value,)
    try:
        numbers = tuple(float(part) for part in parts)
    except _of_another_kind():
        return ()
    return numbers if len(numbers) == count and all(math.isfinite(number) for number in numbers) else ()


def holding(groups: Iterable[Dataset], keyword: str) -> str:
    """What an element of numbers holds: "has PixelSpacing '1,0'"; nothing where it is absent or empty.

    Only what looks like numbers is shown: a damaged length may make other elements part of the value.
    """
    tag = tag_of(keyword)
    group = next((group for group in groups if tag in group), None)
    value = group.get_item(tag).value if group is not None else None
    if value is None:
        return ""
    if isinstance(value, bytes):
        text = value.decode("latin-1")
    elif isinstance(value, Iterable) and not isinstance(value, str):
        text = "\\".join(map(str, value))
    else:
        text = str(value)
    text = text.strip(" \0")
    if not text:
        return ""
    if len(text) > _LONGEST_SHOWN or not _OF_NUMBERS.issuperset(text):
        return f"has no number for {keyword}"
    return f"has {keyword} '{text}'"


def text_of(dataset: Dataset, keyword: str) -> str:
    return str(first_of([dataset], keyword) or "")


def words_of(value: object) -> tuple[str, ...]:
    """The values of an element as text."""
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(word) for word in value) if isinstance(value, Sequence) else (str(value),)


def codes_of(value: object) -> tuple[str, ...]:
    """The values of an element of code strings: in capitals, without blanks and NUL around them (PS3.5 6.2, CS)."""
    return tuple(word.strip(" \0").upper() for word in words_of(value))


def code_of(dataset: Dataset, keyword: str) -> str:
    return next(iter(codes_of(first_of([dataset], keyword))), "")


def digest_of(dataset: Dataset, keyword: str) -> str:
    """Of a text without blanks and NUL around it, which are no part of it (PS3.5 6.2). Case does not count."""
    return digest_of_text(text_of(dataset, keyword))


def digest_of_text(text: str) -> str:
    """The same of a text that is known already."""
    return _digest(text.strip(" \0").casefold())


def name_digest_of(dataset: Dataset, keyword: str) -> str:
    """Of a person's name: of the words of its first group, however they are separated (PS3.5 6.2.1.2), without a title.

    So empty components at the end, case, blanks, accents, and the same name in other scripts behind it do not count.
    """
    groups = [group for group in text_of(dataset, keyword).split("=") if group.strip(" ^\0")]
    family, given, middle, _, suffix, *_ = [*(groups[0] if groups else "").split("^"), "", "", "", "", ""]
    plain = unicodedata.normalize("NFKD", f"{family}^{given}^{middle}^{suffix}").casefold()
    without_accents = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _digest(" ".join(re.findall(r"\w+", without_accents)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest() if text else ""
