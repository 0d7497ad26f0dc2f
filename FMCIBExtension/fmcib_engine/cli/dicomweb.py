"""A DICOMweb server as the source of `worklist`: its options, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ..dicomweb import Credentials, Downloaded, Server, download, is_address, parse_address, read_server
from ..downloads import Patience
from ..worklist import GivenSeeds, Wishes, WorkList, make
from ..worklist.folders import Progress
from .console import err, out
from .extract import INTERRUPTED


def place(_context: click.Context, _parameter: click.Parameter, value: str) -> Path | str:
    """A path, or the address of a server as it was written."""
    return value if is_address(value) else Path(value)


@dataclass(frozen=True)
class ServerOptions:
    """What the command line says of a server."""

    folder: Path | None = None
    with_seeds: bool = False
    authority: Path | None = None
    insecure: bool = False
    timeout: float = Patience.silence

    def require(self, source: Path | str, *, lesions: bool, of_objects: bool) -> None:
        """Refuse options that another source has no use for, or that lack one.

        Args:
            source: a path, or an address.
            lesions: whether a table of what would be done is wanted.
            of_objects: whether something is said of seeds in DICOM objects.

        Raises:
            UsageError: such options.
        """
        if isinstance(source, Path):
            if self != ServerOptions():
                msg = "--download, --with-seeds, --ca, --insecure-http and --timeout are for the address of a server."
                raise click.UsageError(msg)
            return
        if self.with_seeds and not self.folder:
            msg = "--with-seeds says what else is fetched: give the folder for it with --download."
            raise click.UsageError(msg)
        if of_objects:
            msg = (
                "Seeds in a server's own objects are read from their files: fetch these with --download FOLDER "
                "--with-seeds, then give FOLDER in place of the address with --own-seeds and --roi."
            )
            raise click.UsageError(msg)
        if lesions and not self.folder:
            msg = "--lesions names folders of scans: fetch them with --download as well."
            raise click.UsageError(msg)


_OPTIONS = (
    click.option(
        "--download", "folder", type=click.Path(path_type=Path), metavar="FOLDER",
        help="Of a server: fetch the series that would be done; again, to go on.",
    ),
    click.option("--with-seeds", is_flag=True, help="Also their studies' SEG, RTSTRUCT and SR."),
    click.option(
        "--ca", "authority", type=click.Path(path_type=Path), metavar="FILE",
        help="Of a server: certificates (PEM) of your own authority, trusted instead of others.",
    ),
    click.option(
        "--insecure-http", "insecure", is_flag=True,
        help="Trust the way to this server, though everybody on it can read along.",
    ),
    click.option(
        "--timeout", type=click.FloatRange(min=1), default=Patience.silence, show_default=True, metavar="SECONDS",
        help="How long a server may be silent.",
    ),
)  # fmt: skip


def server_options(command: Callable[..., int]) -> Callable[..., int]:
    """A command that takes all of them, as one argument `server`."""

    @wraps(command)
    def collected(**given: Any) -> int:  # noqa: ANN401
        names = ("folder", "with_seeds", "authority", "insecure", "timeout")
        return command(server=ServerOptions(**{name: given.pop(name) for name in names}), **given)

    for option in reversed(_OPTIONS):
        option(collected)
    return collected


def list_of_server(
    address: str,
    options: ServerOptions,
    wishes: Wishes,
    given: GivenSeeds | None,
    stage: Callable[[str], Progress],
) -> tuple[WorkList, bool]:
    """What would be done with the series of a server, fetched if that is asked for; and whether all of that came.

    Raises:
        SourceError: no such address, or it has nothing.
        DownloadError: it does not answer.
        OutputError: the folder cannot be written to.
    """
    named = parse_address(address, may_be_open=options.insecure)
    patience = replace(Patience(), silence=options.timeout)
    with Server(named, Credentials.found(named), patience=patience, authority=options.authority) as server:
        listed = read_server(server, wishes, stage)
        for rule in wishes.sentences():
            err.print(rule, markup=False)
        work = make(listed.source, wishes, given, stage=stage)
        if options.folder is None:
            return work, True
        try:
            result = download(
                server, listed, work, options.folder, with_seeds=options.with_seeds, progress=stage("Images")
            )
        except KeyboardInterrupt as error:
            err.print(
                f"Interrupted. No list was written. Whole series stay in {options.folder}; the same command goes on.",
                markup=False,
            )
            raise click.exceptions.Exit(INTERRUPTED) from error
    _tell(result, options.folder)
    return result.work, not result.failed


def _tell(result: Downloaded, folder: Path) -> None:
    seeds = f", of which {result.seeds} are of seeds" if result.seeds else ""
    out.print(
        f"{folder}: {result.came + result.were_here} series are whole{seeds}: {result.came} came now "
        f"({result.bytes / 1e6:.1f} MB), {result.were_here} were here.",
        markup=False,
    )
    if result.failed:
        err.print(
            f"{result.failed} series could not be fetched, and nothing of them is taken for whole. The same command "
            "tries them again.",
            style="red",
            markup=False,
        )
