"""A head trained for the window, and what can be said of that before: the tasks `check_head` and `train_head`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FmcibError, InputError, ReplacesError
from .io import REQUIRED, Reporter

if TYPE_CHECKING:
    from ..probing.cohort import Cohort
    from ..probing.study import Study
    from ..probing.table import FeatureTable
    from ..probing.wanted import Columns

TABLE: Mapping[str, object] = {"features": REQUIRED, "labels": "", "by": "", "name": ""}
COLUMNS: Mapping[str, object] = {
    "task": "classification",
    "label": "",
    "positive": "",
    "time": "",
    "event": "",
    "time_unit": "days",
    "group": "",
    "sites": (),
    "covariates": (),
}
HEAD: Mapping[str, object] = {
    "name": REQUIRED,
    "folder": REQUIRED,
    "title": "",
    "meaning": "",
    "licence": "",
    "calibrate": False,
    "label_efficiency": False,
    "overwrite": False,
}
"""Fields of the tasks."""

_FOLDS = 5
_PARTS = 1000
_SHARES = {"Heads fitted": 0.8, "Drawing patients for the intervals": 0.95}
"""Of all the time, up to which a step takes; the last one takes the rest."""


def check_head(wanted: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """The answer, without training anything.

    Raises:
        TableError: a table cannot be read, or the two cannot be joined.
    """
    from ..probing.libraries import missing_for_heads

    reporter.say("Reading the table")
    table, joined_by = _table(wanted)
    told = {
        "columns": [_column(name, cells) for name, cells in table.cells.items() if name],
        "joined_by": list(joined_by),
        "rows": len(table.rows),
        "features": table.features.shape[1],
        "encoder_id": table.provenance.encoder_id,
        "weights_sha256": table.provenance.weights_sha256,
        "recipe_id": table.provenance.recipe_id,
        "caution": table.provenance.caution,
        "missing_packages": missing_for_heads(),
    }
    return {**told, **_cohort(table, wanted)}


def train_head(wanted: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """The answer, when head and report are written.

    Raises:
        ReplacesError: a head or report of that name is in the folder, and `overwrite` is not given.
        FmcibError: as of `study` and `write_study`.
    """
    from ..probing.cohort import gather
    from ..probing.files import write_study
    from ..probing.made import About, made_of
    from ..probing.study import study
    from ..probing.wanted import Options

    head_path, report = _places(wanted)
    reporter.say("Reading the table")
    cohort = gather(_table(wanted)[0], _columns(wanted))
    flags = {"calibrate": wanted["calibrate"], "efficiency": wanted["label_efficiency"]}
    options = Options(folds=_FOLDS, time_unit=wanted["time_unit"], **flags)
    progress = _progress(reporter)
    done = study(cohort, options, progress)
    about = About(wanted["name"], wanted["title"], wanted["meaning"], licence=wanted["licence"])
    head = made_of(done, about)
    with progress("Pictures and report", 1) as advance:
        write_study(done, head, head_path, report, advance)
    return _answer(done, head_path, report)


def _table(wanted: Mapping[str, Any]) -> tuple[FeatureTable, tuple[str, ...]]:
    from ..probing.joined import joined
    from ..probing.table import read_features

    table = read_features(Path(wanted["features"]))
    return joined(table, Path(wanted["labels"]), wanted["by"]) if wanted["labels"] else (table, ())


def _columns(wanted: Mapping[str, Any]) -> Columns:
    """Raises InputError where something is not chosen yet."""
    from ..probing.wanted import Columns

    task = wanted["task"]
    needed = {"classification": ("label",), "survival": ("time", "event")}.get(task)
    if needed is None or wanted["time_unit"] not in ("days", "months", "years"):
        msg = "A head is of classification or survival, times are in days, months or years. Choose one of these."
        raise InputError(msg)
    if missing := [name for name in needed if not wanted[name]]:
        msg = f"No column is chosen for the {' and the '.join(missing)}. Choose it."
        raise InputError(msg)
    given = {name: wanted[name] for name in (*needed, "group")}
    positive = wanted["positive"] if task == "classification" else ""
    return Columns(task, **given, origins=tuple(wanted["sites"]), covariates=_named(wanted), positive=positive)


def _named(wanted: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in wanted["covariates"])))


def _column(name: str, cells: tuple[str, ...]) -> dict[str, Any]:
    values = set(cells)
    return {"name": name, "different": len(values), "empty": cells.count("")}


def _cohort(table: FeatureTable, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What would be learned from, or why nothing can be."""
    from ..heads.store import require_own_name
    from ..probing.cohort import gather
    from ..probing.folds import grouped_folds
    from ..probing.page import counts_by_name

    try:
        cohort = gather(table, _columns(wanted))
        grouped_folds(cohort.outcome.strata, cohort.groups, _FOLDS, 0)
    except FmcibError as error:
        return {"usable": None, "groups": None, "counts": [], "warnings": list(table.warnings), "refused": str(error)}
    refused = ""
    try:
        require_own_name(wanted["name"])
    except FmcibError as error:
        refused = str(error) if wanted["name"] else "The head has no name yet. Give it one."
    return {
        "usable": len(cohort.table.rows),
        "groups": cohort.group_count,
        "counts": [[name, count] for name, count in counts_by_name(cohort.outcome).items()],
        "warnings": list(cohort.warnings),
        "refused": refused,
    }


def _places(wanted: Mapping[str, Any]) -> tuple[Path, Path]:
    """Of the head and its report; what stands in the way is told before any work is done."""
    from ..heads.store import require_own_name
    from ..probing.files import require_free
    from ..probing.places import Places, places_in

    require_own_name(wanted["name"])
    places: Places = places_in(Path(wanted["folder"]), wanted["name"])
    places.tidy_up()  # after a run that was killed
    require_free(places.head, places.report, overwrite=True)
    if (places.head.exists() or places.report.exists()) and not wanted["overwrite"]:
        msg = (
            f"There is a head {wanted['name']} in that folder already, or its report. Choose another name, or allow "
            "it to be replaced (--overwrite)."
        )
        raise ReplacesError(msg)
    return places.head, places.report


def _progress(reporter: Reporter) -> Callable[[str, int], Any]:
    """Each step has its share of the whole, in which it counts."""
    begun = 0.0

    @contextmanager
    def step(text: str, total: int) -> Iterator[Callable[[], None]]:
        nonlocal begun
        start, end = begun, _SHARES.get(text, 1.0)
        done = 0

        def tell() -> None:
            words = f"{text}: {done} of {total}" if total > 1 else text
            reporter.step(words, round(_PARTS * (start + (end - start) * done / max(total, 1))), _PARTS)

        def advance() -> None:
            nonlocal done
            done = min(done + 1, total)
            tell()

        reporter.say(text)
        yield advance
        begun = end

    return step


def _answer(done: Study, head_path: Path, report: Path) -> dict[str, Any]:
    from ..heads.file import read_head
    from ..probing.files import CHARTS, REPORT
    from ..probing.sentences import first_paragraph
    from ..worker.predictions import tell_head

    found = read_head(head_path)
    cohort: Cohort = done.cohort
    return {
        "head": tell_head(found.head, found.sha256),
        "path": str(head_path),
        "report": str(report / REPORT),
        "charts": str(report / CHARTS),
        "numbers": [{"name": name, "text": number.text} for name, number in done.numbers.items()],
        "first_paragraph": list(first_paragraph(done)),
        "warnings": list(cohort.warnings),
    }
