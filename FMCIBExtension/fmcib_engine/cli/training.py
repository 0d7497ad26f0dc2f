"""`pretrain` and `finetune`: a run file in, a folder with an encoder's weights out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..training.finetune_settings import FinetuneSettings
from ..training.pretrain_settings import PretrainSettings
from ..training.settings import as_yaml, read_settings
from ..training.start import Outcome
from ..weights.about import read_about
from .console import RESEARCH_ONLY, err, out, progress
from .extract import ERROR_ROWS, INTERRUPTED, OK

_run_file = click.argument("run_file", required=False, metavar="[RUN.yaml]", type=click.Path(path_type=Path))
_print = click.option("--print-config", is_flag=True, help="Print a run file with all keys explained, and end.")
_output = click.option(
    "--output", type=click.Path(path_type=Path), metavar="FOLDER", help="The run's folder: a new one, or with --resume."
)
_resume = click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
_device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
_encoder = click.option("--encoder", metavar="ID", help="The network, instead of the run file's.")
_table = click.option("--table", type=click.Path(path_type=Path), help="CSV of seeds, instead of the run file's.")
_phantom = click.option(
    "--phantom", type=click.IntRange(min=1), metavar="N", help="Train on N computer-made lesions, instead of a table."
)


@click.command()
@_run_file
@_encoder
@_table
@_phantom
@click.option("--simclr", is_flag=True, help="Plain SimCLR: other lesions are the negatives (negatives: none).")
@_output
@_resume
@_device
@_print
def pretrain(  # noqa: PLR0913
    *,
    run_file: Path | None,
    encoder: str | None,
    table: Path | None,
    phantom: int | None,
    simclr: bool,
    output: Path | None,
    resume: bool,
    device: str,
    print_config: bool,
) -> int:
    """Train an encoder from random numbers, by contrast, on lesions without labels.

    A run that was interrupted or killed goes on with --resume. On several GPUs: torchrun --nproc-per-node N -m
    fmcib_engine pretrain RUN.yaml --output FOLDER.
    """
    settings = _with(_read(run_file, PretrainSettings), encoder=encoder)
    settings = _with_source(settings, table, phantom)
    if simclr:
        settings = replace(settings, negatives="none")
    if print_config:
        return _print_config(settings)
    from ..training.pretrain import pretrain as run

    return _run(run, settings, output, device=device, resume=resume)


@click.command()
@_run_file
@click.option("--weights", metavar="FILE", help="What it begins with: a checkpoint, or an ID of `weights list`.")
@_encoder
@_table
@_phantom
@click.option(
    "--label", metavar="COLUMN", help="Column of classes; of phantoms site, outline, density, scanner, or joined by +."
)
@_output
@_resume
@_device
@_print
def finetune(  # noqa: PLR0913
    *,
    run_file: Path | None,
    weights: str | None,
    encoder: str | None,
    table: Path | None,
    phantom: int | None,
    label: str | None,
    output: Path | None,
    resume: bool,
    device: str,
    print_config: bool,
) -> int:
    """Train an encoder with a head to tell classes apart, on lesions with labels.

    One file with both comes out, and the shares of each lesion that was held back. A run that was interrupted or killed
    goes on with --resume.
    """
    settings = _with(_read(run_file, FinetuneSettings), encoder=encoder, weights=weights, label=label)
    settings = _with_source(settings, table, phantom)
    if print_config:
        return _print_config(settings)
    from ..training.finetune import finetune as run

    return _run(run, settings, output, device=device, resume=resume)


def _read(run_file: Path | None, kind: type[Any]) -> Any:
    """Settings of the file; its table, and its weights if they are a file, lie relative to it."""
    if run_file is None:
        return kind()
    settings = read_settings(run_file, kind)
    files = {name: run_file.parent / getattr(settings, name, "") for name in ("table", "weights")}
    known = {"table": bool(settings.table), "weights": files["weights"].is_file()}  # else an ID
    return replace(settings, **{name: str(file) for name, file in files.items() if known[name]})


def _with(settings: Any, **given: str | None) -> Any:
    """What the command line says counts."""
    return replace(settings, **{name: text for name, text in given.items() if text})


def _with_source(settings: Any, table: Path | None, phantom: int | None) -> Any:
    """What the command line says of the lesions counts."""
    if table is not None and phantom is not None:
        msg = "Give either --table or --phantom."
        raise click.UsageError(msg)
    if table is not None:
        return replace(settings, table=str(table), phantoms=0)
    return settings if phantom is None else replace(settings, table="", phantoms=phantom)


def _print_config(settings: Any) -> int:
    out.print(as_yaml(settings), markup=False, end="")
    return OK


def _run(run: Callable[..., Outcome], settings: Any, output: Path | None, *, device: str, resume: bool) -> int:
    if output is None:
        msg = "Give the run's folder with --output."
        raise click.UsageError(msg)
    first = os.environ.get("RANK", "0") == "0"
    try:
        outcome = run(settings, output, device=device, resume=resume, progress=_bar)
    except KeyboardInterrupt:
        if first:
            err.print(f"Interrupted. To go on from the last checkpoint in {output}, add --resume.", markup=False)
        return INTERRUPTED
    if first:
        _tell(outcome)
    return ERROR_ROWS if outcome.left_out else OK


def _tell(outcome: Outcome) -> None:
    for name, value in outcome.numbers.items():
        out.print(f"{name}: {value:z.4f}", markup=False)
    out.print(f"{outcome.result}: {outcome.lesions} lesions, {outcome.steps} steps. {RESEARCH_ONLY}", markup=False)
    if outcome.numbers:
        out.print("The epoch was chosen on these lesions: others will score lower.")
    if caution := read_about(outcome.result).caution:
        out.print(f"{caution}.", style="bold yellow", markup=False)
    if outcome.left_out:
        err.print(f"{outcome.left_out} lesions were left out; lesions.json says why.", style="red", markup=False)


@contextmanager
def _bar(what: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """`progress`, for what goes on by several at once."""
    with progress(what, total, done) as advance:

        def by(count: int) -> None:
            for _ in range(count):
                advance()

        yield by
