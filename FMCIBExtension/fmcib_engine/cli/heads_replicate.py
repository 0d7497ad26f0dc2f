"""`heads replicate`: upstream's feature tables, fetched with consent -> linear heads beside the published numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.markup import escape
from rich.table import Table

from ..downloads import host_is_listed
from ..errors import OutputError
from ..heads.file import is_head, write_head
from ..probing.made import simple_name
from ..probing.out_of_fold import Advance
from ..probing.wanted import Options
from ..replication.again import Replication, replicate
from ..replication.tables import Listed, entry_of_tables, joined, listed, tables_here, tables_in
from ..replication.upstream import TASKS, Task
from ..weights.acquire import download
from ..weights.catalogue import Entry, load_catalogue
from ..weights.reports import ask_licences, licences_in_words
from .console import RESEARCH_ONLY, byte_progress, err, out, progress
from .extract import INTERRUPTED, NOTHING, OK
from .weights import agreed

if TYPE_CHECKING:
    from ..probing.bootstrap import Estimate


@click.command("replicate")
@click.argument("task_id", metavar="TASK", type=click.Choice(list(TASKS)))
@click.option("--accept-license", is_flag=True, help="You agree to the licence; else you are asked.")
@click.option("--mirror", default="", metavar="NAME", help="Ask this mirror only; else each in turn.")
@click.option("--file", "files", multiple=True, metavar="PART=NAME", help="Another name of a table in the repository.")
@click.option("--from", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Tables fetched by hand.")
@click.option("--bootstraps", type=click.IntRange(0, 100_000), default=1000, show_default=True, help="For intervals.")
@click.option("--run-seed", "seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of chance.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Keep the head, as my.head.")
@click.option("--overwrite", is_flag=True, help="Replace a head that is there.")
def replicate_head(  # noqa: PLR0913
    *,
    task_id: str,
    accept_license: bool,
    mirror: str,
    files: tuple[str, ...],
    folder: Path | None,
    bootstraps: int,
    seed: int,
    output: Path | None,
    overwrite: bool,
) -> int:
    """Train FMCIB's published linear heads again from the features that its authors published.

    TASK is site, malignancy or survival. Lists the tables at their repository, shows hosts, sizes, checksums and
    licence, fetches them if you agree, and prints the published numbers beside those that come out here.
    """
    task = TASKS[task_id]
    _require_free(output, overwrite=overwrite)
    try:
        paths = tables_in(folder, task) if folder else _fetched(task, _named(files), mirror, accept=accept_license)
        if paths is None:
            err.print("Nothing was fetched: the licence was not agreed to.")
            return NOTHING
        with err.status("Reading the tables"):
            table = joined(task, paths)
        done = replicate(task, table, Options(bootstraps=bootstraps, seed=seed), _bar)
    except KeyboardInterrupt:
        err.print("Interrupted. What was fetched whole is kept; no head was written.")
        return INTERRUPTED
    _show(done)
    if output is not None:
        digest = write_head(output, done.head(simple_name(output.stem)))
        out.print(f"{output}\nSHA-256 {digest}", markup=False)
    out.print(RESEARCH_ONLY)
    return OK


def _require_free(output: Path | None, *, overwrite: bool) -> None:
    """Before minutes of work."""
    if output is None:
        return
    if output.is_dir() or not output.absolute().parent.is_dir():
        msg = f"{output.name} cannot be a file there: give the name of a file in a folder that exists (--output)."
        raise OutputError(msg)
    if output.exists() and not is_head(output):
        msg = f"{output.name} is no head, and is not replaced. Choose another name for the head (--output)."
        raise OutputError(msg)
    if output.exists() and not overwrite:
        msg = f"{output.name} exists already. Choose another name, or allow it to be replaced (--overwrite)."
        raise OutputError(msg)


def _named(files: tuple[str, ...]) -> dict[str, str]:
    pairs = [file.partition("=") for file in files]
    if bad := [part for part, equals, name in pairs if not equals or not name]:
        msg = f"--file is PART=NAME, such as train=fmcib/task1/train_features.csv, got {bad[0]!r}."
        raise click.UsageError(msg)
    return {part: name for part, _, name in pairs}


def _fetched(task: Task, named: Mapping[str, str], mirror: str, *, accept: bool) -> dict[str, Path] | None:
    """The tables; None where the licence was not agreed to."""
    entry = entry_of_tables()
    if here := tables_here(task, named):
        err.print("The tables are here already, and are what was verified.")
        return here
    if not accept and not sys.stdin.isatty():
        msg = "The licence must be agreed to, and there is nobody to ask: give --accept-license if you agree."
        raise click.UsageError(msg)
    _tell_hosts(entry, mirror)
    with err.status("Asking the repository"):
        offered = listed(task, named, mirror, entry=entry)
        said = licences_in_words(ask_licences(entry, mirror=offered.mirror.name)[entry.id])
    _tell_offer(offered)
    err.print(f"Licence as the repository names it: {said or 'it did not tell'}", markup=False)
    if not agreed(entry, accept_license=accept):
        return None
    found = {}
    for part, remote in offered.tables.items():
        with byte_progress(remote.path) as advance:
            record = download(entry.id, file=remote.path, mirror=offered.mirror.name, progress=advance)
        err.print(f"{remote.path}: agrees with the repository's {record.checksum}", markup=False)
        found[part] = record.path
    return found


def _tell_hosts(entry: Entry, mirror: str) -> None:
    asked = [urlsplit(one.base).hostname or "" for one in entry.mirrors if mirror in {"", one.name}]
    err.print("Contacts these hosts, and no other:")
    for host in load_catalogue().hosts:
        if host.name.startswith("*.") or any(host_is_listed(name, [host.name]) for name in asked):
            err.print(f"  {host.name}: {host.purpose}{' (unverified)' if host.unverified else ''}", markup=False)


def _tell_offer(offered: Listed) -> None:
    table = Table(title=f"Tables at {offered.mirror.page}", title_justify="left")
    for heading in ("table", "size", "checksum"):
        table.add_column(heading, overflow="fold")
    for remote in offered.tables.values():
        size = "unknown" if remote.size is None else f"{remote.size / 1e6:.1f} MB"
        table.add_row(*map(escape, (remote.path, size, str(remote.checksum))))
    err.print(table)


def _show(done: Replication) -> None:
    table = Table(title=f"{done.task.id}: features and a linear head", title_justify="left")
    headings = ["number", "of", "published", "here"]
    has_unseen = any(one.unseen for one in done.numbers)
    for heading in [*headings, *([f"here, no {done.task.whose} learned from"] if has_unseen else [])]:
        table.add_column(heading, overflow="fold")
    for one in done.numbers:
        published = one.published.text.removeprefix(f"{one.published.name} ")
        cells = [one.published.name, one.rows, published, one.ours.text]
        table.add_row(*map(escape, [*cells, *([_text(one.unseen)] if has_unseen else [])]))
    out.print(table)
    out.print(f"Rows: {done.how}. In brackets 95 % intervals.", markup=False)
    for one in done.numbers:
        verdict = "lies in" if one.agrees else "lies outside"
        out.print(f"{one.published.name} of {one.rows}: the published number {verdict} our interval.", markup=False)
    for warning in done.warnings:
        err.print(warning, style="yellow", markup=False)


def _text(number: Estimate | None) -> str:
    return number.text if number else ""


@contextmanager
def _bar(what: str, total: int) -> Iterator[Advance]:
    with progress(what, total) as advance:
        yield advance
