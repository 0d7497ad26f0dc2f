"""What the commands show: results on stdout, progress and messages on stderr."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from ..heads.terms import LOG_RELATIVE_HAZARD
from ..results.lesion import LesionResult, Run


class _Output(Console):
    """Goes on in silence when its reader has gone (`… | head`): the table is still to be written."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


out = _Output(soft_wrap=True, highlight=False)
err = _Output(stderr=True, soft_wrap=True, highlight=False)

RESEARCH_ONLY = "For research use only."
_SECONDS_BETWEEN_LINES = 30.0


def set_up_logging(*, debug: bool) -> None:
    """Messages of the engine to stderr; those of libraries, and tracebacks, only with `--debug`."""
    handler = RichHandler(console=err, show_path=debug, show_time=debug, markup=False, rich_tracebacks=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler], force=True)
    logging.getLogger("fmcib_engine").setLevel(logging.DEBUG if debug else logging.INFO)
    logging.captureWarnings(capture=True)
    for library in ("py.warnings", "urllib3"):  # the latter tells each retry, which we tell in our own words
        logging.getLogger(library).setLevel(logging.NOTSET if debug else logging.ERROR)


class Advance(Protocol):
    """Counts one more item done."""

    def __call__(self) -> None: ...


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Advance]:
    """A bar with an estimate on a terminal; elsewhere a line every half minute."""
    if err.is_terminal:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(what, total=total, completed=done)
            yield lambda: bar.advance(task)
        return
    started = last_line = time.monotonic()
    count = done

    def advance() -> None:
        nonlocal count, last_line
        count += 1
        now = time.monotonic()
        if now - last_line >= _SECONDS_BETWEEN_LINES:
            last_line = now
            minutes = (now - started) / (count - done) * (total - count) / 60
            err.print(f"{what}: {count} of {total}, about {minutes:.0f} min left", markup=False)

    yield advance


@contextmanager
def counts(what: str) -> Iterator[Callable[[int, int], None]]:
    """Takes how many are done, and how many there are: a bar with an estimate; elsewhere as `progress`."""
    if err.is_terminal:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    last_line = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last_line
        now = time.monotonic()
        if now - last_line >= _SECONDS_BETWEEN_LINES:
            last_line = now
            err.print(f"{what}: {done} of {total}", markup=False)

    yield show


@contextmanager
def byte_progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Takes the bytes done and the bytes of the whole: a bar with speed and an estimate; elsewhere as `progress`."""
    if err.is_terminal:
        columns = (TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    last_line = time.monotonic()

    def show(done: int, total: int | None) -> None:
        nonlocal last_line
        now = time.monotonic()
        if now - last_line >= _SECONDS_BETWEEN_LINES:
            last_line = now
            whole = f" of {total / 1e6:.0f}" if total else ""
            err.print(f"{what}: {done / 1e6:.0f}{whole} MB", markup=False)

    yield show


def show_results(results: list[LesionResult], run: Run, output: Path, *, rows: int = 1) -> None:
    """A short table for people, of the first rows; what belongs beside the numbers; and where they are."""
    table = Table(title=f"{run.encoder.title}: {run.recipe_id}, {escape(run.weights.name)}", title_justify="left")
    for heading in ("lesion", "seed LPS (mm)", "outside the scan", f"{run.encoder.feature_count} features"):
        table.add_column(heading, overflow="fold")
    results = sorted(results, key=lambda result: result.seed.row)
    for result in results:
        table.add_row(*(escape(cell) for cell in _short_row(result)))
    out.print(table)
    if len(results) < rows:
        out.print(f"{len(results)} of {rows} rows are shown.")
    for line in _predictions(results, run):
        out.print(line, markup=False)
    for result in results:
        for warning in result.warnings:
            out.print(f"Lesion {result.seed.lesion_id}: {warning}", style="yellow", markup=False)
    for warning in run.warnings:
        out.print(warning, style="bold yellow", markup=False)
    out.print(f"{escape(str(output))}. {RESEARCH_ONLY}")


def _predictions(results: list[LesionResult], run: Run) -> list[str]:
    """A line a lesion and head, the likeliest class first; then once what belongs beside those numbers."""
    lines, notes = [], dict[tuple[str, str], list[str]]()
    for result in results:
        for head in run.heads:
            if prediction := result.predictions.get(head.id):
                pairs = [*zip(head.outputs, prediction.values or (), strict=False)]
                if LOG_RELATIVE_HAZARD not in head.outputs:
                    pairs.sort(key=lambda pair: -pair[1])
                numbers = ", ".join(f"{name} {value:z.3f}" for name, value in pairs)
                lines.append(f"Lesion {result.seed.lesion_id}: {head.id}: {numbers or 'no prediction'}")
                notes.setdefault((head.id, prediction.note), []).append(result.seed.lesion_id)
    for (head_id, note), lesions in notes.items():
        of_some = f" of {', '.join(lesions)}" if len(lesions) < len(results) else ""
        lines.append(f"{head_id}{of_some}: {note}")
    return lines


def _short_row(result: LesionResult) -> tuple[str, ...]:
    point, patch, encoded = result.point, result.patch, result.encoded
    return (
        result.seed.lesion_id,
        f"{point.x:z.1f} {point.y:z.1f} {point.z:z.1f}" if point else "",
        f"{patch.quality.padded_fraction:.1%}" if patch else "",
        " ".join(f"{value:z.4f}" for value in encoded.features[:3]) + " …" if encoded else "none: error",
    )
