"""`heads`: what can be predicted here, what each head is worth; taken in, given out, renamed, removed."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from ..errors import InputError
from ..heads.file import HeadFile, read_head
from ..heads.folder import SHIPPED, SUFFIX, heads_folder
from ..heads.head import Head
from ..heads.published import PUBLISHED, Published
from ..heads.store import StoredHead, export_head, heads_here, import_head, rename_head, required_head
from ..kept import contents
from ..removal import choose, remove
from ..weights.store import installed
from .console import RESEARCH_ONLY, err, out
from .extract import ERROR_ROWS, OK


@click.group()
def heads() -> None:
    """What is predicted from features: list, show, import, export, rename, remove."""


@heads.command("list")
def list_() -> int:
    """The heads that are here, and those that were published. Exit code 3 if a file among them is damaged."""
    good, damaged = heads_here()
    table = Table(title="Heads", title_justify="left", show_lines=True)
    for heading, fixed in (("name", True), ("what it says", False), ("here", False)):
        table.add_column(heading, no_wrap=fixed, overflow="fold")
    for published in PUBLISHED.values():
        table.add_row(*map(escape, (published.id, _about_published(published), _published_here(published))))
    for stored in good:
        where = "came with the engine" if stored.is_shipped else "imported"
        table.add_row(*map(escape, (stored.head.id, _about(stored.head), where)))
    out.print(table)
    for one in damaged:
        err.print(one.problem, style="bold red", markup=False)
    out.print(RESEARCH_ONLY)
    return ERROR_ROWS if damaged else OK


@heads.command()
@click.argument("name", metavar="FILE|NAME")
def show(*, name: str) -> None:
    """All that is known of a head: what its label means, what it is worth, of which features it was made."""
    if name in PUBLISHED and not Path(name).is_file():
        _show_published(PUBLISHED[name])
        return
    found: HeadFile = read_head(Path(name)) if _is_path(name) else required_head(name)
    head, origin = found.head, found.head.origin
    out.print(f"{head.id}: {head.title}", style="bold", markup=False)
    if head.caution:
        out.print(head.caution, style="bold yellow", markup=False)
    layers = "-".join(map(str, [origin.count, *(len(layer.bias) for layer in head.layers)]))
    facts = [
        ("task", f"{head.task}, {'linear' if len(head.layers) == 1 else 'a network'} {layers}"),
        ("gives", ", ".join(head.outputs)),
        ("label", head.label_meaning),
        ("trained on", _training(head)),
        *(("worth", f"{metric.text}{f' ({metric.about})' if metric.about else ''}") for metric in head.metrics),
        ("calibration", _calibration(head)),
        ("knows the sites", ", ".join(head.sites)),
        *(("warning", warning) for warning in head.warnings),
        ("encoder", origin.encoder_id or "unverified: nobody knows of which features it was made"),
        ("weights", f"SHA-256 {origin.weights_sha256}" if origin.weights_sha256 else "unverified"),
        ("recipe", origin.recipe_id or "unverified"),
        ("features", f"{len(origin.features)}, {origin.features[0]} to {origin.features[-1]}"),
        ("your columns", ", ".join(origin.columns)),
        ("date", head.date),
        ("versions", ", ".join(f"{package} {version}" for package, version in sorted(head.versions.items()))),
        ("licence", head.licence),
        ("to be cited", head.citation),
        ("file", f"SHA-256 {found.sha256}"),
    ]
    _print(facts)


@heads.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "own_name", default="", metavar="NAME", help="Another name than its own.")
@click.option("--overwrite", is_flag=True, help="Replace a differing head of that name.")
def import_(*, file: Path, own_name: str, overwrite: bool) -> None:
    """Take in a head's file, so that `extract` finds it."""
    _tell(import_head(file, name=own_name, overwrite=overwrite))


@heads.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
def export(*, name: str, file: Path, overwrite: bool) -> None:
    """Copy a head that is here into a file, to be given to others."""
    stored = export_head(name, file, overwrite=overwrite)
    out.print(f"{file}\nSHA-256 {stored.sha256}", markup=False)


@heads.command()
@click.argument("name")
@click.argument("new_name")
def rename(*, name: str, new_name: str) -> None:
    """Give an imported head another name. Tables keep what it said under its former one."""
    _tell(rename_head(name, new_name))


@heads.command("remove")
@click.argument("name")
def remove_(*, name: str) -> int:
    """Remove an imported head. Exit code 3 if it could not be."""
    if (SHIPPED / f"{name}{SUFFIX}").is_file() and not (heads_folder() / f"{name}{SUFFIX}").exists():
        msg = f"{name} came with the engine and stays. Leave it out of a run by naming others (`extract --heads`)."
        raise InputError(msg)
    removed = next(remove(choose(contents(), [f"heads/{name}{SUFFIX}"])))
    if removed.problem:
        err.print(removed.problem, style="bold red", markup=False)
        return ERROR_ROWS
    out.print(f"{name} is removed.", markup=False)
    return OK


def _is_path(name: str) -> bool:
    return name.endswith(SUFFIX) or Path(name).is_file() or "/" in name or "\\" in name


def _tell(stored: StoredHead) -> None:
    out.print(f"{stored.path}\nSHA-256 {stored.sha256}", markup=False)
    out.print(f"{stored.head.id}: {_about(stored.head)}", markup=False)


def _about(head: Head) -> str:
    origin = head.origin
    of = f"features of {origin.encoder_id}" if origin.is_verified else "encoder unverified"
    lines = [head.title, f"{', '.join(head.outputs)}; {of}", *(metric.text for metric in head.metrics[:3])]
    return "\n".join([*lines, *([head.caution] if head.caution else [])])


def _about_published(head: Published) -> str:
    return "\n".join([head.title, ", ".join(head.classes), *(f"{one.text} ({one.about})" for one in head.metrics)])


def _published_here(head: Published) -> str:
    if installed(head.id):
        return f"in the installed weights {head.id}, which have an encoder of their own"
    return f"no: `fmcib-engine weights download {head.id}`, an encoder of its own with it"


def _show_published(head: Published) -> None:
    out.print(f"{head.id}: {head.title}", style="bold", markup=False)
    facts = [
        ("task", "classification, a network behind an encoder of its own"),
        ("gives", ", ".join(head.classes)),
        ("label", head.label_meaning),
        ("trained on", head.training.population),
        *(("worth", f"{metric.text} ({metric.about})") for metric in head.metrics),
        ("calibration", "none: read its numbers as an order, not as chances"),
        ("knows the sites", ", ".join(head.sites)),
        *(("warning", warning) for warning in head.warnings),
        ("here", _published_here(head)),
    ]
    _print(facts)


def _training(head: Head) -> str:
    training = head.training
    names = head.classes or ("died", "censored")
    counts = ", ".join(f"{name} {count}" for name, count in zip(names, training.cases_of, strict=False))
    parts = [
        training.population,
        f"{training.cases} cases" if training.cases else "",
        f"{training.groups} groups, such as patients" if training.groups else "",
        counts,
    ]
    return "; ".join(part for part in parts if part)


def _calibration(head: Head) -> str:
    if head.calibration.kind == "none":
        return "none" if head.task == "survival" else "none: read its numbers as an order, not as chances"
    about = f", {head.calibration.about}" if head.calibration.about else ""
    return f"{head.calibration.kind} ({', '.join(f'{each:.4g}' for each in head.calibration.parameters)}){about}"


def _print(facts: list[tuple[str, str]]) -> None:
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        if text:
            table.add_row(name, escape(text))
    out.print(table)
