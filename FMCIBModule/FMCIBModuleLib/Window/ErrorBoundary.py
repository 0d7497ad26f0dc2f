"""The one place where what goes wrong after a click becomes words for the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fmcib_engine.errors import FmcibError

from ..Errors import AnalysisError, sentenceOf
from ..Setup.Desktop import faultsAreTold


class ErrorBoundary:
    """Tells of errors that name their remedy in the panel, and shows a dialog with details for a fault of ours."""

    def __init__(self, tell: Callable[[str], Any]) -> None:
        self._tell = tell

    def around(self, slot: Callable[..., Any]) -> Callable[..., None]:
        """The function to connect in place of `slot`."""

        def guarded(*values: Any) -> None:
            with self.guard():
                slot(*values)

        return guarded

    @contextmanager
    def guard(self) -> Iterator[None]:
        """What is raised inside is told once. Faults go on, and so into Slicer's log."""
        with faultsAreTold():
            try:
                yield
            except (FmcibError, AnalysisError) as error:
                self._tell(sentenceOf(error))
