"""`batch`: lesions in, a run's folder out, which outlives whatever ends it; and its parts joined."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from ..batch.join import join as join_parts
from ..batch.lane import ReadAhead
from ..batch.run import Batch, Outcome, require_apart, run_batch
from ..batch.summary import Cause
from ..encoders import Precision
from ..geometry import FRAMES, parse_frame
from ..seeds import Wanted
from ..worklist import Words
from .batch_dry_run import dry_run as tell_dry_run
from .batch_given import Given, lesions_of
from .cluster import dask_option, here, on_cluster, reached
from .console import RESEARCH_ONLY, err, out, progress
from .extract import ERROR_ROWS, INTERRUPTED, OK, EncoderOptions, Job, make_run, open_encoder, open_heads
from .options import (
    batch_size_option,
    device_option,
    draws_option,
    encoder_option,
    engine_option,
    heads_option,
    identifiers_option,
    precision_option,
    recipe_option,
    require_weights,
    weights_option,
)
from .wishes import seeds_options, threads_option, wishes_options

_PART = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)
_SHOWN_CAUSES = 10


class _RunByDefault(click.Group):
    """`batch --table …` is `batch run --table …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


class _Part(click.ParamType[tuple[int, int]]):
    name = "K/N"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = _PART.fullmatch(value)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            self.fail(f"{value!r} should be a part and how many there are, such as 3/10.", param, ctx)
        return int(found[1]), int(found[2])


@click.group(cls=_RunByDefault)
def batch() -> None:
    """Thousands of lesions, in a folder that loses nothing. `batch --table …` is `batch run --table …`."""


@dataclass(frozen=True)
class _Wanted:
    """What the command line asks for."""

    job: Job
    part: tuple[int, int]
    reading: ReadAhead
    retry: bool
    keeps_list: bool
    write_worklist: Callable[[Path], None] | None
    dask: str = ""


@batch.command()
@click.option("--table", type=click.Path(path_type=Path), help="Seeds, as of extract.")
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Instead: Slicer's DICOM database, a folder of DICOM, or a table of scans, as of worklist.",
)
@seeds_options
@wishes_options
@threads_option
@click.option("--image", type=click.Path(path_type=Path), help="The scan, or the folder of scans, as of extract.")
@click.option("--image-column", default="image_path", show_default=True, help="The table's column of scans.")
@click.option("--frame", type=click.Choice(FRAMES), help="Of the coordinates of a table, as of extract.")
@weights_option
@encoder_option
@device_option
@engine_option
@precision_option
@batch_size_option
@recipe_option
@heads_option
@draws_option
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FOLDER", help="The run's folder: a new one, or of a run."
)
@click.option("--resume", is_flag=True, help="Go on with the run in the folder; with one of a source, neither "
              "that nor seeds need be given again.")  # fmt: skip
@click.option(
    "--retry", is_flag=True, help="Go on, and try the rows that failed again; their seeds and scans may differ."
)
@click.option("--part", type=_Part(), default="1/1", show_default=True, help="One of N parts, each by itself anywhere.")
@click.option(
    "--readers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that read scans ahead."
)
@click.option(
    "--limit",
    type=click.FloatRange(min=1),
    default=ReadAhead.limit_s,
    show_default=True,
    metavar="SECONDS",
    help="For one scan: what takes longer to read, on a share that hangs, is given up, and the run goes on.",
)
@dask_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@identifiers_option
def run(  # noqa: PLR0913
    *,
    table: Path | None,
    source: Path | None,
    words: Words,
    seeds: Path | None,
    own_seeds: bool,
    wanted: Wanted,
    threads: int,
    image: Path | None,
    image_column: str,
    frame: str | None,
    weights: str | None,
    encoder: str,
    device: str,
    engine: str,
    precision: Precision,
    batch_size: int | None,
    recipe: str | None,
    heads: str,
    draws: int,
    output: Path | None,
    resume: bool,
    retry: bool,
    part: tuple[int, int],
    readers: int,
    limit: float,
    dask: str,
    dry_run: bool,
    identifiers: bool,
) -> int:
    """Features of many lesions, in a folder that a killed run goes on from.

    Of a table, as `extract --table`; or of a source of series and seeds, as `worklist`, by a rule that is shown. Scans
    are read ahead by other processes, each once. A scan that hangs or cannot be read is an error row.

    Exit codes: 0 every row is good; 2 the command line is wrong; 3 at least one row is an error, or a seed of the
    source has none; 4 nothing could be loaded or written; 130 interrupted, and what was done is kept.
    """
    chosen = parse_frame(frame) if frame else None
    given = Given(table, image, image_column, chosen, source, words, seeds, own_seeds, wanted, threads)
    given.require_one(goes_on=resume or retry)
    if output is None and not dry_run:
        msg = "Give the run's folder with --output."
        raise click.UsageError(msg)
    folder = output or Path()
    if dry_run:
        return tell_dry_run(given, folder, part, identifiers=identifiers)
    options = EncoderOptions(require_weights(weights, encoder), device, engine, precision, batch_size, encoder)
    try:
        found = lesions_of(given, folder, identifiers=identifiers, goes_on=resume or retry)
    except KeyboardInterrupt:
        err.print("Interrupted before anything was computed.")
        return INTERRUPTED
    job = Job(found.table, folder, options, table, recipe or "", heads=heads, draws=draws)
    reading = ReadAhead(processes=readers, limit_s=limit)
    asked = _Wanted(job, part, reading, retry, table is None, found.write_worklist, dask)
    code = _run(asked, resume=resume, identifiers=identifiers)
    if found.lost:
        err.print(f"{found.lost} seeds have no row: worklist.csv in {folder} says why.", style="red", markup=False)
    return ERROR_ROWS if code == OK and found.lost else code


@batch.command("join")
@click.argument("parts", nargs=-1, required=True, metavar="FOLDER…", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="A new folder.")
def join(*, parts: tuple[Path, ...], output: Path) -> int:
    """One table of all parts of a list, which were computed with `--part 1/N` to `--part N/N`."""
    rows, failed = join_parts(parts, output)
    out.print(f"{output / 'features.csv'}: {rows} rows of {len(parts)} parts. {RESEARCH_ONLY}", markup=False)
    return _tell_errors(failed)


def _run(wanted: _Wanted, *, resume: bool, identifiers: bool) -> int:
    folder = wanted.job.output
    require_apart(wanted.job.table.seeds, folder)  # before the seconds that loading takes
    with reached(wanted.dask) as cluster:
        job = here(wanted.job) if cluster else wanted.job
        encoder = open_encoder(job.encoder)
        heads = open_heads(job, encoder)
        asked = Batch(
            job.table,
            make_run(job, encoder, heads),
            wanted.part,
            identifiers,
            job.encoder.batch_size,
            wanted.reading,
            wanted.keeps_list,
            wanted.write_worklist,
        )
        if cluster:
            asked = on_cluster(asked, wanted.job, heads, cluster)
        try:
            outcome = run_batch(asked, folder, encoder, heads, resume=resume, retry=wanted.retry, progress=progress)
        except KeyboardInterrupt:
            err.print(f"Interrupted. What was done is kept in {folder}. To go on, add --resume.", markup=False)
            return INTERRUPTED
    return _tell(outcome)


def _tell(outcome: Outcome) -> int:
    out.print(f"{outcome.table}: {outcome.rows} rows, {outcome.computed} computed now. {RESEARCH_ONLY}", markup=False)
    if outcome.computed:
        out.print(f"{outcome.times}.", markup=False)
    return _tell_errors(outcome.failed)


def _tell_errors(failed: list[Cause]) -> int:
    if not failed:
        return OK
    count = sum(len(cause.rows) for cause in failed)
    err.print(f"{count} rows are errors, of {len(failed)} causes; errors.csv has them all:", style="red", markup=False)
    for cause in failed[:_SHOWN_CAUSES]:
        err.print(f"{len(cause.rows)} x {cause}", style="red", markup=False)
    if len(failed) > _SHOWN_CAUSES:
        err.print(f"and {len(failed) - _SHOWN_CAUSES} causes more.", style="red", markup=False)
    return ERROR_ROWS
