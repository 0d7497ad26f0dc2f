"""`worklist`: what would be done with a database, a folder or a table of scans, and why or why not."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from ..errors import SourceError
from ..geometry import FRAMES, parse_frame
from ..results.privacy import without_uids
from ..worklist import (
    Entry,
    Filters,
    Found,
    GivenSeeds,
    Patient,
    Source,
    Wishes,
    WorkList,
    file_of_database,
    make,
    read_database,
    read_folder,
    read_given,
    read_list,
)
from ..worklist.filters import parse_days, parse_modality, parse_patterns, parse_thickness
from ..worklist.folders import THREADS, Progress
from ..worklist.output import require_writable, without_patient, write_lesions, write_list
from ..worklist.suitable import FEWEST_SLICES, Suitable
from .console import RESEARCH_ONLY, counts, err, out
from .dicomweb import ServerOptions, list_of_server, place, server_options
from .extract import ERROR_ROWS, INTERRUPTED, OK

_SHOWN = 12
_TABLES = frozenset({".csv", ".tsv", ".txt"})
_PATTERN = "* stands for any letters; may be given several times."


@dataclass(frozen=True)
class _Files:
    """Where the list is written, and how."""

    output: Path
    lesions: Path | None
    identifiers: bool
    overwrite: bool


class _Bars(ExitStack):
    """One bar at a time: a terminal has room for no more."""

    def next(self, what: str) -> Progress:
        self.close()
        return self.enter_context(counts(what))


@click.command("worklist")
@click.argument("source", callback=place)
@click.option("--patient", "patients", multiple=True, metavar="PATTERN", help=f"PatientID. {_PATTERN}")
@click.option(
    "--date", "days", metavar="DAYS", help="Of the study: 2019-01-01..2020-12-31; either end may be left out."
)
@click.option("--modality", metavar="CODE", help="CT; others can be listed, and are not done.")
@click.option("--description", "descriptions", multiple=True, metavar="PATTERN", help=f"Of the series. {_PATTERN}")
@click.option("--not-description", "not_descriptions", multiple=True, metavar="PATTERN", help="Of series to leave out.")
@click.option("--body-part", "body_parts", multiple=True, metavar="PATTERN", help=f"BodyPartExamined. {_PATTERN}")
@click.option("--kernel", "kernels", multiple=True, metavar="PATTERN", help=f"ConvolutionKernel. {_PATTERN}")
@click.option("--thickness", metavar="MM", help="Of slices: 3 (at most), or 0.5-3.")
@click.option("--fewest-slices", type=click.IntRange(min=1), default=FEWEST_SLICES, show_default=True)
@click.option("--any-plane", is_flag=True, help="Also sagittal and coronal slices.")
@click.option("--prefer-kernel", "preferred", multiple=True, metavar="PATTERN", help="Of several series, this kernel.")
@click.option("--all-series", is_flag=True, help="Every series that fits, instead of one of each study.")
@click.option("--seeds", type=click.Path(path_type=Path), metavar="CSV", help="Seeds, with a column series_uid or "
              "frame_of_reference_uid; perhaps patient_id.")  # fmt: skip
@click.option("--frame", type=click.Choice(FRAMES), help="Of these seeds, where their columns do not say it.")
@click.option("--every-header", is_flag=True, help="Look at each file's header as the reader will: what it refuses "
              "is known before.")  # fmt: skip
@click.option("--image-column", default="image_path", show_default=True, help="Of a table of scans: its paths.")
@click.option("--threads", type=click.IntRange(1, 64), default=THREADS, show_default=True, help="That read headers: "
              "more of them help where a share answers slowly.")  # fmt: skip
@server_options
@click.option("--output", type=click.Path(path_type=Path), default=Path("worklist.csv"), show_default=True)
@click.option("--lesions", type=click.Path(path_type=Path), metavar="CSV", help="Also what would be done, for "
              "`extract --table`; needs --identifiers.")  # fmt: skip
@click.option("--identifiers", is_flag=True, help="Also write patients, dates, UIDs and descriptions.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier list.")
def worklist(  # noqa: PLR0913
    *,
    source: Path | str,
    patients: tuple[str, ...],
    days: str | None,
    modality: str | None,
    descriptions: tuple[str, ...],
    not_descriptions: tuple[str, ...],
    body_parts: tuple[str, ...],
    kernels: tuple[str, ...],
    thickness: str | None,
    fewest_slices: int,
    any_plane: bool,
    preferred: tuple[str, ...],
    all_series: bool,
    seeds: Path | None,
    frame: str | None,
    every_header: bool,
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
    if lesions and not (identifiers and seeds):
        msg = "--lesions writes seeds with series UIDs and paths: give --seeds and --identifiers as well."
        raise click.UsageError(msg)
    server.require(source, lesions=bool(lesions))
    first, last = parse_days(days) if days is not None else ("", "")
    thin, thick = parse_thickness(thickness) if thickness is not None else (0.0, float("inf"))
    wishes = Wishes(
        Filters(
            patients=parse_patterns(patients, "patient"),
            first_day=first,
            last_day=last,
            modality=parse_modality(modality) if modality is not None else "",
            descriptions=parse_patterns(descriptions, "description"),
            not_descriptions=parse_patterns(not_descriptions, "not-description"),
            body_parts=parse_patterns(body_parts, "body-part"),
            kernels=parse_patterns(kernels, "kernel"),
            thinnest_mm=thin,
            thickest_mm=thick,
        ),
        Suitable(fewest_slices, any_plane),
        parse_patterns(preferred, "prefer-kernel"),
        all_series,
        every_header,
    )
    files = _Files(output, lesions, identifiers, overwrite)
    for path in filter(None, (output, lesions)):
        require_writable(path, overwrite=overwrite)
    given = read_given(seeds, parse_frame(frame) if frame else None) if seeds else None
    try:
        is_whole = True
        with _Bars() as bars:
            if isinstance(source, str):
                work, is_whole = list_of_server(source, server, wishes, given, bars.next)
            else:
                read = _read(source, wishes, image_column, threads, bars)
                work = _make(source, read, wishes, given, bars)
        return max(_write(work, files), OK if is_whole else ERROR_ROWS)
    except KeyboardInterrupt:
        err.print("Interrupted. Nothing was written.")
        return INTERRUPTED


def _read(path: Path, wishes: Wishes, image_column: str, threads: int, bars: _Bars) -> Source:
    """The series of a database, folder or table.

    Raises:
        SourceError: it is none of these, or cannot be read.
    """

    def is_wanted(found: Found) -> bool:
        return not (wishes.filters.why_not(found) or wishes.suitable.why_not(found))

    if file_of_database(path):
        with err.status("Reading the database"):
            return read_database(path, is_wanted)
    if path.is_dir():
        return read_folder(path, bars.next("Headers"), threads)
    if path.is_file() and path.suffix.lower() in _TABLES:
        return read_list(path, image_column, bars.next("Headers"))
    what = "is neither" if path.exists() else "is not there"
    msg = (
        "A source of scans is Slicer's DICOM database (its folder, or ctkDICOM.sql), a folder of DICOM files, or a "
        f"table of scans (.csv); {path.name!r} {what}. Correct it."
    )
    raise SourceError(msg)


def _make(path: Path, read: Source, wishes: Wishes, given: GivenSeeds | None, bars: _Bars) -> WorkList:
    folder = file.parent if (file := file_of_database(path)) else None
    for rule in wishes.sentences():
        err.print(rule, markup=False)
    return make(read, wishes, given, folder=folder, stage=bars.next)


def _write(work: WorkList, files: _Files) -> int:
    """Write and tell; the exit code."""
    write_list(files.output, work, identifiers=files.identifiers, overwrite=files.overwrite)
    if files.lesions:
        count = write_lesions(files.lesions, work, overwrite=files.overwrite)
        out.print(f"{files.lesions}: {count} lesions for `extract --table`.", markup=False)
    for note in work.notes:
        err.print(note, style="yellow", markup=False)
    done = [entry for entry in work.entries if entry.do]
    series = {id(entry.found) for entry in work.entries if entry.found}
    lost = [entry for entry in work.entries if entry.given and not entry.do]
    lesions = sum(entry.given is not None for entry in work.entries)
    would = f"{len({id(entry.found) for entry in done})} would be done"
    seeds = f"; of {lesions} seeds, {lesions - len(lost)}" if lesions else ""
    out.print(f"Of {len(series)} series {would}{seeds}.", markup=False)
    _show_reasons(work)
    out.print(f"{escape(str(files.output))}. {RESEARCH_ONLY}")
    return ERROR_ROWS if lost or not done else OK


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
