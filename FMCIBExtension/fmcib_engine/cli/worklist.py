"""`worklist`: what would be done with a database, a folder or a table of scans, and why or why not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from ..geometry import FRAMES, parse_frame
from ..results.privacy import without_uids
from ..seeds import Wanted
from ..worklist import Asked, Entry, Patient, Words, WorkList, list_of, read_given
from ..worklist.output import require_writable, write_lesions, write_list
from ..worklist.series import without_patient
from .console import RESEARCH_ONLY, err, out
from .dicomweb import ServerOptions, list_of_server, place, server_options
from .extract import ERROR_ROWS, INTERRUPTED, OK
from .wishes import Bars, seeds_options, threads_option, wishes_options

_SHOWN = 12


@dataclass(frozen=True)
class _Files:
    """Where the list is written, and how."""

    output: Path
    lesions: Path | None
    identifiers: bool
    overwrite: bool


@click.command("worklist")
@click.argument("source", callback=place)
@wishes_options
@seeds_options
@click.option("--frame", type=click.Choice(FRAMES), help="Of these seeds, where their columns do not say it.")
@click.option("--image-column", default="image_path", show_default=True, help="Of a table of scans: its paths.")
@threads_option
@server_options
@click.option("--output", type=click.Path(path_type=Path), default=Path("worklist.csv"), show_default=True)
@click.option("--lesions", type=click.Path(path_type=Path), metavar="CSV", help="Also what would be done, for "
              "`extract --table`; needs --identifiers.")  # fmt: skip
@click.option("--identifiers", is_flag=True, help="Also write patients, dates, UIDs and descriptions.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier list.")
def worklist(  # noqa: PLR0913
    *,
    source: Path | str,
    words: Words,
    seeds: Path | None,
    own_seeds: bool,
    wanted: Wanted,
    frame: str | None,
    image_column: str,
    threads: int,
    server: ServerOptions,
    output: Path,
    lesions: Path | None,
    identifiers: bool,
    overwrite: bool,
) -> int:
    """What would be done with SOURCE, and why or why not: a dry run, which reads headers only.

    SOURCE is the folder of Slicer's DICOM database (or its ctkDICOM.sql, which is read without holding Slicer up), a
    folder of DICOM files, a table of scans (CSV), or the address of a DICOMweb server, which alone is contacted. One
    series of each study is taken, by a rule that is shown.

    A user and password for a server are taken from FMCIB_DICOMWEB_USER and FMCIB_DICOMWEB_PASSWORD, a token from
    FMCIB_DICOMWEB_TOKEN, else what .netrc has for it.

    Exit codes: 0 the list is written; 2 the command line is wrong; 3 it is written, and nothing, or not every seed,
    would be done, or not every series came; 4 nothing could be read or written; 130 interrupted, and no list was
    written.
    """
    if lesions and not (identifiers and (seeds or own_seeds)):
        msg = "--lesions writes seeds with series UIDs and paths: give seeds (--seeds, --own-seeds) and --identifiers."
        raise click.UsageError(msg)
    server.require(source, lesions=bool(lesions), of_objects=own_seeds or wanted != Wanted())
    files = _Files(output, lesions, identifiers, overwrite)
    wishes, in_frame = words.wishes(), parse_frame(frame) if frame else None
    for path in filter(None, (output, lesions)):
        require_writable(path, overwrite=overwrite)
    try:
        with Bars() as bars:
            if isinstance(source, str):
                given = read_given(seeds, in_frame) if seeds else None
                work, is_whole = list_of_server(source, server, wishes, given, bars.next)
            else:
                asked = Asked(source, wishes, seeds, own_seeds, wanted, in_frame, image_column, threads)
                work, is_whole = list_of(asked, bars.next, lambda rule: err.print(rule, markup=False)), True
        return max(_write(work, files), OK if is_whole else ERROR_ROWS)
    except KeyboardInterrupt:
        err.print("Interrupted. Nothing was written.")
        return INTERRUPTED


def _write(work: WorkList, files: _Files) -> int:
    """Write and tell; the exit code."""
    write_list(files.output, work, identifiers=files.identifiers, overwrite=files.overwrite)
    if files.lesions:
        count = write_lesions(files.lesions, work, overwrite=files.overwrite)
        out.print(f"{files.lesions}: {count} lesions for `extract --table`.", markup=False)
    is_all_done = tell_work(work)
    out.print(f"{escape(str(files.output))}. {RESEARCH_ONLY}")
    return OK if is_all_done else ERROR_ROWS


def tell_work(work: WorkList) -> bool:
    """What would be done and what not, and why; whether something would be, and every seed."""
    for note in work.notes:
        err.print(note, style="yellow", markup=False)
    done = [entry for entry in work.entries if entry.do]
    series = {id(entry.found) for entry in work.entries if entry.found}
    lesions = sum(entry.given is not None for entry in work.entries)
    would = f"{len({id(entry.found) for entry in done})} would be done"
    seeds = f"; of {lesions} seeds, {lesions - work.lost}" if lesions else ""
    out.print(f"Of {len(series)} series {would}{seeds}.", markup=False)
    _show_reasons(work)
    return bool(done) and not work.lost


def _show_reasons(work: WorkList) -> None:
    reasons = Counter(_said(entry) for entry in work.entries if not entry.do).most_common()
    if not reasons:
        return
    table = Table(title="What would not be done", title_justify="left")
    table.add_column("lines", justify="right")
    table.add_column("why", overflow="fold")
    for why, count in reasons[:_SHOWN]:
        table.add_row(str(count), escape(why))
    out.print(table)
    if len(reasons) > _SHOWN:
        out.print(f"And {len(reasons) - _SHOWN} other reasons: the column why has all.")


def _said(entry: Entry) -> str:
    """Its reason without what identifies a patient."""
    return without_patient(without_uids(entry.why), entry.found.patient if entry.found else Patient())
