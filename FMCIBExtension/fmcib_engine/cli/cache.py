"""`cache`: what lies in the one folder, with sizes, and its removal after a question."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.markup import escape
from rich.table import Table

from ..kept import Contents, Kept, contents
from ..removal import Removed, choose, remove, why_not_here
from .console import byte_progress, err, out
from .extract import ERROR_ROWS, INTERRUPTED, NOTHING, OK

_MOST_NAMED = 5


@click.group()
def cache() -> None:
    """Files of this program here: list, remove."""


@cache.command("list")
def list_() -> None:
    """What lies in the folder, of which kind, and how large it is."""
    found = contents()
    out.print(f"{found.folder}", markup=False)
    if found.kept:
        out.print(_table("Files of this program", found.kept))
        out.print(f"{_megabytes(found.kept)} in all. Remove: `fmcib-engine cache remove NAME` or --all.", markup=False)
    else:
        out.print("Nothing of this program lies there.")
    _tell_strange(found)
    if problem := why_not_here(found.folder):
        err.print(problem, style="bold yellow", markup=False)


@cache.command("remove")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All that comes back; what you imported only by its name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_(*, names: tuple[str, ...], everything: bool, yes: bool) -> int:
    """Remove what `cache list` names, after a question; of weights the ID will do.

    Files of others, links, and what another process uses are never touched.

    Exit codes: 0 all of it is gone; 2 the command line is wrong; 3 some of it stayed; 4 nothing was removed; 130
    interrupted.
    """
    if bool(names) == everything:
        msg = "Name what is to be removed (`fmcib-engine cache list` tells what is there), or give --all."
        raise click.UsageError(msg)
    found = contents()
    chosen = [each for each in found.kept if each.about.comes_back] if everything else choose(found, names)
    left = [each.name for each in found.kept if everything and each not in chosen]
    if left:
        out.print(f"What you imported stays unless you name it: {', '.join(left)}.", markup=False)
    if not chosen:
        out.print("There is nothing to be removed.")
        return OK
    if not _agreed(chosen, yes=yes):
        err.print("Nothing was removed.")
        return NOTHING
    return _remove(chosen)


def _agreed(chosen: Sequence[Kept], *, yes: bool) -> bool:
    """Show what would go, and what is lost with it."""
    out.print(_table("To be removed", chosen))
    if yes:
        return True
    if not sys.stdin.isatty():
        msg = "There is nobody to ask whether these may be removed: give --yes if they may."
        raise click.UsageError(msg)
    return click.confirm(f"Remove these, {_megabytes(chosen)}?", default=False, err=True)


def _remove(chosen: Sequence[Kept]) -> int:
    done: list[Removed] = []
    try:
        with byte_progress("removing") as progress:
            for each in remove(chosen, progress):
                done.append(each)
                _tell(each)
    except KeyboardInterrupt:
        here = {each.name for each in contents().kept}
        rest = [each.name for each in chosen[len(done) :]]
        gone, stayed = [name for name in rest if name not in here], [name for name in rest if name in here]
        err.print(f"Interrupted. Gone too: {', '.join(gone) or 'nothing'}. Stayed: {', '.join(stayed)}.", markup=False)
        return INTERRUPTED
    out.print(f"{sum(each.freed for each in done) / 1e6:.1f} MB were freed.")
    if not any(each.problem for each in done):
        return OK
    return ERROR_ROWS if any(each.freed or not each.problem for each in done) else NOTHING


def _tell(removed: Removed) -> None:
    if removed.problem:
        err.print(removed.problem, style="bold red", markup=False)
    else:
        out.print(f"removed {removed.kept.name}, {removed.freed / 1e6:.1f} MB", markup=False)


def _table(title: str, kept: Sequence[Kept]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading, fixed in (("name", True), ("what", False), ("size", True)):
        table.add_column(heading, no_wrap=fixed, overflow="fold", justify="right" if heading == "size" else "left")
    for each in kept:
        about = f"{each.about.title}. {each.about.again}"
        style = "" if each.about.comes_back else "bold yellow"
        table.add_row(escape(each.name), escape(about), f"{each.size / 1e6:.1f} MB", style=style)
    return table


def _megabytes(kept: Sequence[Kept]) -> str:
    return f"{sum(each.size for each in kept) / 1e6:.1f} MB"


def _tell_strange(found: Contents) -> None:
    if not found.strange:
        return
    more = f" and {len(found.strange) - _MOST_NAMED} more" if len(found.strange) > _MOST_NAMED else ""
    named = ", ".join(found.strange[:_MOST_NAMED])
    out.print(f"Not of this program, or not known to be, and never touched: {named}{more}.", markup=False)
