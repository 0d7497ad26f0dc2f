"""What the headers of a DICOM series say of a scan: all that is known before its pixels are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ImageError, SeriesError
from ..volume import Fault
from .dicom_choice import Choice
from .dicom_doubts import doubt
from .dicom_header import Header
from .dicom_pixels import require_hu
from .dicom_stack import Stack, problem_of, stack_up


@dataclass(frozen=True)
class Look:
    """The scan as its headers tell of it."""

    choice: Choice
    stack: Stack
    placed: int
    """How many of the chosen images say where they lie."""
    lost: tuple[str, ...]
    """A sentence for each file or image that may be a slice and cannot be one of the stack."""

    @property
    def files_left_out(self) -> int:
        """How many images of the series are no part of the scan."""
        return self.choice.left_out + self.placed - len(self.stack.images) + len(self.lost)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong beside every number from the scan, without those on its faults."""
        return (*self.choice.notes, *self.stack.notes)


def look(headers: Sequence[Header], lost: Sequence[str], choose: Callable[[Sequence[Header]], Choice]) -> Look:
    """Whatever can be told of a scan without its pixels. `read_series` and `look_at_loaded` see the same by it.

    Args:
        headers: of all images of the folder or list.
        lost: a sentence for each file that may be a slice, and cannot be read.
        choose: the images of the scan that is meant.

    Raises:
        SeriesError: no CT, several series or time points and no choice, images of several patients, gantry tilt,
            values that are not HU, or no regular stack.
        ImageError: no readable file.
    """
    if lost and not any(header.is_ct for header in headers):
        raise ImageError(lost[0])
    choice = choose(headers)
    problems = [(image, problem_of(image)) for image in choice.images]
    placed = [image for image, problem in problems if not problem]
    without_place = [problem for _, problem in problems if problem]
    if not placed:
        raise SeriesError([*lost, *without_place][-1])
    stack = stack_up(placed)
    found = Look(choice, stack, len(placed), (*lost, *without_place))
    doubt(stack, choice.beside, len(found.lost))
    require_hu(stack.images)
    return found


def told(faults: Sequence[Fault]) -> list[str]:
    """The first three of them as notes."""
    reasons = list(dict.fromkeys(fault.reason for fault in faults))
    more = [f"faults of the scan: {len(reasons) - 3} more"] if len(reasons) > 3 else []
    return [f"fault of the scan: {reason}" for reason in reasons[:3]] + more
