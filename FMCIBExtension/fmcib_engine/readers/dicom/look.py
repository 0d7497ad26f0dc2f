"""What the headers of a DICOM series say of a scan: all that is known before its pixels are read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ImageError, SeriesError
from ...volume import Fault
from .choice import Choice
from .doubts import doubt
from .header import Header, shown
from .hu import require_hu_in_headers
from .lost import Lost, sentences_of, without_other_series
from .stack import Stack, stack_up, unreadable, with_places

_log = logging.getLogger(__name__)

_KINDS = 3  # of faults that one message tells


@dataclass(frozen=True)
class Look:
    """The scan as its headers tell of it."""

    choice: Choice
    stack: Stack
    placed: int
    """How many of the chosen images say where they lie."""
    lost: tuple[Lost, ...]
    """Files and images that may be slices and cannot be ones of the stack."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong beside every number from the scan, without those on its faults."""
        return (*self.choice.notes, *self.stack.notes)

    @property
    def files_left_out(self) -> int:
        """How many images of the series are no part of the scan."""
        return self.choice.left_out + self.placed - len(self.stack.images) + len(self.lost)


def look(headers: Sequence[Header], lost: Sequence[Lost], choose: Callable[[Sequence[Header]], Choice]) -> Look:
    """Whatever can be told of a scan without its pixels. `dicom` and `loaded` see the same by it.

    Args:
        headers: of all images of the folder or list.
        lost: files that may be slices, and cannot be read.
        choose: the images of the scan that is meant.

    Raises:
        SeriesError: no CT, several series or time points and no choice, images of several patients, gantry tilt,
            values that are not HU, or no regular stack.
        ImageError: no readable file.
    """
    if lost and not any(header.is_ct for header in headers):
        raise ImageError(first_sentences(lost))
    choice = choose(headers)
    placed, problems = with_places(choice.images)
    without_place = [Lost(image.path.name, problems[id(image)]) for image in choice.images if id(image) in problems]
    mine = (*without_other_series(lost, headers, choice.images), *without_place)
    if not placed:
        raise SeriesError(" ".join(sentences_of(mine)[-_KINDS:]))
    stack = stack_up(placed)
    doubt(stack, choice.beside, len(mine))
    take_out(stack, {image.path: image.pixel_problem for image in stack.images if image.pixel_problem})
    require_hu_in_headers(stack.images)
    return Look(choice, stack, len(placed), mine)


def first_sentences(lost: Sequence[Lost]) -> str:
    """A message of the first kinds of faults."""
    return " ".join(sentences_of(lost)[:_KINDS])


def take_out(stack: Stack, reasons: Mapping[Path, str]) -> None:
    """Distrust the slices of some files.

    Args:
        stack: to be changed.
        reasons: why not to trust them, as predicates: "is damaged or incomplete".

    Raises:
        ImageError: fewer than two slices of several remain.
    """
    if not reasons:
        return
    used = stack.images
    lost = [Lost(path.name, unreadable(reason)) for path, reason in reasons.items()]
    if sum(header.path not in reasons for header in used) < min(2, len(used)):
        raise ImageError(first_sentences(lost))
    for sentence in sentences_of(lost):
        _log.info("%s", sentence)
    for k, header in enumerate([*stack.places]):
        if header and header.path in reasons:
            stack.distrust(k, f"the slice at {shown(header.position)} mm {reasons[header.path]}")


def fault_notes(faults: Sequence[Fault]) -> list[str]:
    """The first three of them as notes."""
    reasons = list(dict.fromkeys(fault.reason for fault in faults))
    more = [f"faults of the scan: {len(reasons) - 3} more"] if len(reasons) > 3 else []
    return [f"fault of the scan: {reason}" for reason in reasons[:3]] + more
