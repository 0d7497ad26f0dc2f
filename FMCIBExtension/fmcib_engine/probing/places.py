"""Where a new head and its report lie before both come into their places; what a run that was killed leaves there."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = ".unfinished"
"""A file in a new report until its head is in its place, too."""


@dataclass(frozen=True)
class Places:
    """Of one head and its report: their own, and three hidden ones beside them.

    Attributes:
        head, report: a file and a folder, where they belong.
    """

    head: Path
    report: Path

    @property
    def new_head(self) -> Path:
        """The new head, until the report is in its place."""
        return self.head.with_name(f".{self.head.name}.new")

    @property
    def unfinished(self) -> Path:
        """The new report, until it is whole."""
        return self.report.with_name(f".{self.report.name}.part")

    @property
    def before(self) -> Path:
        """The earlier report, until the new head is in its place."""
        return self.report.with_name(f".{self.report.name}.before")

    def exchange(self) -> None:
        """Put the new report and the new head into their places."""
        (self.unfinished / MARK).touch()
        if self.report.exists():
            self.report.replace(self.before)
        self.unfinished.replace(self.report)
        self.new_head.replace(self.head)

    def tidy_up(self) -> None:
        """After a run that ended anywhere: a new head with its report, or all as it was; nothing hidden stays."""
        if (self.report / MARK).exists() and self.new_head.exists():
            shutil.rmtree(self.report, ignore_errors=True)  # its head did not come into its place
        if self.before.exists() and not self.report.exists():
            self.before.replace(self.report)
        for left_over in (self.unfinished, self.before):
            shutil.rmtree(left_over, ignore_errors=True)
        for left_over in (self.report / MARK, self.new_head):
            with suppress(OSError):
                left_over.unlink(missing_ok=True)


def places_in(folder: Path, name: str) -> Places:
    """Of a head of this name in a folder, its report beside it."""
    return Places(folder / f"{name}.head", folder / f"{name}-report")
