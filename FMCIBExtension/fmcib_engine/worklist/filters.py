"""What the user wants of all series there are: each wish is checked, and says of a series that fails it why."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ..errors import SourceError
from ..texts import finite_number
from .choice import matches
from .series import Found

_MODALITIES = """
AR AU BDUS BI BMD CR CT CTPROTOCOL DG DMS DOC DX ECG EPS ES FID GM HC HD IO IOL IVOCT IVUS KER KO LEN LS MG MR M3D NM
OAM OCT OP OPM OPT OPV OSS OT PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN
RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XC
""".split()  # noqa: SIM905  a list of quoted words would be three times as long
"""PS3.3 C.7.3.1.1.1."""
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_MOST_SHOWN = 8
_THICKEST_MM = 100.0


@dataclass(frozen=True)
class Filters:
    """Wishes that all must be met; those that hold nothing are none. Patterns have `*` and `?`."""

    patients: tuple[str, ...] = ()
    """Patterns of PatientID."""
    first_day: str = ""
    """Of the study, YYYYMMDD, as the next."""
    last_day: str = ""
    modality: str = ""
    descriptions: tuple[str, ...] = ()
    not_descriptions: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    thinnest_mm: float = 0.0
    thickest_mm: float = math.inf
    series: frozenset[str] | None = None
    """UIDs of the series that were chosen one by one; None where none were."""

    def why_not(self, found: Found) -> str:
        """The first wish that a series fails, as a clause; what only headers tell counts where they were read."""
        return self._by_tables(found) or (self._by_headers(found) if found.has_headers else "")

    def _by_tables(self, found: Found) -> str:
        failed = (
            (self.series is not None and found.uid not in self.series, "it is none of the chosen series"),
            (_fails(found.patient.id, self.patients), "it is of another patient than wanted"),
            (not self._is_in_time(found.study_date), "its study is of another date than wanted, or of none"),
            (
                bool(self.modality) and found.modality != self.modality,
                f"its modality is {found.modality or 'not told'}, not {self.modality}",
            ),
            (_fails(found.description, self.descriptions), "its description is not as wanted"),
            (
                bool(self.not_descriptions) and not _fails(found.description, self.not_descriptions),
                "its description is one that is not wanted",
            ),
            (_fails(found.body_part, self.body_parts), f"its body part is {found.body_part or 'not told'}"),
        )
        return next((why for fails, why in failed if fails), "")

    def _by_headers(self, found: Found) -> str:
        if _fails(found.kernel, self.kernels):
            return f"its kernel is {found.kernel or 'not told'}"
        if self.thinnest_mm <= 0 and math.isinf(self.thickest_mm):
            return ""
        step = found.step_mm
        if step is None:
            return "it does not say how thick its slices are"
        if not self.thinnest_mm <= step <= self.thickest_mm:
            return f"its slices are {step:g} mm thick, not {self.thinnest_mm:g} to {self.thickest_mm:g} mm"
        return ""

    def _is_in_time(self, day: str) -> bool:
        if not (self.first_day or self.last_day):
            return True
        return bool(day) and (self.first_day or "0") <= day <= (self.last_day or "9")

    @property
    def sentences(self) -> tuple[str, ...]:
        """The wishes in words; without those of patients, which name some."""
        days = f"{self.first_day or 'the first'} to {self.last_day or 'the last'}"
        said = (
            (self.series is not None, f"only the {len(self.series or ())} chosen series"),
            (self.patients, f"{len(self.patients)} patterns of patients" if len(self.patients) > 1 else "one patient"),
            (self.first_day or self.last_day, f"studies from {days}"),
            (self.modality, f"modality {self.modality}"),
            (self.descriptions, f"descriptions {', '.join(self.descriptions)}"),
            (self.not_descriptions, f"no descriptions {', '.join(self.not_descriptions)}"),
            (self.body_parts, f"body parts {', '.join(self.body_parts)}"),
            (self.kernels, f"kernels {', '.join(self.kernels)}"),
            (
                self.thinnest_mm > 0 or math.isfinite(self.thickest_mm),
                f"slices of {self.thinnest_mm:g} to {self.thickest_mm:g} mm",
            ),
        )
        return tuple(f"Wanted: {words}." for is_wanted, words in said if is_wanted)

    def require_some(self, series: Iterable[Found]) -> list[str]:
        """Refuse a wish that none of the series meets: it is misspelled, more likely than not.

        Returns:
            Sentences about patterns that meet none, beside others that do.

        Raises:
            SourceError: with what there is instead; patients and descriptions are not told, for they may be names.
        """
        series, notes = list(series), []
        for what, option, wanted, values in (
            ("patient", "patient", self.patients, [each.patient.id for each in series]),
            ("modality", "modality", (self.modality,) if self.modality else (), [each.modality for each in series]),
            ("series description", "description", self.descriptions, [each.description for each in series]),
            ("body part", "body-part", self.body_parts, [each.body_part for each in series]),
            ("kernel", "kernel", self.kernels, [each.kernel for each in series if each.has_headers]),
        ):
            there = Counter(values)
            none = [pattern for pattern in wanted if not any(matches(value, pattern) for value in there)]
            if there and none and len(none) == len(wanted):
                is_private = what in {"patient", "series description"}
                said = " as it was given." if is_private else f" {none[0]!r}. There are {_counted(values)}."
                msg = f"None of the {len(values)} series has the {what}{said} Correct it (--{option})."
                raise SourceError(msg)
            if there and none:
                notes.append(f"{len(none)} of {len(wanted)} patterns of the {what} are met by no series.")
        return [*notes, *self._missing({each.uid for each in series})]

    def _missing(self, there: Collection[str]) -> list[str]:
        """Of series that were chosen one by one, a sentence about those that are not there.

        Raises:
            SourceError: none is.
        """
        if self.series is None or not (gone := len(self.series.difference(there))):
            return []
        if gone == len(self.series):
            msg = f"Of the {gone} chosen series none is in the source. Choose again."
            raise SourceError(msg)
        return [f"{gone} of the {len(self.series)} chosen series are not in the source any more."]


def parse_days(text: str) -> tuple[str, str]:
    """`2019-01-01..2020-12-31`, either end may be left out, or one day; YYYYMMDD without dashes also.

    Raises:
        SourceError: no such days, or the last before the first.
    """
    first, dots, last = text.strip().partition("..")
    days = _day(first, text), _day(last if dots else first, text)
    if not any(days) or (all(days) and days[1] < days[0]):
        raise _no_days(text)
    return days


def parse_thickness(text: str) -> tuple[float, float]:
    """`0.5-3` or `3` (at most), mm.

    Raises:
        SourceError: no such numbers, or the larger first.
    """
    thin, dash, thick = text.strip().removesuffix("mm").strip().partition("-")
    low, high = (finite_number(thin), finite_number(thick)) if dash else (0.0, finite_number(thin))
    if not 0 <= low <= high <= _THICKEST_MM or high <= 0:
        msg = (
            f"A thickness of slices is wanted as 3 (at most 3 mm) or 0.5-3 (from 0.5 to 3 mm), up to {_THICKEST_MM:g}; "
            f"got {text[:40]!r}. Correct it (--thickness)."
        )
        raise SourceError(msg)
    return low, high


def parse_modality(text: str) -> str:
    """One of DICOM's codes.

    Raises:
        SourceError: it is none.
    """
    code = text.strip().upper()
    if code not in _MODALITIES:
        msg = f"A modality is one of DICOM's codes, such as CT; got {text[:40]!r}. Correct it (--modality)."
        raise SourceError(msg)
    return code


def parse_patterns(texts: Sequence[str], option: str) -> tuple[str, ...]:
    """Patterns that can be met.

    Raises:
        SourceError: an empty one, or one with a letter that no text has.
    """
    patterns = tuple(text.strip() for text in texts)
    if any(not pattern or not pattern.isprintable() for pattern in patterns):
        wanted = "A text is wanted, in which * stands for any letters and ? for one"
        msg = f"{wanted}; an empty one came. Correct it (--{option})."
        raise SourceError(msg)
    return patterns


def _fails(text: str, patterns: Sequence[str]) -> bool:
    return bool(patterns) and not any(matches(text, pattern) for pattern in patterns)


def _day(text: str, whole: str) -> str:
    text = text.strip()
    if not text:
        return ""
    parts = _DAY.fullmatch(text)
    try:
        return date(*map(int, parts.groups())).strftime("%Y%m%d") if parts else _refuse(whole)
    except ValueError:
        return _refuse(whole)


def _refuse(text: str) -> str:
    raise _no_days(text)


def _no_days(text: str) -> SourceError:
    return SourceError(
        f"Days are wanted as 2019-01-01..2020-12-31, 2019-01-01.. or one day, the earlier first; got {text[:40]!r}. "
        "Correct it (--date)."
    )


def _counted(values: Iterable[str]) -> str:
    counts = Counter(value or "none" for value in values).most_common()
    more = f" and {len(counts) - _MOST_SHOWN} more" if len(counts) > _MOST_SHOWN else ""
    return ", ".join(f"{value} ({count})" for value, count in counts[:_MOST_SHOWN]) + more
