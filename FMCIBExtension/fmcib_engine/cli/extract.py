"""`extract`: seeds in, feature table out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..batch import analyse
from ..encoders import BY_WEIGHTS, Encoder, Precision
from ..errors import ImageError, OutputError
from ..heads.choose import AUTO, Features, choose_heads
from ..heads.chosen import ChosenHeads
from ..readers import HeaderMemory
from ..results.lesion import LesionResult, Run
from ..results.table import TableOptions, TableWriter, require_writable
from ..seeds import SeedTable
from ..seeds.by_scan import read_scan
from ..weights import load_encoder
from ..weights.reports import notices
from ..weights.store import resolve
from .console import err, progress

_log = logging.getLogger(__name__)

OK, USAGE, ERROR_ROWS, NOTHING, INTERRUPTED = 0, 2, 3, 4, 130
SHOWN_ROWS = 20


@dataclass(frozen=True)
class EncoderOptions:
    """Which encoder, and how it computes."""

    weights: str
    device: str = "auto"
    engine: str = "auto"
    precision: Precision = "float32"
    batch_size: int | None = None
    encoder_id: str = BY_WEIGHTS


@dataclass(frozen=True)
class Job:
    """One feature table to make."""

    table: SeedTable
    output: Path
    encoder: EncoderOptions
    table_path: Path | None = None
    recipe_id: str = ""
    """Empty: the encoder's own."""
    options: TableOptions = field(default_factory=TableOptions)
    heads: str = AUTO
    draws: int = 0
    """With moved seeds, for each row."""


def open_encoder(options: EncoderOptions) -> Encoder:
    """Load the weights, with a sign of life, and their licence and doubts where they are of the store."""
    for notice in notices(options.weights):
        err.print(notice, markup=False)
    with err.status("Loading PyTorch and the weights"):
        return load_encoder(
            options.weights,
            encoder_id=options.encoder_id,
            device=options.device,
            precision=options.precision,
            engine=options.engine,
            batch_size=options.batch_size,
        )


def heads_beside(
    encoder: Encoder, options: EncoderOptions, wanted: str, columns: tuple[str, ...] = (), recipe_id: str = ""
) -> ChosenHeads:
    """The heads that are wanted, with their encoders, which compute as the run's does.

    Args:
        encoder: the run's.
        options: by which it was opened.
        wanted: as `choose_heads` takes it.
        columns: names of the user's own.
        recipe_id: of the run's patches; empty: the encoder's own.
    """
    features = Features(encoder, options.weights, recipe_id or encoder.spec.recipe_id, columns)
    return choose_heads(wanted, features, lambda weights: open_encoder(replace(options, weights=weights)))


def open_heads(job: Job, encoder: Encoder) -> ChosenHeads:
    """The heads of a job, and what is to be said about those that are not used."""
    heads = heads_beside(encoder, job.encoder, job.heads, job.table.extra_columns, job.recipe_id)
    for problem in heads.problems:
        _log.warning("%s", problem)
    return heads


def make_run(job: Job, encoder: Encoder, heads: ChosenHeads) -> Run:
    """What all rows of a job have in common."""
    return Run.of(encoder, heads.columns, job.recipe_id, job.draws)


def run_job(job: Job, show: Callable[[list[LesionResult], Run], None]) -> int:
    """Compute and write the table, give its first results to `show`, and return the exit code.

    Raises:
        FmcibError: nothing could be read, loaded or written.
    """
    _require_no_input_lost(job)
    require_writable(job.output, job.options)  # before the seconds that loading takes
    encoder = open_encoder(job.encoder)
    heads = open_heads(job, encoder)
    run = make_run(job, encoder, heads)
    tally = _Tally()
    with TableWriter(job.output, run, job.table, job.options) as writer:
        for warning in job.table.warnings:
            _log.warning("%s", warning)
        if writer.dropped_columns:
            _log.info("Your columns that identify patients are left out: %s", ", ".join(writer.dropped_columns))
        if kept := [name for name in job.table.extra_columns if name not in writer.dropped_columns]:
            _log.info("Your other columns are kept: %s", ", ".join(kept))
        try:
            _fill(writer, job, encoder, heads, tally)
            if not writer.finished_rows and not tally.scans_read:
                writer.discard()
                raise ImageError(tally.why_nothing())
            writer.finish()
        except KeyboardInterrupt:
            _tell_how_to_go_on(writer, job)
            return INTERRUPTED
    _show_at_last(lambda: show(tally.first, run), job.output)
    if tally.failed:
        err.print("\n".join(tally.told()), style="red", markup=False)
        err.print(f"{tally.failed} of {len(job.table.seeds)} rows are errors; their column `error` says why.")
    return ERROR_ROWS if tally.failed else OK


def _show_at_last(show: Callable[[], None], output: Path) -> None:
    """The table is complete: nothing that goes wrong with showing it may say otherwise."""
    try:
        show()
    except OSError as error:
        err.print(f"{output.name} is complete, but could not be shown here: {error.strerror}.", markup=False)


@dataclass
class _Tally:
    """What the user is told at the end, without keeping every patch of thousands."""

    first: list[LesionResult] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failed: int = 0
    scans_read: bool = False

    def count(self, result: LesionResult) -> None:
        if result.seed.row <= SHOWN_ROWS:
            self.first.append(result)
        self.scans_read |= result.source is not None
        if result.status == "error":
            self.failed += 1
            if len(self.errors) < SHOWN_ROWS:
                self.errors.append(f"Lesion {result.seed.lesion_id}: {result.error}")

    def why_nothing(self) -> str:
        return "No scan could be read, so there is no table. " + "; ".join(self.told())

    def told(self) -> list[str]:
        """The errors as sentences, a screenful of them."""
        more = self.failed - len(self.errors)
        return [*self.errors, f"and {more} more"] if more else self.errors


def _require_no_input_lost(job: Job) -> None:
    """Refuse to write the table over something that it is made from, whatever `--overwrite` says."""
    inputs = {seed.image.absolute() for seed in job.table.seeds} | {resolve(job.encoder.weights).absolute()}
    inputs |= {job.table_path.absolute()} if job.table_path else set()
    if job.output.resolve() in {path.resolve() for path in inputs}:
        msg = f"The table would replace {job.output.name}, from which it is made. Choose another name (--output)."
        raise OutputError(msg)


def _fill(writer: TableWriter, job: Job, encoder: Encoder, heads: ChosenHeads, tally: _Tally) -> None:
    recipe_id = job.recipe_id or encoder.spec.recipe_id
    finished = writer.finished_rows
    todo = [seed for seed in job.table.seeds if seed.row not in finished]
    with progress("Lesions", len(job.table.seeds), len(job.table.seeds) - len(todo)) as advance:
        read = partial(read_scan, memory=HeaderMemory())
        found = analyse(todo, read_volume=read, encoder=encoder, recipe_id=recipe_id, heads=heads, draws=job.draws)
        for result in found:
            writer.write(result)
            tally.count(result)
            advance()


def _tell_how_to_go_on(writer: TableWriter, job: Job) -> None:
    again = "--resume --overwrite" if job.options.overwrite and job.output.exists() else "--resume"
    err.print(
        f"Interrupted. {len(writer.finished_rows)} of {len(job.table.seeds)} rows are kept in "
        f"{writer.journal_path.name}. To go on, run the same command with {again}.",
        markup=False,
    )
