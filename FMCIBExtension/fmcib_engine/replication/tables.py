"""The repository's listing -> upstream's tables here -> rows with a label, a patient or scan, and a part."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..downloads import Mirror, Patience, Remote, Session, list_files, local_name
from ..encoders import ENCODERS
from ..errors import DownloadError, InputError, TableError
from ..heads.published import PUBLISHED
from ..heads.terms import ANATOMICAL_SITES
from ..probing.table import FeatureTable, Provenance, read_features
from ..texts import finite_number
from ..weights.acquire import require_offered
from ..weights.catalogue import Entry, load_catalogue
from ..weights.record import UNVERIFIED
from ..weights.store import PUBLISHED_ENCODER, installed, problem_of
from .upstream import CATALOGUE_ID, FOLDERS, SITE, Task

ENCODER, RECIPE = "fmcib", "fmcib-csv-v1"
PART, LABEL, WHOSE = "part", "label", "whose"
"""Columns of what `joined` gives."""
_MOST_NAMED = 60
_OLD_NAME = re.compile(r'(^|,)"?feature_(\d+)"?(?=,|\r?$)')
_YES = {"1": 1, "true": 1, "0": 0, "false": 0}


@dataclass(frozen=True)
class Listed:
    """Tables as a repository lists them, by part; `mirror` is where."""

    mirror: Mirror
    tables: Mapping[str, Remote]


def entry_of_tables() -> Entry:
    """Of the catalogue.

    Raises:
        InputError: the catalogue lacks it, or does not offer it.
    """
    return require_offered(load_catalogue().entry(CATALOGUE_ID))


def tables_here(task: Task, named: Mapping[str, str]) -> dict[str, Path] | None:
    """The tables that were fetched before and are what was verified; none where one is missing."""
    here = {record.file: record for record in installed(CATALOGUE_ID) if record.checksum != UNVERIFIED}
    for paths in _ways(task, named):
        records = {part: here.get(local_name(path)) for part, path in paths.items()}
        found = {part: record.path for part, record in records.items() if record and not problem_of(record)}
        if len(found) == len(paths):
            return found
    return None


def listed(
    task: Task, named: Mapping[str, str], mirror: str = "", patience: Patience | None = None, *, entry: Entry
) -> Listed:
    """Ask the repository which files it has, and choose those of the task. Contacts the mirrors' hosts.

    Args:
        task: whose.
        named: paths in the repository's folder by part, where the user knows better.
        mirror: the name of the only one to ask.
        patience: with servers.
        entry: `entry_of_tables`.

    Raises:
        DownloadError: no mirror answers, or has such tables; with what it has.
        InputError: there is no mirror of that name.
        DependencyError: requests is not installed.
    """
    mirrors = [one for one in entry.mirrors if mirror in {"", one.name}]
    if not mirrors:
        msg = f"{entry.id} has no mirror {mirror!r}. Choose one of {', '.join(one.name for one in entry.mirrors)}."
        raise InputError(msg)
    failures = []
    with Session([host.name for host in load_catalogue().hosts], patience or Patience()) as session:
        for one in mirrors:
            try:
                return Listed(one, _chosen(list_files(one, session), task, named))
            except DownloadError as error:
                failures.append(f"{one.name}: {error}")
    pages = " or ".join(one.page for one in mirrors)
    msg = (
        f"The feature tables of {task.id} could not be listed. {' '.join(failures)} Name them (--file PART=NAME), or "
        f"fetch them with a browser from {pages} into one folder (--from FOLDER)."
    )
    raise DownloadError(msg)


def _ways(task: Task, named: Mapping[str, str]) -> list[dict[str, str]]:
    """Where the tables may be, the likeliest first: paths by part."""
    if unknown := set(named) - set(task.files):
        msg = f"{task.id} has the tables {', '.join(task.files)}, got {min(unknown)!r}. Correct it (--file PART=NAME)."
        raise InputError(msg)
    return [
        {part: named.get(part, f"{folder}/{task.folder}/{file}") for part, file in task.files.items()}
        for folder in FOLDERS
    ]


def _chosen(remotes: Sequence[Remote], task: Task, named: Mapping[str, str]) -> dict[str, Remote]:
    by_path = {remote.path: remote for remote in remotes}
    for paths in _ways(task, named):
        if set(paths.values()) <= by_path.keys():
            return {part: by_path[path] for part, path in paths.items()}
    wanted = ", ".join(_ways(task, named)[0].values())
    names = ", ".join(list(by_path)[:_MOST_NAMED]) or "nothing"
    msg = f"it lists {names}; wanted {wanted}."
    raise DownloadError(msg)


def tables_in(folder: Path, task: Task) -> dict[str, Path]:
    """The tables of a folder, under upstream's names, by part.

    Raises:
        InputError: one is missing.
    """
    paths = {part: folder / file for part, file in task.files.items()}
    if missing := [path.name for path in paths.values() if not path.is_file()]:
        msg = f"The folder {folder.name} lacks {', '.join(missing)}. Put upstream's tables of {task.folder} there."
        raise InputError(msg)
    return paths


def joined(task: Task, paths: Mapping[str, Path]) -> FeatureTable:
    """All tables of a task as one: features, and the columns part, label and whose.

    Raises:
        TableError: a table cannot be read, lacks its columns, or is not of FMCIB's features.
    """
    tables = {part: _read(path) for part, path in paths.items()}
    cells: dict[str, list[str]] = {PART: [], LABEL: [], WHOSE: []}
    warnings = []
    for part, table in tables.items():
        count = len(table.rows)
        cells[PART] += [part] * count
        cells[LABEL] += _labels(task, table)
        whose = _whose(task, table)
        if whose is None:
            warnings.append(f"{table.name} does not say of which {task.whose} a row is: each counts as its own.")
        cells[WHOSE] += whose or [f"{part} {row}" for row in table.rows]
    features = np.concatenate([table.features for table in tables.values()])
    return FeatureTable(
        name=f"upstream's tables of {task.folder}",
        sha256=" ".join(table.sha256 for table in tables.values()),
        rows=tuple(range(1, len(features) + 1)),
        features=features,
        cells={name: tuple(column) for name, column in cells.items()},
        provenance=provenance()[0],
        warnings=tuple(warnings),
    )


def of_part(table: FeatureTable, part: str) -> FeatureTable:
    """The rows of one part."""
    places = [place for place, each in enumerate(table.cells[PART]) if each == part]
    cells = {name: tuple(column[place] for place in places) for name, column in table.cells.items()}
    rows = tuple(table.rows[place] for place in places)
    return replace(table, name=f"{table.name}, {part}", rows=rows, features=table.features[places], cells=cells)


def provenance() -> tuple[Provenance, str]:
    """What the tables were computed with, as far as anybody knows, and a sentence that says how far."""
    for record in installed(PUBLISHED_ENCODER):
        if record.checksum != UNVERIFIED and not record.caution:
            said = "Taken to be of the published weights that are installed here; the tables do not say so."
            return Provenance(ENCODER, record.sha256, RECIPE), said
    for reported in load_catalogue().entries[PUBLISHED_ENCODER].reported:
        if reported.algorithm == "sha256":
            said = "Bound to the SHA-256 of FMCIB's weights that third parties report; no download has confirmed it."
            return Provenance(ENCODER, reported.digits, RECIPE), said
    return Provenance(), "Which weights its features are of is not known."


def _read(path: Path) -> FeatureTable:
    with _our_names(path) as (readable, name):
        table = read_features(readable)
    wanted = ENCODERS[ENCODER].feature_count
    if table.features.shape[1] != wanted:
        msg = f"{name} has {table.features.shape[1]} features, FMCIB gives {wanted}. Take upstream's table."
        raise TableError(msg)
    return replace(table, name=name)


@contextmanager
def _our_names(path: Path) -> Iterator[tuple[Path, str]]:
    """The table with its features called pred_0, pred_1, …: upstream's script takes `feature_0` as well."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            if not _OLD_NAME.search(header.rstrip("\n")) or "pred_0" in next(csv.reader([header])):
                yield path, path.name
                return
            rest = file.read()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is not text in UTF-8"
        msg = f"{path.name} cannot be read ({said}). Fetch it again."
        raise TableError(msg) from error
    with tempfile.TemporaryDirectory() as folder:
        renamed = Path(folder) / path.name
        renamed.write_text(_OLD_NAME.sub(r"\1pred_\2", header.rstrip("\n")) + "\n" + rest, encoding="utf-8", newline="")
        yield renamed, path.name


def _labels(task: Task, table: FeatureTable) -> list[str]:
    """Our names of upstream's codes; empty where a cell is."""
    cells = table.column(task.label, "label")
    codes = [_YES.get(cell.lower(), finite_number(cell)) for cell in cells]
    classes = PUBLISHED[task.id].classes
    if task is SITE:  # DeepLesion counts from 1, upstream's annotations from 0
        first = 0 if 0 in codes else 1
        codes, classes = [code - first for code in codes], ANATOMICAL_SITES
    names = [classes[int(code)] if code in range(len(classes)) else "" for code in codes]
    if not any(names):
        msg = f"No cell of {task.label} in {table.name} is a number of a class. Take upstream's table."
        raise TableError(msg)
    return names


def _whose(task: Task, table: FeatureTable) -> list[str] | None:
    for name in task.who_columns:
        found = [task.who.search(cell) for cell in table.cells.get(name, ())]
        if found and all(found):
            return [match[1] for match in found if match]
    return None
