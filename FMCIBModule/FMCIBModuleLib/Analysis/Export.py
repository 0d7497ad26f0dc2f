"""The scene's results as the file that the engine writes: the same columns, in the same order, to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fmcib_engine.encoders import find_encoder
from fmcib_engine.encoders.cautions import caution_of
from fmcib_engine.errors import OutputError
from fmcib_engine.results.rows import relative_path
from fmcib_engine.results.schema import COLUMNS, feature_columns
from fmcib_engine.results.table import TableOptions, write_rows

from ..Scene.HeadColumns import byHead, isOfHead
from ..Scene.LesionTable import LesionTable
from ..Scene.ScanNode import scanFile, sourceOf

_MOST_NAMES = 5
"""Of lesions in a message."""


def exportTable(
    volumeNodes: Iterable,
    path: Path,
    *,
    identifiers: bool = False,
    overwrite: bool = False,
    scan: Path | None = None,
    headColumns: Sequence[str] = (),
) -> int:
    """Write the lesions of some CTs as one CSV table; returns how many rows it has.

    Args:
        volumeNodes: in the order of the rows.
        path: the file.
        identifiers: whether series UIDs and relative paths are written; else a scan is `scan 1`, `scan 2`.
        overwrite: whether a feature table of that name is replaced.
        scan: where the CT was read from, if the user has named it: it is written as seen from the table.
        headColumns: of heads that have their columns also where they say nothing of any lesion; these come first.

    Raises:
        OutputError: nothing to write, a file that may not be replaced, or one that cannot be written.
    """
    tables = [(node, LesionTable(node)) for node in volumeNodes]
    lesions = [(node, row, table.featureTexts(key)) for node, table in tables for key, row in table.rows().items()]
    if not lesions:
        msg = "There are no results to export. Analyse a lesion first."
        raise OutputError(msg)
    encoder = find_encoder(_theEncoder([row for _, row, _ in lesions]))
    columns = [column.name for column in COLUMNS]
    heads = byHead([*headColumns, *(name for _, table in tables for name in table.headColumns())])
    columns += [name for own in heads.values() for name in own]
    header = [*columns, *feature_columns(encoder.feature_count)]
    lost = sum(row["status"] == "ok" and len(features) != encoder.feature_count for _, row, features in lesions)
    if lost:
        msg = f"The table of features of {lost} lesions is not in the scene any more. Analyse them again."
        raise OutputError(msg)
    names = {node: f"scan {number}" for number, (node, _) in enumerate(tables, 1)}
    rows = [
        [*_row(columns, row | _known(node, row, path, scan, names[node], identifiers=identifiers)), *features]
        for node, row, features in lesions
    ]
    for number, cells in enumerate(rows, 1):
        cells[columns.index("row")] = str(number)
        cells.extend([""] * (len(header) - len(cells)))
    write_rows(path, header, rows, TableOptions(overwrite=overwrite, identifiers=identifiers))
    return len(rows)


def _theEncoder(rows: Sequence[Mapping[str, str]]) -> str:
    """The one network of all rows, those without features included: they are of one table, too.

    Raises:
        OutputError: there are several, with the lesions of each.
    """
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["encoder_id"], []).append(row["lesion_id"])
    if len(names) > 1:
        whose = [f"of {encoder} {'is' if len(of) == 1 else 'are'} {_few(of)}" for encoder, of in sorted(names.items())]
        msg = (
            f"One table has one network's features, but these lesions have {', '.join(sorted(names))}'s. "
            f"Analyse them again with one of these: {'; '.join(whose)}."
        )
        raise OutputError(msg)
    return next(iter(names))


def _few(names: Sequence[str]) -> str:
    return ", ".join([*names[:_MOST_NAMES], *(["…"] if len(names) > _MOST_NAMES else [])])


def _row(columns: list[str], cells: dict[str, str]) -> list[str]:
    """In the order of the columns; of heads that another lesion has and this one has not, nothing."""
    return [cells.get(name, "") if isOfHead(name) else cells[name] for name in columns]


def _known(
    volumeNode, row: dict[str, str], path: Path, scan: Path | None, pseudonym: str, *, identifiers: bool
) -> dict[str, str]:
    """Without identifiers a scan of the window has a number for a name: files are named after patients, too."""
    known = {"image_path": pseudonym, "weights_caution": caution_of(row["weights"], row["weights_caution"])}
    file = scan or scanFile(volumeNode)
    if file is not None and (identifiers or scan):
        known["image_path"] = relative_path(file, path.absolute().parent, identifiers=identifiers)
    if identifiers:
        known["series_uid"] = sourceOf(volumeNode).series_uid
    return known
