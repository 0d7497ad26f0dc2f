"""What both commands begin with: the folder, the patches, the order of the lesions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import InputError
from .batches import Order
from .folder import RunFolder
from .prepare import Shelf, prepare
from .processes import Processes
from .sources import Source

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Shows how far something is; gives what is called with how much more is done."""

    def __call__(self, what: str, total: int, done: int = 0) -> AbstractContextManager[Callable[[int], None]]: ...


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    result: Path
    lesions: int
    left_out: int
    steps: int
    numbers: dict[str, float]


@contextmanager
def prepared(  # noqa: PLR0913  all that a run begins with
    run: RunFolder,
    shelf: Shelf,
    source: Source,
    processes: Processes,
    *,
    data: dict[str, str],
    elsewhere: int,
    resume: bool,
    progress: Progress,
) -> Iterator[None]:
    """The folder, held by the first process, and the patches in it; what only an unfinished run needs goes at the end.

    Raises:
        FmcibError: as `RunFolder.opened` and `prepare`.
    """
    settings: Any = run.settings
    about = {"device": str(processes.fabric.device), "processes": processes.count}
    held = run.opened(resume=resume, data=data, about=about) if processes.is_first else nullcontext()
    with held:
        if processes.is_first and not run.is_done:
            for warning in source.warnings:
                _log.warning("%s", warning)
            with progress("Patches", len(source.lesions)) as advance:
                prepare(
                    source,
                    shelf,
                    elsewhere=elsewhere,
                    workers=settings.workers,
                    most_problems=settings.most_problems,
                    advance=advance,
                )
        processes.wait()
        yield
        if processes.is_first:
            run.tidy()
            if not settings.keep_patches:
                shelf.clear()
        processes.wait()


def require_one_source(settings: Any) -> None:
    """Refuse settings that name no lesions, or two sources.

    Raises:
        InputError: so it is.
    """
    if bool(settings.table) == bool(settings.phantoms):
        msg = (
            "Lesions to train on come from a table of seeds (--table) or are computer-made (--phantom): give one of "
            "`table` and `phantoms`."
        )
        raise InputError(msg)


def order_of(numbers: list[int], batch_size: int, seed: int, processes: Processes, together: int = 1) -> Order:
    """The order of the lesions for this process, of which so many neighbours stay together.

    Raises:
        InputError: fewer lesions than a step has, or a step that tears neighbours apart.
    """
    if batch_size % together:
        msg = f"With `twins` a step has an even number of lesions, got {batch_size}. Change `batch_size`."
        raise InputError(msg)
    share = processes.share_of(batch_size)
    if len(numbers) < batch_size:
        msg = f"A step has {batch_size} lesions, there are {len(numbers)}. Lower `batch_size`, or add lesions."
        raise InputError(msg)
    return Order(numbers, batch_size, seed, slice(processes.rank * share, (processes.rank + 1) * share), together)
