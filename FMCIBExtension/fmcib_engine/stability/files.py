"""What a cohort leaves behind: a folder. All of it or nothing.

report.html      stands alone
agreement.csv    group, number, coefficient, value, low, high: every feature and prediction
results.json     the sentences, and Bland-Altman's numbers
"""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ..errors import OutputError
from ..results.versions import installed_versions
from .cohort import Cohort
from .figures import pictures_of
from .page import as_html

REPORT, RESULTS, NUMBERS = "report.html", "results.json", "agreement.csv"
SCHEMA = "fmcib-agreement-1"
"""By which a folder is known to be one of these."""


def require_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, what could not be written or would replace something else.

    Raises:
        OutputError: with what stands in the way.
    """
    parent = folder.absolute().parent
    theirs = (
        sorted(each.name for each in folder.iterdir() if each.name not in {REPORT, RESULTS, NUMBERS})
        if folder.is_dir()
        else []
    )
    ours = folder.is_dir() and (not any(folder.iterdir()) or _is_report(folder))
    obstacles = (
        (not parent.is_dir(), f"The folder {parent.name} for {folder.name} is not there. Make it first."),
        (
            folder.exists() and not ours,
            f"{folder.name} is no report of agreement, and is not replaced. Choose another.",
        ),
        (bool(theirs), f"{folder.name} holds {theirs[:1]} beside its report, which would be lost. Choose another."),
        (
            _is_report(folder) and not overwrite,
            f"{folder.name} exists already. Choose another name, or allow it to be replaced (--overwrite).",
        ),
    )
    if problem := next((sentence for stands, sentence in obstacles if stands), ""):
        raise OutputError(problem)


def write_report(cohort: Cohort, folder: Path) -> None:
    """The report into its folder, over an earlier one.

    Raises:
        OutputError: something cannot be written; what was there before is still there.
        DependencyError: matplotlib is not installed.
    """
    texts = {
        REPORT: as_html(cohort, pictures_of(cohort)),
        NUMBERS: _csv(_rows(cohort)),
        RESULTS: json.dumps(_results(cohort), indent=1, allow_nan=False) + "\n",
    }
    unfinished, before = (folder.with_name(f".{folder.name}.{state}") for state in ("part", "before"))
    try:
        for left_over in (unfinished, before):
            shutil.rmtree(left_over, ignore_errors=True)
        unfinished.mkdir()
        for name, text in texts.items():
            (unfinished / name).write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.replace(before)
        unfinished.replace(folder)
    except OSError as error:
        msg = f"{folder.name} cannot be written ({error.strerror or error}). Choose another folder, or make room."
        raise OutputError(msg) from error
    finally:
        if before.exists() and not folder.exists():
            before.replace(folder)
        for left_over in (unfinished, before):
            shutil.rmtree(left_over, ignore_errors=True)


def _is_report(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / RESULTS).read_text(encoding="utf-8"))["schema"] == SCHEMA)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _results(cohort: Cohort) -> dict[str, object]:
    measured = cohort.measured
    limits = [
        {"prediction": name, "condition": later, **asdict(one), "sd": one.sd if math.isfinite(one.sd) else None}
        for (name, later), one in cohort.limits().items()
    ]
    return {
        "schema": SCHEMA,
        "sentences": cohort.sentences,
        "warnings": measured.warnings,
        "lesions": len(measured.lesions),
        "conditions": measured.conditions,
        "left_out": measured.left_out,
        "provenance": asdict(measured.provenance),
        "bland_altman": limits,
        "versions": installed_versions(),
    }


def _rows(cohort: Cohort) -> Iterator[tuple[str, ...]]:
    yield "group", "number", "coefficient", "value", "low", "high"
    for each in cohort.agreements:
        for coefficient, one in each.coefficients(cohort.measured.conditions):
            numbers = zip(one.values.tolist(), one.low.tolist(), one.high.tolist(), strict=True)
            for name, row in zip(each.group.names, numbers, strict=True):
                cells = (repr(value) if math.isfinite(value) else "" for value in row)
                yield (each.group.title, name, coefficient, *cells)


def _csv(rows: Iterator[tuple[str, ...]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
