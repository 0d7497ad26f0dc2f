"""`seeds`: any source of seeds in, the table that `extract --table` reads out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from ..errors import SeedError
from ..geometry import FRAMES, Frame, parse_frame
from ..readers import HeaderMemory
from ..results.seed_table import require_seed_table_writable, write_seed_table
from ..seeds import GivenScan, LesionSeed, SeedTable, Wanted, read_seeds
from ..seeds.check import checked, scans_to_check
from .console import RESEARCH_ONLY, err, out, progress
from .extract import ERROR_ROWS, OK, SHOWN_ROWS
from .options import identifiers_option

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeedsJob:
    """One table of seeds to make."""

    source: Path
    output: Path
    scan: GivenScan | None = None
    image_column: str = "image_path"
    frame: Frame | None = None
    wanted: Wanted = field(default_factory=Wanted)
    overwrite: bool = False
    identifiers: bool = False


def write_seeds(job: SeedsJob) -> int:
    """Find the seeds, check that they lie in their scans, write those that do, and give the exit code.

    Raises:
        FmcibError: nothing could be read or written, or no seed can be used.
    """
    inputs = {job.source, *([job.scan.image] if job.scan else [])}
    require_seed_table_writable(job.output, inputs, overwrite=job.overwrite)
    memory = HeaderMemory()
    with err.status("Reading the source") as status:
        found = read_seeds(
            job.source,
            scan=job.scan,
            image_column=job.image_column,
            frame=job.frame,
            wanted=job.wanted,
            memory=memory,
            on_object=lambda done, total: status.update(f"Reading the source: {done} of {total} objects"),
        )
    with progress("Scans", len(scans_to_check(found))) as advance:
        table = checked(found, memory, advance)
    for warning in table.warnings:
        _log.warning("%s", warning)
    bad = [seed for seed in table.seeds if seed.problem]
    if len(bad) == len(table.seeds):
        msg = f"No seed can be used, so there is no table. {' '.join(_told(bad))}"
        raise SeedError(msg)
    require_seed_table_writable(job.output, {seed.image for seed in table.seeds} | inputs, overwrite=job.overwrite)
    dropped = write_seed_table(job.output, table, identifiers=job.identifiers)
    if dropped:
        _log.info("Your columns that identify patients are left out: %s", ", ".join(dropped))
    _show(table, job.output)
    if bad:
        err.print("\n".join(_told(bad)), style="red", markup=False)
        err.print(f"{len(bad)} of {len(table.seeds)} lesions have no seed, and are not in the table.")
    return ERROR_ROWS if bad else OK


def _told(bad: list[LesionSeed]) -> list[str]:
    """Why, a screenful of sentences, each once."""
    sentences = list(dict.fromkeys(f"Lesion {seed.lesion_id}: {seed.problem}" for seed in bad))
    more = len(sentences) - SHOWN_ROWS
    return [*sentences[:SHOWN_ROWS], f"and {more} more"] if more > 0 else sentences


def _show(table: SeedTable, output: Path) -> None:
    good = [seed for seed in table.seeds if not seed.problem]
    shown = Table(title=f"Seeds: {len(good)}", title_justify="left")
    for heading in ("lesion", "seed LPS (mm)", "diameter (mm)", "volume (ml)", "from"):
        shown.add_column(heading, overflow="fold")
    for seed in good[:SHOWN_ROWS]:
        diameter = "" if seed.diameter_mm is None else f"{seed.diameter_mm:.1f}"
        volume = "" if seed.volume_mm3 is None else f"{seed.volume_mm3 / 1000:.2f}"
        place = " ".join(f"{value:z.2f}" for value in seed.coordinates)
        shown.add_row(*map(escape, (seed.lesion_id, place, diameter, volume, seed.origin)))
    out.print(shown)
    if len(good) > SHOWN_ROWS:
        out.print(f"{SHOWN_ROWS} of {len(good)} seeds are shown.")
    out.print(f"{escape(str(output))}. {RESEARCH_ONLY}")


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    help="The CT, for a source that names none; of DICOM, a folder in which its CT is looked for.",
)
@click.option("--series", "series_uid", default="", help="SeriesInstanceUID, where --image holds several series.")
@click.option("--time-point", type=click.IntRange(min=0), help="Which time point of a 4D scan, from 0.")
@click.option(
    "--roi",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only lesions of this name: an ROI, segment, label or point. Patterns (GTV*) too; may be given again.",
)
@click.option(
    "--parts", is_flag=True, help="A seed for each separate part of a mask, segment or ROI, the largest first."
)
@click.option(
    "--frame", type=click.Choice(FRAMES), help="Of a CSV: lps, ras (mm), or ijk (voxels); lps where nothing says else."
)
@click.option("--image-column", default="image_path", show_default=True, help="A CSV's column of scans.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("seeds.csv"), show_default=True, help="The table."
)
@click.option("--overwrite", is_flag=True, help="Replace a table of seeds that exists.")
@identifiers_option
def seeds(  # noqa: PLR0913  as many arguments as options
    *,
    source: Path,
    image: Path | None,
    series_uid: str,
    time_point: int | None,
    names: tuple[str, ...],
    parts: bool,
    frame: str | None,
    image_column: str,
    output: Path,
    overwrite: bool,
    identifiers: bool,
) -> int:
    """The seeds in SOURCE, as the table that `extract --table` reads.

    SOURCE is a CSV, Slicer's points (.mrk.json, .fcsv), a mask (NIfTI, NRRD, MetaImage, .seg.nrrd), MHub's JSON of
    centroids, or DICOM: a segmentation (SEG), structure set (RTSTRUCT), report (SR), or a folder of such with their CT.

    Exit codes: 0 every lesion has a seed; 2 the command line is wrong; 3 at least one has none; 4 nothing could be
    read or written.
    """
    if image is None and (series_uid or time_point is not None):
        msg = "--series and --time-point choose in --image: give that as well."
        raise click.UsageError(msg)
    scan = GivenScan(image, series_uid, time_point) if image is not None else None
    chosen = parse_frame(frame) if frame else None
    wanted = Wanted(names, parts)
    return write_seeds(SeedsJob(source, output, scan, image_column, chosen, wanted, overwrite, identifiers))
