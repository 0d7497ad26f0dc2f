"""Things made ahead, one after another, by processes beside this one; what goes wrong in them is said as it is here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..encoders.devices import import_torch
from ..errors import FmcibError, TrainingError

Place = TypeVar("Place")
Made = TypeVar("Made")

_OF_TORCH = "DataLoader worker"
"""With this torch begins, wherever this process is, when one beside it has ended."""


@dataclass(frozen=True)
class _Wrong:
    error: Exception


class _Maker(Generic[Place, Made]):
    """Gives what went wrong instead of raising it: torch would put that process's traceback, paths and all, into it."""

    def __init__(self, make: Callable[[Place], Made]) -> None:
        self._make = make

    def __getitem__(self, place: Place) -> Made | _Wrong:
        try:
            return self._make(place)
        except (FmcibError, OSError) as error:
            return _Wrong(error)


def ahead(make: Callable[[Place], Made], places: Iterable[Place], workers: int) -> Iterator[Made]:
    """What `make` gives for each place, in their order.

    Args:
        make: runs in a process beside this one, if there are any.
        places: can be gone through again.
        workers: how many processes; 0 makes each when it is asked for.

    Raises:
        FmcibError, OSError: of `make`, as there.
        TrainingError: a process beside this one ended.
    """
    loader: Any = import_torch().utils.data.DataLoader
    with workers_told():
        for made in loader(_Maker(make), batch_size=None, sampler=places, num_workers=workers, collate_fn=_as_it_is):
            if isinstance(made, _Wrong):
                raise made.error
            yield made


@contextmanager
def workers_told() -> Iterator[None]:
    """Say in a sentence that a process beside this one has ended: torch raises it wherever this one is.

    Raises:
        TrainingError: so it is.
    """
    try:
        yield
    except RuntimeError as error:
        if _OF_TORCH not in str(error):
            raise
        msg = (
            "A process that cuts and changes patches has ended. It may have had too little memory, or, in a container, "
            "too little shared memory (/dev/shm). Lower `workers`, also to 0, and go on (--resume)."
        )
        raise TrainingError(msg) from error


def _as_it_is(made: Any) -> Any:
    return made
