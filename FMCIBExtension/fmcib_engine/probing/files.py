"""What a study leaves behind: a head, and a folder with the report and its numbers. All of it or nothing.

report.html       stands alone
results.json      everything that the report tells, as numbers
metrics.csv       part, number, value, low, high
charts.json       the curves of the pictures, as numbers (`curves`)
predictions.csv   of each row: its number in the table, its fold, what it was told out of fold; no patient's name
figures/          each picture as PNG and SVG
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError
from ..heads.file import is_head, write_head
from ..heads.head import Head
from ..results.versions import installed_versions, versions_of
from .bootstrap import Estimate
from .curves import charts_of, groups_of_repeats
from .figures import as_bytes, figures_of
from .outcomes import Classes, Survival
from .page import as_html, counts_of
from .places import MARK, Places
from .scores import ClassScores, calibration_curve, confusion
from .sentences import first_paragraph
from .study import Study

REPORT, RESULTS, CHARTS = "report.html", "results.json", "charts.json"
_PARTS = {REPORT, RESULTS, CHARTS, "metrics.csv", "predictions.csv", "figures", MARK}
SCHEMA = "fmcib-head-report-1"
"""By which a folder is known to be one of these."""


def require_free(head: Path, folder: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, what could not be written or would replace something else.

    Raises:
        OutputError: with what stands in the way.
    """
    parent = head.absolute().parent
    theirs = sorted(each.name for each in folder.iterdir() if each.name not in _PARTS) if is_report(folder) else []
    ours = folder.is_dir() and (not any(folder.iterdir()) or is_report(folder))
    inside = head.resolve().is_relative_to(folder.resolve())
    taken = head.name if head.exists() else folder.name
    obstacles = (
        (head.is_dir(), f"{head.name} is a folder. Give the name of a file, such as my.head."),
        (not parent.is_dir(), f"The folder {parent.name} for {head.name} is not there. Make it first."),
        (not folder.absolute().parent.is_dir(), f"The folder for {folder.name} is not there. Make it first."),
        (inside, f"{head.name} would lie in {folder.name}, which a report replaces as a whole. Put it elsewhere."),
        (
            head.is_file() and not is_head(head),
            f"{head.name} is no head, and is not replaced. Choose another name for the head.",
        ),
        (
            bool(theirs),
            f"{folder.name} holds {theirs[:1]} beside its report, which would be lost. Move it, or choose another.",
        ),
        (folder.exists() and not ours, f"{folder.name} is no report of a head, and is not replaced. Choose another."),
        (
            not overwrite and (head.exists() or is_report(folder)),
            f"{taken} exists already. Choose another name, or allow it to be replaced (--overwrite).",
        ),
    )
    if problem := next((sentence for stands, sentence in obstacles if stands), ""):
        raise OutputError(problem)


def is_report(folder: Path) -> bool:
    """Whether a folder is a report that this wrote."""
    try:
        return bool(json.loads((folder / RESULTS).read_text(encoding="utf-8"))["schema"] == SCHEMA)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_study(study: Study, head: Head, path: Path, folder: Path, advance: Callable[[], None]) -> None:
    """The head to `path`, everything else to `folder`, over an earlier report if there is one.

    Raises:
        OutputError: something cannot be written; what was there before is still there.
        DependencyError: matplotlib or safetensors is not installed.
    """
    places = Places(path, folder)
    try:
        places.tidy_up()  # after a run that was killed
        _fill(places.unfinished, study, head)
        write_head(places.new_head, head)
        advance()
        places.exchange()
    except OSError as error:
        msg = f"{folder.name} cannot be written ({error.strerror or error}). Choose another folder, or make room."
        raise OutputError(msg) from error
    finally:
        places.tidy_up()


