"""`heads train`: a feature table in; a head, and a report of what it is worth, out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from ..probing.wanted import Columns, Options, Task
from .console import RESEARCH_ONLY, byte_progress, err, out, progress
from .extract import INTERRUPTED, OK

if TYPE_CHECKING:
    from ..probing.out_of_fold import Advance
    from ..probing.study import Study
    from ..probing.table import FeatureTable

_UNITS = ("days", "months", "years")


@click.command("train")
@click.option(
    "--features", type=click.Path(path_type=Path), required=True, help="A table of `extract`, or one like it."
)
@click.option("--labels", type=click.Path(path_type=Path), help="A CSV whose columns are joined to those of the table.")
@click.option("--by", default="", metavar="COLUMN", help="Of both tables; else the lesion's, or the first of both.")
@click.option("--task", type=click.Choice(get_args(Task)), default="classification", show_default=True)
@click.option("--label", default="", metavar="COLUMN", help="The class of each row.")
@click.option("--positive", default="", metavar="CLASS", help="Of two classes the one looked for; else the last.")
@click.option("--time", "time_column", default="", metavar="COLUMN", help="Survival: when it ended, or was last seen.")
@click.option("--event", default="", metavar="COLUMN", help="Survival: 1 died then, 0 last seen alive.")
@click.option("--time-unit", type=click.Choice(_UNITS), default="days", show_default=True)
@click.option(
    "--at",
    "times",
    type=click.FloatRange(0, min_open=True),
    multiple=True,
    help="Survival: a time to tell of; else quarters of deaths.",
)
@click.option("--group", default="", metavar="COLUMN", help="The patient: rows of one are never apart.")
@click.option("--site", "--scanner", "sites", multiple=True, metavar="COLUMN", help="Where or on what it was scanned.")
@click.option("--covariates", default="", metavar="A,B", help="Numeric columns to join to the features.")
@click.option(
    "--control",
    "controls",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A table of the same lesions with the tumour, or all else, destroyed.",
)
@click.option(
    "--compare", "others", multiple=True, type=click.Path(path_type=Path), help="A table of them by another encoder."
)
@click.option("--calibrate", is_flag=True, help="Make probabilities calibrated, on rows that were not learned from.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Probability from which a row is called positive.")
@click.option("--label-efficiency", is_flag=True, help="Also with 10, 20, 50 % of the patients. Takes longer.")
@click.option("--folds", type=click.IntRange(2, 20), default=5, show_default=True)
@click.option("--repeats", type=click.IntRange(1, 50), default=5, show_default=True, help="With other folds each.")
@click.option("--bootstraps", type=click.IntRange(0, 100_000), default=1000, show_default=True, help="For intervals.")
@click.option("--run-seed", "seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of chance.")
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The head, my.head.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FOLDER", help="The report; else beside the head.")
@click.option("--overwrite", is_flag=True, help="Replace a head and a report that are there.")
@click.option("--title", default="", help="Of the head.")
@click.option("--meaning", default="", help="What the label means, in a sentence, such as who said so.")
@click.option("--licence", default="", help="Of the head.")
def train_head(  # noqa: PLR0913
    *,
    features: Path,
    labels: Path | None,
    by: str,
    task: Task,
    label: str,
    positive: str,
    time_column: str,
    event: str,
    time_unit: str,
    times: tuple[float, ...],
    group: str,
    sites: tuple[str, ...],
    covariates: str,
    controls: tuple[Path, ...],
    others: tuple[Path, ...],
    calibrate: bool,
    threshold: float | None,
    label_efficiency: bool,
    folds: int,
    repeats: int,
    bootstraps: int,
    seed: int,
    output: Path,
    report: Path | None,
    overwrite: bool,
    title: str,
    meaning: str,
    licence: str,
) -> int:
    """Train a head of your own, and be told what it is worth.

    A linear head: logistic regression, or Cox regression of survival. It is judged on patients that it has not seen.
    """
    # Here, so that no other command waits for SciPy's statistics.
    from ..probing.cohort import gather
    from ..probing.files import require_free, write_study
    from ..probing.joined import joined
    from ..probing.made import About, made_of, simple_name
    from ..probing.places import Places
    from ..probing.study import study

    added = tuple(name.strip() for name in covariates.split(",") if name.strip())
    columns = Columns(task, label, time_column, event, group, sites, added, positive)
    _require_columns(columns)
    options = Options(
        folds, repeats, seed, bootstraps, calibrate, threshold, tuple(sorted(set(times))), time_unit, label_efficiency
    )
    folder = report or output.with_name(f"{output.stem}-report")
    Places(output, folder).tidy_up()  # after a run that was killed
    require_free(output, folder, overwrite=overwrite)
    try:
        table = _read(features)
        with err.status("Checking the table"):
            cohort = gather(joined(table, labels, by)[0] if labels else table, columns)
        destroyed, compared = ([_read(path, any_encoder=True) for path in paths] for paths in (controls, others))
        done = study(cohort, options, _bar, controls=destroyed, others=compared)
        head = made_of(done, About(simple_name(output.stem), title, meaning, licence=licence))
        with _bar("Pictures and report", 1) as advance:
            write_study(done, head, output, folder, advance)
    except KeyboardInterrupt:
        err.print("Interrupted. Nothing was written.")
        return INTERRUPTED
    _tell(done, output, folder)
    return OK


def _read(path: Path, *, any_encoder: bool = False) -> FeatureTable:
    """A table, with its progress: one of 5,000 rows has hundreds of MB."""
    from ..probing.table import read_features

    size = path.stat().st_size if path.is_file() else None
    with byte_progress(f"Reading {path.name}") as advance:
        return read_features(path, any_encoder=any_encoder, told=lambda done: advance(done, size))


def _require_columns(columns: Columns) -> None:
    if columns.task == "classification" and (not columns.label or columns.time or columns.event):
        msg = "For --task classification name the column of classes (--label), and neither --time nor --event."
        raise click.UsageError(msg)
    if columns.task == "survival" and (not columns.time or not columns.event or columns.label):
        msg = "For --task survival name the columns of --time and --event, and no --label."
        raise click.UsageError(msg)


def _tell(done: Study, output: Path, folder: Path) -> None:
    from ..probing.files import REPORT
    from ..probing.sentences import first_paragraph

    for warning in done.cohort.warnings:
        err.print(warning, style="yellow", markup=False)
    for name, number in done.numbers.items():
        out.print(f"{name} {number.text}", markup=False)
    out.print(" ".join(first_paragraph(done)), markup=False)
    out.print(f"{output}; {folder / REPORT}. {RESEARCH_ONLY}", markup=False)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Advance]:
    with progress(what, total) as advance:
        yield advance
