"""`weights`: the published files, fetched with consent or brought by hand, and whether they are what they were."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from .. import samples
from ..downloads import PART
from ..weights.acquire import download as fetch
from ..weights.acquire import require_offered
from ..weights.bring import import_file
from ..weights.catalogue import Entry, load_catalogue
from ..weights.record import UNVERIFIED, Damaged, Record, store_folder
from ..weights.reports import SaidLicence, agreements_of, ask_licences, doubts_of
from ..weights.shipped import SHIPPED
from ..weights.store import path_of, size_problem_of, verify, weights_here
from .console import byte_progress, err, out
from .extract import ERROR_ROWS, INTERRUPTED, NOTHING, OK


@click.group()
def weights() -> None:
    """Published weights: list, fetch, import, verify."""


@weights.command("list")
@click.option("--ask", is_flag=True, help="Ask the repositories which licence they name. Contacts their hosts.")
def list_(*, ask: bool) -> None:
    """What is published, its licence, and what is here."""
    catalogue = load_catalogue()
    here = weights_here()
    asked = {}
    if ask:
        with err.status("Asking the repositories"):
            asked = ask_licences(*catalogue.entries.values())
    table = Table(title="Published files", title_justify="left", show_lines=True)
    for heading, fixed in (("ID", True), ("what", False), ("size", True), ("here", False)):
        table.add_column(heading, no_wrap=fixed, overflow="fold")
    for entry in catalogue.entries.values():
        about = "\n".join([_about(entry), *_said(entry, here, asked.get(entry.id))])
        table.add_row(*map(escape, (entry.id, about, _size(entry), _here(entry, here))))
    for record in here:
        if isinstance(record, Damaged):
            table.add_row(*map(escape, (record.id, record.problem, "unknown", "damaged")))
        elif record.id not in catalogue.entries:
            problem = size_problem_of(record)
            about = f"{_about_own(record)}\n{problem}".rstrip()
            is_here = "damaged" if problem else "yes"
            table.add_row(*map(escape, (record.id, about, f"{record.size / 1e6:.1f} MB", is_here)))
    out.print(table)
    for licence in {entry.licence.title: entry.licence for entry in catalogue.entries.values()}.values():
        out.print(f"{licence.title}: {licence.meaning} {licence.url}", markup=False)
    for citation in dict.fromkeys(entry.citation for entry in catalogue.entries.values()):
        out.print(f"To be cited: {citation}", markup=False)
    out.print(
        "Unverified facts could not be checked when this list was written; files are checked when they are fetched."
    )
    _tell_doubts(here)


@weights.command()
@click.argument("entry_id", metavar="ID")
@click.option("--accept-license", is_flag=True, help="You agree to the licence; else you are asked.")
@click.option("--file", default="", metavar="NAME", help="Which file, where a folder has several.")
@click.option("--mirror", default="", metavar="NAME", help="Ask this mirror only; else each in turn.")
def download(*, entry_id: str, accept_license: bool, file: str, mirror: str) -> int:
    """Fetch a published file, after showing its licence.

    Its checksum is verified.
    What comes is kept when you interrupt it: run the same command to go on.
    """
    entry = require_offered(load_catalogue().entry(entry_id))
    if not agreed(entry, accept_license=accept_license):
        err.print("Nothing was fetched: the licence was not agreed to.")
        return NOTHING
    try:
        with byte_progress(entry_id) as progress:
            record = fetch(entry_id, file=file, mirror=mirror, progress=progress)
    except KeyboardInterrupt:
        parts = sorted(path.name for path in (store_folder() / entry_id).glob(f"*{PART}"))
        kept = f" What came is kept in {', '.join(parts)}; to go on, run the same command." if parts else ""
        err.print(f"Interrupted.{kept}", markup=False)
        return INTERRUPTED
    _tell(record)
    return OK


@weights.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--id", "entry_id", default="", metavar="ID", help="Which published file it is, where its size is unknown."
)
@click.option("--as", "own_name", default="", metavar="NAME", help="Weights of your own that fit an encoder: a name.")
@click.option("--overwrite", is_flag=True, help="Replace a differing file that is here.")
def import_(*, file: Path, entry_id: str, own_name: str, overwrite: bool) -> int:
    """Take in a file from elsewhere, without network."""
    with byte_progress(file.name) as progress:
        record = import_file(file, entry_id=entry_id, own_name=own_name, overwrite=overwrite, progress=progress)
    _tell(record)
    if record.licence:
        out.print(f"Licence {record.licence}: {record.notice}", markup=False)
    return OK


@weights.command("verify")
@click.argument("ids", nargs=-1, metavar="[ID]...")
def verify_(*, ids: tuple[str, ...]) -> int:
    """Recompute the SHA-256 of the files here. Exit code 3 if one is not what it was."""
    with err.status("Reading the files"):
        verdicts = verify(ids)
    for record, problem in verdicts:
        good = isinstance(record, Record) and not problem
        verdict = f"[green]good[/], {escape(_checked(record))}" if good else f"[bold red]WRONG[/]: {escape(problem)}"
        out.print(f"{record.id}: {escape(record.file)}: {verdict}")
    if not verdicts:
        out.print("Nothing is installed.")
    _tell_doubts([record for record, _ in verdicts])
    return ERROR_ROWS if any(problem for _, problem in verdicts) else OK


@weights.command()
@click.argument("entry_id", metavar="[ID]", required=False)
def path(*, entry_id: str | None) -> None:
    """The folder of all weights, or the file of one ID. Exit code 4 if it is not installed."""
    out.print(str(path_of(entry_id) if entry_id else store_folder()), markup=False)


@weights.command()
def hosts() -> None:
    """Every host that could be contacted, and when.

    Nothing else is, but a DICOMweb server that you name to `worklist`; and nothing without you asking for it. Where
    this is no terminal: lines with tabs between.
    """
    err.print("Beside these, a DICOMweb server: the one that you name to `worklist`, and only then.", markup=False)
    named = "that it is so named"
    rows = [
        (host.name, host.purpose, "weights download", named if host.unverified else "")
        for host in load_catalogue().hosts
    ]
    rows += [
        (name, purpose, "sample scans, if you agree", named if "*" in name else "")
        for name, purpose in samples.HOSTS.items()
    ]
    if not out.is_terminal:
        for row in rows:
            click.echo("\t".join(row))  # rich makes blanks of tabs
        return
    table = Table(title="Hosts", title_justify="left")
    for heading in ("host", "what for", "when", "unverified"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "host")
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


def agreed(entry: Entry, *, accept_license: bool) -> bool:
    """Show the licence, and have it agreed to."""
    licence = entry.licence
    err.print(f"{entry.id}: {entry.title}\nLicence {licence.title}: {licence.meaning}\n{licence.url}", markup=False)
    if accept_license:
        return True
    if not sys.stdin.isatty():
        msg = "The licence must be agreed to, and there is nobody to ask: give --accept-license if you agree."
        raise click.UsageError(msg)
    return click.confirm("Do you agree?", default=False, err=True)


def _about(entry: Entry) -> str:
    where = f"from {' or '.join(one.name for one in entry.mirrors)}" if entry.mirrors else entry.refused
    choice = "; choose one with --file NAME" if entry.kind == "tables" else ""
    unverified = f"; unverified: {', '.join(entry.unverified)}" if entry.unverified else ""
    return f"{entry.title}\n{entry.licence.title}; {where}{choice}{unverified}"


def _about_own(record: Record) -> str:
    """Of weights that are not of the catalogue."""
    whose = f"{record.licence}; {record.source}" if record.licence else f"your own, {record.source}"
    network = f"weights of the encoder {record.encoder}\n" if record.encoder else ""
    return f"{network}{whose}" + (f"\n{record.caution}" if record.caution else "")


def _said(entry: Entry, records: list[Record | Damaged], asked: list[SaidLicence] | None) -> list[str]:
    """What others say: the checksums that are reported, and the licence that repositories name."""
    lines = [f"reported, not verified by us: {one.checksum} by {one.by}" for one in entry.reported]
    for one in asked or ():
        answer = f"names the licence {one.licence}" if one.licence else "names no licence"
        lines.append(f"{one.mirror} {f'did not tell its licence: {one.problem}' if one.problem else answer}")
    if asked is None:
        named = {one.repository_licence for one in records if isinstance(one, Record) and one.id == entry.id}
        lines += [f"licence that its repository named: {one}" for one in sorted(named - {""})]
    return lines


def _tell_doubts(records: list[Record | Damaged]) -> None:
    for doubt in [doubt for record in records if isinstance(record, Record) for doubt in doubts_of(record)]:
        err.print(doubt, style="bold yellow", markup=False)


def _here(entry: Entry, records: list[Record | Damaged]) -> str:
    if entry.refused:
        return "not offered"
    mine = [record for record in records if record.id == entry.id and isinstance(record, Record)]
    if not mine:
        return "no"
    return "yes, checksum unverified" if all(record.checksum == UNVERIFIED for record in mine) else "yes"


def _size(entry: Entry) -> str:
    return f"{entry.size / 1e6:.1f} MB" if entry.size else "unknown"


def _tell(record: Record) -> None:
    out.print(f"{record.path}\nSHA-256 {record.sha256}, {_checked(record)}", markup=False)
    if record.repository_licence:
        out.print(f"Licence as its repository names it: {record.repository_licence}", markup=False)


def _checked(record: Record | Damaged) -> str:
    if isinstance(record, Damaged):
        return "as it was imported, checksum unverified"
    if record.checksum == SHIPPED:
        return f"{SHIPPED}, and compared with nothing"
    is_unverified = record.checksum == UNVERIFIED
    own = (
        "as it was imported, checksum unverified"
        if is_unverified
        else f"agrees with the repository's {record.checksum}"
    )
    return "; ".join([own, *agreements_of(record)])