def _fill(folder: Path, study: Study, head: Head) -> None:
    """Everything but the head."""
    (folder / "figures").mkdir(parents=True)
    pictures = {}
    for name, figure in figures_of(study).items():
        pictures[name] = as_bytes(figure, "svg")
        (folder / "figures" / f"{name}.svg").write_bytes(pictures[name])
        (folder / "figures" / f"{name}.png").write_bytes(as_bytes(figure, "png"))
    for name, text in _texts(study, head, pictures):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _texts(study: Study, head: Head, pictures: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    yield REPORT, as_html(study, pictures, title=head.title)
    yield RESULTS, json.dumps(results_of(study, head), indent=1, allow_nan=False) + "\n"
    yield CHARTS, json.dumps(_plain(charts_of(study)), indent=1, allow_nan=False) + "\n"
    yield "metrics.csv", _csv(("part", "number", "value", "low", "high"), _metric_rows(study))
    yield "predictions.csv", _csv(*_prediction_rows(study))


def results_of(study: Study, head: Head) -> dict[str, Any]:
    """All numbers, as JSON has them; what is no number is null."""
    cohort = study.cohort
    said = {
        "schema": SCHEMA,
        "head": head.id,
        "first_paragraph": first_paragraph(study),
        "warnings": cohort.warnings,
        "columns": asdict(cohort.columns),
        "options": asdict(study.options),
        "table": {"name": cohort.table.name, "sha256": cohort.table.sha256, **asdict(cohort.table.provenance)},
        "rows": len(cohort.table.rows),
        "groups": cohort.group_count,
        "counts": counts_of(study),
        "strength": study.head.strength,
        "strengths_in_folds": study.predictions.strengths,
        "metrics": study.numbers,
        "origins": study.origins,
        "controls": study.controls,
        "joined_columns": study.gains,
        "comparisons": study.comparisons,
        "label_efficiency": study.curve,
        "curves": _curves(study),
        "date": head.date,
        "versions": {**installed_versions(), **versions_of(("scikit-learn", "lifelines", "matplotlib"))},
    }
    return dict(_plain(said))


def _curves(study: Study) -> dict[str, Any]:
    outcome = study.cohort.outcome
    if isinstance(outcome, Survival):
        first, *others = groups_of_repeats(study)
        every = [one.get("logrank_p") for one in (first, *others)]
        return {"kaplan_meier": first, "logrank_p_of_repeats": every}
    repeats = study.predictions.shares
    calibration = {
        name: calibration_curve(outcome.codes == code, [shares[:, code] for shares in repeats])
        for code, name in enumerate(outcome.names)
    }
    assert isinstance(study.judge, ClassScores)  # noqa: S101  for mypy
    counts = confusion(study.judge)
    return {"calibration": calibration, "confusion": counts.tolist(), "classes": list(outcome.names)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _csv(header: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def _metric_rows(study: Study) -> Iterator[tuple[Any, ...]]:
    for part, name, number in _estimates(study):
        cells = [repr(each) if math.isfinite(each) else "" for each in (number.value, number.low, number.high)]
        yield (part, name, *cells)


def _estimates(study: Study) -> Iterator[tuple[str, str, Estimate]]:
    """Every number of a study: of which part, its name, and it."""
    for name, number in study.numbers.items():
        yield "out of fold", name, number
    parts: list[tuple[str, object, tuple[str, ...]]] = []
    for origin in study.origins:
        parts.append((f"origin {origin.column}", origin, ("told", "pooled", "within", "lost")))
        parts += [(f"origin {origin.column}: {one.name}", one, ("inside", "unseen")) for one in origin.each]
    parts += [
        (f"control {each.name}", each, ("intact", "applied", "retrained", "lost", "lost_retrained"))
        for each in study.controls
    ]
    for each in (*study.gains, *study.comparisons):
        parts.append((f"{each.first_name} against {each.second_name}", each, ("first", "second", "difference")))
    for part, holder, names in parts:
        yield from ((part, name, getattr(holder, name)) for name in names)
    for share in study.curve:
        yield from ((f"{share.share:.0%} of the patients", "repeat", Estimate(value)) for value in share.values)


def _prediction_rows(study: Study) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    cohort, told, outcome = study.cohort, study.predictions, study.cohort.outcome
    if isinstance(outcome, Classes):
        truth: tuple[str, ...] = ("label",)
        names = [f"probability:{name}" for name in outcome.names]
        true: list[tuple[Any, ...]] = [(outcome.names[code],) for code in outcome.codes.tolist()]
        shares = np.array(told.shares)
    else:
        truth, names = ("time", "event"), ["log_relative_hazard"]
        true = list(zip(outcome.times.tolist(), outcome.events.astype(int).tolist(), strict=True))
        shares = told.scores
    header = ("row", "group", "repeat", "fold", *truth, *names)

    def rows() -> Iterator[tuple[Any, ...]]:
        for place, number in enumerate(cohort.table.rows):
            for repeat in range(len(shares)):
                fold, group = int(told.folds[repeat, place]) + 1, int(cohort.groups[place]) + 1
                numbers = [repr(value) for value in shares[repeat, place].tolist()]
                yield (number, group, repeat + 1, fold, *true[place], *numbers)

    return header, rows()
